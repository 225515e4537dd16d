//! The rate limits that all flows of a session share.
//!
//! A slot says when a request may be sent. When it arrives is unknown: connections are opened meanwhile, and one request
//! overtakes another. So a request that has its slot also waits until the server's bucket has room for it though those
//! before it arrive late: what was answered has arrived by then, and the rest may arrive together with it, for as long as
//! [`ARRIVED`].

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
    /// When the server's bucket is full again, if each request arrived only a moment before its response came.
    answered_full_at: Timestamp,
    /// How many requests have no response yet, and when the last of them was sent.
    unanswered: u32,
    sent_at: Timestamp,
}

/// After so long a request counts as arrived.
///
/// A flow may be dropped while its requests are out, and nobody says so. Then the others wait for so long at most.
const ARRIVED: Duration = Duration::from_secs(2);

/// How long to wait for responses before looking again, where the rate is faster than this.
///
/// What frees the room is mostly a response to the same flow, which is polled then anyway.
const SHORTEST_WAIT: Duration = Duration::from_millis(25);

impl Class {
    /// Counts requests that have arrived at `time` or before.
    fn arrived(&mut self, count: u32, rate: Rate, time: Timestamp) {
        let count = count.min(self.unanswered);
        self.unanswered -= count;
        let full_at = self.answered_full_at.max(time);
        self.answered_full_at = full_at.saturating_add(rate.interval().saturating_mul(count));
    }
}

impl Rate {
    /// Returns how long the bucket takes to fill by one.
    fn interval(self) -> Duration {
        Duration::from_secs(1).checked_div(self.per_second).unwrap_or_default()
    }
}

