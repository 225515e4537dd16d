//! Limits on how many requests a CA takes from one address (RFC 8555 Section 6.6).

use super::ca::Ca;
use super::kind::RequestKind;
use super::problem::Problem;

/// The number of classes that are limited separately.
const CLASSES: usize = 7;

/// Says how many requests the CA takes: so many a second on average, and so many at once.
///
/// The CA counts all its clients as one address. A request beyond the limit is answered 429 `rateLimited`, with
/// `Retry-After` in whole seconds. A refused POST uses up its nonce and brings a new one, as any error of Boulder does;
/// a refused newNonce brings none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    limits: [(u32, u32); CLASSES],
    /// Whether all requests count together.
    together: bool,
}

impl RequestLimits {
    /// Returns the table that Let's Encrypt publishes (<https://letsencrypt.org/docs/rate-limits/>): a limit each for
    /// newNonce, newAccount, newOrder, revokeCert, renewalInfo and the directory, and one for all other requests.
    #[must_use]
    pub const fn lets_encrypt() -> Self {
        let limits = [(40, 40), (20, 10), (5, 15), (300, 200), (10, 100), (1000, 100), (250, 125)];
        Self { limits, together: false }
    }

    /// Returns one limit for all requests together, as most other CAs have. Neither number counts as less than 1.
    #[must_use]
    pub fn together(per_second: u32, burst: u32) -> Self {
        Self { limits: [(per_second.max(1), burst.max(1)); CLASSES], together: true }
    }

    /// Returns the limit for requests of a kind: how many a second, and how many at once.
    #[must_use]
    pub const fn limit(&self, kind: RequestKind) -> (u32, u32) {
        self.limits[class(kind)]
    }

    /// Returns which bucket a request of a kind is taken from; kinds that count together have the same one.
    #[must_use]
    pub const fn bucket(&self, kind: RequestKind) -> usize {
        if self.together { 0 } else { class(kind) }
    }
}

const fn class(kind: RequestKind) -> usize {
    match kind {
        RequestKind::Directory => 0,
        RequestKind::NewNonce => 1,
        RequestKind::NewAccount => 2,
        RequestKind::NewOrder => 3,
        RequestKind::RevokeCert => 4,
        RequestKind::RenewalInfo => 5,
        _ => 6,
    }
}

/// When each bucket is full again, in microseconds, if nothing else is taken from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Buckets {
    full_at: [u64; CLASSES],
}

/// The CA's clock has milliseconds: two requests may be this much farther apart than it shows.
const ROUNDING: u64 = 999;

impl Buckets {
    /// Takes a request from its bucket. If that is empty, it stays as it is, and the error is when one is there, in
    /// microseconds from now.
    fn take(&mut self, limits: &RequestLimits, kind: RequestKind, now: u64) -> Result<(), u64> {
        let now = now.saturating_mul(1000);
        let (per_second, burst) = limits.limit(kind);
        let interval = 1_000_000 / u64::from(per_second);
        let capacity = interval * u64::from(burst);
        let full_at = &mut self.full_at[limits.bucket(kind)];
        // A clock that is moved back leaves no more than an empty bucket.
        *full_at = (*full_at).min(now.saturating_add(capacity));
        let next = (*full_at).max(now).saturating_add(interval);
        match (next - now).saturating_sub(capacity) {
            0..=ROUNDING => *full_at = next,
            short => return Err(short),
        }
        Ok(())
    }
}

impl Ca {
    /// Counts a request, and refuses it where there are too many of its kind.
    pub(super) fn refused_by_limit(&mut self, kind: RequestKind, now: u64) -> Option<Problem> {
        let limits = self.config.request_limits.as_ref()?;
        let short = self.buckets.take(limits, kind, now).err()?;
        let (per_second, burst) = limits.limit(kind);
        let what = if limits.together { "requests" } else { kind.as_str() };
        let detail =
            format!("{what}: one address may send {per_second} a second, and {burst} at once");
        Some(
            Problem::new(429, "rateLimited", detail)
                .with_header("Retry-After", short.div_ceil(1_000_000).to_string())
                .with_header("Link", format!("<{}>;rel=\"help\"", self.url("/help"))),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_burst_and_refills_at_the_rate() {
        let limits = RequestLimits::lets_encrypt();
        let mut buckets = Buckets::default();
        let mut take = |kind, now| buckets.take(&limits, kind, now);
        for _ in 0..10 {
            take(RequestKind::NewNonce, 1000).unwrap();
        }
        assert_eq!(take(RequestKind::NewNonce, 1000), Err(50_000));
        assert_eq!(take(RequestKind::NewNonce, 1048), Err(2_000));
        take(RequestKind::NewNonce, 1050).unwrap();
        assert_eq!(take(RequestKind::NewNonce, 1050), Err(50_000));
        // Another class has a bucket of its own; what is in none by name has one together.
        for _ in 0..125 {
            take(RequestKind::Challenge, 1050).unwrap();
        }
        assert_eq!(take(RequestKind::Order, 1050), Err(4_000));
        take(RequestKind::NewOrder, 1050).unwrap();
    }

    #[test]
    fn a_clock_that_is_moved_back_closes_no_bucket_for_longer_than_it_takes_to_fill() {
        let limits = RequestLimits::together(7, 7);
        let mut buckets = Buckets::default();
        buckets.take(&limits, RequestKind::Order, 9_000_000).unwrap();
        assert_eq!(buckets.take(&limits, RequestKind::NewNonce, 1000), Err(142_857));
        buckets.take(&limits, RequestKind::NewNonce, 1000 + 143).unwrap();
    }
}
