//! The poll loop that all flows share.

use alloc::string::String;

use super::engine::{Engine, Finished, Step};
use crate::error::{Error, Misuse};
use crate::op::Operation;
use crate::output::Output;
use crate::request::{Input, SaveId};
use crate::session::Session;
use crate::time::Timestamp;
use alloc::boxed::Box;

/// A flow that says which operations run and what follows from each; the rest is the [`Engine`]'s.
pub(crate) trait Drive<E, T> {
    /// Its operations.
    type Operation: Operation;

    fn engine(&mut self) -> &mut Engine<Self::Operation>;

    /// Returns where the flow is: new, running, ending, over.
    fn life(&mut self) -> &mut Life<T>;

    /// Starts the clock and what comes first.
    fn start(&mut self, session: &mut Session);

    /// Starts what is due; returns what the flow itself has to hand out: an event, or a save.
    fn advance(&mut self, session: &mut Session) -> Option<Output<E, T>>;

    /// Handles an operation that is done.
    fn finished(&mut self, finished: Finished<Self::Operation>, session: &mut Session);

    /// Ends the flow, or what the deadline cut off, when the deadline has passed.
    fn late(&mut self, session: &mut Session);

    /// Handles a wait: the engine has nothing to do before `at`. Returns `None` if the flow has.
    fn wait(&mut self, at: Timestamp, session: &mut Session) -> Option<Output<E, T>> {
        if self.engine().exchanges.is_late() {
            self.late(session);
            return None;
        }
        Some(Output::Timeout(at))
    }

    /// Handles the result of a save: `failure` says why the snapshot was not stored.
    fn saved(&mut self, _id: SaveId, _failure: Option<String>, _session: &mut Session) {}
}

/// Where a flow is between its first poll and its end.
#[derive(Debug)]
pub(crate) enum Life<T> {
    New,
    Running,
    /// The result is there; notices are handed out before it.
    Ending(Box<Result<T, Error>>),
    Over,
}

impl<T> Life<T> {
    /// Sets the result.
    pub(crate) fn end(&mut self, result: Result<T, Error>) {
        *self = Self::Ending(Box::new(result));
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }
}

/// Polls a flow, by the rule of [`Flow`](crate::flow::Flow).
pub(crate) fn poll<E, T>(
    flow: &mut (impl Drive<E, T> + ?Sized),
    session: &mut Session,
    now: Timestamp,
) -> Output<E, T> {
    let id = match flow.engine().exchanges.enter(session, now) {
        Ok(id) => id,
        Err(misuse) => return Output::Done(Err(misuse.into())),
    };
    match flow.life() {
        Life::New => {
            *flow.life() = Life::Running;
            flow.start(session);
        }
        Life::Over => return Output::Done(Err(Misuse::Finished.into())),
        Life::Running | Life::Ending(_) => {}
    }
    loop {
        // The flow goes first: what it starts here is in the engine's next pass.
        if let Life::Running = flow.life()
            && let Some(output) = flow.advance(session)
        {
            return output;
        }
        if let Life::Ending(_) = flow.life() {
            return match flow.engine().exchanges.next_notice() {
                Some(notice) => Output::Notice(notice),
                None => end(flow, session),
            };
        }
        match flow.engine().poll(session, id) {
            Step::Transmit(transmit) => return Output::Transmit(transmit),
            Step::Sign(request) => return Output::Sign(request),
            Step::Notice(notice) => return Output::Notice(notice),
            Step::Finished(finished) => flow.finished(*finished, session),
            Step::Wait(at) => {
                if let Some(output) = flow.wait(at, session) {
                    return output;
                }
            }
        }
    }
}

/// Hands an input to the exchange, or the save, that it is for.
pub(crate) fn handle_input<E, T>(
    flow: &mut (impl Drive<E, T> + ?Sized),
    session: &mut Session,
    input: Input,
    now: Timestamp,
) -> Result<(), Misuse> {
    let save = match &input {
        Input::Saved(id) => Some((*id, None)),
        Input::SaveFailed(id, reason) => Some((*id, Some(reason.clone()))),
        _ => None,
    };
    flow.engine().exchanges.handle_input(session, input, now)?;
    if let Some((id, failure)) = save {
        flow.saved(id, failure, session);
    }
    Ok(())
}

fn end<E, T>(flow: &mut (impl Drive<E, T> + ?Sized), session: &mut Session) -> Output<E, T> {
    // Nonces that this flow fetched serve the next one.
    flow.engine().reset(session);
    match core::mem::replace(flow.life(), Life::Over) {
        Life::Ending(result) => Output::Done(*result),
        _ => Output::Done(Err(Misuse::Finished.into())),
    }
}
