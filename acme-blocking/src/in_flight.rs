//! Everything that a flow waits for, each task on a thread that runs nothing else meanwhile.

use core::time::Duration;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Instant;

use acme_adapter::driver::{Arrival, Consent, Expected, Task};
use acme_adapter::error::Error;
use acme_adapter::error_chain;
use acme_adapter::solvers::{SolverCall, Stage, Wake};
use acme_proto::challenge::ChallengeResponse;
use acme_proto::flow::{Input, SaveRequest, SignId, SignRequest, Transmit};
use acme_proto::rollover::RolloverIntent;

use crate::BoxError;
use crate::cancel::{Cancel, Subscription};
use crate::mailbox::{Address, Mailbox};
use crate::shared::{AccountLock, Shared};
use crate::solver::hook::within;
use crate::solver::{Given, GivenSolver, Solver};
use crate::store::Store;
use crate::workers::Workers;

/// The solvers, stores and cancellation that the user set for one flow.
#[derive(Default)]
pub(crate) struct UserParts<'env> {
    pub(crate) solvers: Vec<GivenSolver<'env>>,
    pub(crate) store: Option<Arc<dyn Store + 'env>>,
    pub(crate) intent_store: Option<IntentStore<'env>>,
    pub(crate) consent: Option<Consent<'env>>,
    /// The lock under which an account is registered, or its key changed.
    pub(crate) account: Option<Arc<AccountLock>>,
    /// Set by the user to end the flow.
    pub(crate) cancel: Option<Cancel>,
}

/// Stores both keys of a key change.
pub(crate) type IntentStore<'env> =
    Box<dyn FnOnce(RolloverIntent) -> Result<(), BoxError> + Send + 'env>;

/// Reads or writes files.
pub(crate) fn on_disk(work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    work()
}

/// The tasks of one flow.
pub(crate) struct InFlight<'scope, 'env: 'scope> {
    shared: &'env Arc<Shared>,
    /// For what borrows from the caller, who waits for its end.
    workers: Workers<'scope>,
    user: UserParts<'env>,
    arrivals: Mailbox<Arrival>,
    /// How many tasks the flow waits for.
    pending: usize,
    /// Requests that are held until the flow waits: only then is it known whether there is just
    /// one.
    unsent: Vec<(Expected, Transmit)>,
    /// Signatures that the flow waits for. The signer itself cannot be interrupted.
    unsigned: Vec<Unsigned>,
    /// Set when the flow has ended. A challenge that is presented after that is cleaned up at once.
    is_over: Arc<AtomicBool>,
    _wish: Option<Subscription>,
}

/// A signature that the flow waits for.
struct Unsigned {
    id: SignId,
    expected: Expected,
    /// When the flow stops waiting for it; `None` if that is farther away than time goes.
    end: Option<Instant>,
}

impl<'scope, 'env> InFlight<'scope, 'env> {
    pub(crate) fn new(
        scope: &'scope Scope<'scope, 'env>,
        shared: &'env Arc<Shared>,
        user: UserParts<'env>,
    ) -> Self {
        let arrivals = Mailbox::new();
        // Cancellation arrives in the same mailbox, so that one `take` waits for everything.
        let cancelled = arrivals.address();
        let wish = user
            .cancel
            .as_ref()
            .map(|cancel| cancel.subscribe(move || cancelled.send(Arrival::Cancelled)));
        Self {
            shared,
            workers: Workers::scoped(scope),
            user,
            arrivals,
            pending: 0,
            unsent: Vec::new(),
            unsigned: Vec::new(),
            is_over: Arc::default(),
            _wish: wish,
        }
    }

    /// Returns a function that makes [`next`](Self::next) return [`Arrival::Woken`].
    pub(crate) fn wake(&self) -> Wake {
        let address = self.arrivals.address();
        Arc::new(move || address.send(Arrival::Woken))
    }

