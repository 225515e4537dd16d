//! Everything that a flow waits for, as futures within the task that drives it.

use core::future::{Future, pending, poll_fn};
use core::pin::pin;
use core::task::Poll;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use acme_adapter::driver::{Arrival, Consent, Expected, Task};
use acme_adapter::error::Error;
use acme_adapter::error_chain;
use acme_adapter::solvers::{SolverCall, Stage, Wake};
use acme_proto::challenge::ChallengeResponse;
use acme_proto::flow::{Input, SaveRequest};
use acme_proto::rollover::RolloverIntent;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::shared::{AccountLock, Shared};
use crate::solver::DynSolver;
use crate::solver::hook::CONTEXT;
use crate::store::DynStore;
use crate::{BoxError, BoxFuture};

/// The solvers, stores and cancellation that the user set for one flow.
#[derive(Default)]
pub(crate) struct UserParts<'a> {
    pub(crate) solvers: Vec<Arc<dyn DynSolver + 'a>>,
    pub(crate) store: Option<Arc<dyn DynStore + 'a>>,
    pub(crate) intent_store: Option<IntentStore<'a>>,
    pub(crate) consent: Option<Consent<'a>>,
    /// The lock under which an account is registered, or its key changed.
    pub(crate) account: Option<Arc<AccountLock>>,
    /// Resolves when the user wants the flow to end.
    pub(crate) cancel: Option<BoxFuture<'a, ()>>,
}

/// Stores both keys of a key change.
pub(crate) type IntentStore<'a> =
    Box<dyn FnOnce(RolloverIntent) -> BoxFuture<'a, Result<(), BoxError>> + Send + 'a>;

impl<'a> UserParts<'a> {
    /// Asks for consent by the user's function.
    pub(crate) fn for_registration(
        consent: Option<Consent<'a>>,
        account: &Arc<AccountLock>,
    ) -> Self {
        Self { consent, account: Some(Arc::clone(account)), ..Self::default() }
    }

    /// Stores both keys of a key change in the account file first, then by the user's function.
    pub(crate) fn for_key_change(
        file: Option<impl FnOnce(&RolloverIntent) -> Result<(), Error> + Send + 'static>,
        store: Option<IntentStore<'a>>,
        account: &Arc<AccountLock>,
    ) -> Self {
        let intent_store: IntentStore<'a> = Box::new(|intent| {
            Box::pin(async {
                if let Some(file) = file {
                    let intent = intent.clone();
                    on_disk(move || file(&intent)).await?;
                }
                match store {
                    Some(store) => store(intent).await,
                    None => Ok(()),
                }
            })
        });
        let account = Some(Arc::clone(account));
        Self { intent_store: Some(intent_store), account, ..Self::default() }
    }
}

/// Reads or writes files on a thread that may block.
pub(crate) async fn on_disk(
    work: impl FnOnce() -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down and drops this task, so no result is needed.
            Err(_) => pending().await,
        },
    }
}

/// The tasks of one flow; dropping it cancels them all.
pub(crate) struct InFlight<'a> {
    shared: Arc<Shared>,
    user: UserParts<'a>,
    tasks: FuturesUnordered<BoxFuture<'a, Arrival>>,
    woken: Arc<Notify>,
}

impl<'a> InFlight<'a> {
    pub(crate) fn new(shared: &Arc<Shared>, user: UserParts<'a>) -> Self {
        let (tasks, woken) = (FuturesUnordered::new(), Arc::default());
        Self { shared: Arc::clone(shared), user, tasks, woken }
    }

    /// Returns a function that makes [`next`](Self::next) return [`Arrival::Woken`].
    pub(crate) fn wake(&self) -> Wake {
        let woken = Arc::clone(&self.woken);
        Arc::new(move || woken.notify_one())
    }

