//! The queue of calls to the solvers of one issuance.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;

use acme_proto::challenge::{Challenge, ChallengeId, ChallengeResponse};
use acme_proto::issuance::Offer;
use acme_proto::sorted::SortedMap;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;

use super::record_locks::Published;
use super::{Batch, CallContext, RecordLock, RecordLocks, Stop, Wake};

/// How many calls of solvers run at once for each issuance; calls of `wait` are not counted.
pub const MAX_CALLS: usize = 16;

/// Decides when each solver is called, and what the flow learns from the results.
#[derive(Debug)]
pub struct Scheduler {
    /// The kinds of challenges that each solver can publish, in the order of the solvers.
    kinds: Vec<Vec<ChallengeKind>>,
    /// Which solvers are given the challenges of an order all at once, by their place in that list.
    gathers: Vec<bool>,
    /// By the place of the solver in that list.
    progress: Vec<Progress>,
    locks: Arc<RecordLocks>,
    /// What this issuance has published.
    published: SortedMap<Url, Arc<Published>>,
    next_id: u64,
    /// Calls of `present` and `clean_up`, oldest first.
    queue: VecDeque<SolverCall>,
    /// Calls of `wait`.
    waits: VecDeque<SolverCall>,
    running: SortedMap<CallId, Running>,
    /// How many of the running calls count against [`MAX_CALLS`].
    busy: usize,
    /// Nothing is presented any more.
    stopped: bool,
}

/// The calls of `present` of one solver.
#[derive(Clone, Debug, Default)]
struct Progress {
    presenting: usize,
    /// With the response that `present` returned, which goes to the CA once waiting is over.
    presented: Vec<(Challenge, ChallengeResponse)>,
}

#[derive(Debug)]
struct Running {
    solver: usize,
    stage: Stage,
    challenge: Challenge,
    /// What `present` returned, while `wait` runs.
    response: ChallengeResponse,
    stop: Stop,
}

/// Which method of a solver is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Publish the challenge.
    Present,
    /// Wait until the CA can see it.
    Wait,
    /// Take it away.
    CleanUp,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "present",
            Self::Wait => "wait",
            Self::CleanUp => "clean_up",
        })
    }
}

/// Names a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(u64);

/// A call of a solver; it keeps its record name locked until it is dropped, so drop it when the
/// call has ended.
#[derive(Debug)]
pub struct SolverCall {
    /// Names the call, for [`Scheduler::finished`].
    pub id: CallId,
    /// The place of the solver in the list that the scheduler was made with.
    pub solver: usize,
    /// The method to be called.
    pub stage: Stage,
    /// Its argument.
    pub challenge: Challenge,
    /// Says when the call is to end early, and which calls are made with it.
    pub context: CallContext,
    response: ChallengeResponse,
    /// Of a `present`: it counts on the challenge even if the issuance ends meanwhile.
    published: Option<Arc<Published>>,
    has_succeeded: AtomicBool,
    // After `published`: whoever gets the lock next asks at once who counts on the challenge.
    lock: Option<RecordLock>,
    locks: Arc<RecordLocks>,
}

impl SolverCall {
    /// Returns whether another issuance of the client has the challenge published: then it is not taken away.
    pub fn is_shared(&self) -> bool {
        self.locks.users(self.challenge.url()) > usize::from(self.published.is_some())
    }

    /// Says that the method returned without an error; call it before the call is dropped.
    ///
    /// A `present` that failed, or whose code panicked, does not count on its challenge once its record is free.
    pub fn succeeded(&self) {
        self.has_succeeded.store(true, Ordering::Release);
    }
}

impl Drop for SolverCall {
    fn drop(&mut self) {
        if !self.has_succeeded.load(Ordering::Acquire)
            && let Some(published) = &self.published
        {
            published.end();
        }
    }
}

/// What the flow learns of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is published, and the CA may not see it yet: it can be taken away from now on.
    Published(ChallengeId),
    /// It is published, and the CA can see it.
    Ready(ChallengeId, ChallengeResponse),
    /// It could not be published.
    Failed(ChallengeId, String),
    /// It was taken away.
    Cleaned(ChallengeId),
    /// It could not be taken away.
    CleanFailed(ChallengeId, String),
}

impl Scheduler {
    /// Creates a scheduler for solvers that know these kinds of challenges.
    pub fn new(kinds: Vec<Vec<ChallengeKind>>, locks: &Arc<RecordLocks>) -> Self {
        Self {
            progress: vec![Progress::default(); kinds.len()],
            gathers: vec![false; kinds.len()],
            kinds,
            locks: Arc::clone(locks),
            published: SortedMap::new(),
            next_id: 0,
            queue: VecDeque::new(),
            waits: VecDeque::new(),
            running: SortedMap::new(),
            busy: 0,
            stopped: false,
        }
    }

