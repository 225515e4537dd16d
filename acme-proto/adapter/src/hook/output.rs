//! What a command writes, without waiting for what it leaves behind.

use core::time::Duration;
use std::io::Read;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

/// The pipes of a command, read on detached threads: a child that the command left behind may keep a pipe open for any
/// length of time.
pub(super) struct Pipes(Receiver<Piece>);

/// What a command wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

enum Piece {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

impl Pipes {
    /// Reads the pipes of a child from now on.
    pub(super) fn of(child: &mut Child) -> Self {
        let (send, receive) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            listen(stdout, send.clone(), Piece::Stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, send, Piece::Stderr);
        }
        Self(receive)
    }

    /// Returns what was written, once the command has ended.
    ///
    /// The last words may still be in a pipe. This waits not for its end but for a short silence, and not for that of a
    /// child that never is silent.
    pub(super) fn written(&self) -> Written {
        let mut written = Written::default();
        let end = Instant::now() + MOST_LAST_WORDS;
        let wait = || end.saturating_duration_since(Instant::now()).min(LAST_WORDS);
        while let Ok(piece) = self.0.recv_timeout(wait()) {
            match piece {
                Piece::Stdout(piece) => written.stdout.extend_from_slice(&piece),
                Piece::Stderr(piece) => written.stderr.extend_from_slice(&piece),
            }
            if wait().is_zero() {
                break;
            }
        }
        written
    }
}

/// Sends what a pipe has; what is beyond the limit is read and dropped, because a full pipe would block the command.
fn listen(
    mut pipe: impl Read + Send + 'static,
    send: Sender<Piece>,
    piece: impl Fn(Vec<u8>) -> Piece + Send + 'static,
) {
    thread::spawn(move || {
        let mut octets = [0; 4096];
        let mut left = MAX_OUTPUT;
        while let Ok(length @ 1..) = pipe.read(&mut octets) {
            let kept = length.min(left);
            left -= kept;
            if kept > 0 {
                let _ = send.send(piece(octets[..kept].to_vec()));
            }
        }
    });
}

/// Returns the beginning of a text on one line.
pub(super) fn one_line(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let characters = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    characters.take(MAX_WORDS).collect()
}

/// Returns a text as the value of a variable of the environment, which Linux limits, with its name, to 128 KiB.
pub(super) fn variable(octets: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(octets).trim().replace('\0', "");
    // What is no UTF-8 has become longer.
    let end = (0..=text.len().min(MAX_OUTPUT)).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text
}

const LAST_WORDS: Duration = Duration::from_millis(200);
const MOST_LAST_WORDS: Duration = Duration::from_secs(1);
const MAX_OUTPUT: usize = 64 * 1024;
const MAX_WORDS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_cut_after_it_has_become_text() {
        assert_eq!(variable(b" a\0b\n"), "ab");
        assert_eq!(variable(&[0xff; MAX_OUTPUT]).len(), MAX_OUTPUT / 3 * 3);
        assert_eq!(variable(&[b'a'; MAX_OUTPUT]).len(), MAX_OUTPUT);
    }
}
