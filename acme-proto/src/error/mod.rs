//! Errors, by culprit: what happened, at which URL, and what to do.

mod advice;
mod order_failed;
mod server_problem;
mod unknown_profile;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use crate::identifier::InvalidIdentifier;
use crate::request::{Lost, SignFailed};
use crate::text::printable;
use crate::time::Timestamp;
use crate::url::{InvalidUrl, Url};
use crate::wire::{AccountStatus, InvalidObject, ProblemType};
use crate::x509::{ChainMismatch, CsrMismatch, InvalidChain, InvalidCsr};

pub use order_failed::{IdentifierFailure, OrderFailed};
pub use server_problem::ServerProblem;
pub use unknown_profile::UnknownProfile;

/// How much of a text from the outside is shown.
const MAX_REASON: usize = 300;

/// Why a flow failed; the fault lies in the world, not in the driver.
///
/// `Display` is one line that names the cause, the URL and the remedy, with everything that came from
/// the outside escaped.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The CA said no.
    #[error("{0}")]
    Problem(Box<ServerProblem>),
    /// The order failed: one or more identifiers could not be proved, or the CA gave it up.
    #[error("{0}")]
    Order(Box<OrderFailed>),
    /// The CA broke the rules in a way that cannot be survived.
    #[error("{0}")]
    Peer(Box<PeerError>),
    /// The CA does not offer what was asked for.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// No answer came, also after trying again.
    #[error("{0}")]
    Transport(Box<TransportError>),
    /// The signer gave no signature.
    #[error(
        "signing failed: {}; check the key and the device that holds it, then try again",
        printable(&.0.to_string(), MAX_REASON)
    )]
    Signer(SignFailed),
    /// A snapshot could not be stored, so the flow stopped before it could lose anything.
    #[error(
        "the state could not be stored: {}; make the place writable, then try again",
        printable(.0, MAX_REASON)
    )]
    Storage(String),
    /// The deadline passed.
    #[error("{0}")]
    Deadline(Box<DeadlinePassed>),
    /// The CA asks to wait longer than the policy allows.
    #[error("the CA asks to wait until {until} at {url}; try again, or resume the order, then")]
    RetryLater {
        /// The URL to ask again.
        url: Url,
        /// When.
        until: Timestamp,
    },
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The account key has no account at this directory.
    #[error("this key has no account at {directory}; register one first")]
    NoAccount {
        /// The directory that was asked.
        directory: Url,
    },
    /// The account was deactivated or revoked, so that nothing can be asked in its name any more.
    #[error("the account {account} is {status}; register another one, with a new key")]
    AccountClosed {
        /// The account.
        account: Url,
        /// Its status.
        status: AccountStatus,
    },
    /// The key that an account was to change to belongs to another one (RFC 8555 section 7.3.5).
    #[error(
        "the new key is that of another account, {account}; make a key of its own for this one"
    )]
    KeyInUse {
        /// The account that has the key.
        account: Url,
    },
    /// What the user gave cannot be used.
    #[error("{0}")]
    Input(InvalidInput),
    /// The driver broke the contract of the core.
    #[error("bug in the driver: {0}")]
    Misuse(Misuse),
}

