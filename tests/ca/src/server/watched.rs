//! A stream that reports when the responses written to it have reached the socket.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::{ExchangePhase, ExchangeRecord};
use super::shared::Shared;

/// The responses of one connection that hyper has taken, and that wait for the next flush.
#[derive(Default)]
pub(crate) struct Written(Mutex<Vec<ExchangeRecord>>);

impl Written {
    pub(crate) fn push(&self, record: ExchangeRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    fn take(&self) -> Vec<ExchangeRecord> {
        core::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes everything through to the stream inside.
pub(crate) struct Watched<S> {
    inner: S,
    shared: Arc<Shared>,
    written: Arc<Written>,
}

impl<S> Watched<S> {
    pub(crate) fn new(inner: S, shared: Arc<Shared>, written: Arc<Written>) -> Self {
        Self { inner, shared, written }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            for record in self.written.take() {
                self.shared.tell(ExchangePhase::Answered, &record);
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
