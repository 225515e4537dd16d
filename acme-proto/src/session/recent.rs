//! How long the CA took lately.

use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// What an issuance waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The order is ready: all challenges are validated.
    Validation,
    /// The order is valid: the certificate is issued.
    Issuance,
}

/// The last few waits for validations and for certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Recent {
    validations: Waits,
    issuances: Waits,
}

/// In milliseconds, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Waits(Vec<u32>);

/// How many waits are remembered.
const MOST: usize = 8;
/// How many of them are needed to expect anything.
const LEAST: usize = 3;
/// A longer wait says more of the day than of the CA.
const LONGEST: u32 = 600_000;

impl Recent {
    /// Remembers how long the CA took.
    pub(crate) fn note(&mut self, awaited: Awaited, took: Duration) {
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        if millis <= LONGEST {
            let waits = match awaited {
                Awaited::Validation => &mut self.validations.0,
                Awaited::Issuance => &mut self.issuances.0,
            };
            let over = (waits.len() + 1).saturating_sub(MOST);
            waits.drain(..over);
            waits.push(millis);
        }
    }

    /// Returns the range in which the next wait is expected to end, in milliseconds after it begins; `None` if fewer than
    /// three waits are known.
    ///
    /// With eight known waits, the shortest and the longest do not count.
    pub(crate) fn expected(&self, awaited: Awaited) -> Option<RangeInclusive<u32>> {
        let waits = match awaited {
            Awaited::Validation => &self.validations.0,
            Awaited::Issuance => &self.issuances.0,
        };
        // What was saved may be anything.
        let mut sorted: Vec<u32> = waits.iter().rev().take(MOST).copied().collect();
        sorted.retain(|millis| *millis <= LONGEST);
        sorted.sort_unstable();
        let trimmed = usize::from(sorted.len() == MOST);
        let counted = sorted.get(trimmed..sorted.len() - trimmed)?;
        let (Some(shortest), Some(longest)) = (counted.first(), counted.last()) else {
            return None;
        };
        (sorted.len() >= LEAST).then(|| shortest - shortest / 10..=longest + longest / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(waits: impl IntoIterator<Item = u64>) -> Option<RangeInclusive<u32>> {
        let mut recent = Recent::default();
        for millis in waits {
            recent.note(Awaited::Validation, Duration::from_millis(millis));
        }
        assert_eq!(recent.expected(Awaited::Issuance), None);
        recent.expected(Awaited::Validation)
    }

    #[test]
    fn the_last_eight_waits_count_but_for_the_shortest_and_the_longest() {
        assert_eq!(after([1000, 1200]), None);
        assert_eq!(after([1000, 1200, 1100]), Some(900..=1320));
        let outliers = [1000, 90_000, 1100, 10, 1200, 1100, 1100, 1100];
        assert_eq!(after(outliers), Some(900..=1320));
        assert_eq!(after((0..50).chain([1000; 8])), Some(900..=1100));
    }

    #[test]
    fn a_wait_of_hours_is_not_remembered() {
        assert_eq!(after([1000, 1000, 1000, 7_200_000, u64::MAX]), Some(900..=1100));
    }

    #[test]
    fn whatever_was_saved_is_bounded() {
        let many = serde_json::json!({ "validations": alloc::vec![u32::MAX; 5000] });
        let recent: Recent = serde_json::from_value(many).unwrap();
        assert_eq!(recent.expected(Awaited::Validation), None);
    }
}
