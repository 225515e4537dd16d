//! What is known about a request that got no response.

use core::error::Error as StdError;
use core::fmt;

use acme_adapter::error_chain;
use acme_proto::flow::Lost;

/// The reason why there is no connection, as an error that passes through ureq.
#[derive(Debug)]
pub(super) struct NoConnection(pub(super) Lost);

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for NoConnection {}

impl From<NoConnection> for ureq::Error {
    fn from(error: NoConnection) -> Self {
        Self::Other(Box::new(error))
    }
}

/// Classifies ureq's error: only [`Lost::NotSent`] lets the core send any request once more.
pub(super) fn of(error: ureq::Error) -> Lost {
    match error {
        ureq::Error::Other(other) => match other.downcast::<NoConnection>() {
            Ok(no_connection) => no_connection.0,
            Err(other) => Lost::NoResponse(error_chain(&*other)),
        },
        ureq::Error::Timeout(_) => Lost::TimedOut,
        // ureq finds these before it writes anything.
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Lost::NotSent(format!("not a request for HTTP: {}", error_chain(&error)))
        }
        ureq::Error::Io(io) => Lost::NoResponse(error_chain(&io)),
        other => Lost::NoResponse(error_chain(&other)),
    }
}
