//! A TCP stream with a deadline.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A TCP stream whose reads and writes end at a deadline, however slowly the octets drip.
#[derive(Debug)]
pub(crate) struct Timed {
    stream: TcpStream,
    deadline: Option<Instant>,
}

impl Timed {
    pub(crate) const fn new(stream: TcpStream, deadline: Instant) -> Self {
        Self { stream, deadline: Some(deadline) }
    }

    /// Sets another deadline, or none.
    pub(crate) const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Returns whether the connection is as it should be while idle: open, and nothing to be read.
    pub(crate) fn is_idle(&self) -> bool {
        let quiet = self
            .stream
            .set_nonblocking(true)
            .and_then(|()| self.stream.peek(&mut [0]))
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        quiet && self.stream.set_nonblocking(false).is_ok()
    }

    /// Ends the conversation so that what was written arrives: closing with octets unread would reset the
    /// connection, and take the answer back.
    pub(crate) fn shut_down(mut self) {
        if self.stream.shutdown(Shutdown::Write).is_ok() {
            let _ = io::copy(&mut (&mut self).take(MAX_UNREAD), &mut io::sink());
        }
    }

    /// Returns what is left of the time, which is never zero: that would mean forever to a socket.
    fn left(&self) -> io::Result<Option<Duration>> {
        let Some(deadline) = self.deadline else { return Ok(None) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

const MAX_UNREAD: u64 = 64 * 1024;
