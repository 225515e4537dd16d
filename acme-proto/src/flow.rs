//! The contract between a flow and its driver: outputs, inputs, and the one rule.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, Misuse};
use crate::http::{Request, Response};
use crate::jose::{Algorithm, MacAlgorithm, Signature, Thumbprint};
use crate::notice::Notice;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;
use crate::wire::printable;

/// Anything that takes several exchanges with a server to come to an end.
///
/// **The one rule**: after creating a flow, and after every input or command, call
/// [`poll_output`](Self::poll_output) until it gives [`Output::Timeout`] or [`Output::Done`], and act on
/// every output on the way. When the time of a `Timeout` has come, poll again.
///
/// The trait is sealed: [`Call`](crate::call::Call), [`Register`](crate::register::Register),
/// [`Rollover`](crate::rollover::Rollover) and [`Issuance`](crate::issuance::Issuance) implement it.
pub trait Flow: sealed::Sealed {
    /// What the flow asks of its user; [`core::convert::Infallible`] where it asks nothing.
    type Event;
    /// What the flow ends with.
    type Success;

    /// Returns the next thing to do; `Timeout(Some(t))` always has `t > now`.
    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success>;

    /// Takes what the outside answered.
    ///
    /// An answer to an id that is already settled is ignored.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for an id that this flow never gave out and [`Misuse::WrongSession`] for a
    /// session other than that of the first poll: both are bugs of the driver.
    fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse>;
}

/// What a flow wants next.
#[must_use]
#[derive(Debug)]
pub enum Output<E, T> {
    /// An HTTP exchange; answer with [`Input::Response`] or [`Input::Lost`].
    Transmit(Transmit),
    /// A signature; answer with [`Input::Signature`] or [`Input::SignFailed`].
    Sign(SignRequest),
    /// A snapshot to be stored before the flow goes on; only from a durable flow. Answer with
    /// [`Input::Saved`] or [`Input::SaveFailed`].
    Save(SaveRequest),
    /// A question to the user, to be answered by a command of the flow.
    Event(E),
    /// Something worth a log line; needs no answer.
    Notice(Notice),
    /// Nothing to do until an input, a command, or this time; never a time that has passed.
    Timeout(Option<Timestamp>),
    /// The end.
    Done(Result<T, Error>),
}

/// What the outside answers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The answer to a [`Transmit`].
    Response(RequestId, Response),
    /// A [`Transmit`] got no answer.
    Lost(RequestId, Lost),
    /// The answer to a [`SignRequest`].
    Signature(SignId, Signature),
    /// The signer could not or would not sign.
    SignFailed(SignId, SignFailed),
    /// The snapshot is on stable storage.
    Saved(SaveId),
    /// The snapshot could not be stored, and why.
    SaveFailed(SaveId, String),
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
    /// Names a [`SaveRequest`].
    SaveId
);

/// An HTTP request to be sent as it is: no redirect followed, nothing retried, no header changed.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Goes into the answering [`Input`].
    pub id: RequestId,
    /// The request.
    pub request: Request,
    /// How long the exchange may take, from connecting to the last octet of the body; afterwards it is
    /// [`Lost::TimedOut`].
    pub time_limit: Duration,
    /// How many octets of body to accept; a longer one is cut off there and
    /// [marked](Response::truncated).
    pub body_limit: usize,
}

/// How an exchange ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// Nothing reached the server, provably: no connection, TLS failed, stream refused.
    #[error("not sent: {}", printable(.0, 300))]
    NotSent(String),
    /// The time limit passed.
    #[error("no answer within the time limit")]
    TimedOut,
    /// The request may have been processed, but no answer came.
    #[error("no answer: {}", printable(.0, 300))]
    NoAnswer(String),
}

/// A request for a signature or MAC over `message`.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// Goes into the answering [`Input`].
    pub id: SignId,
    /// Which key is to sign.
    pub key: KeyRole,
    /// The algorithm, which fits the key.
    pub algorithm: SignatureAlgorithm,
    /// The octets to sign, not hashed.
    pub message: Vec<u8>,
    /// How long signing may take before the flow gives up.
    pub time_limit: Duration,
}

/// Which key a [`SignRequest`] is for; the thumbprint is that of its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRole {
    /// The account key.
    Account(Thumbprint),
    /// The key that an account is to change to (RFC 8555 section 7.3.5).
    NewAccount(Thumbprint),
    /// The MAC key that the CA gave out for this key identifier (RFC 8555 section 7.3.4).
    ExternalAccount(String),
    /// The key of the certificate to be revoked (RFC 8555 section 7.6).
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
    /// The signer does not hold the key that was named.
    #[error("the signer does not hold this key")]
    UnknownKey,
    /// The signer cannot do the algorithm that was named.
    #[error("the signer cannot do this algorithm")]
    UnsupportedAlgorithm,
    /// The signer failed, and says why.
    #[error("{}", printable(.0, 300))]
    Failed(String),
}

/// A snapshot to be stored; it replaces the one stored before.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// Goes into the answering [`Input`].
    pub id: SaveId,
    /// What to store.
    pub snapshot: Snapshot,
}

pub(crate) mod sealed {
    /// Keeps [`Flow`](super::Flow) ours to implement, so that outputs can be added.
    #[allow(unnameable_types)] // that is how a trait is sealed
    pub trait Sealed {}
}
