//! The rate limits that all flows of a session share.

use core::time::Duration;

use super::pace::Pace;
use crate::policy::{Policy, Rate, ResourceClass};
use crate::time::Timestamp;

/// One token bucket and one `not before` for each class of resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    classes: [Class; ResourceClass::COUNT],
    /// That of newAccount, that of newOrder, and that of everything else.
    paces: [Pace; 3],
    /// The latest `now` of any reservation.
    seen: Timestamp,
}

/// By how much the clocks of two flows may differ before the one ahead counts as wrong.
const CLOCK_ERROR: Duration = Duration::from_secs(60);

/// Returns which pace a class has. CAs count accounts and orders by themselves; what is in front of a CA counts requests.
const fn lane(class: ResourceClass) -> usize {
    match class {
        ResourceClass::NewAccount => 0,
        ResourceClass::NewOrder => 1,
        _ => 2,
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Class {
    /// When the bucket is full again if nothing else is reserved.
    full_at: Timestamp,
    not_before: Timestamp,
}

impl Limits {
    /// Reserves the next free slot and returns its time; `now` or earlier means at once.
    ///
    /// Slots are given in the order of the calls; a slot that is not used is lost.
    pub(crate) fn reserve(
        &mut self,
        class: ResourceClass,
        policy: &Policy,
        now: Timestamp,
    ) -> Timestamp {
        self.set_clock(now);
        let Rate { per_second, burst } = policy.rates.rate(class);
        let from = self.held_until(class, policy, now).unwrap_or(now);
        let pace = &mut self.paces[lane(class)];
        let class = &mut self.classes[class.index()];
        if per_second == 0 {
            return pace.reserve(from);
        }
        let interval = Duration::from_secs(1) / per_second;
        // A bucket of `burst` slots that refills at the rate, kept as one time: each reservation moves the time at
        // which it is full again by one interval, and a slot is free while that time is at most `burst` away.
        let full_at = class.full_at.max(from).saturating_add(interval);
        class.full_at = full_at;
        pace.reserve(full_at.saturating_sub(interval.saturating_mul(burst.max(1))).max(from))
    }

    /// Slows the class down: the server refused a request that was sent at `sent`, and named no time.
    pub(crate) fn slow_down(
        &mut self,
        class: ResourceClass,
        sent: Timestamp,
        now: Timestamp,
        pause: Duration,
    ) -> (Timestamp, u32) {
        self.paces[lane(class)].refused(sent, now, pause)
    }

    /// Returns how often in a row nothing of the class got through.
    pub(crate) fn refusals(&self, class: ResourceClass, now: Timestamp) -> u32 {
        self.paces[lane(class)].refusals(now)
    }

    /// Returns whether the server has refused requests of this class, so that they go out one after the other.
    pub(crate) const fn is_paced(&self, class: ResourceClass) -> bool {
        self.paces[lane(class)].is_limited()
    }

    /// Speeds the class up again: the server accepted a request that was sent at `sent`.
    pub(crate) fn accepted(&mut self, class: ResourceClass, sent: Timestamp, now: Timestamp) {
        self.paces[lane(class)].accepted(sent, now);
    }

    /// Holds the class until `time`, as the server asks.
    pub(crate) fn hold_until(&mut self, class: ResourceClass, time: Timestamp) {
        let class = &mut self.classes[class.index()];
        class.not_before = class.not_before.max(time);
    }

    /// Returns until when the server asked for a pause in this class, if that is in the future.
    ///
    /// A time beyond the policy's cap was computed by a clock that ran ahead, and does not count.
    pub(crate) fn held_until(
        &self,
        class: ResourceClass,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let paused = self.paces[lane(class)].paused_until();
        let until = self.classes[class.index()].not_before.max(paused);
        let farthest = now.saturating_add(policy.retry_after_cap);
        Some(until).filter(|until| *until > now && *until <= farthest)
    }

    /// Moves the reservations of a clock that ran ahead back to this clock.
    fn set_clock(&mut self, now: Timestamp) {
        let ahead = self.seen.saturating_duration_since(now);
        if ahead > CLOCK_ERROR {
            for class in &mut self.classes {
                class.full_at = class.full_at.saturating_sub(ahead);
            }
            self.paces = Default::default();
            self.seen = now;
        }
        self.seen = self.seen.max(now);
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::policy::Rates;

    fn policy(rates: Rates) -> Policy {
        Policy { rates, ..Policy::default() }
    }

    fn millis(ms: i64) -> Timestamp {
        Timestamp::from_unix_millis(ms)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let policy = policy(
            Rates::unlimited().with_rate(ResourceClass::Other, Rate { per_second: 10, burst: 3 }),
        );
        let mut limits = Limits::default();
        let now = millis(1_000_000);
        let slots: alloc::vec::Vec<_> =
            (0..5).map(|_| limits.reserve(ResourceClass::Other, &policy, now)).collect();
        assert_eq!(slots, [now, now, now, millis(1_000_100), millis(1_000_200)]);
    }

    #[test]
    fn classes_do_not_share_slots() {
        let policy = policy(
            Rates::unlimited().with_rate(ResourceClass::NewOrder, Rate { per_second: 1, burst: 1 }),
        );
        let mut limits = Limits::default();
        let now = millis(5_000);
        assert_eq!(limits.reserve(ResourceClass::NewOrder, &policy, now), now);
        assert_eq!(limits.reserve(ResourceClass::NewOrder, &policy, now), millis(6_000));
        assert_eq!(limits.reserve(ResourceClass::Other, &policy, now), now);
    }

    #[test]
    fn nothing_goes_before_the_time_the_server_named() {
        let mut limits = Limits::default();
        limits.hold_until(ResourceClass::NewOrder, millis(9_000));
        let policy = Policy::default();
        // covers 8555-6.6-3
        assert_eq!(limits.reserve(ResourceClass::NewOrder, &policy, millis(0)), millis(9_000));
    }

    #[test]
    fn a_clock_that_was_wrong_leaves_no_slots_behind() {
        let policy = policy(
            Rates::unlimited().with_rate(ResourceClass::Other, Rate { per_second: 1, burst: 2 }),
        );
        let mut limits = Limits::default();
        let now = millis(1_000_000);
        let wrong = now.saturating_add(Duration::from_secs(3600 * 24 * 365));
        limits.hold_until(ResourceClass::Other, wrong);
        assert_eq!(limits.reserve(ResourceClass::Other, &policy, wrong), wrong);
        let slots: alloc::vec::Vec<_> =
            (0..2).map(|_| limits.reserve(ResourceClass::Other, &policy, now)).collect();
        assert_eq!(slots, [now, millis(1_001_000)]);
    }
}
