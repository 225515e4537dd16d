//! When polls go out, where the server names no time.
//!
//! Without a memory, at fixed times after the wait began ([`TIMES`]): the first at once, and each further one about half as
//! late again, so that a wait is noticed after about a quarter of its length, by twelve polls up to half a minute and by
//! twenty-five up to five minutes. No schedule of so few polls does much better for waits of unknown length; one that
//! knows the length does, so that a session remembers how long the CA took. Polls then lie where most of the remembered
//! waits ended, and the waits between them grow after that. The page `waiting` of the manual compares the two.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// In milliseconds after the wait began; from each to the next by the factor 1.56, and 1.19 after the first half minute.
///
/// The factor leaves open where the first of them lies. Polls come a little after one second and after four, even with
/// jitter: what takes a fixed time takes whole seconds more often than not.
const TIMES: [u32; MOST_POLLS] = [
    0, 450, 700, 1_100, 1_720, 2_690, 4_200, 6_550, 10_200, 15_900, 24_800, 35_000, 41_500, 49_200,
    58_300, 69_200, 82_000, 97_200, 115_300, 136_700, 162_100, 192_200, 227_900, 270_200, 320_300,
];

/// How many polls go out in the first five minutes.
const MOST_POLLS: usize = 25;

/// How many polls go out in the first [`HALF_A_MINUTE`].
const MOST_AT_FIRST: usize = 12;

/// The jitter takes off an eighth of the last wait at most.
const HALF_A_MINUTE: u32 = 32_000;

/// How many polls go out while a wait is as long as those that are remembered.
const MOST_EXPECTED: usize = 8;

/// The shortest wait between two polls of a wait that is as long as expected.
const SHORTEST: u32 = 50;

/// The longest wait, however long the waits that are remembered: this one may be over sooner.
const LONGEST: u32 = 60_000;

/// Returns when the next poll goes out, in milliseconds after the wait began.
///
/// `polls` have gone out before, the last one at `elapsed`; most waits are expected to end in the range.
pub(super) fn next(elapsed: u32, polls: usize, expected: Option<RangeInclusive<u32>>) -> u32 {
    let planned = expected.map_or_else(Vec::new, |range| plan(&range));
    let last = planned.last().copied().unwrap_or_default();
    // A time that is almost over was skipped: the server took long to respond, or named a time itself.
    let soonest = elapsed.saturating_add(SHORTEST / 2);
    let is_ahead = |time: &u32| *time > soonest;
    let beyond = TIMES.into_iter().filter(|time| planned.is_empty() || *time > last + last / 10);
    // Those that went out before the first planned time, because no wait is longer, are none of the plan.
    let early = planned.first().map_or(0, |first| first.saturating_sub(1) / LONGEST) as usize;
    let mut times = planned.iter().copied().chain(beyond).skip(polls.saturating_sub(early));
    let next = times.find(is_ahead).unwrap_or_else(|| elapsed.saturating_add(elapsed / 5));
    next.min(elapsed.saturating_add(LONGEST))
}

/// Returns when the first poll goes out, in milliseconds after the wait began.
pub(super) fn first(expected: Option<RangeInclusive<u32>>) -> u32 {
    expected.map_or(0, |range| (*range.start()).min(LONGEST))
}

/// Returns the times of polls for a wait that is expected to end in a range, in milliseconds after it began.
///
/// They are at most as many as there are without a memory up to the end of the range, and a third of those that are left;
/// the others follow by waits that grow by one factor, and reach as far as without a memory.
fn plan(range: &RangeInclusive<u32>) -> Vec<u32> {
    let (start, end) = (*range.start(), *range.end());
    let usual = TIMES.iter().filter(|time| **time <= end).count();
    let inside = (usual + MOST_AT_FIRST.saturating_sub(usual) / 3).min(MOST_EXPECTED);
    let gaps = u32::try_from(inside - 1).unwrap_or(1).max(1);
    let step = (end.saturating_sub(start) / gaps).max(SHORTEST);
    let mut times: Vec<u32> =
        (0..=gaps).map(|n| start.saturating_add(step * n)).take_while(|at| *at <= end).collect();
    let last = times.last().copied().unwrap_or(start);
    let left = MOST_AT_FIRST.saturating_sub(times.len());
    if last < HALF_A_MINUTE / 2 {
        let factor = factor(step, left, HALF_A_MINUTE - last);
        let mut at = f64::from(last);
        let mut wait = f64::from(step);
        times.extend((0..left).map(|_| {
            wait *= factor;
            at += wait;
            at as u32
        }));
    }
    times
}

