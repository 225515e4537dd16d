//! Wall time that does not jump back, and a little randomness.

use core::hash::{BuildHasher as _, Hasher as _};
use core::time::Duration;
use std::hash::RandomState;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use acme_proto::time::Timestamp;

/// The time of a flow: wall time at its start, and monotonic time from there on.
///
/// So a wall clock that is set back has no effect. A forward jump is followed, because it may mean
/// that the machine was suspended, while the monotonic clock may stand still.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Timestamp,
    anchored: Instant,
}

impl Clock {
    /// Anchors a clock to the wall clock.
    pub fn start() -> Self {
        Self { anchor: wall(), anchored: Instant::now() }
    }

    /// Returns the time, which never goes back.
    pub fn now(&mut self) -> Timestamp {
        let now = self.anchor.saturating_add(self.anchored.elapsed());
        let wall = wall();
        if wall.saturating_duration_since(now) < JUMP {
            return now;
        }
        *self = Self { anchor: wall, anchored: Instant::now() };
        wall
    }

    /// Returns how long to wait on the way to `at`: at most half a minute, so that a machine that
    /// was suspended meanwhile notices the time.
    pub fn wait_until(&mut self, at: Timestamp) -> Duration {
        at.saturating_duration_since(self.now()).min(JUMP)
    }
}

/// Returns the time of the wall clock; a clock set before 1970 counts as 1970.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::UNIX_EPOCH.saturating_add(since)
}

/// Returns how long it is until a time, by the wall clock.
pub fn until(at: Timestamp) -> Duration {
    at.saturating_duration_since(wall())
}

/// Returns a random number that is no secret, such as for the jitter of a session.
pub fn seed() -> u64 {
    // The standard library takes the keys of its hash maps from the system's random numbers, and
    // changes them with every map.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

const JUMP: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspended_machine_is_noticed() {
        let mut clock = Clock::start();
        clock.anchor = clock.anchor.saturating_sub(Duration::from_secs(1000));
        assert!(wall().saturating_duration_since(clock.now()) < Duration::from_secs(1));
    }

    #[test]
    fn a_wall_clock_that_is_set_back_is_not_followed() {
        let mut clock = Clock::start();
        clock.anchor = clock.anchor.saturating_add(Duration::from_secs(1000));
        let ahead = clock.now().saturating_duration_since(wall());
        assert!(ahead > Duration::from_secs(990));
    }

    #[test]
    fn a_long_wait_is_cut_in_pieces() {
        let mut clock = Clock::start();
        let at = clock.now().saturating_add(Duration::from_secs(3600));
        assert_eq!(clock.wait_until(at), JUMP);
        assert_eq!(clock.wait_until(Timestamp::UNIX_EPOCH), Duration::ZERO);
    }

    #[test]
    fn two_seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
