//! Everything that a flow waits for, on threads of its own.

use core::time::Duration;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{Builder, Scope};

use acme_adapter::error::Error;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::error::Misuse;
use acme_proto::flow::{Input, Lost, RequestId, SaveId, SignFailed, SignId, SignRequest, Transmit};

use crate::cancel::{Cancel, Subscription};
use crate::client::Inner;

/// What came in.
pub(crate) enum Arrival {
    Input(Input),
    Solver(Solved),
    Cancelled,
}

/// A call of a solver that ended.
pub(crate) struct Solved {
    pub(crate) challenge: Challenge,
    pub(crate) stage: Stage,
    /// The response to the challenge; empty after a clean-up.
    pub(crate) result: Result<ChallengeResponse, String>,
}

/// Which call of a solver it was; `Present` tells the solver's place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Present(usize),
    Wait,
    CleanUp,
}

/// What is in flight for one flow: exchanges, signatures, saves, and calls of solvers.
pub(crate) struct InFlight<'scope, 'env: 'scope> {
    scope: &'scope Scope<'scope, 'env>,
    client: &'env Arc<Inner>,
    sender: Sender<Arrival>,
    receiver: Receiver<Arrival>,
    pending: usize,
    calls: usize,
    /// To be sent when there is nothing to do but wait.
    unsent: Vec<Transmit>,
    /// A lone exchange occupies the calling thread, for nothing else could happen meanwhile.
    sequential: bool,
    queued: VecDeque<(Expected, Job<'scope>)>,
}

type Job<'a> = Box<dyn FnOnce() -> Arrival + Send + 'a>;

/// What is to be answered, so that a thread that cannot be started, or panics, is a failure like others.
#[derive(Clone)]
enum Expected {
    Response(RequestId),
    Signature(SignId),
    Saved(SaveId),
    Solved(Box<Challenge>, Stage),
}

impl<'scope, 'env> InFlight<'scope, 'env> {
    pub(crate) fn new(
        scope: &'scope Scope<'scope, 'env>,
        client: &'env Arc<Inner>,
        sequential: bool,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (unsent, queued) = (Vec::new(), VecDeque::new());
        Self { scope, client, sender, receiver, pending: 0, calls: 0, unsent, sequential, queued }
    }

    /// Has the wish to cancel arrive here.
    pub(crate) fn subscribe(&self, cancel: &Cancel) -> Subscription {
        let sender = self.sender.clone();
        cancel.subscribe(move || drop(sender.send(Arrival::Cancelled)))
    }

    /// Sends a request.
    pub(crate) fn exchange(&mut self, transmit: Transmit) -> Option<Arrival> {
        self.unsent.push(transmit);
        None
    }

    /// Signs at once with the keys at hand, or has the user's signer do it.
    pub(crate) fn sign(&mut self, request: SignRequest) -> Option<Arrival> {
        if let Some(result) = self.client.sign(&request) {
            return Some(Arrival::Input(signature(request.id, result)));
        }
        let client = Arc::clone(self.client);
        let expected = Expected::Signature(request.id);
        self.detached(expected, move || Arrival::Input(sign_in_time(client, request)));
        None
    }

    /// Stores a snapshot.
    pub(crate) fn save(
        &mut self,
        id: SaveId,
        job: impl FnOnce() -> Result<(), String> + Send + 'scope,
    ) {
        self.pending += 1;
        let job = move || Arrival::Input(saved(id, job()));
        self.scoped(Expected::Saved(id), Box::new(job));
    }

    /// Calls a solver; no more than so many at once, but for waiting.
    pub(crate) fn solve(
        &mut self,
        challenge: Challenge,
        stage: Stage,
        job: impl FnOnce(&Challenge) -> Result<ChallengeResponse, String> + Send + 'scope,
    ) {
        self.pending += 1;
        let expected = Expected::Solved(Box::new(challenge.clone()), stage);
        let job = Box::new(move || {
            let result = job(&challenge);
            Arrival::Solver(Solved { challenge, stage, result })
        });
        if stage == Stage::Wait {
            self.scoped(expected, job);
        } else if self.calls < MAX_CALLS {
            self.calls += 1;
            self.scoped(expected, job);
        } else {
            self.queued.push_back((expected, job));
        }
    }