impl Error {
    /// Returns the URL of the request that failed, where one did.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Problem(p) => Some(p.url()),
            Self::Peer(p) => p.url.as_ref(),
            Self::Transport(t) => Some(&t.url),
            Self::Order(o) => o.order_url(),
            Self::RetryLater { url, .. } => Some(url),
            Self::Deadline(d) => d.url.as_ref(),
            Self::NoAccount { directory } => Some(directory),
            Self::AccountClosed { account, .. } | Self::KeyInUse { account } => Some(account),
            _ => None,
        }
    }

    /// Returns when the CA wants to be asked again, where it said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Problem(p) => p.retry_at(),
            Self::RetryLater { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Returns the type of the problem document that the CA answered with.
    pub fn problem_type(&self) -> Option<&ProblemType> {
        match self {
            Self::Problem(p) => p.problem().map(|p| p.kind()),
            Self::Order(o) => o.problem().map(|p| p.kind()),
            _ => None,
        }
    }

    /// Returns whether an answer of success came, whose body cannot be read.
    pub(crate) fn is_unreadable(&self) -> bool {
        let Self::Peer(peer) = self else { return false };
        matches!(peer.fault, PeerFault::Object { .. } | PeerFault::Truncated)
    }

    pub(crate) fn peer(url: &Url, fault: PeerFault) -> Self {
        Self::Peer(Box::new(PeerError { url: Some(url.clone()), fault }))
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

/// A breach of the contract by the driver: a bug to be fixed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// An input or command names an id that this flow never gave out.
    #[error("an id that this flow never gave out")]
    UnknownId,
    /// A flow was polled with another session than at first.
    #[error("another session than that of the first poll")]
    WrongSession,
    /// A command came after the end.
    #[error("a command after the flow's end")]
    Finished,
    /// A command does not fit the state, such as `ready` for a challenge that was not handed out.
    #[error("a command that does not fit the state: {0}")]
    WrongState(&'static str),
    /// The flow needs the account's public key, which the session was not given.
    #[error("the session has no account key")]
    NoAccountKey,
    /// The flow waits for something, but nothing is in flight and no time is set.
    #[error("the flow waits for an input that nobody will give")]
    Stalled,
}

/// An answer that breaks the protocol.
#[derive(Clone, Debug)]
pub struct PeerError {
    url: Option<Url>,
    fault: PeerFault,
}

impl PeerError {
    /// Returns the URL of the request whose answer it was.
    pub const fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// Returns what was wrong.
    pub const fn fault(&self) -> &PeerFault {
        &self.fault
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the CA broke the protocol")?;
        if let Some(url) = &self.url {
            write!(f, " at {url}")?;
        }
        write!(f, ": {}; {}", self.fault, self.fault.advice())
    }
}

/// What was wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// The body is not the object that was asked for.
    #[error("unusable answer ({status}, {media_type}): {fault}")]
    Object {
        /// The status code.
        status: u16,
        /// The media type, escaped.
        media_type: String,
        /// What is wrong with the object.
        fault: InvalidObject,
    },
    /// The `Location` header, which alone tells the resource's URL, is missing or no https URL.
    #[error("no usable Location header")]
    NoLocation,
    /// newNonce gave no nonce.
    #[error("newNonce answered {0} without a usable Replay-Nonce")]
    NoNonce(u16),
    /// A signed request was redirected, a GET too often, or to a place it may not go.
    #[error("redirected ({0}) where that is not allowed")]
    Redirect(u16),
    /// A status code that means nothing here.
    #[error("unexpected status {0}")]
    Status(u16),
    /// The body is of another media type than the one that was asked for.
    #[error("the answer is {0}, not what was asked for")]
    MediaType(String),
    /// The body was cut off at the limit.
    #[error("the answer is longer than the limit, or was cut off")]
    Truncated,
    /// The object has a status that this client does not know.
    #[error("unknown status {0}")]
    UnknownStatus(String),
    /// The order's identifiers or authorizations changed under way.
    #[error("the order's authorizations changed under way")]
    OrderChanged,
    /// An authorization is for a name that was not ordered.
    #[error("an authorization is for {0}, which was not ordered")]
    ForeignAuthorization(String),
    /// A URL from the server that is not https.
    #[error("a URL that is not https: {0}")]
    NotHttps(Url),
    /// A URL needed for the next step is missing.
    #[error("no {0} URL in the order")]
    MissingUrl(&'static str),
    /// The certificate chain does not parse, or holds anything but certificates.
    #[error("unusable certificate: {0}")]
    Chain(InvalidChain),
    /// The certificate is for another key or other names.
    #[error("the wrong certificate: {0}")]
    WrongCertificate(ChainMismatch),
    /// What is listed as an alternate chain is that of another certificate.
    #[error("an alternate chain is for another certificate")]
    OtherLeaf,
    /// The answer does not show the change that was asked for.
    #[error("the answer does not show the change: {0}")]
    NotApplied(&'static str),
}

/// Something that the CA does not offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The directory has no URL for the operation.
    #[error("this CA does not offer {0} (its directory has no such URL)")]
    Operation(&'static str),
    /// The directory does not list the profile.
    #[error("{0}")]
    Profile(Box<UnknownProfile>),
}

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
            "no answer from {} after {} tries: {}; check the URL, the network and which roots are trusted",
            self.url,
            self.tries,
            printable(&self.lost.to_string(), MAX_REASON)
        )
    }
}

