//! The contract between a flow and its driver: outputs, inputs, and the one rule.

use alloc::string::String;

use crate::error::{Error, Misuse};
use crate::http::Response;
use crate::jose::Signature;
use crate::notice::Notice;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

pub use crate::request::{
    FlowId, KeyRole, Lost, RequestId, SaveId, SignFailed, SignId, SignRequest, SignatureAlgorithm,
    Transmit,
};

/// A task that takes one or more exchanges with a server.
///
/// **The one rule**: after creating a flow, and after every input or command, call
/// [`poll_output`](Self::poll_output) until it gives [`Output::Timeout`] or [`Output::Done`], and act on
/// every output on the way. When the time of a `Timeout` has come, poll again.
///
/// The trait is sealed: [`Call`](crate::call::Call), [`Register`](crate::register::Register),
/// [`Rollover`](crate::rollover::Rollover) and [`Issuance`](crate::issuance::Issuance) implement it.
#[expect(private_bounds, reason = "seals the trait")]
pub trait Flow: sealed::Sealed {
    /// A decision or an action that the flow needs from its user; [`core::convert::Infallible`] if it needs none.
    type Event;
    /// The result of success.
    type Success;

    /// Returns the next thing to do; `Timeout(Some(t))` always has `t > now`.
    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success>;

    /// Takes the result of an output.
    ///
    /// A second input for the same id is ignored.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for an id that this flow never handed out and [`Misuse::WrongSession`] for a
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
    /// A decision or an action for the user, who answers by a command of the flow.
    Event(E),
    /// Something worth a log line; needs no answer.
    Notice(Notice),
    /// Nothing to do until an input, a command, or this time, which is in the future.
    Timeout(Option<Timestamp>),
    /// The end.
    Done(Result<T, Error>),
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

/// A snapshot to be stored; it replaces the one stored before.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// Goes into the answering [`Input`].
    pub id: SaveId,
    /// What to store.
    pub snapshot: Snapshot,
}

pub(crate) mod sealed {
    /// Seals [`Flow`](super::Flow), so that outputs can be added without breaking implementations.
    pub(crate) trait Sealed {}
}
