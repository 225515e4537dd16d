//! Where accounts, keys and certificates are kept: a small trait, a folder, memory, and the layout.
//!
//! [`Storage`] maps a [`Key`] to octets. [`FolderStorage`] is the one on disk and [`MemoryStorage`]
//! the one for tests; [`conformance`] checks any other. What an ACME client keeps, and under which
//! keys, is in [`layout`]; the storage itself knows nothing of it. [`run`] carries out an operation
//! of the layout:
//!
//! ```
//! use acme_adapter::storage::{MemoryStorage, layout, run};
//!
//! let storage = MemoryStorage::new(); // or FolderStorage::open("state")?
//! run(&storage, layout::open())?;
//! assert!(run(&storage, layout::list_certificates())?.is_empty());
//! # Ok::<(), acme_adapter::storage::StorageError>(())
//! ```
//!
//! [`import`] reads accounts and certificates of other clients.
//!
//! `acme-tokio` has the asynchronous form of the trait, and runs the same operations.

mod access;
pub mod conformance;
mod error;
mod folder;
pub mod import;
mod key;
pub mod layout;
mod lock_guard;
mod memory;

use std::thread;
use std::time::{Duration, Instant};

pub use zeroize::Zeroizing;

pub use self::access::{Access, Decision, Found, LOCK_LIMIT, Write, run};
pub use self::error::StorageError;
pub use self::folder::FolderStorage;
pub use self::key::{InvalidKey, Key};
pub use self::layout::StoredInFlight;
pub use self::lock_guard::LockGuard;
pub use self::memory::MemoryStorage;

/// What is stored under a key: often a secret, so it is wiped from memory.
pub type Value = Zeroizing<Vec<u8>>;

/// Stores octets under keys, for all processes that share it.
///
/// All methods take `&self`, and may be called by any number of threads at once. `&T`, `Arc<T>`
/// and `Box<T>` are storages too. [`conformance::check`] tests an implementation.
///
/// A key that has a value is never the beginning of another one that has: an implementation may
/// map keys to paths.
pub trait Storage: Send + Sync {
    /// Returns the value of a key, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if it cannot be known whether there is one, or the value cannot be read.
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError>;

    /// Replaces the value of a key, or adds it.
    ///
    /// Atomic: whoever reads, whenever the process ends, finds the old value or the new one. When
    /// it returns, the value survives a crash of the machine. Values may be secrets: only the owner
    /// of the storage can read them.
    ///
    /// # Errors
    ///
    /// After an error the key has the old value or the new one.
    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError>;

    /// Removes a key and its value; a missing key is not an error.
    ///
    /// # Errors
    ///
    /// After an error the key either still has its value or is gone.
    fn delete(&self, key: &Key) -> Result<(), StorageError>;

    /// Returns the keys below `prefix` that have values, at any depth, in order.
    ///
    /// `a` has `a/b` and `a/b/c` below it, but neither `a` nor `ab`.
    ///
    /// # Errors
    ///
    /// Never a part of the keys instead of an error.
    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError>;

    /// Takes the lock of this name, or returns `None` at once if someone else holds it.
    ///
    /// It excludes other processes, and other handles and threads of this one. It is not tied to a
    /// value of the same key. Dropping the guard releases it, and so does the end of the process,
    /// even by a crash.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if there is no lock to be taken, for another reason than its holder.
    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError>;

    /// Takes the lock of this name, and waits for it up to `limit`.
    ///
    /// # Errors
    ///
    /// [`StorageError::Locked`] if someone else still holds it then; and as
    /// [`try_lock`](Self::try_lock).
    fn lock(&self, key: &Key, limit: Duration) -> Result<LockGuard, StorageError> {
        let start = Instant::now();
        loop {
            if let Some(guard) = self.try_lock(key)? {
                return Ok(guard);
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(StorageError::Locked { key: key.clone() });
            }
            thread::sleep(left.min(LOCK_INTERVAL));
        }
    }
}

crate::forward! {
    Storage {
        fn get(&self, key: &Key) -> Result<Option<Value>, StorageError>;
        fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError>;
        fn delete(&self, key: &Key) -> Result<(), StorageError>;
        fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError>;
        fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError>;
        fn lock(&self, key: &Key, limit: Duration) -> Result<LockGuard, StorageError>;
    }
}

/// The time between two tries to take a lock.
pub const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// The maximum length of a value, in octets: an order of a hundred names has about 100 KiB.
pub const MAX_VALUE_LEN: usize = 16 << 20;
