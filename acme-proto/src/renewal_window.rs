//! The suggested window and the instant chosen in it (RFC 9773 Section 4.2).

use core::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::RenewalInfo;

/// A suggested window with the instant chosen in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalWindow {
    start: Timestamp,
    end: Timestamp,
    chosen: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explanation_url: Option<Url>,
}

impl RenewalWindow {
    /// Returns the start of the window.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Returns the end of the window.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// Returns the instant chosen at random in the window.
    pub const fn chosen(&self) -> Timestamp {
        self.chosen
    }

    /// Returns the URL of a page that explains the window to humans.
    pub const fn explanation_url(&self) -> Option<&Url> {
        self.explanation_url.as_ref()
    }

    /// Chooses an instant in a window by a random number. All instants are equally likely.
    pub(super) fn choose(info: &RenewalInfo, random: u64) -> Self {
        Self {
            start: info.start(),
            end: info.end(),
            chosen: instant(info.start(), info.end(), random),
            explanation_url: info.explanation_url().cloned(),
        }
    }

    /// Returns whether this is still the CA's window and contains the chosen instant.
    pub(super) fn still_holds(&self, info: &RenewalInfo) -> bool {
        (self.start, self.end) == (info.start(), info.end())
            // A stored schedule is input too, and its instant may lie outside of the window.
            && self.start <= self.chosen
            && self.chosen <= self.end
    }

    /// Updates the explanation of an unchanged window, and returns whether there is a new one.
    pub(super) fn explain(&mut self, info: &RenewalInfo) -> bool {
        let is_new = self.explanation_url.as_ref() != info.explanation_url();
        self.explanation_url = info.explanation_url().cloned();
        is_new && self.explanation_url.is_some()
    }
}

/// Returns the instant at `random / 2^64` of the way from start to end.
fn instant(start: Timestamp, end: Timestamp, random: u64) -> Timestamp {
    let width = end.saturating_duration_since(start).as_nanos();
    let random = u128::from(random);
    // `width * random` has up to 158 bits, too many for u128. Multiplying the two halves of `width`
    // separately gives the same result.
    let (high, low) = (width >> 64, width & u128::from(u64::MAX));
    let offset = high * random + ((low * random) >> 64);
    let secs = u64::try_from(offset / NANOS).unwrap_or(u64::MAX);
    start.saturating_add(Duration::new(secs, (offset % NANOS) as u32))
}

const NANOS: u128 = 1_000_000_000;

/// Returns the n-th random number of a certificate. One seed gives different numbers for different
/// certificates.
pub(super) fn random(seed: u64, certificate_id: &str, n: u32) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(n.to_be_bytes());
    hash.update(certificate_id.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_unix_seconds(secs)
    }

    #[test]
    fn the_random_number_is_the_place_in_the_window() {
        let window = |random| instant(at(1000), at(2000), random);
        assert_eq!(window(0), at(1000));
        // covers 9773-4.2-2
        assert_eq!(window(1 << 63), at(1500));
        assert_eq!(window(1 << 62), at(1250));
        assert_eq!(window(u64::MAX), Timestamp::from_unix_parts(1999, 999_999_999));
    }

    #[test]
    fn the_widest_window_does_not_overflow() {
        let (start, end) = (at(i64::MIN), Timestamp::MAX);
        assert_eq!(instant(start, end, 0), start);
        assert_eq!(instant(start, end, 1 << 63), Timestamp::from_unix_parts(-1, 999_999_999));
        assert!(instant(start, end, u64::MAX) <= end);
        let (start, narrow) = (at(0), Timestamp::from_unix_parts(0, 1));
        assert_eq!(instant(start, narrow, u64::MAX), start);
    }

    #[test]
    fn seed_certificate_and_count_all_matter() {
        let first = random(1, "a.b", 0);
        assert_eq!(first, random(1, "a.b", 0));
        for other in [random(2, "a.b", 0), random(1, "a.c", 0), random(1, "a.b", 1)] {
            assert_ne!(first, other);
        }
    }
}
