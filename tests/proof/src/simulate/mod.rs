//! Simulated issuances: the real flows against a model of a CA, over a network that does everything wrong, in virtual time.
//!
//! A run follows from its seed: up to six issuances of up to three names on one session, a registration before them or a
//! key rollover among them, and the faults of [`Kind`], half of them in each run. `ACME_SEED=…` of the program `simulate`
//! repeats one; a run that breaks an invariant is made as small as it can be, by leaving out one fault after the other.
//!
//! What must hold: no nonce is sent twice; there is one order for one wish, and one more only for each whose newOrder was
//! lost or that failed; one certificate for one wish; nothing stays published unless it is named; nothing is published or
//! finalized before it is stored; no wait is longer than the policy allows; never are more requests in flight than allowed;
//! every flow ends; the error of a failed order has each reason that the CA gives; a certificate has the right key and
//! names; the account has a key that the user holds, and can be used at the end; one or two faults that pass never cost a
//! certificate.
//!
//! Signatures are not made: the first octet of each names its key, and the CA compares that.

mod actor;
mod ca;
mod check;
mod envelope;
mod faults;
mod materials;
mod network;
mod objects;
mod sim;
mod user;

use std::collections::BTreeMap;

use actor::Role;
use sim::Sim;

pub use faults::{Fault, Kind, LeftOut};
pub use materials::Materials;
pub(crate) use objects::{pem, problem};

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many certificates were asked for.
    pub wishes: u64,
    /// How many there are.
    pub issued: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Errors by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// What went wrong.
    pub faults: Vec<Fault>,
    /// The invariant that was broken.
    pub violation: Option<String>,
    /// What happened, if that was asked for.
    pub trace: Vec<String>,
}

/// Runs one seed, without the faults that are left out.
pub fn run(seed: u64, all: &Materials, left_out: &LeftOut, trace: bool) -> Outcome {
    let mut sim = Sim::new(seed, all, left_out);
    sim.trace = trace.then(Vec::new);
    sim.run();
    let wishes = || sim.actors.iter().filter(|actor| matches!(actor.role, Role::Wish { .. }));
    Outcome {
        wishes: wishes().count() as u64,
        issued: wishes().filter(|actor| actor.outcome == Some(true)).count() as u64,
        requests: sim.actors.iter().map(|actor| actor.sent).sum(),
        errors: sim.errors,
        faults: sim.faults.happened,
        violation: sim.violation,
        trace: sim.trace.unwrap_or_default(),
    }
}

/// Leaves out one fault after the other, as long as an invariant is still broken; returns what is left out.
pub fn shrink(seed: u64, all: &Materials) -> LeftOut {
    let mut left_out = LeftOut::new();
    loop {
        let mut has_shrunk = false;
        for fault in run(seed, all, &left_out, false).faults {
            let mut fewer = left_out.clone();
            fewer.insert(fault);
            if run(seed, all, &fewer, false).violation.is_some() {
                left_out = fewer;
                has_shrunk = true;
            }
        }
        if !has_shrunk {
            return left_out;
        }
    }
}

/// What came of many runs.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Certificates that were asked for.
    pub wishes: u64,
    /// Certificates.
    pub issued: u64,
    /// Requests.
    pub requests: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Kind, u64>,
    /// Errors by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// Seeds that broke an invariant, and which.
    pub violations: Vec<(u64, String)>,
}

/// Runs seeds from `first` until so many certificates were asked for, or an invariant was broken ten times.
pub fn simulate(first: u64, wishes: u64, all: &Materials) -> Totals {
    let mut totals = Totals::default();
    let mut seed = first;
    while totals.wishes < wishes && totals.violations.len() < 10 {
        let outcome = run(seed, all, &LeftOut::new(), false);
        totals.add(seed, outcome);
        seed += 1;
    }
    totals
}

impl Totals {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.runs += 1;
        self.wishes += outcome.wishes;
        self.issued += outcome.issued;
        self.requests += outcome.requests;
        outcome.faults.iter().for_each(|fault| *self.faults.entry(fault.kind).or_default() += 1);
        for (error, count) in outcome.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.violations.extend(outcome.violation.map(|what| (seed, what)));
    }
}
