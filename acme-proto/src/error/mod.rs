//! Why a flow failed: one enum by culprit, and one type for each kind of failure.
//!
//! | variant | at fault | what to do |
//! | --- | --- | --- |
//! | [`Problem`](Error::Problem), [`Order`](Error::Order) | the request, as the CA explains | what the message names |
//! | [`Unsupported`](Error::Unsupported) | nobody: the CA does not offer it | do without it, or choose another CA |
//! | [`Peer`](Error::Peer) | the CA | try again, then report it to the CA |
//! | [`Transport`](Error::Transport), [`Deadline`](Error::Deadline), [`RetryLater`](Error::RetryLater) | the network, or a busy CA | try again later |
//! | [`Signer`](Error::Signer), [`Storage`](Error::Storage) | the machine of the user | repair it, then resume |
//! | [`Input`](Error::Input), [`NoAccount`](Error::NoAccount), [`AccountClosed`](Error::AccountClosed), [`KeyInUse`](Error::KeyInUse) | the caller's data | correct it |
//! | [`Cancelled`](Error::Cancelled) | nobody: the user ended it | resume, or start again |
//! | [`KeyChanged`](Error::KeyChanged) | nobody: another flow changed the account key | publish for the new key |
//! | [`Misuse`](Error::Misuse) | the driver | correct the program |
//! | [`Internal`](Error::Internal) | this crate | report it |
//!
//! # Messages
//!
//! `Display` is the error's own sentence on one line: what happened, at which URL, and what to do. Text from
//! outside is escaped and cut. The sentence includes the kind of the failure ([`PeerFault`], [`SignFailed`],
//! [`Lost`](crate::flow::Lost)). If another error is the cause, it is [`source`](core::error::Error::source), and
//! `Display` does not repeat it: a program that prints `{error}` names what failed and the remedy, and one that
//! prints the chain, or a [`Report`], prints every sentence once.

mod advice;
mod deadline_passed;
mod invalid_input;
mod misuse;
mod order_failed;
mod peer_error;
mod report;
mod server_problem;
mod transport_error;
mod unknown_profile;
mod unsupported;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::request::SignFailed;
use crate::text::printable;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{AccountStatus, ProblemType};

pub use deadline_passed::DeadlinePassed;
pub use invalid_input::InvalidInput;
pub use misuse::Misuse;
pub use order_failed::{IdentifierFailure, OrderFailed};
pub use peer_error::{PeerError, PeerFault};
pub use report::Report;
pub use server_problem::ServerProblem;
pub use transport_error::TransportError;
pub use unknown_profile::UnknownProfile;
pub use unsupported::Unsupported;

/// Why a flow failed.
///
/// `Display` is one line that names the failure, the URL and the remedy; [`Report`] adds the causes. `Debug` writes the
/// report, for that is what `unwrap` shows, and a `main` that returns an error.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The CA refused the request with an error.
    #[error(transparent)]
    Problem(Arc<ServerProblem>),
    /// The order failed: one or more identifiers were not authorized, or the CA invalidated it.
    #[error(transparent)]
    Order(Arc<OrderFailed>),
    /// The CA broke the protocol in a way that the flow cannot survive.
    #[error(transparent)]
    Peer(Arc<PeerError>),
    /// The CA does not offer the operation or feature.
    #[error(transparent)]
    Unsupported(Unsupported),
    /// No response arrived, after every retry.
    #[error(transparent)]
    Transport(Arc<TransportError>),
    /// The signer returned no signature.
    #[error("signing failed: {0}; check the key and the device that holds it, then try again")]
    Signer(SignFailed),
    /// A snapshot could not be stored. The flow stopped before the step that depends on it.
    #[error(
        "the state could not be stored: {}; make the place writable, then try again",
        printable(.0, MAX_REASON)
    )]
    Storage(String),
    /// The deadline passed.
    #[error(transparent)]
    Deadline(Arc<DeadlinePassed>),
    /// The CA asks to wait longer than the policy allows, or the requests of other flows, at the pace that it accepts, leave
    /// no time for another one before the deadline.
    #[error("no request may go to {url} before {until:.0}; try again, or resume the order, then")]
    RetryLater {
        /// The URL to ask again.
        url: Url,
        /// When.
        until: Timestamp,
    },
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The account key was changed before the response to a challenge was sent. What is published proves nothing for the
    /// new key (RFC 8555 Section 8.1).
    #[error(
        "the account key was changed before the response to {challenge} was sent; publish the challenge for the new key"
    )]
    KeyChanged {
        /// The challenge.
        challenge: Url,
    },
    /// The account key has no account at this directory.
    #[error("this key has no account at {directory}; register one first")]
    NoAccount {
        /// The directory that was asked.
        directory: Url,
    },
    /// The account was deactivated or revoked, so the CA accepts no request from it.
    #[error("the account {account} is {status}; register another one, with a new key")]
    AccountClosed {
        /// The account.
        account: Url,
        /// Its status.
        status: AccountStatus,
    },
    /// The new key of a key change belongs to another account (RFC 8555 section 7.3.5).
    #[error(
        "the new key is that of another account, {account}; make a key of its own for this one"
    )]
    KeyInUse {
        /// The account that has the key.
        account: Url,
    },
    /// The caller's data cannot be used.
    #[error(transparent)]
    Input(InvalidInput),
    /// This crate reached a state that its authors thought impossible. The text says what they did not expect.
    #[error("bug in acme-proto: {0}; report it, with the log of this flow")]
    Internal(&'static str),
    /// The driver broke the contract of the core.
    #[error(transparent)]
    Misuse(Misuse),
}

impl Error {
    /// Returns the URL of the request that failed, where one did.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Problem(p) => Some(p.url()),
            Self::Peer(p) => Some(&p.url),
            Self::Transport(t) => Some(&t.url),
            Self::Order(o) => o.order_url(),
            Self::RetryLater { url, .. } => Some(url),
            Self::Deadline(d) => d.url.as_ref(),
            Self::NoAccount { directory } => Some(directory),
            Self::KeyChanged { challenge } => Some(challenge),
            Self::AccountClosed { account, .. } | Self::KeyInUse { account } => Some(account),
            _ => None,
        }
    }

    /// Returns when the CA wants to be asked again, where it said so, or has time for it.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Problem(p) => p.retry_at(),
            Self::RetryLater { until, .. } => Some(*until),
            Self::Order(o) => o.next_error().and_then(Self::retry_at),
            _ => None,
        }
    }

    /// Returns the type of the problem document that the CA sent.
    pub fn problem_type(&self) -> Option<&ProblemType> {
        match self {
            Self::Problem(p) => p.problem().map(|p| p.kind()),
            Self::Peer(p) => match &p.fault {
                PeerFault::Problem { problem, .. } => Some(problem.kind()),
                _ => None,
            },
            Self::Order(o) => o.problem().map(|p| p.kind()),
            _ => None,
        }
    }

    /// Returns whether this is a response of success whose body cannot be parsed.
    pub(crate) fn is_unreadable(&self) -> bool {
        let Self::Peer(peer) = self else { return false };
        matches!(peer.fault, PeerFault::Object { .. } | PeerFault::Truncated)
    }

    pub(crate) fn peer(url: &Url, fault: PeerFault) -> Self {
        Self::Peer(Arc::new(PeerError { url: url.clone(), fault }))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Report::new(self), f)
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<InvalidInput> for Error {
    fn from(input: InvalidInput) -> Self {
        Self::Input(input)
    }
}

/// How many characters of a text from outside are shown.
const MAX_REASON: usize = 300;

#[cfg(test)]
mod tests;
