//! One table of scenarios, run by three drivers: raw (the world in virtual time), `acme-tokio`, `acme-blocking`.
//!
//! Each run gives a transcript of what the CA saw. With one exchange at a time the three are equal line by line; with
//! more at once they are equal as multisets, and in the order within each resource.

mod adapters;
mod quirks;
mod raw;
mod table;
pub mod world_page;

use std::collections::BTreeMap;
use std::fmt;

use acme_proto::challenge::PersistOptions;
use acme_proto::policy::{Policy, Rates, Schedule};
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, Faults};

pub use adapters::{run_blocking, run_tokio};
pub use quirks::{Quirk, for_each_quirk, quirks};
pub use raw::run_raw;
pub use table::table;
pub use world_page::{FIELD, FieldCase, world_page};

/// A CA that behaves in some way, names, and what is to come of it.
pub struct Scenario {
    /// The name, also of its golden transcript.
    pub name: &'static str,
    /// How the CA behaves.
    pub configure: fn(&mut CaConfig),
    /// What goes wrong.
    pub faults: fn() -> Faults,
    /// What to issue for.
    pub names: &'static [&'static str],
    /// How to prove it.
    pub kind: ChallengeKind,
    /// What else is asked for.
    pub wish: Wish,
    /// What the result says beside the names.
    pub shown: &'static [&'static str],
    /// What the error says; `None` for a certificate.
    pub fails_with: Option<&'static str>,
}

impl Scenario {
    /// Returns what a record of dns-persist-01 is to say: with a wildcard among the names, that they are allowed.
    fn persist(&self) -> PersistOptions {
        let options = PersistOptions::default();
        let wildcard = self.names.iter().any(|name| name.starts_with("*."));
        if wildcard { options.with_wildcard_policy() } else { options }
    }

    /// Checks that records are gone, but for one of dns-persist-01 if it proved a name.
    fn check_leftovers(&self, txt: &BTreeMap<String, Vec<String>>, issued: bool) {
        let left: Vec<_> = txt.iter().filter(|(_, values)| !values.is_empty()).collect();
        let stays = self.kind == ChallengeKind::DnsPersist01 && issued;
        assert_eq!(!left.is_empty(), stays, "{}: {left:?}", self.name);
        assert!(left.iter().all(|(name, _)| name.starts_with("_validation-persist.")), "{left:?}");
    }
}

/// What an order may ask for beside its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// This profile, which the directory lists.
    Profile(&'static str),
    /// The first of these profiles that the directory lists.
    PreferredProfiles(&'static [&'static str]),
    /// This profile, listed or not.
    PrivateProfile(&'static str),
    /// To replace a certificate for the same names, which is issued first, before anything goes wrong.
    Renewal,
}

/// What a run showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// One line for each exchange: method, resource, status, problem.
    pub transcript: Vec<String>,
    /// The names in the certificate, sorted, then what the CA says of a profile and of a predecessor; or the error.
    pub outcome: Result<Vec<String>, String>,
}

impl Run {
    /// Creates a run without what depends on chance: polls of the order in a row count as one, for a validation takes its
    /// time, and refused nonces do not count.
    pub fn new(
        lines: impl IntoIterator<Item = String>,
        outcome: Result<Vec<String>, String>,
    ) -> Self {
        let mut transcript: Vec<String> =
            lines.into_iter().filter(|line| !line.ends_with("badNonce")).collect();
        transcript.dedup_by(|a, b| a == b && a == "POST order 200");
        Self { transcript, outcome }
    }

    /// Returns the lines in sorted order, but for newNonce: a flow that fails early gives up those that it fetched ahead.
    pub fn sorted(&self) -> Vec<String> {
        let mut lines = self.transcript.clone();
        lines.retain(|line| !line.contains("newNonce"));
        lines.sort();
        lines
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transcript.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The seed of every scenario's CA.
const SEED: u64 = 11;

/// The policy of every driver: no rate limits, short waits, so many exchanges at once.
pub fn policy(max_in_flight: usize) -> Policy {
    let millis = core::time::Duration::from_millis;
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.max_in_flight = max_in_flight;
    policy.backoff = Schedule::new(millis(40), 1.5, millis(200));
    policy.poll = Some(Schedule::new(millis(600), 1.5, millis(900)));
    policy
}
