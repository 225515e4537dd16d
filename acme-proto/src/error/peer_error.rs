//! A response that breaks the protocol.

use alloc::string::String;
use core::fmt;

use crate::url::Url;
use crate::wire::{InvalidObject, Problem};
use crate::x509::{Certificate, ChainMismatch, InvalidChain};

/// A response that breaks the protocol.
#[derive(Clone, Debug)]
pub struct PeerError {
    pub(super) url: Url,
    pub(super) fault: PeerFault,
}

impl PeerError {
    /// Returns the URL of the request whose response it was.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns what was wrong.
    pub const fn fault(&self) -> &PeerFault {
        &self.fault
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, fault } = self;
        write!(f, "the CA broke the protocol at {url}: {fault}; {}", fault.advice())
    }
}

impl core::error::Error for PeerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // The fault is the kind of this error, and in its sentence already.
        self.fault.source()
    }
}

/// What was wrong with a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// The body is not the object that was asked for.
    #[error("unusable response ({status}, {media_type})")]
    Object {
        /// The status code.
        status: u16,
        /// The media type, escaped.
        media_type: String,
        /// What is wrong with the object.
        #[source]
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
    #[error("the response is {0}, not what was asked for")]
    MediaType(String),
    /// The status is one of success, and the body is a problem document.
    #[error("status {status} with an error: {problem}")]
    Problem {
        /// The status code.
        status: u16,
        /// What the CA says.
        problem: Problem,
    },
    /// The body is compressed, which was not asked for.
    #[error("the body is compressed ({0}), which was not asked for")]
    ContentEncoding(String),
    /// The body was cut off at the limit.
    #[error("the response is longer than the limit, or was cut off")]
    Truncated,
    /// The object has a status that this client does not know.
    #[error("unknown status {0}")]
    UnknownStatus(String),
    /// The challenges of an order would take more memory than there is for them.
    #[error("the challenges of the order take more than {most} octets of memory")]
    TooLarge {
        /// How many octets they may take.
        most: usize,
    },
    /// The order's identifiers or authorizations changed under way.
    #[error("the order's authorizations changed under way")]
    OrderChanged,
    /// The order has more authorizations than its names can have.
    #[error("an order with {found} authorizations, where {most} are the most")]
    TooManyAuthorizations {
        /// How many it has.
        found: usize,
        /// How many there can be for so many names.
        most: usize,
    },
    /// The order is pending, but has no authorizations.
    #[error("no authorizations in the pending order")]
    NoAuthorizations,
    /// The order is for other identifiers than were asked for.
    #[error("the order is for other identifiers: {0}")]
    OtherIdentifiers(String),
    /// An authorization has no `identifier`, and the order has several.
    #[error("an authorization without an identifier, in an order for several")]
    NamelessAuthorization,
    /// An authorization is for a name that was not ordered.
    #[error("an authorization is for {0}, which was not ordered")]
    ForeignAuthorization(String),
    /// A URL from the server that is not https.
    #[error("a URL that is not https: {0}")]
    NotHttps(Url),
    /// The order is ready, but has no `finalize` URL.
    #[error("no finalize URL in the order")]
    NoFinalizeUrl,
    /// The order is valid, but has no `certificate` URL.
    #[error("no certificate URL in the order")]
    NoCertificateUrl,
    /// The certificate chain does not parse, or holds anything but certificates.
    #[error("unusable certificate")]
    Chain(#[source] InvalidChain),
    /// The certificate is for another key or other names.
    #[error("the wrong certificate")]
    WrongCertificate(#[source] ChainMismatch),
    /// What is listed as an alternate chain is that of another certificate.
    #[error("an alternate chain is for another certificate")]
    OtherLeaf,
    /// With an alternate chain, the chains of a certificate have more than [`Certificate::MAX_NAMES`] names together.
    #[error("with an alternate chain there are more than {} names", Certificate::MAX_NAMES)]
    TooManyNames,
    /// The account or authorization that the client deactivated has another status still.
    #[error("the resource is not deactivated")]
    NotDeactivated,
}