    /// Starts a task, and returns its result if it ends at once.
    pub(crate) fn start(&mut self, task: Task) -> Option<Arrival> {
        let expected = Expected::of(&task);
        match task {
            Task::Exchange(transmit) => self.unsent.push((expected, transmit)),
            Task::Sign(request) => self.sign(expected, request),
            Task::Save(request) => self.save(expected, request),
            Task::Solve(call) => self.solve(expected, call),
            // On this thread, for nothing else is done meanwhile.
            Task::Consent(terms) => {
                let ask = self.user.consent.take();
                let ask = || ask.is_some_and(|ask| ask(&terms));
                return Some(outcome(expected, || Arrival::Consented(self.user.unlocked(ask))));
            }
            Task::StoreIntent(intent) => {
                let Some(store) = self.user.intent_store.take() else {
                    return Some(Arrival::IntentStored(Ok(())));
                };
                return Some(outcome(expected, || {
                    let before = self.shared.state.account_keys();
                    let stored = self.user.unlocked(|| store(intent));
                    let stored = stored.and_then(|()| self.shared.state.check_unchanged(&before));
                    Arrival::IntentStored(in_words(stored))
                }));
            }
        }
        None
    }

    /// Waits for the first of: cancellation, the end of a task, a wake-up, the time.
    ///
    /// A wake-up comes only where `has_queued` says that a call waits for what another flow holds.
    pub(crate) fn next(&mut self, wait: Duration, has_queued: bool) -> Arrival {
        if let Some(arrival) = self.send(wait, has_queued) {
            return arrival;
        }
        let ends = self.unsigned.iter().filter_map(|unsigned| unsigned.end);
        let left = ends.min().map(|end| end.saturating_duration_since(Instant::now()));
        let wait = left.map_or(wait, |left| left.min(wait));
        let arrival = self.arrivals.take(wait).unwrap_or(Arrival::Elapsed);
        match arrival {
            Arrival::Input(Input::Signature(id, _) | Input::SignFailed(id, _)) => {
                let Some(place) = self.unsigned.iter().position(|unsigned| unsigned.id == id)
                else {
                    // It is too late, and the flow knows.
                    return Arrival::Elapsed;
                };
                self.unsigned.swap_remove(place);
            }
            Arrival::Elapsed => return self.late_signature().unwrap_or(Arrival::Elapsed),
            Arrival::Cancelled | Arrival::Woken => return arrival,
            _ => {}
        }
        // Each of the others ends a task that was counted.
        self.pending -= 1;
        arrival
    }

    /// Stops waiting for a signature whose time is over.
    fn late_signature(&mut self) -> Option<Arrival> {
        let now = Instant::now();
        let is_late = |unsigned: &Unsigned| unsigned.end.is_some_and(|end| end <= now);
        let late = self.unsigned.swap_remove(self.unsigned.iter().position(is_late)?);
        self.pending -= 1;
        Some(late.expected.failed("no signature within the time limit".into()))
    }

    /// Sends the requests that are held.
    ///
    /// A single request with nothing else to wait for runs on the calling thread, and its result is returned. An
    /// issuance of one name starts no thread for its requests then; each would take a stack, and an arena of the
    /// allocator.
    fn send(&mut self, wait: Duration, has_queued: bool) -> Option<Arrival> {
        let is_last = |transmit: &Transmit| wait >= transmit.time_limit;
        let is_alone = self.pending == 0
            && matches!(&self.unsent[..], [(_, transmit)] if is_last(transmit))
            // Neither a cancellation nor a wake-up is a task, and both are answered at once: other flows wait behind a
            // call that may start.
            && self.user.cancel.is_none()
            && !has_queued;
        for (expected, transmit) in core::mem::take(&mut self.unsent) {
            let shared = Arc::clone(self.shared);
            let job = move || shared.exchange(transmit);
            if is_alone {
                return Some(outcome(expected, job));
            }
            self.detached(expected, job);
        }
        None
    }

    fn sign(&mut self, expected: Expected, request: SignRequest) {
        let end = Instant::now().checked_add(request.time_limit);
        self.unsigned.push(Unsigned { id: request.id, expected, end });
        let shared = Arc::clone(self.shared);
        self.detached(expected, move || shared.sign(&request));
    }

    fn save(&mut self, expected: Expected, request: SaveRequest) {
        let SaveRequest { id, snapshot } = request;
        let store = self.user.store.clone();
        self.scoped(expected, move || {
            let no_store = || Err("no store was given".into());
            let result = in_words(store.map_or_else(no_store, |s| s.save(&snapshot)));
            Arrival::Input(Input::saved(id, result))
        });
    }

