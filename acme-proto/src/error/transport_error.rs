//! An exchange that got no response.

use core::fmt;

use crate::request::Lost;
use crate::url::Url;

/// An exchange that got no answer.
#[derive(Clone, Debug)]
pub struct TransportError {
    pub(crate) url: Url,
    pub(crate) lost: Lost,
    pub(crate) tries: u32,
}

impl TransportError {
    /// Returns the URL of the request.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns how the last try ended.
    pub const fn lost(&self) -> &Lost {
        &self.lost
    }

    /// Returns how many times the request was sent.
    pub const fn tries(&self) -> u32 {
        self.tries
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no response from {} after {} tries: {}; check the URL, the network and which roots are trusted",
            self.url, self.tries, self.lost,
        )
    }
}

impl core::error::Error for TransportError {}
