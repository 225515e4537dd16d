//! hyper's traits for tokio's streams and tasks, and for a request body in memory.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use ::hyper::body::{Body, Frame, SizeHint};
use ::hyper::rt::{Executor, Read, ReadBufCursor, Write};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connected stream, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Adapts a tokio stream to hyper's traits, and fails if the server sends without end.
///
/// hyper bounds the head of a response and its trailers, and
/// [`Transmit::body_limit`](acme_proto::flow::Transmit::body_limit) bounds its body. Nothing bounds the
/// responses with status 1xx before it, which hyper skips.
pub(super) struct HyperIo {
    stream: Box<dyn Stream>,
    /// How many octets may be read until something is written.
    most: usize,
    left: usize,
}

impl HyperIo {
    /// Adapts a stream on which, for an exchange, at most `most` octets are read without a write.
    pub(super) fn new(stream: Box<dyn Stream>, most: usize) -> Self {
        Self { stream, most, left: most }
    }

    /// Counts what was read; an error says that it is too much.
    fn spend(&mut self, octets: usize) -> io::Result<()> {
        self.left = self.left.checked_sub(octets).ok_or_else(|| io::Error::other(ENDLESS))?;
        Ok(())
    }
}

impl Read for HyperIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper's buffer is uninitialised. Copying from the stack needs no unsafe code.
        let mut space = [0; READ_SIZE];
        let room = buffer.remaining().min(READ_SIZE);
        let mut read = ReadBuf::new(&mut space[..room]);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut read);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.spend(read.filled().len())?;
            buffer.put_slice(read.filled());
        }
        polled
    }
}

impl Write for HyperIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.left = self.most;
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.left = self.most;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

/// Spawns hyper's HTTP/2 streams on the current runtime.
#[derive(Clone, Copy)]
pub(super) struct Spawner;

impl<F> Executor<F> for Spawner
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// A request body that is complete in memory; `None` when it is empty or has been sent.
pub(super) struct Octets(Option<Bytes>);

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        Self((!octets.is_empty()).then(|| Bytes::from(octets)))
    }
}

impl Body for Octets {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|octets| Ok(Frame::data(octets))))
    }

    /// Lets hyper end an HTTP/2 request with its HEADERS frame if there is no body.
    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the exact size, without which HTTP/1.1 would send the body in chunks.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |octets| octets.len() as u64))
    }
}

const READ_SIZE: usize = 8192;
const ENDLESS: &str = "the server sends without end";
