//! A TCP stream with a deadline.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A TCP stream whose reads and writes end at a deadline, however slowly the peer sends.
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

    /// Returns whether an idle connection can be reused: it is open, and nothing is waiting to be
    /// read.
    pub(crate) fn is_idle(&self) -> bool {
        // `peek` returns 0 after the peer has closed, and data would belong to no request.
        let quiet = self
            .stream
            .set_nonblocking(true)
            .and_then(|()| self.stream.peek(&mut [0]))
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        quiet && self.stream.set_nonblocking(false).is_ok()
    }

    /// Closes the connection so that what was written arrives.
    ///
    /// A socket that is closed with unread octets resets the connection, and the peer may then lose
    /// the response. So the rest is read first, up to a bound and until the deadline.
    pub(crate) fn shut_down(mut self) {
        if self.stream.shutdown(Shutdown::Write).is_ok() {
            let _ = io::copy(&mut (&mut self).take(MAX_UNREAD), &mut io::sink());
        }
    }

    /// Returns the stream, without time limits.
    pub(crate) fn into_inner(self) -> io::Result<TcpStream> {
        self.stream.set_read_timeout(None)?;
        self.stream.set_write_timeout(None)?;
        Ok(self.stream)
    }

    /// Returns the time that is left, which is never zero: to a socket, zero means no time limit.
    fn left(&self) -> io::Result<Option<Duration>> {
        let Some(deadline) = self.deadline else { return Ok(None) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A socket's time limit holds for one read, so it is set again before each.
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
