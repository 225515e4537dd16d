//! What happens in the life of a certificate, for people and their logs.

use alloc::string::String;
use core::fmt;

use crate::text::printable;
use crate::time::Timestamp;
use crate::url::Url;

/// Something that happened to a certificate that a [`Lifecycle`](super::Lifecycle) keeps alive.
///
/// `Display` is a sentence on one line. [`is_loud`](Self::is_loud) says which ones need a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleEvent {
    /// Nothing is due before this time.
    Waiting {
        /// When something is due.
        until: Timestamp,
    },
    /// An order begins.
    Renewing {
        /// The directory of the CA.
        directory: Url,
    },
    /// A new certificate is there.
    Renewed {
        /// The directory of the CA.
        directory: Url,
        /// When it expires.
        not_after: Timestamp,
    },
    /// A registration or an order failed.
    Failed(LifecycleFailure),
    /// The CA does not know the account any more. It is registered again with the same key.
    AccountLost {
        /// The directory of the CA.
        directory: Url,
    },
    /// The CA asks for the certificate to be replaced at once, as CAs do before they revoke it.
    ReplaceNow {
        /// The page that explains it to humans, if the CA named one.
        explanation_url: Option<Url>,
    },
    /// The certificate expires soon, and no attempt to renew it succeeded yet.
    Emergency {
        /// When it expires.
        not_after: Timestamp,
    },
    /// The certificate has expired. It is still the best there is.
    Expired {
        /// When it expired.
        not_after: Timestamp,
    },
    /// The clock of this machine disagrees with the certificate or with itself.
    ClockLooksWrong {
        /// The time of this machine.
        now: Timestamp,
        /// The time that it should have reached at least, or should not have passed.
        expected: Timestamp,
    },
}

impl LifecycleEvent {
    /// Returns whether the event needs a person's attention.
    pub const fn is_loud(&self) -> bool {
        !matches!(self, Self::Waiting { .. } | Self::Renewing { .. } | Self::Renewed { .. })
    }
}

impl fmt::Display for LifecycleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { until } => write!(f, "waiting until {until:.0}"),
            Self::Renewing { directory } => write!(f, "ordering a certificate from {directory}"),
            Self::Renewed { directory, not_after } => {
                write!(f, "{directory} issued a certificate that expires at {not_after:.0}")
            }
            Self::Failed(failure) => failure.fmt(f),
            Self::AccountLost { directory } => {
                write!(f, "{directory} does not know the account any more; registering it again")
            }
            Self::ReplaceNow { explanation_url } => {
                f.write_str("the CA asks for the certificate to be replaced at once")?;
                explanation_url.as_ref().map_or(Ok(()), |url| write!(f, ": see {url}"))
            }
            Self::Emergency { not_after } => {
                write!(f, "the certificate expires at {not_after:.0} and is not renewed yet")
            }
            Self::Expired { not_after } => {
                write!(f, "the certificate expired at {not_after:.0} and is still in use")
            }
            Self::ClockLooksWrong { now, expected } => write!(
                f,
                "the clock of this machine says {now:.0}, which does not fit {expected:.0}; set it"
            ),
        }
    }
}

/// A failed registration or order, and when the next attempt is made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleFailure {
    pub(super) directory: Url,
    pub(super) reason: String,
    pub(super) at: Timestamp,
    pub(super) next_attempt: Timestamp,
    pub(super) failures: u32,
}

impl LifecycleFailure {
    /// Returns the directory of the CA that was tried.
    pub const fn directory(&self) -> &Url {
        &self.directory
    }

    /// Returns the error with its causes, on one line.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns when it failed.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns when the next attempt is made, at this CA or at another one.
    pub const fn next_attempt(&self) -> Timestamp {
        self.next_attempt
    }

    /// Returns the number of consecutive failures at this CA.
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

impl fmt::Display for LifecycleFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = printable(&self.reason, 2_000);
        let Self { directory, next_attempt, .. } = self;
        write!(f, "{directory} failed: {reason}; the next attempt is at {next_attempt:.0}")
    }
}
