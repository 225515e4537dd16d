//! A deadline that passed.

use core::fmt;

use super::Error;
use crate::resource::Resource;
use crate::url::Url;

/// A deadline that passed, and what the flow was waiting for.
#[derive(Clone, Debug)]
pub struct DeadlinePassed {
    pub(crate) url: Option<Url>,
    pub(crate) waiting_for: Resource,
    pub(crate) last: Option<Error>,
}

impl DeadlinePassed {
    /// Returns what the flow was waiting for.
    pub const fn waiting_for(&self) -> Resource {
        self.waiting_for
    }

    /// Returns the last failure on the way, if there was one.
    pub const fn last_error(&self) -> Option<&Error> {
        self.last.as_ref()
    }
}

impl fmt::Display for DeadlinePassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the time limit passed while waiting for {}", self.waiting_for)?;
        if let Some(url) = &self.url {
            write!(f, " at {url}")?;
        }
        f.write_str("; allow more time, or resume later")
    }
}

impl core::error::Error for DeadlinePassed {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.last.as_ref().map(|error| error as _)
    }
}
