//! How long one CA is left alone after failures.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::policy::{HOUR, RenewalPolicy, later};
use crate::error::{Error, OrderFailed};
use crate::time::Timestamp;

/// The failures of one CA since its last success.
///
/// Each wait is half of the time since the first failure, so that after an outage of any length the
/// next attempt comes before half of that length has passed again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ladder {
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// What a wait depends on, beside the ladder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) policy: &'a RenewalPolicy,
    /// The lifetime of the certificate in use.
    pub(super) lifetime: Option<Duration>,
    /// Whether it has not expired.
    pub(super) is_valid: bool,
    /// A random number, which spreads the attempts of many machines.
    pub(super) random: u64,
}

/// What an error says about the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight {
    /// No CA was reached, or it was out of order, so the attempt cost nothing.
    is_outage: bool,
    /// The largest number of failed validations of one name.
    validations: u32,
    retry_at: Option<Timestamp>,
}

impl Weight {
    pub(super) fn of(error: &Error) -> Self {
        let validations = match error {
            Error::Order(order) => most_validations(order),
            _ => 0,
        };
        let is_outage = match error {
            Error::Transport(_) | Error::Deadline(_) => true,
            Error::Problem(problem) => problem.status() >= 500,
            _ => false,
        };
        Self { is_outage, validations, retry_at: error.retry_at() }
    }

    /// A failure of this machine.
    pub(super) const LOCAL: Self = Self { is_outage: false, validations: 0, retry_at: None };
}

fn most_validations(order: &OrderFailed) -> u32 {
    let refused = |failure: &crate::error::IdentifierFailure| {
        failure.tried().iter().filter(|attempt| attempt.problem.is_some()).count()
    };
    let most = order.failures().iter().map(refused).max().unwrap_or(0);
    u32::try_from(most).unwrap_or(u32::MAX)
}

impl Ladder {
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the CA may be tried again; `None` if it may be now.
    pub(super) fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    /// Counts a failure without a wait.
    pub(super) fn count(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
    }

    /// Counts a failure, and holds the next attempt.
    pub(super) fn fail(&mut self, weight: Weight, around: Circumstances<'_>, now: Timestamp) {
        self.count(now);
        let policy = around.policy;
        let least = policy.renew_backoff.wait(0);
        let first = if weight.is_outage { least / 6 } else { least };
        let elapsed = now.saturating_duration_since(self.since.unwrap_or(now));
        let budget = policy.for_each_failed_validation.saturating_mul(weight.validations);
        // Attempts are more frequent while a short certificate runs out, and after one has expired.
        let part = around.lifetime.map_or(HOUR, |lifetime| lifetime / 20);
        let most = if around.is_valid { part } else { HOUR };
        let wait = first.max(budget).min(part).max(elapsed / 2).min(most);
        let wait = wait.min(policy.renew_backoff.wait(u32::MAX));
        // Up to a tenth longer.
        let spread = wait.as_secs_f64() * (around.random as f64 / u64::MAX as f64) / 10.0;
        let wait = wait.saturating_add(Duration::try_from_secs_f64(spread).unwrap_or_default());
        let own = later(now, wait);
        let latest = later(now, policy.renew_at_most);
        self.until = Some(weight.retry_at.map_or(own, |asked| asked.min(latest).max(own)));
    }

    /// Forgets times that only a clock that was wrong can have stored.
    pub(super) fn settle(&mut self, policy: &RenewalPolicy, now: Timestamp) {
        let longest = now.saturating_add(policy.longest_hold().saturating_mul(2));
        self.until = self.until.filter(|until| *until <= longest);
        self.since = self.since.map(|since| since.min(now));
    }
}
