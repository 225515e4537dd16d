//! A bound on how many exchanges run at once.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use acme_adapter::locked;

/// A semaphore: limits the number of callers at a time.
#[derive(Debug)]
pub(super) struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place within the gate, given back when dropped.
pub(super) struct Place<'a>(&'a Gate);

impl Gate {
    pub(super) const fn new(places: usize) -> Self {
        Self { free: Mutex::new(places), freed: Condvar::new() }
    }

    /// Waits for a place until `deadline`.
    pub(super) fn enter(&self, deadline: Instant) -> Option<Place<'_>> {
        let free = locked(&self.free);
        let left = deadline.saturating_duration_since(Instant::now());
        let (mut free, _) = self
            .freed
            .wait_timeout_while(free, left, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *locked(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::thread;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    #[test]
    fn no_more_than_the_limit_get_through() {
        let gate = Gate::new(2);
        let places = [gate.enter(soon()), gate.enter(soon())];
        assert!(gate.enter(soon()).is_none());
        drop(places);
        assert!(gate.enter(soon()).is_some());
    }

    #[test]
    fn whoever_waits_is_let_in_when_a_place_is_free() {
        let gate = Gate::new(1);
        let place = gate.enter(soon());
        thread::scope(|scope| {
            let waiting =
                scope.spawn(|| gate.enter(Instant::now() + Duration::from_secs(10)).is_some());
            thread::sleep(Duration::from_millis(20));
            drop(place);
            assert!(waiting.join().expect("no panic"));
        });
    }
}
