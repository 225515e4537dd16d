//! How fast requests go to a server that refuses some of them and names no time.
//!
//! The first refusal shows how many requests the server accepts in a second, and each further one that it accepts fewer:
//! the rate falls by a fifth. Each second without a refusal raises it by a quarter of a request. Refusals of requests that
//! were sent before the rate fell are of the same burst, and count once.

use core::time::Duration;

use crate::time::Timestamp;

/// A rate that follows what the server accepts; without a limit until the first refusal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Requests a minute; 0 means no limit.
    per_minute: u32,
    /// The next free slot.
    next: Timestamp,
    /// Nothing goes out before.
    paused_until: Timestamp,
    /// When the rate last fell.
    refused_at: Timestamp,
    /// How often it fell without any request getting through in between.
    refusals: u32,
    /// The second in which accepted requests are counted, how many there were, and how many in the one before.
    second: Timestamp,
    accepted: u32,
    accepted_before: u32,
}

const SECOND: Duration = Duration::from_secs(1);
const SLOWEST: u32 = 6;
/// Divided by the rate, what one request that got through adds to it: a quarter of a request in each second.
const QUARTER_OF_A_REQUEST: u32 = 15 * 60;
/// A rate at which the policy's own limits are enough.
const FAST_ENOUGH: u32 = 100 * 60;
/// The rate after a first refusal is at most this: so many requests can be in flight at once by default.
const FIRST: u32 = 16 * 60;
/// After this time without a refusal the next one is the first again.
const FORGET: Duration = Duration::from_secs(120);

impl Pace {
    /// Returns the time of the next slot, at `from` or later.
    pub(super) fn next_slot(&self, from: Timestamp) -> Timestamp {
        if self.is_limited() { self.next.max(from) } else { from }
    }

    /// Takes a slot that [`next_slot`](Self::next_slot) returned.
    pub(super) fn take(&mut self, slot: Timestamp) {
        if let Some(interval) = Duration::from_secs(60).checked_div(self.per_minute) {
            self.next = slot.saturating_add(interval);
        }
    }

    /// Takes a refusal; returns until when to pause, and how often in a row nothing got through.
    pub(super) fn refused(
        &mut self,
        sent: Timestamp,
        now: Timestamp,
        pause: Duration,
    ) -> (Timestamp, u32) {
        if sent > self.refused_at {
            self.refusals = self.refusals(now) + 1;
            self.per_minute = match self.per_minute {
                0 => (self.accepted.max(self.accepted_before).max(1) * 60).min(FIRST),
                rate => (rate / 10 * 8).max(SLOWEST),
            };
            self.refused_at = now;
            self.paused_until = now.saturating_add(pause);
            self.next = self.paused_until;
        }
        (self.paused_until, self.refusals)
    }

    /// Takes a request that got through.
    pub(super) fn accepted(&mut self, sent: Timestamp, now: Timestamp) {
        let passed = now.saturating_duration_since(self.second);
        if passed >= SECOND {
            self.accepted_before = if passed < SECOND * 2 { self.accepted } else { 0 };
            (self.second, self.accepted) = (now, 0);
        }
        self.accepted = self.accepted.saturating_add(1);
        if sent <= self.refused_at {
            return;
        }
        self.refusals = 0;
        if let Some(gain) = QUARTER_OF_A_REQUEST.checked_div(self.per_minute) {
            let faster = self.per_minute + gain.max(1);
            self.per_minute = if faster < FAST_ENOUGH { faster } else { 0 };
        }
    }

    /// Returns how often in a row nothing got through.
    pub(super) fn refusals(&self, now: Timestamp) -> u32 {
        if now.saturating_duration_since(self.refused_at) > FORGET { 0 } else { self.refusals }
    }

    pub(super) const fn is_limited(&self) -> bool {
        self.per_minute > 0
    }

    pub(super) const fn paused_until(&self) -> Timestamp {
        self.paused_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_000_000 + millis)
    }

    #[test]
    fn refusals_of_one_burst_count_once_and_the_rate_is_what_got_through() {
        let mut pace = Pace::default();
        (0..7).for_each(|_| pace.accepted(at(0), at(10)));
        for _ in 0..9 {
            let refused = pace.refused(at(0), at(10), Duration::from_millis(490));
            assert_eq!(refused, (at(500), 1));
        }
        assert_eq!(pace.per_minute, 7 * 60);
        let first = pace.next_slot(at(20));
        assert_eq!(first, at(500));
        pace.take(first);
        assert_eq!(pace.next_slot(at(20)).saturating_duration_since(first).as_millis(), 142);
    }

    #[test]
    fn what_gets_through_ends_the_row_of_refusals_and_raises_the_rate() {
        let mut pace = Pace::default();
        for n in 0..3 {
            let (_, refusals) = pace.refused(at(n * 1000 + 1), at(n * 1000 + 2), SECOND);
            assert_eq!(refusals, n as u32 + 1);
        }
        let slow = pace.per_minute;
        pace.accepted(at(5000), at(5001));
        assert_eq!(pace.refusals(at(5001)), 0);
        assert!(pace.per_minute > slow);
    }
}
