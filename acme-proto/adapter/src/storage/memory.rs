//! A storage in memory.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Key, LockGuard, MAX_VALUE_LEN, Storage, StorageError, Value};
use crate::locked;

/// A storage that ends with its last clone: for tests, and for servers that want nothing on disk.
///
/// Clones share their values and locks.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    values: BTreeMap<Key, Value>,
    locks: BTreeSet<Key>,
}

impl MemoryStorage {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held, and each change is one call.
        locked(&self.state)
    }
}

impl Storage for MemoryStorage {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        Ok(self.state().values.get(key).cloned())
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        if value.len() > MAX_VALUE_LEN {
            return Err(StorageError::TooLong { key: key.clone() });
        }
        self.state().values.insert(key.clone(), Value::new(value.to_vec()));
        Ok(())
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.state().values.remove(key);
        Ok(())
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        Ok(self.state().values.keys().filter(|key| key.is_below(prefix)).cloned().collect())
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        let free = self.state().locks.insert(key.clone());
        let held = || Held { storage: self.clone(), key: key.clone() };
        Ok(free.then(|| LockGuard::new(held())))
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage")
            .field("keys", &self.state().values.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

struct Held {
    storage: MemoryStorage,
    key: Key,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.storage.state().locks.remove(&self.key);
    }
}