    /// Has the calls of `present` of these solvers wait for [`gathered`](Self::gathered), by the place of each solver.
    pub fn gathering(mut self, gathers: Vec<bool>) -> Self {
        self.gathers = gathers;
        self
    }

    /// Returns whether calls wait for [`gathered`](Self::gathered).
    pub fn is_gathering(&self) -> bool {
        self.queue.iter().any(|call| self.is_gathered(call))
    }

    /// Lets the calls start that waited for the rest of their order: there is no more to come.
    pub fn gathered(&mut self) {
        for solver in 0..self.gathers.len() {
            let is_held = |call: &SolverCall| call.solver == solver && self.is_gathered(call);
            let names = self.queue.iter().filter(|call| is_held(call));
            let names = names.map(|call| call.challenge.identifier().value()).collect();
            let batch = Arc::new(Batch::new(names));
            let held: Vec<bool> = self.queue.iter().map(is_held).collect();
            for (call, _) in self.queue.iter_mut().zip(held).filter(|(_, is_held)| *is_held) {
                call.context.batch = Some(Arc::clone(&batch));
            }
        }
    }

    /// Returns whether a call waits for the rest of its order.
    fn is_gathered(&self, call: &SolverCall) -> bool {
        let gathers = self.gathers.get(call.solver).is_some_and(|gathers| *gathers);
        gathers && call.stage == Stage::Present && call.context.batch.is_none()
    }

    /// Chooses a kind by the order of the solvers, and of the kinds within each; an error says that
    /// no solver suits.
    ///
    /// # Errors
    /// In words, the kinds that are offered.
    pub fn choose(&self, offer: &Offer) -> Result<ChallengeKind, String> {
        offer.choose(&self.kinds.concat()).ok_or_else(|| no_solver(offer.kinds()))
    }

    /// Queues a `present`; `wake` has [`next_call`](Self::next_call) asked again.
    ///
    /// # Errors
    /// In words, that no solver knows the kind.
    pub fn present(&mut self, challenge: Challenge, wake: &Wake) -> Result<(), String> {
        let solver = self.solver_for(&challenge)?;
        self.progress[solver].presenting += 1;
        self.push(solver, Stage::Present, challenge, ChallengeResponse::default(), Some(wake));
        Ok(())
    }

    /// Queues a `clean_up`; the lock of the record keeps it behind a `present` of the same
    /// challenge.
    ///
    /// # Errors
    /// In words, that no solver knows the kind.
    pub fn clean_up(&mut self, challenge: Challenge, wake: &Wake) -> Result<(), String> {
        let solver = self.solver_for(&challenge)?;
        self.push(solver, Stage::CleanUp, challenge, ChallengeResponse::default(), Some(wake));
        Ok(())
    }

    /// Asks all calls of `present` and `wait` to end, and returns the challenges of those that have not started: they
    /// are not called.
    pub fn stop(&mut self) -> Vec<ChallengeId> {
        if core::mem::replace(&mut self.stopped, true) {
            return Vec::new();
        }
        for call in self.running.values().filter(|call| call.stage != Stage::CleanUp) {
            call.stop.set();
        }
        let mut dropped: Vec<ChallengeId> =
            self.waits.drain(..).map(|call| call.challenge.id()).collect();
        let is_kept = |call: &SolverCall| call.stage == Stage::CleanUp;
        let ids = self.queue.iter().filter(|call| !is_kept(call)).map(|call| call.challenge.id());
        dropped.extend(ids);
        self.queue.retain(is_kept);
        dropped
    }

    /// Returns a call that may start now; ask again until there is none.
    pub fn next_call(&mut self) -> Option<SolverCall> {
        let mut call = match self.waits.pop_front() {
            Some(wait) => wait,
            None if self.busy < MAX_CALLS => {
                // A call whose record is locked does not hold up those behind it.
                let is_free =
                    |call: &SolverCall| call.lock.as_ref().is_none_or(RecordLock::is_held);
                let may_start = |call: &SolverCall| is_free(call) && !self.is_gathered(call);
                let place = self.queue.iter().position(may_start)?;
                self.queue.remove(place)?
            }
            None => return None,
        };
        self.busy += usize::from(call.stage != Stage::Wait);
        let url = call.challenge.url();
        match call.stage {
            Stage::Present => {
                let published = Arc::new(self.locks.publish(url));
                self.published.insert(url.clone(), Arc::clone(&published));
                call.published = Some(published);
            }
            Stage::Wait => {}
            Stage::CleanUp => _ = self.published.remove(url),
        }
        // The call itself belongs to the adapter until it ends, and its lock with it.
        let running = Running {
            solver: call.solver,
            stage: call.stage,
            challenge: call.challenge.clone(),
            response: call.response.clone(),
            stop: call.context.stop.clone(),
        };
        self.running.insert(call.id, running);
        Some(call)
    }

