//! A bounded model checker over the real code: every interleaving of one issuance with a CA, a network, a user, a store
//! and a clock, up to a number of faults.
//!
//! A state is whatever the flow, the session, the model of a CA and everything between them hold. In each, every thing
//! that can happen is tried: each request arrives or is lost, each response arrives, is lost, cut off, doubled or garbled,
//! each event is obliged or failed, a snapshot is stored or not, the CA validates, refuses or issues, the clock goes on to
//! the next wake-up, the user cancels, the process dies and another one resumes. What goes wrong is bounded by
//! [`Plan::faults`], everything else is not.
//!
//! Flows cannot be copied, so that a branch is replayed from the beginning by its choices. A state that was seen with at
//! least as many faults left is not entered again: states are equal if their `Debug` texts are, which show every field of
//! the real code.
//!
//! What must hold is in `check`: no nonce is sent twice, one order for one wish unless a response to newOrder was lost or
//! an order failed, one certificate for one wish, nothing left published without being named, nothing published or
//! finalized before it is stored, never more requests in flight than allowed, only the certificate that was ordered, an
//! end within the time limits, and a certificate in spite of every fault that passes.

mod action;
mod ca;
mod check;
mod run;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use action::Action;
use ca::Materials;
use run::Run;

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many names the order has, at most 3.
    pub names: usize,
    /// How many faults a run may have.
    pub faults: u32,
    /// Whether the issuance saves snapshots, so that its process may die.
    pub durable: bool,
    /// Whether everything that can go well is tried in every order; otherwise only in one.
    pub interleaved: bool,
    /// How many requests may be in flight.
    pub max_in_flight: usize,
    /// How many states are entered at most.
    pub most_states: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            names: 1,
            faults: 1,
            durable: true,
            interleaved: true,
            max_in_flight: 2,
            most_states: usize::MAX,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Different states, those at the end of a run included.
    pub states: usize,
    /// Steps from a state to a state, each of the real code.
    pub steps: usize,
    /// Runs to the end of a flow.
    pub ended: usize,
    /// Those that ended with a certificate.
    pub issued: usize,
    /// The longest run, in steps.
    pub longest: usize,
    /// Whether every state was entered that the plan allows.
    pub complete: bool,
    /// Broken invariants, at most [`MOST_VIOLATIONS`], each with the choices that lead there.
    pub violations: Vec<Violation>,
}

/// A broken invariant.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What is wrong.
    pub what: String,
    /// What happened, in order.
    pub actions: Vec<String>,
}

/// How many broken invariants are kept before the exploration stops.
pub const MOST_VIOLATIONS: usize = 10;

/// A run of more steps than this does not end.
const MOST_STEPS: usize = 2000;

/// Explores everything that a plan allows.
pub fn explore(plan: &Plan) -> Report {
    let names = ["a.example", "b.example", "c.example"];
    let materials = Materials::new(&names[..plan.names.clamp(1, 3)]);
    let mut search =
        Search { plan, materials: &materials, seen: HashMap::new(), trail: Vec::new() };
    let mut report = Report::default();
    loop {
        search.descend(&mut report);
        report.states = search.seen.len();
        if report.violations.len() >= MOST_VIOLATIONS || report.states >= plan.most_states {
            return report;
        }
        if !search.back() {
            report.complete = true;
            return report;
        }
    }
}

struct Search<'a> {
    plan: &'a Plan,
    materials: &'a Materials,
    /// The fewest faults with which each state was reached.
    seen: HashMap<u64, u32>,
    /// The choices of the current branch: which one, of how many.
    trail: Vec<(usize, usize)>,
}

