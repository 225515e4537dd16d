//! Every number of a renewal schedule.

use core::time::Duration;

use crate::policy::Schedule;
use crate::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Limits and waits; [`RenewalPolicy::default`] is what RFC 9773 names.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RenewalPolicy {
    /// Whether the CA is asked at all. Default true.
    pub ask: bool,
    /// The least time between two questions; a shorter `Retry-After` counts as this. Default 1 minute.
    pub ask_at_least: Duration,
    /// The most time between two questions; a longer `Retry-After` counts as this. Default 1 day.
    pub ask_at_most: Duration,
    /// The time to the next question after an answer without `Retry-After`, and after an error that will
    /// not pass soon. Default 6 hours.
    pub ask_otherwise: Duration,
    /// How many errors in a row may pass soon; the last of them counts as one that will not. Default 5.
    pub ask_tries: u32,
    /// The waits after those errors. Default 1 minute, doubled up to 1 hour.
    pub ask_backoff: Schedule,
    /// The waits after attempts to renew that failed; none is longer than a twentieth of the certificate's
    /// lifetime. Default 1 minute, doubled up to 6 hours.
    pub renew_backoff: Schedule,
    /// The longest that an error of the CA can put the next attempt off. Default 1 day.
    pub renew_at_most: Duration,
}

impl Default for RenewalPolicy {
    fn default() -> Self {
        Self {
            ask: true,
            ask_at_least: MINUTE,
            ask_at_most: DAY,
            ask_otherwise: 6 * HOUR,
            ask_tries: 5,
            ask_backoff: Schedule::new(MINUTE, 2.0, HOUR),
            renew_backoff: Schedule::new(MINUTE, 2.0, 6 * HOUR),
            renew_at_most: DAY,
        }
    }
}

impl RenewalPolicy {
    /// Returns when to ask again where the CA named this time (RFC 9773 section 4.3.2).
    pub(super) fn clamped(&self, asked: Timestamp, now: Timestamp) -> Timestamp {
        let wait = asked.saturating_duration_since(now);
        later(now, wait.min(self.ask_at_most).max(self.ask_at_least))
    }

    /// Returns when to ask again where the CA named no time.
    pub(super) fn otherwise(&self, now: Timestamp) -> Timestamp {
        later(now, self.ask_otherwise)
    }

    /// Returns the longest wait between two questions.
    pub(super) fn longest_ask(&self) -> Duration {
        let longest = self.ask_backoff.wait(u32::MAX);
        [self.ask_at_least, self.ask_at_most, self.ask_otherwise, longest, SHORTEST]
            .into_iter()
            .max()
            .unwrap_or(DAY)
    }

    /// Returns the wait after so many failed attempts in a row.
    pub(super) fn after_failures(&self, count: u32, lifetime: Duration) -> Duration {
        let wait = self.renew_backoff.wait(count.saturating_sub(1));
        wait.min((lifetime / 20).max(self.renew_backoff.wait(0)))
    }

    /// Returns the longest wait between two attempts.
    pub(super) fn longest_hold(&self) -> Duration {
        self.renew_at_most.max(self.renew_backoff.wait(u32::MAX)).max(SHORTEST)
    }
}

/// No policy makes a schedule spin.
const SHORTEST: Duration = Duration::from_secs(1);

/// Adds a wait, which is at least a second.
pub(super) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait.max(SHORTEST))
}
