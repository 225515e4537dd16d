//! Locking a mutex whose value is valid at any time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, and ignores that another thread has panicked while it held the lock: the values
/// locked here are valid at any time.
pub fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
