//! How fast an order can be within the limits on requests that Let's Encrypt publishes for one address.

use acme_testca::{RequestKind, RequestLimits};

/// Returns how long an order of so many names takes at least within the limits, in seconds, with nothing but round trips
/// between: the order, an authorization and a challenge for each name, the order again, finalization, the
/// certificate. The client has one nonce at the start.
pub fn bound(names: u64, round_trip: f64) -> f64 {
    let limits = RequestLimits::lets_encrypt();
    let (rate, burst) = limits.limit(RequestKind::NewNonce);
    // More nonces are fetched from the beginning, and newOrder brings one.
    let wait = |n: u64| (n + 1).saturating_sub(burst.into()) as f64 / f64::from(rate);
    let mut nonces: Vec<f64> = (0..names).map(|n| round_trip + wait(n)).collect();
    nonces.push(round_trip);
    // When each name can go on; each step takes the first nonce, and its response brings another one.
    let mut ready = vec![round_trip; names as usize];
    let (other_rate, other_burst) = limits.limit(RequestKind::Authorization);
    let mut sent = 0_u32;
    for _ in ["authorization", "challenge"] {
        for at in &mut ready {
            nonces.sort_by(f64::total_cmp);
            sent += 1;
            let slot = f64::from(sent.saturating_sub(other_burst)) / f64::from(other_rate);
            *at = at.max(nonces.remove(0)).max(round_trip + slot) + round_trip;
            nonces.push(*at);
        }
    }
    ready.into_iter().fold(0.0, f64::max) + 3.0 * round_trip
}
