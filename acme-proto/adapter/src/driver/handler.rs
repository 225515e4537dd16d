//! What answers the events of a flow.

use core::convert::Infallible;

use acme_proto::call::Call;
use acme_proto::challenge::ChallengeResponse;
use acme_proto::flow::Flow;
use acme_proto::op::Operation;

use super::Task;
use crate::client_state::ClientState;
use crate::error::Error;
use crate::solvers::{CallId, Wake};

/// Answers the events of one kind of flow, at once or by [tasks](Task).
pub trait EventHandler<F: Flow> {
    /// Answers an event; an error cancels the flow.
    ///
    /// `wake` has the driver polled again.
    ///
    /// # Errors
    /// What keeps the event from being answered.
    fn event(
        &mut self,
        flow: &mut F,
        event: F::Event,
        client: &ClientState,
        wake: &Wake,
    ) -> Result<(), Error>;

    /// Returns a task that an event brought and that may start now.
    fn next_task(&mut self) -> Option<Task> {
        None
    }

    /// Returns whether there are tasks that may not start yet.
    fn has_queued(&self) -> bool {
        false
    }

    /// Takes the end of a solver's call.
    ///
    /// # Errors
    /// Why the flow does not take it.
    fn solved(
        &mut self,
        _flow: &mut F,
        _call: CallId,
        _result: Result<ChallengeResponse, String>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Takes the user's answer to the terms of service.
    ///
    /// # Errors
    /// Why the flow does not take it.
    fn consented(&mut self, _flow: &mut F, _agreed: bool) -> Result<(), Error> {
        Ok(())
    }

    /// Takes the end of storing the keys of a key change.
    ///
    /// # Errors
    /// Why the flow does not take it.
    fn intent_stored(&mut self, _flow: &mut F, _result: Result<(), String>) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the flow's error, with what the handler knows of its reasons.
    fn explain(&self, error: acme_proto::error::Error) -> Error {
        error.into()
    }

    /// Looks at the flow before it is waited for, and returns whether it was given an answer.
    ///
    /// # Errors
    /// Why the flow does not take what follows.
    fn look(&mut self, _flow: &mut F) -> Result<bool, Error> {
        Ok(false)
    }

    /// Cancels the flow. By default it continues, because what it does cannot be undone.
    fn cancel(&mut self, _flow: &mut F, _client: &ClientState) {}
}

/// The handler of a flow without events.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl<O: Operation> EventHandler<Call<O>> for NoEvents {
    fn event(
        &mut self,
        _: &mut Call<O>,
        never: Infallible,
        _: &ClientState,
        _: &Wake,
    ) -> Result<(), Error> {
        match never {}
    }
}
