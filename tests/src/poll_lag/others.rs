//! The schedules of other clients, as their sources and manuals describe them.

use super::{Awaited, Ca, Client, Noticed};
use crate::world::Rng;

/// Retry-After is followed by lego for the first wait of a validation, by acmez and certbot for each wait.
pub(super) const ALL: [(&str, Schedule); 4] = [
    ("lego 5.6", lego),
    ("acmez 3.1", acmez),
    ("certbot 5", certbot),
    ("instant-acme 0.8", instant),
];

/// Returns the wait before the n-th poll, counted from 0, at this time; `None` if the client has given up.
type Schedule = fn(&mut Rng, &Ca, n: u32, elapsed: f64) -> Option<f64>;

/// A client that follows a schedule.
pub(super) struct Other(pub(super) Schedule, pub(super) Rng);

impl Client for Other {
    fn wait_for(&mut self, ca: &Ca) -> Option<Noticed> {
        let mut at = 0.0;
        for n in 0.. {
            at += self.0(&mut self.1, ca, n, at)?;
            if at >= ca.takes {
                return Some(Noticed { at, polls: n + 1 });
            }
        }
        None
    }
}

/// lego, `challenge/resolver/solver_manager.go`: the authorization at once, then after waits of 5 s on average, each half as
/// long again as the one before and random by a half, at most 50 s. `certificate/certificates.go`: the order at once and
/// twice a second, for half a minute.
fn lego(rng: &mut Rng, ca: &Ca, n: u32, elapsed: f64) -> Option<f64> {
    match (ca.awaited, n) {
        (_, 0) => Some(0.0),
        (Awaited::Certificate, _) => (elapsed < 30.0).then_some(0.5),
        (Awaited::Validation, _) => {
            let first = ca.retry_after.unwrap_or(5.0);
            let wait = (0..n - 1).fold(first, |wait, _| (wait * 1.5).min(10.0 * first));
            let random = 0.5 + rng.below(1001) as f64 / 1000.0;
            (elapsed < 100.0 * first).then_some(wait * random)
        }
    }
}

/// acmez, `acme/authorization.go` and `acme/order.go`: every 250 ms, for five minutes.
fn acmez(_: &mut Rng, ca: &Ca, n: u32, elapsed: f64) -> Option<f64> {
    // The first wait for an authorization does not follow the response to the challenge.
    let first = n == 0 && ca.awaited == Awaited::Validation;
    (elapsed < 300.0).then(|| ca.retry_after.filter(|_| !first).unwrap_or(0.25))
}

/// certbot, `certbot/src/certbot/_internal/auth_handler.py`: the authorizations after a second and then every three, thirty
/// times. `acme/src/acme/client.py`: the order every second.
fn certbot(_: &mut Rng, ca: &Ca, n: u32, elapsed: f64) -> Option<f64> {
    match (ca.awaited, n) {
        (_, 0) => Some(1.0),
        (Awaited::Validation, 30..) => None,
        (Awaited::Validation, _) => Some(ca.retry_after.unwrap_or(3.0)),
        (Awaited::Certificate, _) => (elapsed < 90.0).then(|| ca.retry_after.unwrap_or(1.0)),
    }
}

/// instant-acme, the documentation of `RetryPolicy::new`: after 250 ms, and after twice as long each time, for five seconds.
fn instant(_: &mut Rng, _: &Ca, n: u32, elapsed: f64) -> Option<f64> {
    (elapsed < 5.0).then(|| 0.25 * f64::from(1_u32 << n.min(16)))
}
