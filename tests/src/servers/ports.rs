//! Ports for servers that cannot be asked which one they got.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::Path;
use std::process;

use super::target_dir;

/// Below the range from which systems take ports for outgoing connections.
const RANGE: Range<u16> = 16_000..32_000;

/// Returns a loopback port that is free for TCP and UDP, and that no other caller gets for a long time.
///
/// Callers in all processes that share the target directory draw from one counter.
///
/// # Panics
///
/// If the counter's file is not accessible, or if no port of the range is free.
pub fn free_port() -> u16 {
    let dir = target_dir().join("servers");
    fs::create_dir_all(&dir).expect("the target directory is writable");
    let mut counter = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(dir.join("last-port"))
        .expect("the target directory is writable");
    counter.lock().expect("the file system has locks");

    let mut text = String::new();
    counter.read_to_string(&mut text).expect("the counter is text");
    let start = last_port(&text, &dir).unwrap_or_else(first_port);
    let port = RANGE
        .cycle_from(start)
        .find(|&port| is_free(port))
        .unwrap_or_else(|| panic!("no loopback port in {RANGE:?} is free"));
    counter.rewind().and_then(|()| counter.set_len(0)).expect("the counter is writable");
    write!(counter, "{port} {}", dir.display()).expect("the counter is writable");
    port
}

/// Reads the counter of this directory. That of a copy would give what the original gives.
fn last_port(text: &str, dir: &Path) -> Option<u16> {
    let (port, of) = text.split_once(' ')?;
    (Path::new(of) == dir).then(|| port.parse().ok())?
}

/// Where a new target directory starts to count: not where another one on the same machine does.
fn first_port() -> u16 {
    let spread = process::id().wrapping_mul(2_654_435_761) >> 16;
    RANGE.start + u16::try_from(spread).unwrap_or(0) % (RANGE.end - RANGE.start)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

trait CycleFrom {
    /// Yields what follows `last`, starts again at the end, and stops after one round.
    fn cycle_from(self, last: u16) -> impl Iterator<Item = u16>;
}

impl CycleFrom for Range<u16> {
    fn cycle_from(self, last: u16) -> impl Iterator<Item = u16> {
        let next = last.saturating_add(1).clamp(self.start, self.end);
        (next..self.end).chain(self.start..next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_in_a_row() {
        let first = free_port();
        let second = free_port();
        assert_ne!(first, second);
        assert!(RANGE.contains(&first) && RANGE.contains(&second));
    }

    #[test]
    fn a_copy_of_the_counter_does_not_count() {
        assert_eq!(last_port("17000 /here", Path::new("/here")), Some(17_000));
        assert_eq!(last_port("17000 /there", Path::new("/here")), None);
        assert_eq!(last_port("", Path::new("/here")), None);
    }

    #[test]
    fn the_round_covers_the_whole_range_once() {
        let ports: Vec<u16> = (5..9).cycle_from(6).collect();
        assert_eq!(ports, [7, 8, 5, 6]);
        assert_eq!((5..9).cycle_from(8).collect::<Vec<_>>(), [5, 6, 7, 8]);
        assert_eq!((5..9).cycle_from(0).collect::<Vec<_>>(), [5, 6, 7, 8]);
    }
}
