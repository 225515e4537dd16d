//! The rate limits that all flows of a session share.

use core::time::Duration;

use crate::policy::{Rate, Rates, ResourceClass};
use crate::time::Timestamp;

/// One token bucket and one `not before` for each class of resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    classes: [Class; ResourceClass::COUNT],
}

#[derive(Clone, Copy, Debug, Default)]
struct Class {
    /// When the bucket would be full again, were no slot taken any more.
    full_at: Timestamp,
    not_before: Timestamp,
}

impl Limits {
    /// Reserves the next free slot and returns its time; `now` or earlier means at once.
    ///
    /// Slots go first come, first served; one that is not used lapses.
    pub(crate) fn reserve(
        &mut self,
        class: ResourceClass,
        rates: &Rates,
        now: Timestamp,
    ) -> Timestamp {
        let Rate { per_second, burst } = rates.of(class);
        let class = &mut self.classes[class.index()];
        let from = now.max(class.not_before);
        if per_second == 0 {
            return from;
        }
        let interval = Duration::from_secs(1) / per_second;
        let full_at = class.full_at.max(from).saturating_add(interval);
        class.full_at = full_at;
        full_at.saturating_sub(interval.saturating_mul(burst.max(1))).max(from)
    }

    /// Lets no request of the class go before `time`: the server said so.
    pub(crate) fn hold_until(&mut self, class: ResourceClass, time: Timestamp) {
        let class = &mut self.classes[class.index()];
        class.not_before = class.not_before.max(time);
    }

    /// Returns before when no request of the class may go.
    pub(crate) const fn not_before(&self, class: ResourceClass) -> Timestamp {
        self.classes[class.index()].not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(ms: i64) -> Timestamp {
        Timestamp::from_unix_millis(ms)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let rates =
            Rates::unlimited().with(ResourceClass::Other, Rate { per_second: 10, burst: 3 });
        let mut limits = Limits::default();
        let now = millis(1_000_000);
        let slots: alloc::vec::Vec<_> =
            (0..5).map(|_| limits.reserve(ResourceClass::Other, &rates, now)).collect();
        assert_eq!(slots, [now, now, now, millis(1_000_100), millis(1_000_200)]);
    }

    #[test]
    fn classes_do_not_share_slots() {
        let rates =
            Rates::unlimited().with(ResourceClass::NewOrder, Rate { per_second: 1, burst: 1 });
        let mut limits = Limits::default();
        let now = millis(5_000);
        assert_eq!(limits.reserve(ResourceClass::NewOrder, &rates, now), now);
        assert_eq!(limits.reserve(ResourceClass::NewOrder, &rates, now), millis(6_000));
        assert_eq!(limits.reserve(ResourceClass::Other, &rates, now), now);
    }

    // 8555-6.6-3
    #[test]
    fn nothing_goes_before_the_time_the_server_named() {
        let mut limits = Limits::default();
        limits.hold_until(ResourceClass::NewOrder, millis(9_000));
        let rates = Rates::default();
        assert_eq!(limits.reserve(ResourceClass::NewOrder, &rates, millis(0)), millis(9_000));
    }
}
