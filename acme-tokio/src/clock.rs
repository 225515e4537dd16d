//! The time of a flow: wall time at its start, and monotonic time from there on.

use core::time::Duration;

use acme_adapter::clock::wall;
use acme_proto::time::Timestamp;
use tokio::time::Instant;

/// Measures time by tokio's clock, which `tokio::time::pause` makes virtual in tests.
pub(crate) struct Clock {
    anchor: Timestamp,
    anchored: Instant,
}

impl Clock {
    /// Anchors a clock to the wall clock.
    pub(crate) fn start() -> Self {
        Self { anchor: wall(), anchored: Instant::now() }
    }

    /// Returns the time, which never goes back.
    ///
    /// It follows a forward jump of the wall clock, because the monotonic clock may stand still
    /// while a machine is suspended.
    pub(crate) fn now(&mut self) -> Timestamp {
        let now = self.anchor.saturating_add(self.anchored.elapsed());
        let wall = wall();
        if wall.saturating_duration_since(now) < JUMP {
            return now;
        }
        *self = Self { anchor: wall, anchored: Instant::now() };
        wall
    }

    /// Returns the instant of the next wake-up on the way to `at`.
    ///
    /// A long wait is split, so that a machine that was suspended meanwhile notices the time.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let now = Instant::now();
        let here = self.anchor.saturating_add(now - self.anchored);
        now + at.saturating_duration_since(here).min(LONGEST_SLEEP)
    }
}

const JUMP: Duration = Duration::from_secs(30);
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_is_virtual_where_tokio_is_paused() {
        let mut clock = Clock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().saturating_duration_since(before), Duration::from_secs(3600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspended_machine_is_noticed() {
        let mut clock = Clock::start();
        clock.anchor = clock.anchor.saturating_sub(Duration::from_secs(1000));
        assert!(wall().saturating_duration_since(clock.now()) < Duration::from_secs(1));
    }
}
