//! Locks that wait for a moment.

use core::time::Duration;
use std::path::Path;
use std::thread;
use std::time::Instant;

use acme_adapter::lock::{Lock, LockError};

/// Acquires a lock, and retries for a second while another process holds it.
///
/// A process that is killed between fork and exec of a child leaves the open lock file to the
/// child, which closes it only when it runs its program. Such a lock is released soon.
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
