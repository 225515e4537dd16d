//! A connection for ureq: TCP, with or without TLS, and a deadline for every step.

use core::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use acme_adapter::addresses::FailedAddresses;
use acme_adapter::error_chain;
use rustls::{ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use crate::timed::Timed;

/// A connection to the server whose handshakes are complete.
pub(super) struct Wire {
    stream: Stream,
    buffers: LazyBuffers,
    /// How many octets may be read until something is written.
    left: usize,
    /// Whether anything was read since something was written.
    heard: bool,
    failed: FailedAddresses,
    address: SocketAddr,
}

pub(super) enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Wire {
    /// Creates a connection to `address`, which goes to `failed` if it does not respond.
    pub(super) const fn new(
        stream: Stream,
        buffers: LazyBuffers,
        failed: FailedAddresses,
        address: SocketAddr,
    ) -> Self {
        Self { stream, buffers, left: MAX_RESPONSE, heard: false, failed, address }
    }
}

impl Stream {
    const fn timed(&mut self) -> &mut Timed {
        match self {
            Self::Plain(timed) => timed,
            Self::Tls(tls) => &mut tls.sock,
        }
    }

    /// Sets the time that ureq grants for the next step, or none if that would overflow.
    fn set_deadline(&mut self, timeout: NextTimeout) {
        let after = (!timeout.after.is_not_happening()).then_some(*timeout.after);
        self.timed().set_deadline(after.and_then(|after| Instant::now().checked_add(after)));
    }

    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.write_all(octets),
            Self::Tls(tls) => tls.write_all(octets).and_then(|()| tls.flush()),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.set_deadline(timeout);
        (self.left, self.heard) = (MAX_RESPONSE, false);
        let octets = &self.buffers.output()[..amount];
        self.stream.write_all(octets).map_err(|error| failed(error, timeout))
    }

    /// Reads once; `false` means that the server has closed the connection.
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.set_deadline(timeout);
        let buffer = self.buffers.input_append_buf();
        let read = self.stream.read(buffer);
        self.heard |= matches!(read, Ok(1..));
        if !self.heard {
            self.failed.add(self.address);
        }
        let amount = read.map_err(|error| failed(error, timeout))?;
        self.buffers.input_appended(amount);
        // ureq bounds a head, and the reader of the body bounds that. Nothing bounds the trailers
        // that follow a body, and the responses with status 1xx before it.
        self.left = self.left.checked_sub(amount).ok_or_else(|| io::Error::other(ENDLESS))?;
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.timed().is_idle()
    }

    fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("tls", &self.is_tls()).finish_non_exhaustive()
    }
}

fn failed(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout(timeout.reason),
        // ureq takes some kinds of `io::Error`, such as a reset, for the end of a body that has no
        // length. A broken connection must not pass for a complete response.
        _ => Error::Io(io::Error::other(error_chain(&error))),
    }
}

/// How many octets a response may have in all: many times the limit of any body.
const MAX_RESPONSE: usize = 8 << 20;
const ENDLESS: &str = "the server sends without end";
