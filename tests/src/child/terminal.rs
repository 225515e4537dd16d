//! An example program at a pseudo terminal.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{self, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::files::ScratchDir;
use super::program::{Outcome, Program};

/// A program that runs at a terminal of its own.
#[derive(Debug)]
pub struct AtTerminal {
    process: process::Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    started: Instant,
}

impl Program {
    /// Starts the program in `dir` as a user at a terminal does, through the utility `setsid`.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start_at_terminal<A: AsRef<OsStr>>(
        self,
        dir: &ScratchDir,
        arguments: impl IntoIterator<Item = A>,
    ) -> AtTerminal {
        let controller =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal");
        grantpt(&controller).expect("the terminal is ours");
        unlockpt(&controller).expect("the terminal is ours");
        let name = ptsname(&controller, Vec::new()).expect("a terminal has a name");
        let terminal = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let terminal = File::from(terminal.expect("the terminal opens"));
        let end = || Stdio::from(terminal.try_clone().expect("a file can be duplicated"));
        let process = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(self.path())
            .args(arguments)
            .current_dir(dir.work())
            .env("TERM", "vt100")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid starts (Debian's package util-linux)");
        let keyboard = File::from(controller);
        let screen = Arc::default();
        watch(keyboard.try_clone().expect("a file can be duplicated"), Arc::clone(&screen));
        AtTerminal { process, keyboard, screen, started: Instant::now() }
    }
}

/// Reads what is written to the terminal until nobody has it open.
fn watch(mut terminal: File, screen: Arc<Mutex<Vec<u8>>>) {
    thread::spawn(move || {
        let mut octets = [0; 4096];
        while let Ok(length @ 1..) = terminal.read(&mut octets) {
            let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
            screen.extend_from_slice(&octets[..length]);
        }
    });
}

impl AtTerminal {
    /// Types a text; `"\n"` is Enter, and `"\x03"` is Ctrl-C.
    ///
    /// # Panics
    ///
    /// If the terminal is gone.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Returns everything that was written to the terminal so far.
    pub fn screen(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&screen).replace("\r\n", "\n")
    }

    /// Waits until the screen has a text.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_for(&self, text: &str) {
        while !self.screen().contains(text) {
            let late = self.started.elapsed() > Duration::from_secs(60);
            assert!(!late, "{text:?} is not on: {}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end; what it wrote is in `stderr` of the outcome, each line without what it covers.
    ///
    /// # Panics
    ///
    /// If it takes longer than `limit`.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(self.started.elapsed() < limit, "no end within {limit:?}: {}", self.screen());
            thread::sleep(Duration::from_millis(5));
        };
        let elapsed = self.started.elapsed();
        // The last words may still be on their way through the terminal, which closes after them.
        let end = Instant::now() + Duration::from_secs(5);
        while Arc::strong_count(&self.screen) > 1 && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let seen = self.screen();
        let lines = seen.lines().map(|line| line.rsplit("\r\x1b[K").next().unwrap_or_default());
        let stderr = lines.collect::<Vec<_>>().join("\n");
        Outcome { code: status.code(), stdout: String::new(), stderr, elapsed, peak_memory: 0 }
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
