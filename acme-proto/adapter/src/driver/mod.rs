//! The loop that drives every flow, as a state machine without I/O.
//!
//! A [`Driver`] polls a flow, and handles every output that needs no I/O by itself: it signs with the keys at hand, logs
//! notices, answers events through an [`EventHandler`], and keeps the error that made it cancel the flow. What is left
//! for an adapter is the same for every flow: start what [`Step::Start`] says, wait for the first of what was started,
//! the wish to cancel, and the time of [`Step::Wait`], and hand it in.
//!
//! ```text
//! loop {
//!     match driver.poll(clock.now()) {
//!         Step::Start(task) => in_flight.start(task),
//!         Step::Wait(until) => driver.handle(in_flight.next(until), clock.now()),
//!         Step::Done(result) => return result,
//!     }
//! }
//! ```

mod expected;
mod handler;
mod issuance;
mod key_change;
mod registration;

use core::fmt;
use std::sync::Arc;

use acme_proto::challenge::ChallengeResponse;
use acme_proto::error::Misuse;
use acme_proto::flow::{Flow, Input, Output, SaveRequest, SignRequest, Transmit};
use acme_proto::rollover::RolloverIntent;
use acme_proto::time::Timestamp;

use crate::client_state::ClientState;
use crate::error::Error;
use crate::solvers::{CallId, SolverCall, Wake};

pub use self::expected::Expected;
pub use self::handler::{EventHandler, NoEvents};
pub use self::issuance::Solving;
pub use self::key_change::KeyChanging;
pub use self::registration::{Consent, Registering};

/// What an adapter does next.
///
/// It is exhaustive: an adapter that left a step out would hang.
#[must_use]
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is moved once, and never kept")]
pub enum Step<T> {
    /// Start this, and poll again without waiting for its end.
    Start(Task),
    /// Wait until something arrives, at the latest until this time.
    Wait(Timestamp),
    /// The flow has ended.
    Done(Result<T, Error>),
}

/// Something that takes time. It is answered by one [`Arrival`], in any order.
///
/// It is exhaustive: an adapter that left a task out would hang.
#[derive(Debug)]
pub enum Task {
    /// Send a request; the answer is an [`Arrival::Input`].
    Exchange(Transmit),
    /// Have the user's signer sign; the answer is an [`Arrival::Input`].
    Sign(SignRequest),
    /// Have the user's store save a snapshot; the answer is an [`Arrival::Input`].
    Save(SaveRequest),
    /// Call a solver; the answer is an [`Arrival::Solved`].
    Solve(SolverCall),
    /// Ask the user for consent to the terms of service at this URL; the answer is an [`Arrival::Consented`].
    Consent(String),
    /// Store both keys of a key change; the answer is an [`Arrival::IntentStored`].
    StoreIntent(RolloverIntent),
}

/// What came in.
#[derive(Debug)]
pub enum Arrival {
    /// An answer for the flow itself.
    Input(Input),
    /// A call of a solver ended; with the response of `present`, or an error in words.
    Solved(CallId, Result<ChallengeResponse, String>),
    /// The user agrees to the terms of service, or does not.
    Consented(bool),
    /// The keys of a key change are stored; an error in words.
    IntentStored(Result<(), String>),
    /// A record name may have become free: the [`Wake`] was called.
    Woken,
    /// The user wants the flow to end.
    Cancelled,
    /// The time came.
    Elapsed,
}

/// A flow with what answers its events.
pub struct Driver<F, H> {
    client: Arc<ClientState>,
    flow: F,
    handler: H,
    wake: Wake,
    /// Tasks that were started and are not answered.
    outstanding: usize,
    /// The first error of the handler: the flow was cancelled because of it, so the user sees it instead of
    /// "cancelled".
    failure: Option<Error>,
}

