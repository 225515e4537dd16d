//! The renewal state of one certificate, and the next step that follows from it.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::policy::{DAY, RenewalPolicy, later};
use crate::error::Error;
use crate::notice::Notice;
use crate::op::{GetRenewalInfo, RenewalInfoEntry};
use crate::renewal_window::{RenewalWindow, random};
use crate::time::Timestamp;
use crate::x509::Certificate;

/// The next step of a certificate's renewal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RenewalStep {
    /// Run this operation, then call [`on_info`](RenewalSchedule::on_info) or
    /// [`on_error`](RenewalSchedule::on_error) with its result.
    Ask(GetRenewalInfo),
    /// Renew now: create an order that [replaces](crate::op::NewOrder::with_replaces) this
    /// certificate.
    Renew,
    /// Do nothing before this time, which is in the future.
    Wait(Timestamp),
    /// Do nothing any more: the certificate was replaced.
    Replaced,
}

/// When to renew one certificate, and when to fetch its renewal information.
///
/// The [module documentation](super) has the rules. The schedule is plain data that serde can
/// store, for example as JSON. The [policy](Self::with_policy) is not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalSchedule {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate_id: Option<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<RenewalWindow>,
    /// The number of instants chosen so far.
    #[serde(default)]
    choices: u32,
    /// The time of the next fetch. `None` before the first, which is due at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask_at: Option<Timestamp>,
    /// The number of consecutive fetches that ended in a temporary error.
    #[serde(default)]
    ask_errors: u32,
    /// The number of failed attempts to renew, and the time of the last one.
    #[serde(default)]
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_failure: Option<Timestamp>,
    /// No attempt is made before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_until: Option<Timestamp>,
    #[serde(default)]
    replaced: bool,
    #[serde(skip)]
    policy: RenewalPolicy,
}

/// Rejects a schedule in the format of a newer version of this crate.
fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        version @ 0..=RenewalSchedule::VERSION => Ok(version),
        _ => Err(de::Error::custom("the schedule is of a newer version of acme-proto")),
    }
}

impl RenewalSchedule {
    const VERSION: u32 = 1;