/// Returns the factor by which each of so many waits is longer than the one before it, if they take `sum` together and
/// follow a wait of `step`.
fn factor(step: u32, waits: usize, sum: u32) -> f64 {
    let reached = |factor: f64| {
        let grown = |(sum, wait): (f64, f64), _| (sum + wait * factor, wait * factor);
        (0..waits).fold((0.0, f64::from(step)), grown).0
    };
    let (mut low, mut high) = (1.0, 8.0);
    for _ in 0..24 {
        let middle = f64::midpoint(low, high);
        *(if reached(middle) < f64::from(sum) { &mut low } else { &mut high }) = middle;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All polls of a wait that ends after five minutes.
    fn polls(expected: Option<RangeInclusive<u32>>) -> Vec<u32> {
        let mut all = alloc::vec![first(expected.clone())];
        while all[all.len() - 1] < 300_000 {
            all.push(next(all[all.len() - 1], all.len(), expected.clone()));
        }
        all
    }

    #[test]
    fn no_wait_is_longer_than_a_minute_whatever_is_remembered() {
        for expected in [None, Some(90_000..=110_000), Some(500_000..=660_000), Some(0..=660_000)] {
            let times = polls(expected.clone());
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest <= Some(60_000) && times[0] <= 60_000, "{expected:?}: {times:?}");
        }
        let times = polls(Some(200_000..=230_000));
        assert_eq!(times[..4], [60_000, 120_000, 180_000, 200_000], "the plan follows");
    }

    #[test]
    fn twelve_polls_reach_half_a_minute_and_twenty_five_five_minutes() {
        let ranges = [(0, 0), (200, 400), (1, 5_000), (900, 1_500), (9_000, 21_000), (50, 29_000)];
        let ranges = ranges.map(|(start, end)| Some(start..=end)).into_iter().chain([None]);
        for range in ranges {
            let all = polls(range.clone());
            let soon = all.iter().filter(|at| **at < 30_000).count();
            assert!(soon < 12 && all.len() <= 25, "{range:?}: {soon} of {all:?}");
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{range:?}: {all:?}");
        }
    }

    #[test]
    fn without_a_memory_a_poll_is_at_most_half_as_late_again_as_the_one_before() {
        let all = polls(None);
        assert_eq!(all[..4], [0, 450, 700, 1100]);
        let grows = |pair: &[u32]| f64::from(pair[1]) / f64::from(pair[0]);
        assert!(all[1..].windows(2).all(|pair| grows(pair) < 1.58), "{all:?}");
        assert!(all[11..].windows(2).all(|pair| grows(pair) < 1.2), "{all:?}");
    }

    #[test]
    fn polls_are_where_waits_are_expected_to_end() {
        let all = polls(Some(900..=1_500));
        assert_eq!(all[0], 900);
        let inside = all.iter().filter(|at| (900..=1_500).contains(*at)).count();
        assert_eq!(inside, 6, "{all:?}");
        assert!(all[6] < 1_800, "the first after that: {all:?}");
    }

    #[test]
    fn a_time_that_is_almost_over_is_skipped() {
        assert_eq!(next(30, 1, None), 450);
        assert_eq!(next(440, 1, None), 700);
        assert_eq!(next(30_000, 2, None), 35_000);
        assert_eq!(next(u32::MAX - 5, 2, None), u32::MAX);
        assert_eq!(next(400_000, 30, None), 460_000);
    }
}
