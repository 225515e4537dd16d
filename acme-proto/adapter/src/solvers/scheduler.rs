//! The queue of calls to the solvers of one issuance.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use acme_proto::challenge::{Challenge, ChallengeId, ChallengeResponse};
use acme_proto::issuance::Offer;
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
    published: BTreeMap<Url, Arc<Published>>,
    next_id: u64,
    /// Calls of `present` and `clean_up`, oldest first.
    queue: VecDeque<SolverCall>,
    /// Calls of `wait`.
    waits: VecDeque<SolverCall>,
    running: BTreeMap<CallId, Running>,
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
    lock: Option<RecordLock>,
    /// Of a `present`: it counts on the challenge even if the issuance ends meanwhile.
    published: Option<Arc<Published>>,
    locks: Arc<RecordLocks>,
}

impl SolverCall {
    /// Returns whether another issuance of the client has the challenge published: then it is not taken away.
    pub fn is_shared(&self) -> bool {
        self.locks.users(self.challenge.url()) > usize::from(self.published.is_some())
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
            published: BTreeMap::new(),
            next_id: 0,
            queue: VecDeque::new(),
            waits: VecDeque::new(),
            running: BTreeMap::new(),
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
        let published = None;
        let call =
            SolverCall { id, solver, stage, challenge, context, response, lock, published, locks };
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
mod tests {
    use super::*;

    fn challenge(name: &str, number: u32) -> Challenge {
        let json = serde_json::json!({
            "authorization": format!("https://ca.example/authz/{number}"),
            "url": format!("https://ca.example/chall/{number}"),
            "identifier": { "type": "dns", "value": name },
            "kind": "dns-01",
            "token": "tokentokentokentokentoken",
            "thumbprint": "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ",
        });
        serde_json::from_value(json).expect("a challenge")
    }

    fn scheduler() -> (Scheduler, Wake) {
        let kinds = vec![vec![ChallengeKind::Dns01]];
        (Scheduler::new(kinds, &Arc::default()), Arc::new(|| ()))
    }

    fn calls(scheduler: &mut Scheduler) -> Vec<SolverCall> {
        core::iter::from_fn(|| scheduler.next_call()).collect()
    }

    fn end(
        scheduler: &mut Scheduler,
        call: SolverCall,
        result: Result<(), String>,
    ) -> Option<Verdict> {
        let id = call.id;
        drop(call);
        let result = result.map(|()| ChallengeResponse::new().with_member("csr", "AA"));
        scheduler.finished(id, result, |_| true)
    }

    #[test]
    fn calls_for_one_record_follow_each_other_and_others_run_beside_them() {
        let (mut scheduler, wake) = scheduler();
        for (number, name) in ["a.test", "a.test", "b.test"].into_iter().enumerate() {
            scheduler.present(challenge(name, number as u32), &wake).expect("a solver");
        }
        let mut running = calls(&mut scheduler);
        let urls: Vec<&str> = running.iter().map(|call| call.challenge.url().as_str()).collect();
        assert_eq!(urls, ["https://ca.example/chall/0", "https://ca.example/chall/2"]);
        assert!(scheduler.has_queued());
        let published = Some(Verdict::Published(running[0].challenge.id()));
        assert_eq!(end(&mut scheduler, running.remove(0), Ok(())), published);
        let next = calls(&mut scheduler);
        assert_eq!(next.len(), 1);
        assert_eq!(next[0].challenge.url().as_str(), "https://ca.example/chall/1");
    }

    #[test]
    fn no_more_than_the_limit_of_calls_run_at_once() {
        let (mut scheduler, wake) = scheduler();
        for number in 0..20 {
            let name = format!("n{number}.test");
            scheduler.present(challenge(&name, number), &wake).expect("a solver");
        }
        let mut running = calls(&mut scheduler);
        assert_eq!(running.len(), MAX_CALLS);
        end(&mut scheduler, running.remove(0), Ok(()));
        assert_eq!(calls(&mut scheduler).len(), 1);
    }

    #[test]
    fn waiting_begins_after_the_last_present_and_is_not_counted() {
        let (mut scheduler, wake) = scheduler();
        for number in 0..20 {
            let name = format!("n{number}.test");
            scheduler.present(challenge(&name, number), &wake).expect("a solver");
        }
        let mut waits = Vec::new();
        while waits.is_empty() {
            for call in calls(&mut scheduler) {
                match call.stage {
                    Stage::Present => {
                        let published = Some(Verdict::Published(call.challenge.id()));
                        assert_eq!(end(&mut scheduler, call, Ok(())), published);
                    }
                    _ => waits.push(call),
                }
            }
        }
        waits.extend(calls(&mut scheduler));
        assert!(waits.iter().all(|call| call.stage == Stage::Wait));
        assert_eq!(waits.len(), 20);
        let wait = waits.remove(0);
        let id = wait.challenge.id();
        let response = ChallengeResponse::new().with_member("csr", "AA");
        assert_eq!(end(&mut scheduler, wait, Ok(())), Some(Verdict::Ready(id, response)));
    }

    #[test]
    fn a_challenge_is_cleaned_up_after_it_was_presented_and_its_end_is_not_reported() {
        let (mut scheduler, wake) = scheduler();
        let challenge = challenge("a.test", 0);
        scheduler.present(challenge.clone(), &wake).expect("a solver");
        let mut running = calls(&mut scheduler);
        scheduler.clean_up(challenge.clone(), &wake).expect("a solver");
        assert!(calls(&mut scheduler).is_empty());
        let present = running.remove(0).id;
        let published = Ok(ChallengeResponse::default());
        assert_eq!(scheduler.finished(present, published, |id| *id != challenge.id()), None);
        let clean_up = calls(&mut scheduler).remove(0);
        assert_eq!(clean_up.stage, Stage::CleanUp);
        let why = "the zone is locked".to_owned();
        let verdict = Some(Verdict::CleanFailed(challenge.id(), why.clone()));
        assert_eq!(end(&mut scheduler, clean_up, Err(why)), verdict);
    }

    #[test]
    fn the_last_issuance_that_counts_on_a_challenge_takes_it_away() {
        let locks = Arc::default();
        let new = || Scheduler::new(vec![vec![ChallengeKind::Dns01]], &locks);
        let (mut first, mut second, mut third) = (new(), new(), new());
        let wake: Wake = Arc::new(|| ());
        let challenge = challenge("a.test", 0);
        let results = [Ok(()), Ok(()), Err("no".to_owned())];
        for (scheduler, result) in [&mut first, &mut second, &mut third].into_iter().zip(results) {
            scheduler.present(challenge.clone(), &wake).expect("a solver");
            let call = calls(scheduler).remove(0);
            end(scheduler, call, result);
        }
        let clean_up = |scheduler: &mut Scheduler| {
            scheduler.clean_up(challenge.clone(), &wake).expect("a solver");
            let call = calls(scheduler).remove(0);
            let is_shared = call.is_shared();
            end(scheduler, call, Ok(()));
            is_shared
        };
        assert!(clean_up(&mut first), "the second one counts on it");
        assert!(!clean_up(&mut second), "the third one could not publish it");
        // An issuance that is dropped counts on nothing any more.
        second.present(challenge.clone(), &wake).expect("a solver");
        let call = calls(&mut second).remove(0);
        end(&mut second, call, Ok(()));
        assert!(clean_up(&mut first));
        drop(second);
        assert!(!clean_up(&mut first));
    }

    #[test]
    fn once_stopped_nothing_is_presented_and_what_runs_is_asked_to_end() {
        let (mut scheduler, wake) = scheduler();
        let [first, second] = [challenge("a.test", 0), challenge("a.test", 1)];
        scheduler.present(first, &wake).expect("a solver");
        scheduler.present(second.clone(), &wake).expect("a solver");
        let running = calls(&mut scheduler);
        assert_eq!(scheduler.stop(), [second.id()]);
        assert!(running[0].context.stop.is_set() && !scheduler.has_queued());
        scheduler.clean_up(second, &wake).expect("a solver");
        drop(running);
        let clean_up = calls(&mut scheduler).remove(0);
        assert!(!clean_up.context.stop.is_set() && scheduler.stop().is_empty());
        drop(scheduler);
        assert!(clean_up.context.stop.is_set());
    }

    #[test]
    fn a_solver_that_gathers_is_called_once_no_more_challenges_come() {
        let (scheduler, wake) = scheduler();
        let mut scheduler = scheduler.gathering(vec![true]);
        for (number, name) in ["a.test", "b.test"].into_iter().enumerate() {
            scheduler.present(challenge(name, number as u32), &wake).expect("a solver");
        }
        assert!(calls(&mut scheduler).is_empty() && scheduler.is_gathering());
        scheduler.gathered();
        assert!(!scheduler.is_gathering());
        let running = calls(&mut scheduler);
        let batches: Vec<_> =
            running.iter().map(|call| call.context.batch.clone().expect("a batch")).collect();
        assert_eq!(batches[0].names(), ["a.test", "b.test"]);
        assert!(Arc::ptr_eq(&batches[0], &batches[1]));
        assert_eq!((batches[0].take(), batches[1].take(), batches[0].take()), (1, 0, 0));
        // A clean-up waits for nothing.
        drop(running);
        scheduler.clean_up(challenge("c.test", 2), &wake).expect("a solver");
        assert_eq!(calls(&mut scheduler).len(), 1);
    }

    #[test]
    fn without_a_solver_the_kind_is_named() {
        let mut scheduler = Scheduler::new(vec![vec![ChallengeKind::Http01]], &Arc::default());
        let wake: Wake = Arc::new(|| ());
        let error = scheduler.present(challenge("a.test", 0), &wake).expect_err("no solver");
        assert_eq!(error, "no solver was given for dns-01");
    }
}