impl Limits {
    /// Reserves the next free slot and returns its time; `now` or earlier means at once.
    ///
    /// Slots are given in the order of the calls; a slot that is not used is lost. So one at `deadline` or later, which
    /// nobody would use, is not taken: its time is the error.
    pub(crate) fn reserve(
        &mut self,
        class: ResourceClass,
        policy: &Policy,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<Timestamp, Timestamp> {
        self.set_clock(now);
        let rate @ Rate { per_second, burst } = policy.rates.rate(class);
        let from = self.held_until(class, policy, now).unwrap_or(now);
        let pace = &mut self.paces[lane(class)];
        let class = &mut self.classes[policy.rates.bucket(class)];
        let (mut full_at, mut free_at) = (class.full_at, from);
        if per_second > 0 {
            let interval = rate.interval();
            // A bucket of `burst` slots that refills at the rate, kept as one time: each reservation moves the time at
            // which it is full again by one interval, and a slot is free while that time is at most `burst` away.
            full_at = full_at.max(from).saturating_add(interval);
            free_at = full_at.saturating_sub(interval.saturating_mul(burst.max(1))).max(from);
        }
        let slot = pace.next_slot(free_at);
        if slot >= deadline {
            return Err(slot);
        }
        class.full_at = full_at;
        pace.take(slot);
        Ok(slot)
    }

    /// Returns whether there is room for a request that has its slot, or else when to ask again.
    ///
    /// Unlike slots, room is given to whoever asks first after there is some.
    pub(crate) fn room(
        &mut self,
        class: ResourceClass,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        self.set_clock(now);
        let rate = policy.rates.rate(class);
        let class = &mut self.classes[policy.rates.bucket(class)];
        let arrived = class.sent_at.saturating_add(ARRIVED);
        if now >= arrived {
            class.arrived(class.unanswered, rate, arrived);
        }
        let interval = rate.interval();
        let filling = class.answered_full_at.saturating_duration_since(now);
        let taken =
            filling.saturating_add(interval.saturating_mul(class.unanswered.saturating_add(1)));
        let excess = taken.saturating_sub(interval.saturating_mul(rate.burst.max(1)));
        if excess.is_zero() {
            return Ok(());
        }
        let wait = if excess <= filling { excess } else { interval.max(SHORTEST_WAIT) };
        Err(now.saturating_add(wait))
    }

    /// Counts a request as sent, which is done when it is handed to the signer: the next one must find the room taken.
    pub(crate) fn sent(&mut self, class: ResourceClass, policy: &Policy, now: Timestamp) {
        let class = &mut self.classes[policy.rates.bucket(class)];
        class.unanswered = class.unanswered.saturating_add(1);
        class.sent_at = class.sent_at.max(now);
    }

    /// Counts a request as arrived: its response came, it was lost, or it was not signed.
    pub(crate) fn arrived(&mut self, class: ResourceClass, policy: &Policy, now: Timestamp) {
        self.classes[policy.rates.bucket(class)].arrived(1, policy.rates.rate(class), now);
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
                class.answered_full_at = class.answered_full_at.saturating_sub(ahead);
                class.sent_at = class.sent_at.saturating_sub(ahead);
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

    fn send(
        limits: &mut Limits,
        class: ResourceClass,
        policy: &Policy,
        at: i64,
    ) -> Result<(), Timestamp> {
        limits.room(class, policy, millis(at)).inspect(|()| limits.sent(class, policy, millis(at)))
    }

    fn reserve(
        limits: &mut Limits,
        class: ResourceClass,
        policy: &Policy,
        now: Timestamp,
    ) -> Timestamp {
        let deadline = now.saturating_add(Duration::from_secs(300));
        limits.reserve(class, policy, now, deadline).expect("a slot before the deadline")
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
            (0..5).map(|_| reserve(&mut limits, ResourceClass::Other, &policy, now)).collect();
        assert_eq!(slots, [now, now, now, millis(1_000_100), millis(1_000_200)]);
    }

    #[test]
    fn requests_that_may_arrive_together_are_no_more_than_a_burst() {
        let policy = policy(
            Rates::unlimited().with_rate(ResourceClass::Other, Rate { per_second: 10, burst: 3 }),
        );
        let mut limits = Limits::default();
        let send = |limits: &mut Limits, at| send(limits, ResourceClass::Other, &policy, at);
        assert_eq!([(); 3].map(|()| send(&mut limits, 1000)), [Ok(()); 3]);
        // By now the server has room again, if the three have arrived; nothing shows that they have.
        assert_eq!(send(&mut limits, 1400), Err(millis(1500)));
        limits.arrived(ResourceClass::Other, &policy, millis(1450));
        assert_eq!(send(&mut limits, 1500), Err(millis(1550)));
        assert_eq!([send(&mut limits, 1550), send(&mut limits, 1550)], [Ok(()), Err(millis(1650))]);
        // Without a response ever, they count as arrived two seconds after the last was sent.
        assert_eq!(
            [send(&mut limits, 3550), send(&mut limits, 3600)],
            [Err(millis(3650)), Err(millis(3650))]
        );
        assert_eq!(send(&mut limits, 3650), Ok(()));
    }

    #[test]
    fn classes_do_not_share_slots() {
        let policy = policy(
            Rates::unlimited().with_rate(ResourceClass::NewOrder, Rate { per_second: 1, burst: 1 }),
        );
        let mut limits = Limits::default();
        let now = millis(5_000);
        assert_eq!(reserve(&mut limits, ResourceClass::NewOrder, &policy, now), now);
        assert_eq!(reserve(&mut limits, ResourceClass::NewOrder, &policy, now), millis(6_000));
        assert_eq!(reserve(&mut limits, ResourceClass::Other, &policy, now), now);
    }

    #[test]
    fn classes_that_are_limited_together_share_slots() {
        let policy = policy(Rates::together(Rate { per_second: 10, burst: 2 }));
        let mut limits = Limits::default();
        let mut slot = |class| reserve(&mut limits, class, &policy, millis(5_000));
        assert_eq!(slot(ResourceClass::NewOrder), millis(5_000));
        assert_eq!(slot(ResourceClass::Other), millis(5_000));
        assert_eq!(slot(ResourceClass::NewNonce), millis(5_100));
        let mut send = |class| send(&mut limits, class, &policy, 5_000);
        assert_eq!([send(ResourceClass::NewOrder), send(ResourceClass::Other)], [Ok(()); 2]);
        assert_eq!(send(ResourceClass::NewNonce), Err(millis(5_100)));
        limits.arrived(ResourceClass::Other, &policy, millis(5_010));
        assert!(limits.room(ResourceClass::NewNonce, &policy, millis(5_100)).is_err());
        assert_eq!(limits.room(ResourceClass::NewNonce, &policy, millis(5_110)), Ok(()));
        // A time that the server named is about its class alone.
        limits.hold_until(ResourceClass::NewOrder, millis(9_000));
        assert_eq!(
            reserve(&mut limits, ResourceClass::NewAccount, &policy, millis(8_000)),
            millis(8_000)
        );
    }

    #[test]
    fn nothing_goes_before_the_time_the_server_named() {
        let mut limits = Limits::default();
        limits.hold_until(ResourceClass::NewOrder, millis(9_000));
        let policy = Policy::default();
        // covers 8555-6.6-3
        assert_eq!(
            reserve(&mut limits, ResourceClass::NewOrder, &policy, millis(0)),
            millis(9_000)
        );
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
        assert_eq!(reserve(&mut limits, ResourceClass::Other, &policy, wrong), wrong);
        let slots: alloc::vec::Vec<_> =
            (0..2).map(|_| reserve(&mut limits, ResourceClass::Other, &policy, now)).collect();
        assert_eq!(slots, [now, millis(1_001_000)]);
    }

    #[test]
    fn slots_that_nobody_could_use_are_not_taken() {
        let bucket = Rate { per_second: 1, burst: 1 };
        let rated = policy(Rates::unlimited().with_rate(ResourceClass::NewOrder, bucket));
        let now = millis(1_000_000);
        let second = |n| now.saturating_add(Duration::from_secs(n));
        for (policy, is_refused) in [(&rated, false), (&policy(Rates::unlimited()), true)] {
            let mut limits = Limits::default();
            if is_refused {
                // Nothing got through before: one a second.
                limits.slow_down(ResourceClass::NewOrder, now, now, Duration::ZERO);
            }
            let mut reserve =
                |at, deadline| limits.reserve(ResourceClass::NewOrder, policy, at, deadline);
            for n in 0..1000 {
                let slot = if n < 300 { Ok(second(n)) } else { Err(second(300)) };
                assert_eq!(reserve(now, second(300)), slot, "{n}");
            }
            assert_eq!(reserve(now, second(301)), Ok(second(300)));
            assert_eq!(reserve(second(400), second(700)), Ok(second(400)));
        }
    }
}