    pub(crate) fn start(&mut self, task: Task) {
        let shared = Arc::clone(&self.shared);
        let expected = Expected::of(&task);
        let task: BoxFuture<'a, Arrival> = match task {
            Task::Exchange(transmit) => Box::pin(async move { shared.exchange(transmit).await }),
            Task::Sign(request) => Box::pin(async move { shared.sign(request).await }),
            Task::Save(request) => Box::pin(save(self.user.store.clone(), request)),
            Task::Solve(call) => Box::pin(solve(Arc::clone(&self.user.solvers[call.solver]), call)),
            Task::Consent(terms) => {
                let (ask, account) = (self.user.consent.take(), self.user.account.clone());
                Box::pin(async move {
                    let agreed =
                        unlocked(account.as_deref(), async { ask.is_some_and(|ask| ask(&terms)) });
                    Arrival::Consented(agreed.await)
                })
            }
            Task::StoreIntent(intent) => {
                let (store, account) = (self.user.intent_store.take(), self.user.account.clone());
                Box::pin(store_intent(shared, store, account, intent))
            }
        };
        // A panic of the user's code is a failure of that task: what is published is still to be cleaned up.
        let caught = AssertUnwindSafe(task).catch_unwind();
        self.tasks.push(Box::pin(async move {
            caught.await.unwrap_or_else(|panic| expected.panicked(&*panic))
        }));
    }

    /// Waits for the first of: cancellation, the end of a task, a wake-up, the time.
    pub(crate) async fn next(&mut self, until: Instant) -> Arrival {
        let Self { user, tasks, woken, .. } = self;
        // A wake-up between two calls is not lost: `notify_one` stores a permit.
        let mut woken = pin!(woken.notified());
        let mut time = pin!(sleep_until(until));
        // Cancellation comes first, so that a steady stream of finished tasks cannot delay it.
        poll_fn(|cx| {
            if let Some(wish) = &mut user.cancel
                && wish.as_mut().poll(cx).is_ready()
            {
                // A future must not be polled again after it is ready.
                user.cancel = None;
                return Poll::Ready(Arrival::Cancelled);
            }
            if let Poll::Ready(Some(arrival)) = tasks.poll_next_unpin(cx) {
                return Poll::Ready(arrival);
            }
            if woken.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Arrival::Woken);
            }
            time.as_mut().poll(cx).map(|()| Arrival::Elapsed)
        })
        .await
    }
}

async fn save(store: Option<Arc<dyn DynStore + '_>>, request: SaveRequest) -> Arrival {
    let SaveRequest { id, snapshot } = request;
    let result = match store {
        Some(store) => store.dyn_save(&snapshot).await,
        None => Err("no store was given".into()),
    };
    Arrival::Input(Input::saved(id, result.map_err(|error| error_chain(&*error))))
}

/// Runs one call of a solver.
///
/// `call` holds the lock of the record name, which is released when this future ends or is dropped.
async fn solve(solver: Arc<dyn DynSolver + '_>, call: SolverCall) -> Arrival {
    let done = |()| ChallengeResponse::default();
    let called = async {
        match call.stage {
            Stage::Present => solver.dyn_present(&call.challenge).await,
            Stage::Wait => solver.dyn_wait(&call.challenge).await.map(done),
            Stage::CleanUp if call.is_shared() => Ok(ChallengeResponse::default()),
            Stage::CleanUp => solver.dyn_clean_up(&call.challenge).await.map(done),
        }
    };
    let result = CONTEXT.scope(call.context.clone(), called).await;
    if result.is_ok() {
        call.succeeded();
    }
    Arrival::Solved(call.id, result.map_err(|error| error_chain(&*error)))
}

async fn store_intent(
    shared: Arc<Shared>,
    store: Option<IntentStore<'_>>,
    account: Option<Arc<AccountLock>>,
    intent: RolloverIntent,
) -> Arrival {
    let Some(store) = store else { return Arrival::IntentStored(Ok(())) };
    let before = shared.state.account_keys();
    let stored = unlocked(account.as_deref(), store(intent)).await;
    let result = stored.and_then(|()| shared.state.check_unchanged(&before));
    Arrival::IntentStored(result.map_err(|error| error_chain(&*error)))
}

/// Runs a function of the user without the lock of the account.
async fn unlocked<T>(account: Option<&AccountLock>, work: impl Future<Output = T>) -> T {
    let Some(account) = account else { return work.await };
    account.release();
    let result = work.await;
    account.lock_again().await;
    result
}
