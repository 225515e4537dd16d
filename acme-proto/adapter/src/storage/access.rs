//! An operation of several values, as data: what to read, and what to write after that.

use core::fmt;
use std::time::Duration;

use super::{Key, Storage, StorageError, Value};

/// An operation that reads some values, decides, and writes some; without I/O.
///
/// The functions of [`layout`](super::layout) return it. [`run`] carries it out on a blocking
/// storage, and `acme_tokio::storage::run` on an asynchronous one.
#[must_use = "it does nothing until it is run"]
pub struct Access<T> {
    locking: Locking,
    list: Option<Key>,
    reads: Vec<Key>,
    may_generate: bool,
    decide: Box<Decide<T>>,
}

type Decide<T> = dyn Fn(Reading) -> Result<Decision<T>, StorageError> + Send + Sync;

/// When an operation takes a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    Never,
    /// Only if it has something to write; then it reads again.
    ToWrite(Key),
    Always(Key),
}

/// What an operation has read.
pub(super) struct Reading {
    /// The keys below the prefix.
    pub(super) listed: Vec<Key>,
    values: std::vec::IntoIter<Option<Value>>,
}

impl Reading {
    /// Returns the next value, in the order of the keys.
    pub(super) fn next(&mut self) -> Option<Value> {
        self.values.next().flatten()
    }
}

/// What an operation decided.
#[derive(Clone, Debug)]
pub struct Decision<T> {
    writes: Vec<Write>,
    value: T,
}

/// A change to a storage.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Replaces a value or adds it.
    Put(Key, Value),
    /// Removes a value.
    Delete(Key),
}

/// A value that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// There is none.
    Missing,
    /// There is one, and it can be read.
    Intact(T),
    /// There was one that cannot be read. It was moved to this key, so that a person can look at it.
    Damaged {
        /// Where it is now.
        aside: Key,
    },
}

impl Write {
    /// Returns the key that is changed.
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }
}

impl<T> Found<T> {
    /// Returns the value if it is there.
    pub fn intact(self) -> Option<T> {
        match self {
            Self::Intact(value) => Some(value),
            _ => None,
        }
    }
}

impl<T> Access<T> {
    pub(super) fn new(
        reads: Vec<Key>,
        decide: impl Fn(Reading) -> Result<Decision<T>, StorageError> + Send + Sync + 'static,
    ) -> Self {
        let (locking, decide) = (Locking::Never, Box::new(decide));
        Self { locking, list: None, reads, may_generate: false, decide }
    }

    pub(super) fn locking(mut self, locking: Locking) -> Self {
        self.locking = locking;
        self
    }

    pub(super) fn listing(mut self, prefix: Key) -> Self {
        self.list = Some(prefix);
        self
    }

    /// Says that the decision may be to generate a key.
    pub(super) const fn may_generate_key(mut self) -> Self {
        self.may_generate = true;
        self
    }

    /// Returns whether [`decide`](Self::decide) may generate a key: RSA takes seconds, so an
    /// asynchronous storage decides on a thread that may block.
    pub const fn may_generate(&self) -> bool {
        self.may_generate
    }

    /// Returns the lock that is held from before the first read to after the last write.
    pub const fn lock(&self) -> Option<&Key> {
        match &self.locking {
            Locking::Always(key) => Some(key),
            _ => None,
        }
    }

    /// Returns the lock to take if there is something to write; everything is then read again.
    pub const fn lock_to_write(&self) -> Option<&Key> {
        match &self.locking {
            Locking::ToWrite(key) => Some(key),
            _ => None,
        }
    }

    /// Returns the prefix whose keys are listed first.
    pub const fn list(&self) -> Option<&Key> {
        self.list.as_ref()
    }

    /// Returns the keys that are read, in order.
    pub fn reads(&self) -> &[Key] {
        &self.reads
    }

    /// Decides what to write, in which order, and what the result is once that is written.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if what was read, or a key that cannot be generated, forbids to go on.
    pub fn decide(
        &self,
        listed: Vec<Key>,
        values: Vec<Option<Value>>,
    ) -> Result<Decision<T>, StorageError> {
        (self.decide)(Reading { listed, values: values.into_iter() })
    }
}

impl<T> Decision<T> {
    pub(super) const fn new(writes: Vec<Write>, value: T) -> Self {
        Self { writes, value }
    }

    /// Returns the changes, to be made in this order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Returns the result, after everything is written.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for Access<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("reads", &self.reads).finish_non_exhaustive()
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(key, _) => f.debug_tuple("Put").field(key).finish_non_exhaustive(),
            Self::Delete(key) => f.debug_tuple("Delete").field(key).finish(),
        }
    }
}

/// Carries out an operation of the [`layout`](super::layout).
///
/// # Errors
///
/// Those of the storage, [`StorageError::Locked`] if another operation holds its lock for
/// [`LOCK_LIMIT`], and what the operation itself names.
pub fn run<S: Storage + ?Sized, T>(storage: &S, access: Access<T>) -> Result<T, StorageError> {
    let mut guard = access.lock().map(|key| storage.lock(key, LOCK_LIMIT)).transpose()?;
    let mut decision = read(storage, &access)?;
    if let Some(key) = access.lock_to_write().filter(|_| !decision.writes.is_empty()) {
        guard = Some(storage.lock(key, LOCK_LIMIT)?);
        decision = read(storage, &access)?;
    }
    for write in &decision.writes {
        match write {
            Write::Put(key, value) => storage.put(key, value)?,
            Write::Delete(key) => storage.delete(key)?,
        }
    }
    drop(guard);
    Ok(decision.value)
}

fn read<S: Storage + ?Sized, T>(
    storage: &S,
    access: &Access<T>,
) -> Result<Decision<T>, StorageError> {
    let listed = access.list().map(|prefix| storage.list(prefix)).transpose()?;
    let values = access.reads().iter().map(|key| storage.get(key)).collect::<Result<_, _>>()?;
    access.decide(listed.unwrap_or_default(), values)
}

/// For how long an operation waits for another one, which takes milliseconds.
pub const LOCK_LIMIT: Duration = Duration::from_secs(10);
