//! The memory of one certificate's renewal, and what it says is to be done.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::policy::{RenewalPolicy, later};
use super::window::{RenewalWindow, random};
use crate::error::Error;
use crate::flow::Lost;
use crate::notice::Notice;
use crate::op::{GetRenewalInfo, RenewalInfoEntry};
use crate::time::Timestamp;
use crate::x509::Certificate;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to be done about a certificate's renewal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RenewalStep {
    /// Ask the CA this, then tell [`on_info`](RenewalSchedule::on_info) or
    /// [`on_error`](RenewalSchedule::on_error).
    Ask(GetRenewalInfo),
    /// Renew now: a new order, which [replaces](crate::op::NewOrder::with_replaces) this certificate.
    Renew,
    /// Nothing before this time, which lies ahead.
    Wait(Timestamp),
    /// Nothing ever: the certificate was replaced.
    Replaced,
}

/// When one certificate is to be renewed, and when its CA is to be asked about that.
///
/// The module's documentation has the rules. It is plain data for serde, JSON for one; the
/// [policy](Self::with_policy) is not stored with it.
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
    /// How many instants were chosen.
    #[serde(default)]
    choices: u32,
    /// When the CA is asked next; at once if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask_at: Option<Timestamp>,
    /// How many questions in a row ended in an error that may pass soon.
    #[serde(default)]
    ask_errors: u32,
    /// How many attempts to renew failed, and when the last one did.
    #[serde(default)]
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_failure: Option<Timestamp>,
    /// Before this time no attempt is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_until: Option<Timestamp>,
    #[serde(default)]
    replaced: bool,
    #[serde(skip)]
    policy: RenewalPolicy,
}

/// Refuses what a newer version of this crate wrote in another form.
fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        version @ 0..=RenewalSchedule::VERSION => Ok(version),
        _ => Err(de::Error::custom("the schedule is of a newer version of acme-proto")),
    }
}

impl RenewalSchedule {
    const VERSION: u32 = 1;

    /// Creates the schedule of a certificate that was just issued, or of any other.
    ///
    /// `seed` decides which instant of a window is chosen; let it differ from machine to machine. A certificate
    /// without an authority key identifier cannot be named to its CA, which is never asked about it then.
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

    /// Sets other numbers than the RFC's; set them again after loading a stored schedule.
    pub const fn with_policy(mut self, policy: RenewalPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Takes the CA's answer; returns a notice if the window is new or has moved, or its explanation has.
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

    /// Takes the end of a question without an answer; returns the notice of it.
    ///
    /// The last window stays, unless the CA does not offer renewal information any more.
    pub fn on_error(&mut self, error: &Error, now: Timestamp) -> Option<Notice> {
        if matches!(error, Error::Unsupported(_)) {
            self.window = None;
        }
        let may_pass = may_pass(error) && self.ask_errors.saturating_add(1) < self.policy.ask_tries;
        let next = if may_pass {
            self.ask_errors += 1;
            later(now, self.policy.ask_backoff.wait(self.ask_errors - 1))
        } else {
            self.ask_errors = 0;
            self.policy.otherwise(now)
        };
        let asked = error.retry_at().map(|asked| self.policy.clamped(asked, now));
        let again_at = asked.map_or(next, |asked| asked.max(next));
        self.ask_at = Some(again_at);
        let certificate_id = self.certificate_id.clone()?;
        Some(Notice::NoRenewalInfo { certificate_id, error: Box::new(error.clone()), again_at })
    }

    /// Takes the failure of an attempt to renew, with [the time](Error::retry_at) that the CA named, if any.
    ///
    /// The next attempt waits for the backoff, or for the CA's time where that is later.
    pub fn on_attempt_failed(&mut self, retry_at: Option<Timestamp>, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
        let lifetime = self.lifetime();
        let backoff = later(now, self.policy.after_failures(self.failures, lifetime));
        let latest = later(now, self.policy.renew_at_most);
        self.hold_until = retry_at.map(|at| at.min(latest).max(backoff)).or(Some(backoff));
    }

    /// Notes that another certificate has taken this one's place.
    pub const fn replaced(&mut self) {
        self.replaced = true;
    }

    /// Returns what is to be done now.
    pub fn next(&self, now: Timestamp) -> RenewalStep {
        self.next_before(now, now)
    }

    /// Returns what is to be done now by a program that runs again only at `next_run`: what would be due before
    /// that is due now (RFC 9773 section 4.2, step 5).
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
        let hold =
            self.hold_until.filter(|at| *at <= now.saturating_add(self.policy.longest_hold()));
        let held = hold.filter(|at| *at > now);
        let renew_at = self.renew_at();
        match held {
            None if renew_at <= now || renew_at < next_run => RenewalStep::Renew,
            _ => {
                let attempt = held.map_or(renew_at, |held| held.max(renew_at));
                RenewalStep::Wait(ask_at.map_or(attempt, |ask| ask.min(attempt)))
            }
        }
    }

    /// Returns when the certificate is to be renewed, as far as is known; a past time means at once.
    pub fn renew_at(&self) -> Timestamp {
        let wished =
            self.window.as_ref().map_or_else(|| self.without_window(), RenewalWindow::chosen);
        wished.min(self.latest())
    }

    /// Returns the latest time of a renewal, whatever the CA suggests: a twentieth of the lifetime is left.
    pub fn latest(&self) -> Timestamp {
        self.not_after.saturating_sub(self.lifetime() / 20)
    }

    /// Returns when the certificate expires.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Returns the CA's suggested window and the instant chosen in it, once there was an answer.
    pub const fn window(&self) -> Option<&RenewalWindow> {
        self.window.as_ref()
    }

    /// Returns the certificate's identifier (RFC 9773 section 4.1), for `replaces`; `None` if it has none.
    pub fn certificate_id(&self) -> Option<&str> {
        self.certificate_id.as_deref()
    }

    /// Returns how many attempts to renew have failed.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the last attempt failed.
    pub const fn last_failure(&self) -> Option<Timestamp> {
        self.last_failure
    }

    fn question(&self) -> Option<GetRenewalInfo> {
        self.certificate_id.clone().map(GetRenewalInfo::by_id)
    }

    /// Returns when the CA is asked next; `None` if never.
    ///
    /// A stored time further ahead than any wait is the work of a clock that was wrong then.
    fn ask_time(&self, now: Timestamp) -> Option<Timestamp> {
        let latest = self.latest();
        if !self.policy.ask || self.certificate_id.is_none() || now >= latest {
            return None;
        }
        let at = self.ask_at.unwrap_or(now);
        let is_sane = at <= now.saturating_add(self.policy.longest_ask());
        Some(if is_sane { at } else { now }).filter(|at| *at < latest)
    }

    fn without_window(&self) -> Timestamp {
        let lifetime = self.lifetime();
        let wait = if lifetime < 10 * DAY { lifetime / 2 } else { lifetime / 3 * 2 };
        self.not_before.saturating_add(wait)
    }

    fn lifetime(&self) -> Duration {
        self.not_after.saturating_duration_since(self.not_before)
    }
}

/// Whether an error may pass soon (RFC 9773 section 4.3.3): timeouts, lost answers, 5xx, and what has a time.
///
/// A failed DNS lookup and a refused connection are not among them.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Problem(problem) => problem.status() >= 500,
        Error::Transport(failed) => !matches!(failed.lost(), Lost::NotSent(_)),
        Error::Deadline(_) | Error::RetryLater { .. } => true,
        _ => false,
    }
}