    /// Creates the schedule of a certificate, new or old.
    ///
    /// `seed` decides which instant of a window is chosen; use a different one on each machine. A
    /// certificate without an authority key identifier has no identifier for renewal information,
    /// which is then never fetched.
    pub fn new(certificate: &Certificate, seed: u64) -> Self {
        Self {
            version: Self::VERSION,
            seed,
            certificate_id: certificate.renewal_id(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            window: None,
            choices: 0,
            ask_at: None,
            ask_errors: 0,
            failures: 0,
            last_failure: None,
            hold_until: None,
            replaced: false,
            policy: RenewalPolicy::default(),
        }
    }

    /// Sets the limits and waits. Set them again after loading a stored schedule.
    pub const fn with_policy(mut self, policy: RenewalPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Handles fetched renewal information.
    ///
    /// Returns a notice if the window or its explanation is new or has changed.
    pub fn on_info(&mut self, entry: &RenewalInfoEntry, now: Timestamp) -> Option<Notice> {
        let info = entry.info();
        self.ask_errors = 0;
        self.ask_at =
            Some(entry.retry_after().map_or_else(
                || self.policy.otherwise(now),
                |asked| self.policy.clamped(asked, now),
            ));
        let id = self.certificate_id.clone()?;
        let is_news = match &mut self.window {
            // A new choice at each fetch would make early renewal more and more likely, so an
            // unchanged window keeps its instant.
            Some(window) if window.still_holds(info) => window.explain(info),
            _ => {
                let random = random(self.seed, &id, self.choices);
                self.choices = self.choices.wrapping_add(1);
                self.window = Some(RenewalWindow::choose(info, random));
                true
            }
        };
        let window = self.window.clone().filter(|_| is_news)?;
        let renew_at = self.renew_at();
        Some(Notice::RenewalWindow { certificate_id: id, window: Box::new(window), renew_at })
    }

    /// Handles a failed fetch, and returns a notice of it.
    ///
    /// The last window stays in use, unless the CA no longer offers renewal information.
    pub fn on_error(&mut self, error: &Error, now: Timestamp) -> Option<Notice> {
        if matches!(error, Error::Unsupported(_)) {
            self.window = None;
        }
        // After too many temporary errors in a row, the next counts as a long-term error (RFC 9773
        // Section 4.3.3).
        let may_pass = may_pass(error) && self.ask_errors.saturating_add(1) < self.policy.ask_tries;
        let next = if may_pass {
            self.ask_errors += 1;
            later(now, self.policy.ask_backoff.wait(self.ask_errors - 1))
        } else {
            self.ask_errors = 0;
            self.policy.otherwise(now)
        };
        let asked = error.retry_at().map(|asked| self.policy.clamped(asked, now));
        // Backoff takes priority over a shorter `Retry-After` (RFC 9773 Section 4.3.2).
        let again_at = asked.map_or(next, |asked| asked.max(next));
        self.ask_at = Some(again_at);
        let certificate_id = self.certificate_id.clone()?;
        Some(Notice::NoRenewalInfo { certificate_id, error: Box::new(error.clone()), again_at })
    }

    /// Handles a failed attempt to renew. `retry_at` is [the time](Error::retry_at) that the CA
    /// named, if any.
    ///
    /// The next attempt waits for the backoff, or until the CA's time if that is later.
    pub fn on_attempt_failed(&mut self, retry_at: Option<Timestamp>, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
        let lifetime = self.lifetime();
        let backoff = later(now, self.policy.after_failures(self.failures, lifetime));
        let latest = later(now, self.policy.renew_at_most);
        self.hold_until = retry_at.map(|at| at.min(latest).max(backoff)).or(Some(backoff));
    }

    /// Records that another certificate has replaced this one.
    pub const fn replaced(&mut self) {
        self.replaced = true;
    }

    /// Returns the next step.
    pub fn next(&self, now: Timestamp) -> RenewalStep {
        self.next_before(now, now)
    }

    /// Returns the next step for a program that runs again only at `next_run`.
    ///
    /// A renewal that becomes due before `next_run` is due now (RFC 9773 Section 4.2, step 5).
    pub fn next_before(&self, now: Timestamp, next_run: Timestamp) -> RenewalStep {
        if self.replaced {
            return RenewalStep::Replaced;
        }
        let ask_at = self.ask_time(now);
        if ask_at.is_some_and(|at| at <= now)
            && let Some(question) = self.question()
        {
            return RenewalStep::Ask(question);
        }
        let held = self.held_until(now);
        let renew_at = self.renew_at();
        match held {
            None if renew_at <= now || renew_at < next_run => RenewalStep::Renew,
            _ => {
                let attempt = held.map_or(renew_at, |held| held.max(renew_at));
                RenewalStep::Wait(ask_at.map_or(attempt, |ask| ask.min(attempt)))
            }
        }
    }

    /// Returns when the next attempt may follow a failed one; `None` if it may now.
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        // A hold beyond the longest possible wait was stored while the clock was wrong. Ignore it.
        let latest = now.saturating_add(self.policy.longest_hold());
        self.hold_until.filter(|at| *at > now && *at <= latest)
    }

    /// Returns the time of the renewal by the current state. A past time means at once.
    pub fn renew_at(&self) -> Timestamp {
        let wished =
            self.window.as_ref().map_or_else(|| self.without_window(), RenewalWindow::chosen);
        wished.min(self.latest())
    }

    /// Returns the latest time of a renewal, whatever the CA suggests. A twentieth of the lifetime
    /// is left then.
    pub fn latest(&self) -> Timestamp {
        self.not_after.saturating_sub(self.lifetime() / 20)
    }

    /// Returns when the certificate expires.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Returns the window suggested by the CA and the instant chosen in it, or `None` before the
    /// first response.
    pub const fn window(&self) -> Option<&RenewalWindow> {
        self.window.as_ref()
    }

    /// Returns the certificate's identifier for `replaces` (RFC 9773 Section 4.1), or `None` if it
    /// has none.
    pub fn certificate_id(&self) -> Option<&str> {
        self.certificate_id.as_deref()
    }

    /// Returns the number of failed attempts to renew.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the time of the last failed attempt.
    pub const fn last_failure(&self) -> Option<Timestamp> {
        self.last_failure
    }

    pub(super) fn question(&self) -> Option<GetRenewalInfo> {
        self.certificate_id.clone().map(GetRenewalInfo::by_id)
    }

    /// Returns the time of the next fetch, or `None` if there is none.
    ///
    /// A stored time beyond the longest possible wait was computed while the clock was wrong, and
    /// means now.
    pub(super) fn ask_time(&self, now: Timestamp) -> Option<Timestamp> {
        let latest = self.latest();
        // From `latest` on, renewal is due whatever the CA suggests. This also satisfies RFC 9773
        // Section 4.3: no fetch after expiry.
        if !self.policy.ask || self.certificate_id.is_none() || now >= latest {
            return None;
        }
        let at = self.ask_at.unwrap_or(now);
        let is_sane = at <= now.saturating_add(self.policy.longest_ask());
        Some(if is_sane { at } else { now }).filter(|at| *at < latest)
    }

    fn without_window(&self) -> Timestamp {
        self.not_before.saturating_add(self.age_at_renewal())
    }

    /// Returns the age at which the certificate is renewed if the CA suggests no window.
    pub(super) fn age_at_renewal(&self) -> Duration {
        let lifetime = self.lifetime();
        // Short lifetimes need the larger share of time for retries; certbot and lego use the same
        // rule.
        if lifetime < 10 * DAY { lifetime / 2 } else { lifetime / 3 * 2 }
    }

    pub(super) const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.not_after.saturating_duration_since(self.not_before)
    }
}

/// Returns whether an error is temporary (RFC 9773 Section 4.3.3): a timeout, a lost response, a 5xx
/// status, an error with a retry time, or one of this machine's storage.
///
/// A failed DNS lookup and a refused connection are long-term errors there.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Problem(problem) => problem.status() >= 500,
        Error::Transport(failed) => !failed.lost().is_unprocessed(),
        // No request was sent, because of a failure of this machine.
        Error::Storage(_) => true,
        Error::Deadline(_) | Error::RetryLater { .. } => true,
        _ => false,
    }
}
