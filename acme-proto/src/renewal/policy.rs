//! The tunable limits of a renewal schedule.

use core::time::Duration;

use crate::policy::Schedule;
use crate::time::Timestamp;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Limits and waits of a renewal schedule.
///
/// [`RenewalPolicy::default`] uses the values that RFC 9773 suggests, where it does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RenewalPolicy {
    /// Whether renewal information is fetched at all. Default true.
    pub ask: bool,
    /// The minimum time between two fetches. It replaces a shorter `Retry-After`. Default 1 minute.
    pub ask_at_least: Duration,
    /// The maximum time between two fetches. It replaces a longer `Retry-After`. Default 1 day.
    pub ask_at_most: Duration,
    /// The time to the next fetch after a response without `Retry-After`, and after a long-term
    /// error. Default 6 hours.
    pub ask_otherwise: Duration,
    /// The number of consecutive temporary errors, the last of which counts as a long-term error
    /// (RFC 9773 Section 4.3.3). Default 5.
    pub ask_tries: u32,
    /// The waits after temporary errors. Default 1 minute, doubled up to 1 hour.
    pub ask_backoff: Schedule,
    /// The waits after failed attempts to renew. None is longer than a twentieth of the
    /// certificate's lifetime, or the first wait if that is longer. Default 1 minute, doubled up to
    /// 6 hours.
    pub renew_backoff: Schedule,
    /// The longest delay that the CA can ask for after a failed attempt. The waits of `renew_backoff` may be longer. Default
    /// 1 day.
    pub renew_at_most: Duration,
    /// The minimum time between two certificates of a [`Lifecycle`](super::Lifecycle). It is at
    /// most a third of the lifetime, and doubles while the CA wants each new certificate replaced
    /// at once. Default 1 hour.
    pub between_certificates: Duration,
    /// The wait of a [`Lifecycle`](super::Lifecycle) for each failed validation of a name, so that
    /// the failures that a CA allows are not used up. Default 12 minutes: Let's Encrypt allows 5 an
    /// hour.
    pub for_each_failed_validation: Duration,
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
            between_certificates: HOUR,
            for_each_failed_validation: 12 * MINUTE,
        }
    }
}

impl RenewalPolicy {
    /// Returns the time of the next fetch if the CA asked for this time (RFC 9773 Section 4.3.2).
    pub(super) fn clamped(&self, asked: Timestamp, now: Timestamp) -> Timestamp {
        let wait = asked.saturating_duration_since(now);
        later(now, wait.min(self.ask_at_most).max(self.ask_at_least))
    }

    /// Returns the time of the next fetch if the CA named none.
    pub(super) fn otherwise(&self, now: Timestamp) -> Timestamp {
        later(now, self.ask_otherwise)
    }

    /// Returns the longest possible wait between two fetches.
    pub(super) fn longest_ask(&self) -> Duration {
        let longest = self.ask_backoff.wait(u32::MAX);
        [self.ask_at_least, self.ask_at_most, self.ask_otherwise, longest, SHORTEST]
            .into_iter()
            .max()
            .unwrap_or(DAY)
    }

    /// Returns the wait after this number of failed attempts.
    pub(super) fn after_failures(&self, count: u32, lifetime: Duration) -> Duration {
        let wait = self.renew_backoff.wait(count.saturating_sub(1));
        // The renewal of a six-day certificate must not wait for six hours; the first wait is the
        // least.
        wait.min((lifetime / 20).max(self.renew_backoff.wait(0)))
    }

    /// Returns the longest possible wait between two attempts.
    pub(super) fn longest_hold(&self) -> Duration {
        self.renew_at_most.max(self.renew_backoff.wait(u32::MAX)).max(SHORTEST)
    }
}

/// The minimum wait, so that no policy makes a schedule spin.
const SHORTEST: Duration = Duration::from_secs(1);

/// Adds a wait of at least a second.
pub(super) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait.max(SHORTEST))
}
