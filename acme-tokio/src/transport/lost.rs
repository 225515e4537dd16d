//! What is known about a request that got no response.

use core::error::Error;

use ::hyper::client::conn::TrySendError;
use acme_adapter::error_chain;
use acme_proto::flow::Lost;

/// Classifies hyper's error: [`Lost::NotProcessed`] lets the core send any request once more.
pub(super) fn of<T>(mut error: TrySendError<T>) -> Lost {
    // hyper returns the request if it has not written one octet of it, because the server closed the
    // connection before.
    let unsent = error.take_message().is_some();
    let error = error.into_error();
    let words = error_chain(&error);
    let refused = h2_error(&error).is_some_and(|h2| is_farewell(h2) || is_refusal(h2));
    if unsent || refused { Lost::NotProcessed(words) } else { Lost::NoResponse(words) }
}

/// Returns whether the connection takes no further request.
pub(super) fn ends_connection<T>(error: &TrySendError<T>) -> bool {
    // A reset ends a stream alone.
    !h2_error(error.error()).is_some_and(h2::Error::is_reset)
}

/// Returns whether a `GOAWAY` failed the stream: it is above the last one that the server accepted (RFC 9113
/// section 6.8). One below may have been processed; it fails with its connection, by another error.
fn is_farewell(error: &h2::Error) -> bool {
    error.is_remote() && error.is_go_away()
}

/// Returns whether the server stated that it did not process this request (RFC 9113 section 8.7).
fn is_refusal(error: &h2::Error) -> bool {
    error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
}

fn h2_error(error: &::hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref())
}