    fn solve(&mut self, expected: Expected, call: SolverCall) {
        let is_over = Arc::clone(&self.is_over);
        match self.user.solvers[call.solver].clone().0 {
            // It may be left behind: a call that never returns must not keep the flow from ending.
            Given::Owned(solver) => {
                self.detached(expected, move || run_call(&*solver, &call, &is_over));
            }
            Given::Borrowed(solver) => {
                self.scoped(expected, move || run_call(&*solver, &call, &is_over));
            }
        }
    }

    /// Runs a job that borrows nothing, so that the flow can end without waiting for it.
    fn detached(&mut self, expected: Expected, job: impl FnOnce() -> Arrival + Send + 'static) {
        self.pending += 1;
        self.shared.workers.run(arriving(self.arrivals.address(), expected, job));
    }

    /// Runs a job that borrows from the caller, who waits for its end.
    fn scoped(&mut self, expected: Expected, job: impl FnOnce() -> Arrival + Send + 'scope) {
        self.pending += 1;
        self.workers.run(arriving(self.arrivals.address(), expected, job));
    }
}

impl Drop for InFlight<'_, '_> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

impl<'env> UserParts<'env> {
    /// Asks for consent by the user's function.
    pub(crate) fn for_registration(
        consent: Option<Consent<'env>>,
        account: &Arc<AccountLock>,
    ) -> Self {
        Self { consent, account: Some(Arc::clone(account)), ..Self::default() }
    }

    /// Stores both keys of a key change in the account file first, then by the user's function.
    pub(crate) fn for_key_change(
        file: Option<impl FnOnce(&RolloverIntent) -> Result<(), Error> + Send + 'static>,
        store: Option<IntentStore<'env>>,
        account: &Arc<AccountLock>,
    ) -> Self {
        let intent_store: IntentStore<'env> = Box::new(|intent| {
            file.map_or(Ok(()), |file| file(&intent))?;
            store.map_or(Ok(()), |store| store(intent))
        });
        let account = Some(Arc::clone(account));
        Self { intent_store: Some(intent_store), account, ..Self::default() }
    }

    /// Runs a function of the user without the lock of the account.
    fn unlocked<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.account {
            Some(account) => account.unlocked(work),
            None => work(),
        }
    }
}

/// Runs one call of a solver.
fn run_call(solver: &dyn Solver, call: &SolverCall, is_over: &AtomicBool) -> Arrival {
    let SolverCall { id, stage, challenge, context, .. } = call;
    let result = within(context, || match stage {
        Stage::Present => solver.present(challenge),
        Stage::Wait => solver.wait(challenge).map(|()| ChallengeResponse::default()),
        Stage::CleanUp if call.is_shared() => Ok(ChallengeResponse::default()),
        Stage::CleanUp => solver.clean_up(challenge).map(|()| ChallengeResponse::default()),
    });
    // The flow no longer asks for a clean-up of a challenge that it never saw published.
    let is_late = *stage == Stage::Present && is_over.load(Ordering::Acquire);
    if is_late && !challenge.stays() && !call.is_shared() {
        let _ = solver.clean_up(challenge);
    }
    if result.is_ok() {
        call.succeeded();
    }
    Arrival::Solved(*id, in_words(result))
}

/// Returns what runs a job on a thread and sends its result, which nobody receives if the flow has ended meanwhile.
fn arriving(
    address: Address<Arrival>,
    expected: Expected,
    job: impl FnOnce() -> Arrival,
) -> impl FnOnce(io::Result<()>) {
    move |thread| {
        let arrival = match thread {
            Ok(()) => outcome(expected, job),
            Err(error) => expected.failed(format!("no thread: {error}")),
        };
        address.send(arrival);
    }
}

/// Runs a job, and turns a panic into a failure: without an arrival the flow would never end.
fn outcome(expected: Expected, job: impl FnOnce() -> Arrival) -> Arrival {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| expected.panicked(&*panic))
}

fn in_words<T>(result: Result<T, BoxError>) -> Result<T, String> {
    result.map_err(|error| error_chain(&*error))
}
