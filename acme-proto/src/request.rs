//! What a flow asks of its driver and what the driver gives back, as plain data: requests, signatures, and how both can fail.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::http::{Request, Response};
use crate::jose::{Algorithm, MacAlgorithm, Signature, Thumbprint};
use crate::text::printable;

/// An HTTP request. The driver sends it as it is: it follows no redirect, retries nothing and changes no header.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Goes into the [`Input`].
    pub id: RequestId,
    /// The request.
    pub request: Request,
    /// How long the exchange may take, from connecting to the last octet of the body; afterwards it is
    /// [`Lost::TimedOut`].
    pub time_limit: Duration,
    /// How many octets of body to accept; a longer one is cut off there and
    /// [marked](Response::truncated).
    pub body_limit: usize,
    /// The request whose response brought the nonce of this one, if it was sent in this session.
    ///
    /// Behind some balancers, a nonce is known only to the machine that gave it. A driver with several connections uses
    /// the one that brought that response, if it is idle.
    pub nonce_from: Option<RequestId>,
}

/// Why an exchange got no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// Provably nothing reached the server: no connection, failed TLS. The request is sent again
    /// even if it must not be processed twice.
    #[error("not sent: {}", printable(.0, 300))]
    NotSent(String),
    /// Nothing was sent, because the server's certificate is not trusted: by its root, name or validity. It does not
    /// become so by another try, so the flow ends.
    #[error("not trusted: {}", printable(.0, 300))]
    Untrusted(String),
    /// Nothing was sent, and nothing will be until a setting is changed: a proxy that demands a password, or one of a kind
    /// that is not supported. The flow ends.
    #[error("blocked: {}", printable(.0, 300))]
    Blocked(String),
    /// The server said that it did not process the request, as HTTP/2 can: a stream beyond the last one of a GOAWAY, or
    /// one reset with REFUSED_STREAM. It may also have closed an open connection before the request was written. The
    /// request is sent again at once.
    #[error("not processed: {}", printable(.0, 300))]
    NotProcessed(String),
    /// The time limit passed.
    #[error("no response within the time limit")]
    TimedOut,
    /// The server may have processed the request, but no response arrived.
    #[error("no response: {}", printable(.0, 300))]
    NoResponse(String),
}

impl Lost {
    /// Returns whether the server provably did not process the request.
    pub(crate) const fn is_unprocessed(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::NotProcessed(_)) || self.is_lasting()
    }

    /// Returns whether another try ends in the same way.
    pub(crate) const fn is_lasting(&self) -> bool {
        matches!(self, Self::Untrusted(_) | Self::Blocked(_))
    }

    /// Replaces the words from outside, if the variant has any.
    #[must_use]
    pub fn map_words(self, map: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::NotSent(words) => Self::NotSent(map(words)),
            Self::Untrusted(words) => Self::Untrusted(map(words)),
            Self::Blocked(words) => Self::Blocked(map(words)),
            Self::NotProcessed(words) => Self::NotProcessed(map(words)),
            Self::NoResponse(words) => Self::NoResponse(map(words)),
            Self::TimedOut => Self::TimedOut,
        }
    }
}

/// A request for a signature or MAC over `message`.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// Goes into the [`Input`].
    pub id: SignId,
    /// The key that signs.
    pub key: KeyRole,
    /// The algorithm, which fits the key.
    pub algorithm: SignatureAlgorithm,
    /// The octets to sign, not hashed.
    pub message: Vec<u8>,
    /// How long signing may take before the flow gives up.
    pub time_limit: Duration,
}

/// The key of a [`SignRequest`], with the thumbprint of its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRole {
    /// The account key.
    Account(Thumbprint),
    /// The next account key, in a key change (RFC 8555 section 7.3.5).
    NewAccount(Thumbprint),
    /// The MAC key that the CA issued under this key identifier (RFC 8555 section 7.3.4).
    ExternalAccount(String),
    /// The key of the certificate that is revoked (RFC 8555 section 7.6).
    Certificate(Thumbprint),
}

/// The algorithm of a [`SignRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// A signature.
    Jws(Algorithm),
    /// A MAC, only for [`KeyRole::ExternalAccount`].
    Mac(MacAlgorithm),
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignFailed {
    /// The signer does not hold the key.
    #[error("the signer does not hold this key")]
    UnknownKey,
    /// The signer does not support the algorithm.
    #[error("the signer cannot do this algorithm")]
    UnsupportedAlgorithm,
    /// The signer failed, and says why.
    #[error("{}", printable(.0, 300))]
    Failed(String),
}

/// The result of an output.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The response to a [`Transmit`].
    Response(RequestId, Response),
    /// A [`Transmit`] got no response.
    Lost(RequestId, Lost),
    /// The signature for a [`SignRequest`].
    Signature(SignId, Signature),
    /// The signer could not or would not sign.
    SignFailed(SignId, SignFailed),
    /// The snapshot is on stable storage.
    Saved(SaveId),
    /// The snapshot could not be stored, and why.
    SaveFailed(SaveId, String),
}

impl Input {
    /// Says what came of a [`Transmit`].
    pub fn exchanged(id: RequestId, result: Result<Response, Lost>) -> Self {
        result.map_or_else(|lost| Self::Lost(id, lost), |response| Self::Response(id, response))
    }

    /// Says what came of a [`SignRequest`].
    pub fn signed(id: SignId, result: Result<Signature, SignFailed>) -> Self {
        result.map_or_else(|why| Self::SignFailed(id, why), |it| Self::Signature(id, it))
    }

    /// Says what came of a [`SaveRequest`](crate::flow::SaveRequest).
    pub fn saved(id: SaveId, result: Result<(), String>) -> Self {
        result.map_or_else(|why| Self::SaveFailed(id, why), |()| Self::Saved(id))
    }
}

/// Names a flow within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub(crate) u32);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            pub(crate) flow: FlowId,
            pub(crate) seq: u64,
        }
    };
}
id!(
    /// Names a [`Transmit`].
    RequestId
);
id!(
    /// Names a [`SignRequest`].
    SignId
);
id!(
    /// Names a [`SaveRequest`](crate::flow::SaveRequest).
    SaveId
);
