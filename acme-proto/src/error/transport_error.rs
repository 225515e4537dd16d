//! An exchange that got no response.

use core::fmt;

use super::MAX_REASON;
use crate::request::Lost;
use crate::text::{counted, printable};
use crate::url::Url;

/// An exchange that got no response.
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
        let Self { url, lost, tries } = self;
        match lost {
            Lost::Untrusted(why) => write!(
                f,
                "{url} is not trusted: {}; give the root of its https certificate (`roots`, `--ca-file`), or check the \
                 URL and the clock",
                printable(why, MAX_REASON),
            ),
            Lost::Blocked(why) => write!(f, "no way to {url}: {}", printable(why, MAX_REASON)),
            _ => write!(
                f,
                "no response from {url} after {}: {lost}; check the URL and the network",
                counted(*tries, "try", "tries"),
            ),
        }
    }
}

impl core::error::Error for TransportError {}
