//! One table of scenarios, run by three drivers: raw (the world in virtual time), `acme-tokio`, `acme-blocking`.
//!
//! Each run gives a transcript of what the CA saw. With one exchange at a time the three are equal line by line; with
//! more at once they are equal as multisets, and in the order within each resource.

mod adapters;
mod changed;
mod driver;
mod others;
mod quirks;
mod raw;
mod table;
pub mod world_page;

use std::collections::BTreeMap;
use std::fmt;

use acme_proto::challenge::PersistOptions;
use acme_proto::policy::{Policy, Rates, Schedule};
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, Faults};
use core::time::Duration;

pub use adapters::{run_blocking, run_tokio};
pub use changed::{Adapter, Changed, ChangedCa};
pub use others::{OTHERS, OthersFault};
pub use quirks::{Quirk, for_each_quirk, quirks, side_by_side};
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
    /// The switch of the CA that is on.
    pub quirk: Option<&'static str>,
    /// How long an issuance may take.
    pub patience: Duration,
    /// Whether everything else is done too, after the certificate is issued.
    pub tour: bool,
    /// What of that fails, and what the error says.
    pub fails: &'static [(&'static str, &'static str)],
}

impl Scenario {
    /// Sets how the CA behaves.
    fn configure(&self, config: &mut CaConfig) {
        config.new_authz = self.tour;
        (self.configure)(config);
        let known = self.quirk.is_none_or(|name| config.quirks.switch_on(name));
        assert!(known, "there is no switch {:?}", self.quirk);
    }

    /// Returns the policy of every driver: no rate limits, short waits, so many exchanges at once.
    fn policy(&self, max_in_flight: usize) -> Policy {
        let millis = Duration::from_millis;
        let mut policy = Policy::default();
        policy.rates = Rates::unlimited();
        policy.max_in_flight = max_in_flight;
        policy.backoff = Schedule::new(millis(40), 1.5, millis(200));
        policy.poll = Some(Schedule::new(millis(600), 1.5, millis(900)));
        policy.issuance_time_limit = self.patience;
        policy
    }

    /// Returns what a record of dns-persist-01 is to say: with a wildcard among the names, that they are allowed.
    fn persist(&self) -> PersistOptions {
        let options = PersistOptions::default();
        let wildcard = self.names.iter().any(|name| name.starts_with("*."));
        if wildcard { options.with_wildcard_policy() } else { options }
    }

    /// Returns what is wrong with a run.
    pub fn fault(&self, run: &Run) -> Option<String> {
        let name = self.name;
        let mut expected: Vec<_> = self.names.iter().map(ToString::to_string).collect();
        expected.sort();
        expected.extend(self.shown.iter().map(ToString::to_string));
        let is_right = match (self.fails_with, &run.outcome) {
            (None, Ok(shown)) => *shown == expected,
            (Some(text), Err(error)) => error.contains(text),
            _ => false,
        };
        if !is_right {
            return Some(format!("{name}: {:?}\n{run}", run.outcome));
        }
        let as_said = self.fails.len() == run.failed.len()
            && self
                .fails
                .iter()
                .zip(&run.failed)
                .all(|((what, text), (failed, error))| what == failed && error.contains(text));
        (!as_said).then(|| format!("{name}: {:#?}\n{run}", run.failed))
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
    /// The day after tomorrow as the end of its validity.
    Validity,
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
    /// What failed after the certificate was issued, and the error.
    pub failed: Vec<(&'static str, String)>,
}

impl Run {
    /// Creates a run without what depends on chance: polls of the order in a row count as one, for a validation takes its
    /// time, and refused nonces do not count.
    pub fn new(
        lines: impl IntoIterator<Item = String>,
        outcome: Result<Vec<String>, String>,
        failed: Vec<(&'static str, String)>,
    ) -> Self {
        let mut transcript: Vec<String> =
            lines.into_iter().filter(|line| !line.ends_with("badNonce")).collect();
        transcript.dedup_by(|a, b| a == b && a == "POST order 200");
        Self { transcript, outcome, failed }
    }

    /// Returns the lines in sorted order, but for newNonce: a flow that fails early gives up those that it fetched ahead.
    pub fn sorted(&self) -> Vec<String> {
        let mut lines = self.transcript.clone();
        lines.retain(|line| !line.contains("newNonce"));
        // Without them, polls of the order are in a row again.
        lines.dedup_by(|a, b| a == b && a == "POST order 200");
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

/// Returns a time for the end of a certificate, with a fraction of a second.
fn day_after_tomorrow(now: Timestamp) -> Timestamp {
    now.saturating_add(Duration::from_millis(2 * 86_400_000 + 500))
}