impl Search<'_> {
    /// Replays the trail, and goes on by first choices until a state is known or the run is over.
    fn descend(&mut self, report: &mut Report) {
        let mut run = Run::new(self.plan, self.materials);
        let mut done = Vec::new();
        let mut depth = 0;
        loop {
            let is_new = depth >= self.trail.len();
            if is_new {
                if depth > 0 && !self.enter(&run) {
                    return;
                }
                report.longest = report.longest.max(depth);
                if run.is_over() || depth >= MOST_STEPS {
                    return self.conclude(&run, &done, report);
                }
            }
            let actions = run.actions();
            if is_new {
                self.trail.push((0, actions.len()));
            }
            let Some(&action) = actions.get(self.trail[depth].0) else {
                self.trail.truncate(depth);
                run.violated("nothing can happen".into());
                return self.conclude(&run, &done, report);
            };
            done.push(action);
            run.act(action);
            depth += 1;
            report.steps += usize::from(depth >= self.trail.len());
        }
    }

    /// Returns whether a state is new, or was reached with more faults before.
    fn enter(&mut self, run: &Run<'_>) -> bool {
        let fingerprint = run.fingerprint();
        let before = self.seen.get(&fingerprint).copied();
        if before.is_some_and(|faults| faults <= run.faults) {
            return false;
        }
        self.seen.insert(fingerprint, run.faults);
        true
    }

    fn conclude(&self, run: &Run<'_>, actions: &[Action], report: &mut Report) {
        report.ended += 1;
        report.issued += usize::from(matches!(run.result, Some(Ok(_))));
        let endless = (!run.is_over()).then(|| "the run does not end".to_owned());
        let Some(what) = run.violation.clone().or(endless) else { return };
        // Words are made only for a run that a person reads.
        let mut again = Run::new(self.plan, self.materials);
        let mut described = Vec::new();
        for &action in actions {
            described.push(again.describe(action));
            again.act(action);
        }
        report.violations.push(Violation { what, actions: described });
    }

    /// Moves to the next branch; returns whether there is one.
    fn back(&mut self) -> bool {
        while let Some((choice, of)) = self.trail.last_mut() {
            *choice += 1;
            if *choice < *of {
                return true;
            }
            self.trail.pop();
        }
        false
    }
}

impl Run<'_> {
    /// Says what an action is, for a person.
    fn describe(&self, action: Action) -> String {
        let request = |n: usize| {
            let request = &self.in_flight[n].transmit.request;
            format!("{} {}", request.method(), request.url())
        };
        match action {
            Action::Oblige(n) | Action::Fail(n) => {
                let mut event = format!("{action:?} {:?}", self.events[n]);
                event.truncate(60);
                event
            }
            Action::Arrive(n)
            | Action::ArriveIssueLater(n)
            | Action::Deliver(n)
            | Action::Refuse(n)
            | Action::LoseRequest(n)
            | Action::Busy(n)
            | Action::Limit(n)
            | Action::BadNonce(n)
            | Action::BusyAfter(n)
            | Action::LoseResponse(n)
            | Action::Truncate(n)
            | Action::DeliverTwice(n)
            | Action::Garble(n)
            | Action::WrongKey(n)
            | Action::WrongNames(n) => format!("{action:?} {}", request(n)),
            _ => format!("{action:?}"),
        }
    }

    /// Returns a hash of the whole state.
    fn fingerprint(&self) -> u64 {
        let mut text = String::with_capacity(16 * 1024);
        let _ = write!(text, "{:?}", self.session);
        // Sessions are numbered through the whole process, and flows name theirs.
        let id: String = text
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        let mut hasher = DefaultHasher::new();
        text.replacen(&id, "", 1).hash(&mut hasher);
        text.clear();
        let _ = write!(text, "{:?}", self.flow);
        text.replace(&format!("session: {id}"), "").hash(&mut hasher);
        text.clear();
        for request in &self.in_flight {
            request.transmit.id.hash(&mut hasher);
            request.transmit.request.body().hash(&mut hasher);
            request.created_order.hash(&mut hasher);
            let _ =
                write!(text, "{}{:?}", request.transmit.request.url(), request.transmit.nonce_from);
            if let Some(response) = &request.response {
                response.body().hash(&mut hasher);
                let _ = write!(text, "{}{:?}", response.status(), response.headers());
            }
        }
        let _ = write!(text, "{:?}{:?}", self.events, self.save);
        let _ = write!(text, "{:?}{:?}{:?}", self.stored, self.now, self.began);
        let _ = write!(text, "{:?}{:?}{:?}", self.published, self.left_behind, self.wake);
        text.hash(&mut hasher);
        self.ca.hash(&mut hasher);
        self.ledger.hash(&mut hasher);
        self.sent_nonces.hash(&mut hasher);
        hasher.finish()
    }
}