/// A deadline that passed, and what the flow was waiting for.
#[derive(Clone, Debug)]
pub struct DeadlinePassed {
    pub(crate) url: Option<Url>,
    pub(crate) waiting_for: &'static str,
    pub(crate) last: Option<Error>,
}

impl DeadlinePassed {
    /// Returns what the flow was waiting for.
    pub const fn waiting_for(&self) -> &'static str {
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
        if let Some(last) = &self.last {
            write!(f, " (last: {last})")?;
        }
        f.write_str("; allow more time, or resume later")
    }
}

/// Input that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// No identifier was given.
    #[error("no names were given")]
    NoIdentifiers,
    /// More identifiers than an order may have.
    #[error("too many names: {0}")]
    TooManyIdentifiers(usize),
    /// A name is not valid.
    #[error("{0}")]
    Identifier(InvalidIdentifier),
    /// A URL is not valid.
    #[error("{0}")]
    Url(InvalidUrl),
    /// A URL is not https.
    #[error("{0} is not https; give an https URL")]
    NotHttps(Url),
    /// The certificate that an order is to replace shares no name with it (RFC 9773 section 5).
    #[error("the certificate to be replaced has none of the order's names; leave it out")]
    ReplacesOtherNames,
    /// A contact URL is not valid (RFC 8555 section 7.3).
    #[error("the contact {0} is not usable: give one address, such as mailto:me@example.org")]
    Contact(String),
    /// The CSR cannot be read.
    #[error("{0}")]
    Csr(InvalidCsr),
    /// The CSR does not have exactly the names of the order.
    #[error("{0}")]
    CsrNames(CsrMismatch),
    /// The CSR is for the account key (RFC 8555 section 11.1).
    #[error("the CSR uses the account key; make a key of its own for the certificate")]
    CsrUsesAccountKey,
    /// The new account key is the one that the account has (RFC 8555 section 11.1).
    #[error("the new key is the account's present key; make another one")]
    SameKey,
    /// A revocation reason outside 0-6, 8-10.
    #[error("{0} is no revocation reason: use 0 to 6 or 8 to 10")]
    RevocationReason(u8),
    /// The snapshot belongs to another directory or account.
    #[error("the saved order belongs to {0}, not to this account")]
    ForeignSnapshot(Url),
    /// The intent of a key change belongs to another account, or to other keys.
    #[error("the saved key change belongs to {0}, not to this account with these keys")]
    ForeignKeyChange(Url),
    /// The CA demands external account binding.
    #[error("the CA demands external account binding: get a key identifier and MAC key from it")]
    ExternalAccountRequired,
    /// The CA has terms that were not agreed to.
    #[error("the CA's terms of service were not agreed to: {0}")]
    TermsNotAgreed(String),
    /// The key identifier of an external account is not printable ASCII.
    #[error("the key identifier of the external account is not printable ASCII")]
    ExternalAccountKid,
    /// A wildcard cannot be pre-authorized (RFC 8555 section 7.4.1).
    #[error("{0} cannot be pre-authorized: wildcards need an order")]
    WildcardPreAuthorization(String),
}