impl<F: Flow, H: EventHandler<F>> Driver<F, H> {
    /// Creates a driver; `wake` is called, from any thread, when it has to be polled although nothing arrived.
    pub fn new(client: &Arc<ClientState>, flow: F, handler: H, wake: Wake) -> Self {
        Self { client: Arc::clone(client), flow, handler, wake, outstanding: 0, failure: None }
    }

    /// Returns what to do next.
    pub fn poll(&mut self, now: Timestamp) -> Step<F::Success> {
        loop {
            if let Some(task) = self.handler.next_task() {
                return self.start(task);
            }
            // Bound first: the guard would live through the arms of a `match`, and the handler locks the session too.
            let output = self.flow.poll_output(&mut self.client.session(), now);
            match output {
                Output::Transmit(transmit) => return self.start(Task::Exchange(transmit)),
                Output::Save(request) => return self.start(Task::Save(request)),
                Output::Sign(request) => match self.client.sign(&request) {
                    Some(signed) => {
                        if let Err(misuse) = self.input(signed, now) {
                            return Step::Done(Err(misuse.into()));
                        }
                    }
                    None => return self.start(Task::Sign(request)),
                },
                Output::Event(event) => {
                    let answered =
                        self.handler.event(&mut self.flow, event, &self.client, &self.wake);
                    self.cancel_on_error(answered);
                }
                Output::Notice(notice) => self.client.notice(&notice),
                Output::Timeout(_) if self.look() => {}
                Output::Timeout(until) => return Step::Wait(until),
                Output::Done(result) => {
                    let failure = self.failure.take();
                    let error = |error: acme_proto::error::Error| match failure {
                        Some(failure) => failure,
                        None => self.handler.explain(error),
                    };
                    return Step::Done(result.map_err(error));
                }
            }
        }
    }

    /// Handles what arrived.
    ///
    /// # Errors
    /// [`Misuse`] for an answer to what the flow never asked.
    pub fn handle(&mut self, arrival: Arrival, now: Timestamp) -> Result<(), Error> {
        match arrival {
            Arrival::Input(input) => {
                self.outstanding -= 1;
                self.input(input, now)?;
            }
            Arrival::Solved(call, result) => {
                self.outstanding -= 1;
                let answered = self.handler.solved(&mut self.flow, call, result);
                self.cancel_on_error(answered);
            }
            Arrival::Consented(agreed) => {
                self.outstanding -= 1;
                let answered = self.handler.consented(&mut self.flow, agreed);
                self.cancel_on_error(answered);
            }
            Arrival::IntentStored(result) => {
                self.outstanding -= 1;
                let answered = self.handler.intent_stored(&mut self.flow, result);
                self.cancel_on_error(answered);
            }
            Arrival::Cancelled => self.handler.cancel(&mut self.flow, &self.client),
            // To poll again is all that there is to do.
            Arrival::Woken | Arrival::Elapsed => {}
        }
        Ok(())
    }

    /// Returns whether a task waits for what another flow holds, so that the [`Wake`] may be called.
    pub fn has_queued(&self) -> bool {
        self.handler.has_queued()
    }

    fn start(&mut self, task: Task) -> Step<F::Success> {
        self.outstanding += 1;
        Step::Start(task)
    }

    fn input(&mut self, input: Input, now: Timestamp) -> Result<(), Misuse> {
        self.flow.handle_input(&mut self.client.session(), input, now)
    }

    /// Has the handler look at the flow, and returns whether it has to be polled again.
    fn look(&mut self) -> bool {
        match self.handler.look(&mut self.flow) {
            Ok(has_answered) => has_answered,
            Err(error) => {
                self.cancel_on_error(Err(error));
                true
            }
        }
    }

    fn cancel_on_error(&mut self, answered: Result<(), Error>) {
        if let Err(error) = answered {
            self.failure.get_or_insert(error);
            self.handler.cancel(&mut self.flow, &self.client);
        }
    }
}

impl<F, H> fmt::Debug for Driver<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("outstanding", &self.outstanding).finish_non_exhaustive()
    }
}
