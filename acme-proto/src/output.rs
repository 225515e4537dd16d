//! What a flow wants next.

use crate::error::Error;
use crate::notice::Notice;
#[cfg(doc)]
use crate::request::Input;
use crate::request::{SaveId, SignRequest, Transmit};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// What a flow wants next.
#[must_use]
#[derive(Debug)]
pub enum Output<E, T> {
    /// An HTTP exchange; its input is [`Input::Response`] or [`Input::Lost`].
    Transmit(Transmit),
    /// A signature; its input is [`Input::Signature`] or [`Input::SignFailed`].
    Sign(SignRequest),
    /// A snapshot to be stored before the flow goes on; only from a durable flow. Its input is
    /// [`Input::Saved`] or [`Input::SaveFailed`].
    Save(SaveRequest),
    /// A decision or an action for the user, who replies by a command of the flow.
    Event(E),
    /// Something worth a log line; it has no input.
    Notice(Notice),
    /// Nothing to do until an input, a command, or this time, which is in the future.
    Timeout(Timestamp),
    /// The end; a flow that is polled after it returns [`Misuse::Finished`](crate::error::Misuse::Finished).
    Done(Result<T, Error>),
}

/// A snapshot to be stored; it replaces the one stored before.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// Goes into the [`Input`].
    pub id: SaveId,
    /// What to store.
    pub snapshot: Snapshot,
}
