//! How a request that got no answer ended.

use core::error::Error;

use ::hyper::client::conn::TrySendError;
use acme_adapter::error_chain;
use acme_proto::flow::Lost;

/// Says how a request that hyper could not get answered ended.
pub(super) fn of<T>(mut error: TrySendError<T>) -> Lost {
    // hyper hands the request back where not one octet of it was written.
    let unsent = error.take_message().is_some();
    let error = error.into_error();
    let words = error_chain(&error);
    if unsent || refused(&error) { Lost::NotSent(words) } else { Lost::NoResponse(words) }
}

/// Returns whether the server said of this very stream that it was not processed.
///
/// `REFUSED_STREAM` says so (RFC 9113 section 8.7). `GOAWAY` reaches, as an error of a stream, only
/// those beyond the last one that the server took, and those opened later.
fn refused(error: &::hyper::Error) -> bool {
    let Some(error) = error.source().and_then(|s| s.downcast_ref::<h2::Error>()) else {
        return false;
    };
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}
