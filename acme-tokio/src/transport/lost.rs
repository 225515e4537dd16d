//! What is known about a request that got no response.

use core::error::Error;

use ::hyper::client::conn::TrySendError;
use acme_adapter::error_chain;
use acme_proto::flow::Lost;

/// Classifies hyper's error: only [`Lost::NotSent`] lets the core send any request once more.
pub(super) fn of<T>(mut error: TrySendError<T>) -> Lost {
    // hyper returns the request if it has not written one octet of it.
    let unsent = error.take_message().is_some();
    let error = error.into_error();
    let words = error_chain(&error);
    if unsent || refused(&error) { Lost::NotSent(words) } else { Lost::NoResponse(words) }
}

/// Returns whether the server stated that it did not process this request.
///
/// `REFUSED_STREAM` states that (RFC 9113 section 8.7). A `GOAWAY` fails only streams above the
/// last one that the server accepted, and those opened later.
fn refused(error: &::hyper::Error) -> bool {
    let Some(error) = error.source().and_then(|s| s.downcast_ref::<h2::Error>()) else {
        return false;
    };
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}
