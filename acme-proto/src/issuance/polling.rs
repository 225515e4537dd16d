//! When the order is read next, and when its authorizations are looked at too.
//!
//! The order is first read as soon as every challenge has been responded to, unless a `Retry-After` on one of those
//! responses, or on an authorization, names a later time (`hold`). The next reads follow the order's own `Retry-After`, or
//! the policy's schedule, which starts over when the order has a new status.
//!
//! Every third round of a pending order, authorizations are read as well: some servers report a failed challenge nowhere
//! else. Most do, and validate a large order for longer than three rounds, so that the first look is at a few of them, and
//! each further one at more.

use core::time::Duration;

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
}

impl Polling {
    /// Counts a reading of the order.
    pub(super) const fn read(&mut self, shows_a_new_status: bool) {
        self.round = if shows_a_new_status { 0 } else { self.round + 1 };
    }

    /// Starts the schedule over: a response to a challenge was accepted.
    pub(super) const fn restart(&mut self) {
        self.round = 0;
    }

    /// Returns when to poll: at the time that the server names, if it lies ahead, or after a wait of the schedule.
    pub(super) fn next(
        &self,
        now: Timestamp,
        asked: Option<Timestamp>,
        wait: impl FnOnce(u32) -> Duration,
    ) -> Timestamp {
        // Lazy: `wait` draws random jitter, and a draw that is not used would shift all later ones.
        let scheduled = || now.saturating_add(wait(self.round.saturating_sub(1)));
        asked.filter(|at| *at > now).unwrap_or_else(scheduled)
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
        let mut polling = Polling::default();
        polling.read(false);
        polling.read(false);
        let wait = |round| Duration::from_secs(10 + u64::from(round));
        assert_eq!(polling.next(at(100), Some(at(160)), wait), at(160));
        assert_eq!(polling.next(at(100), Some(at(100)), wait), at(111));
        assert_eq!(polling.next(at(100), None, wait), at(111));
    }

    #[test]
    fn a_new_status_starts_the_schedule_over() {
        let mut polling = Polling::default();
        let closer: alloc::vec::Vec<usize> = (0..8)
            .map(|_| {
                polling.read(false);
                polling.authorizations_to_read()
            })
            .collect();
        assert_eq!(closer, [0, 4, 0, 0, 16, 0, 0, 64]);
        assert!(polling.has_looked_often());
        polling.read(true);
        assert!(!polling.has_looked_often());
        assert_eq!(polling.next(at(0), None, |n| Duration::from_secs(n.into())), at(0));
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