    /// Returns whether calls wait for their turn.
    pub fn has_queued(&self) -> bool {
        !(self.queue.is_empty() && self.waits.is_empty())
    }

    /// Says which call has not returned, if one has not: the oldest.
    pub fn stuck(&self) -> Option<String> {
        let mut running = self.running.values().filter(|call| call.stage != Stage::CleanUp);
        let running = running.next();
        let running = running.map(|call| (call.stage, &call.challenge, "has not returned from"));
        // Behind a call for the same record, of another issuance.
        let queued = self.queue.front();
        let queued = queued.map(|call| (call.stage, &call.challenge, "waits for its turn to"));
        let (stage, challenge, what) = running.or(queued)?;
        let (kind, name) = (challenge.kind(), challenge.identifier());
        Some(format!("the solver of {kind} {what} `{stage}` for {name}"))
    }

    /// Handles the end of a call, and returns the result for the flow, if it needs one.
    ///
    /// The response is what `present` returned; the other calls have none. Nothing is reported, and nothing waited for,
    /// where `is_wanted` denies it: see [`Issuance::is_wanted`](acme_proto::issuance::Issuance::is_wanted).
    pub fn finished(
        &mut self,
        id: CallId,
        result: Result<ChallengeResponse, String>,
        is_wanted: impl FnOnce(&ChallengeId) -> bool,
    ) -> Option<Verdict> {
        let Running { solver, stage, challenge, response, .. } = self.running.remove(&id)?;
        self.busy -= usize::from(stage != Stage::Wait);
        let id = challenge.id();
        let is_wanted = is_wanted(&id);
        match (stage, result) {
            (Stage::Present, result) => {
                self.progress[solver].presenting -= 1;
                let verdict = match result {
                    Ok(response) => {
                        let presented = is_wanted.then_some((challenge, response));
                        self.progress[solver].presented.extend(presented);
                        Verdict::Published(id)
                    }
                    Err(why) => {
                        self.published.remove(challenge.url());
                        Verdict::Failed(id, why)
                    }
                };
                self.wait_if_all_presented(solver);
                is_wanted.then_some(verdict)
            }
            (Stage::Wait, _) if !is_wanted => None,
            (Stage::Wait, Ok(_)) => Some(Verdict::Ready(id, response)),
            (Stage::Wait, Err(why)) => Some(Verdict::Failed(id, why)),
            (Stage::CleanUp, Ok(_)) => Some(Verdict::Cleaned(id)),
            (Stage::CleanUp, Err(why)) => Some(Verdict::CleanFailed(id, why)),
        }
    }

    /// Queues `wait` for everything that a solver has presented, unless more is being presented.
    ///
    /// Records propagate side by side, so that waits which start together take about as long as one.
    fn wait_if_all_presented(&mut self, solver: usize) {
        if self.progress[solver].presenting > 0 || self.stopped {
            return;
        }
        for (challenge, response) in core::mem::take(&mut self.progress[solver].presented) {
            self.push(solver, Stage::Wait, challenge, response, None);
        }
    }

    /// Queues a call; with a way to be woken up it locks the challenge's record first.
    fn push(
        &mut self,
        solver: usize,
        stage: Stage,
        challenge: Challenge,
        response: ChallengeResponse,
        wake: Option<&Wake>,
    ) {
        let id = CallId(self.next_id);
        self.next_id += 1;
        let lock = wake.map(|wake| {
            // Other challenges share no record, so their URL is a name that nothing else uses.
            let name = challenge.txt_name().unwrap_or_else(|| challenge.url().to_string());
            self.locks.lock(&name, Arc::clone(wake))
        });
        let context = CallContext::default();
        let locks = Arc::clone(&self.locks);
        let (published, has_succeeded) = (None, AtomicBool::new(false));
        let call = SolverCall {
            id,
            solver,
            stage,
            challenge,
            context,
            response,
            published,
            has_succeeded,
            lock,
            locks,
        };
        let queue = if stage == Stage::Wait { &mut self.waits } else { &mut self.queue };
        queue.push_back(call);
    }

    fn solver_for(&self, challenge: &Challenge) -> Result<usize, String> {
        let kind = challenge.kind();
        let place = self.kinds.iter().position(|kinds| kinds.contains(kind));
        place.ok_or_else(|| no_solver(core::slice::from_ref(kind)))
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // Nobody waits for what still runs.
        self.running.values().for_each(|call| call.stop.set());
    }
}

fn no_solver(kinds: &[ChallengeKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    format!("no solver was given for {}", kinds.join(", "))
}

#[cfg(test)]
mod tests;
