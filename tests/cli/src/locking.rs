//! Taking locks.

use core::time::Duration;
use std::path::Path;
use std::thread;
use std::time::Instant;

use acme_adapter::lock::{Lock, LockError};

/// Takes a lock; one that is held is tried again for a moment.
///
/// A process that was killed while it started another leaves its lock to that one until it runs.
pub(crate) fn acquire(path: &Path) -> Result<Lock, LockError> {
    let start = Instant::now();
    loop {
        match Lock::acquire(path) {
            Err(LockError::Held { .. }) if start.elapsed() < PATIENCE => thread::sleep(PAUSE),
            result => return result,
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);
