//! When the order is read next, and when its authorizations are looked at too.
//!
//! The order is first read as soon as every challenge has been responded to, unless a `Retry-After` on one of those
//! responses, or on an authorization, names a later time (`hold`, called by `response`), or the session remembers that this
//! CA takes longer (`session/recent.rs`; a schedule in `Policy::poll` takes its place). After finalize, the first read
//! follows the same rules (`response/finalize.rs`). The next reads follow the order's own `Retry-After`, or the policy's schedule, which starts over when the order has a new
//! status, or the times of `waits`, which count from when the wait began.
//!
//! Every third round of a pending order, authorizations are read as well: some servers report a failed challenge nowhere
//! else. Most do, and validate a large order for longer than three rounds, so that the first look is at a few of them, and
//! each further one at more.

use core::ops::RangeInclusive;
use core::time::Duration;

use super::waits;
use crate::time::Timestamp;

/// After how many polls of a pending order its authorizations are read too.
const LOOK_CLOSER_EVERY: u32 = 3;

/// How many authorizations are read at the first of these looks; each further one has four times as many.
const AUTHORIZATIONS_AT_FIRST: usize = 4;

/// How many times an order is read that lacks what it should name, a certificate or authorizations: some servers name it
/// later.
const MOST_LOOKS: u32 = 3;

/// The time of the next poll, and how many showed nothing new.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// When the order may be read. The default is in the past, so that the first read is due at once.
    at: Timestamp,
    round: u32,
    /// When the wait began; a resumed flow does not know.
    begun: Option<Timestamp>,
    /// When the order was first read, if that is all that is known.
    first_read: Option<Timestamp>,
    /// Until when the wait was not over, as far as is known.
    open_until: Timestamp,
}

impl Polling {
    /// Starts a wait: for the validation of a challenge that was responded to, or for the certificate.
    pub(super) const fn begin(&mut self, now: Timestamp) {
        self.round = 0;
        self.begun = Some(now);
        self.open_until = now;
    }

    /// Counts a reading of the order that shows it unfinished.
    pub(super) fn count_reading(&mut self, shows_a_new_status: bool, now: Timestamp) {
        self.round = if shows_a_new_status { 0 } else { self.round + 1 };
        self.first_read.get_or_insert(now);
        self.open_until = self.open_until.max(self.at);
    }

    /// Returns how long the wait took that was found over by a poll: until the middle between this poll and the one before,
    /// or no time at all if the first poll went out at once.
    pub(super) fn took(&self) -> Option<Duration> {
        let begun = self.begun?;
        let open = self.open_until.saturating_duration_since(begun);
        let over = self.at.max(self.open_until).saturating_duration_since(begun);
        Some(open.saturating_add(over) / 2)
    }

    /// Returns the wait before the next poll, where neither the server nor the policy names one.
    pub(super) fn wait(&self, now: Timestamp, expected: Option<RangeInclusive<u32>>) -> Duration {
        let since = self.begun.or(self.first_read).unwrap_or(now);
        let elapsed = now.saturating_duration_since(since).as_millis();
        let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX);
        let next = waits::next(elapsed, self.round as usize, expected);
        Duration::from_millis(next.saturating_sub(elapsed).into())
    }

    /// Delays the first poll until the wait is expected to end.
    pub(super) fn hold_until_expected(
        &mut self,
        now: Timestamp,
        expected: Option<RangeInclusive<u32>>,
    ) {
        let first = Duration::from_millis(waits::first(expected).into());
        if !first.is_zero() {
            self.hold(now.saturating_add(first));
        }
    }

    /// Returns how many polls showed nothing new.
    pub(super) const fn round(&self) -> u32 {
        self.round
    }

    /// Returns when to poll: at the time that the server names, if it lies ahead, or after a wait.
    pub(super) fn next(
        now: Timestamp,
        asked: Option<Timestamp>,
        wait: impl FnOnce() -> Duration,
    ) -> Timestamp {
        // Lazy: `wait` draws random jitter, and a draw that is not used would shift all later ones.
        asked.filter(|at| *at > now).unwrap_or_else(|| now.saturating_add(wait()))
    }

    pub(super) const fn set(&mut self, at: Timestamp) {
        self.at = at;
    }

    /// Delays the next poll until `at`, unless it is already later.
    pub(super) fn hold(&mut self, at: Timestamp) {
        self.at = self.at.max(at);
    }

    /// Returns whether the order can be read now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.at <= now
    }

    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns how many authorizations of a pending order are read in this round.
    pub(super) const fn authorizations_to_read(&self) -> usize {
        if self.round % LOOK_CLOSER_EVERY != LOOK_CLOSER_EVERY - 1 {
            return 0;
        }
        AUTHORIZATIONS_AT_FIRST
            .saturating_mul(4_usize.saturating_pow(self.round / LOOK_CLOSER_EVERY))
    }

    /// Returns whether an order has been read often enough without naming what it lacks.
    pub(super) const fn has_looked_often(&self) -> bool {
        self.round >= MOST_LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn a_time_that_has_come_is_no_reason_to_hurry() {
        let wait = || Duration::from_secs(11);
        assert_eq!(Polling::next(at(100), Some(at(160)), wait), at(160));
        assert_eq!(Polling::next(at(100), Some(at(100)), wait), at(111));
        assert_eq!(Polling::next(at(100), None, wait), at(111));
    }

    #[test]
    fn a_new_status_starts_the_schedule_over() {
        let mut polling = Polling::default();
        let closer: alloc::vec::Vec<usize> = (0..8)
            .map(|_| {
                polling.count_reading(false, at(1));
                polling.authorizations_to_read()
            })
            .collect();
        assert_eq!(closer, [0, 4, 0, 0, 16, 0, 0, 64]);
        assert!(polling.has_looked_often());
        polling.count_reading(true, at(1));
        assert!(!polling.has_looked_often());
        assert_eq!(polling.round(), 0);
    }

    #[test]
    fn waits_count_from_the_beginning_of_the_wait() {
        let mut polling = Polling::default();
        polling.begin(at(100));
        polling.count_reading(false, at(101));
        assert_eq!(polling.wait(at(101), None).as_millis(), 100);
        // A resumed flow does not know when that was.
        let mut resumed = Polling::default();
        resumed.count_reading(false, at(101));
        assert_eq!(resumed.wait(at(101), None).as_millis(), 450);
        assert_eq!(resumed.took(), None);
    }

    #[test]
    fn a_wait_took_until_the_middle_between_two_polls() {
        let mut polling = Polling::default();
        polling.begin(at(100));
        assert_eq!(polling.took(), Some(Duration::ZERO), "the first poll went out at once");
        polling.hold_until_expected(at(100), Some(4_000..=6_000));
        assert_eq!(polling.took(), Some(Duration::from_secs(2)));
        polling.count_reading(false, at(105));
        polling.set(at(107));
        assert_eq!(polling.took(), Some(Duration::from_millis(5_500)));
    }

    #[test]
    fn a_poll_that_is_held_goes_out_later_but_never_earlier() {
        let mut polling = Polling::default();
        assert!(polling.is_due(at(1)));
        polling.hold(at(5));
        polling.hold(at(3));
        assert!(!polling.is_due(at(4)) && polling.is_due(at(5)));
    }
}