    /// Waits for whatever comes first; `None` when the time is over.
    ///
    /// # Errors
    /// [`Misuse::Stalled`] if nothing can come.
    pub(crate) fn next(&mut self, wait: Option<Duration>) -> Result<Option<Arrival>, Error> {
        if let Some(arrival) = self.send() {
            return Ok(Some(arrival));
        }
        let arrival = match wait {
            Some(wait) => match self.receiver.recv_timeout(wait) {
                Ok(arrival) => arrival,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(Misuse::Stalled.into()),
            },
            None if self.pending == 0 => return Err(Misuse::Stalled.into()),
            None => self.receiver.recv().map_err(|_| Misuse::Stalled)?,
        };
        if !matches!(arrival, Arrival::Cancelled) {
            self.pending -= 1;
        }
        if matches!(&arrival, Arrival::Solver(solved) if solved.stage != Stage::Wait) {
            match self.queued.pop_front() {
                Some((expected, job)) => self.scoped(expected, job),
                None => self.calls -= 1,
            }
        }
        Ok(Some(arrival))
    }

    /// Sends what is to be sent; returns the answer if that was all there was to do.
    fn send(&mut self) -> Option<Arrival> {
        let lone = self.sequential && self.pending == 0 && self.unsent.len() == 1;
        for transmit in core::mem::take(&mut self.unsent) {
            let client = Arc::clone(self.client);
            let expected = Expected::Response(transmit.id);
            let job = move || Arrival::Input(client.exchange(transmit));
            if lone {
                return Some(outcome(expected, job));
            }
            self.detached(expected, job);
        }
        None
    }

    /// Runs what owns everything that it needs; if the flow ends before it, nobody waits for it.
    fn detached(&mut self, expected: Expected, job: impl FnOnce() -> Arrival + Send + 'static) {
        self.pending += 1;
        let (sender, otherwise) = (self.sender.clone(), expected.clone());
        let thread = Builder::new().name("acme".into()).spawn(move || run(&sender, otherwise, job));
        if let Err(error) = thread {
            let _ = self.sender.send(expected.failed(format!("no thread: {error}")));
        }
    }

    /// Runs what borrows from the caller, who waits for its end.
    fn scoped(&self, expected: Expected, job: Job<'scope>) {
        let (sender, otherwise) = (self.sender.clone(), expected.clone());
        let thread = Builder::new()
            .name("acme".into())
            .spawn_scoped(self.scope, move || run(&sender, otherwise, job));
        if let Err(error) = thread {
            let _ = self.sender.send(expected.failed(format!("no thread: {error}")));
        }
    }
}

impl Expected {
    fn failed(self, why: String) -> Arrival {
        Arrival::Input(match self {
            Self::Response(id) => Input::Lost(id, Lost::NoAnswer(why)),
            Self::Signature(id) => Input::SignFailed(id, SignFailed::Failed(why)),
            Self::Saved(id) => Input::SaveFailed(id, why),
            Self::Solved(challenge, stage) => {
                return Arrival::Solver(Solved { challenge: *challenge, stage, result: Err(why) });
            }
        })
    }
}

/// Runs a job to its answer, come what may; nobody may be there any more to take it.
fn run(sender: &Sender<Arrival>, expected: Expected, job: impl FnOnce() -> Arrival) {
    let _ = sender.send(outcome(expected, job));
}

fn outcome(expected: Expected, job: impl FnOnce() -> Arrival) -> Arrival {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| expected.failed("it panicked".into()))
}

/// Has the user's signer sign, and stops waiting at the time limit.
fn sign_in_time(client: Arc<Inner>, request: SignRequest) -> Input {
    let (id, limit) = (request.id, request.time_limit);
    let (send, receive) = mpsc::channel();
    let sign = move || drop(send.send(client.sign_outside(&request)));
    let result = match Builder::new().name("acme-sign".into()).spawn(sign) {
        Ok(_) => receive.recv_timeout(limit).unwrap_or_else(|error| {
            Err(SignFailed::Failed(match error {
                RecvTimeoutError::Timeout => "no signature within the time limit".into(),
                RecvTimeoutError::Disconnected => "the signer panicked".into(),
            }))
        }),
        Err(error) => Err(SignFailed::Failed(format!("no thread: {error}"))),
    };
    signature(id, result)
}

fn signature(id: SignId, result: Result<acme_proto::jose::Signature, SignFailed>) -> Input {
    match result {
        Ok(signature) => Input::Signature(id, signature),
        Err(failed) => Input::SignFailed(id, failed),
    }
}

fn saved(id: SaveId, result: Result<(), String>) -> Input {
    match result {
        Ok(()) => Input::Saved(id),
        Err(why) => Input::SaveFailed(id, why),
    }
}

/// How many calls of solvers run at once, for each issuance.
const MAX_CALLS: usize = 16;
