//! The body of a response, which reports when it was written.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::record::ExchangeRecord;
use super::shared::Shared;
use super::watched::Written;

/// A body in one piece. Dropped by hyper after its data was taken, it waits for the flush. Dropped
/// before, the response is lost.
pub(crate) struct Answer {
    data: Option<Bytes>,
    end: Option<End>,
}

/// What the end of the body reports to.
pub(crate) struct End {
    pub(crate) shared: Arc<Shared>,
    pub(crate) written: Arc<Written>,
    pub(crate) record: Option<ExchangeRecord>,
}

impl Answer {
    pub(crate) fn new(data: Vec<u8>, end: End) -> Self {
        Self { data: Some(Bytes::from(data)).filter(|d| !d.is_empty()), end: Some(end) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |d| d.len() as u64))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(mut end) = self.end.take()
            // Otherwise the connection broke before hyper took the data.
            && self.data.is_none()
            && let Some(record) = end.record.take()
        {
            end.written.push(record);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.leave();
    }
}
