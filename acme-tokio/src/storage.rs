//! The storage of accounts, keys and certificates, in its asynchronous form.
//!
//! [`Storage`] is the trait, and [`layout`] what is stored under which key. [`run`] carries out an
//! operation of the layout:
//!
//! ```
//! use acme_tokio::storage::{MemoryStorage, layout, run};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), acme_tokio::StorageError> {
//! let storage = MemoryStorage::new(); // or FolderStorage::open("state")?
//! run(&storage, layout::open()).await?;
//! assert!(run(&storage, layout::list_certificates()).await?.is_empty());
//! # Ok(())
//! # }
//! ```

use core::future::Future;
use core::time::Duration;
use std::sync::Arc;

use acme_adapter::storage::Storage as BlockingStorage;
#[doc(inline)]
pub use acme_adapter::storage::*;
use acme_proto::snapshot::Snapshot;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::{BoxError, BoxFuture, Store};

/// Stores octets under keys, for all processes that share it.
///
/// The rules of each method are those of
/// [`acme_adapter::storage::Storage`], the blocking form; [`check`] tests them. The methods may be
/// written as `async fn`. `&T`, `Arc<T>` and `Box<T>` are storages too, and [`DynStorage`] is the
/// form for trait objects. [`FolderStorage`] and [`MemoryStorage`] implement it.
///
/// A call whose future is dropped may still take effect.
pub trait Storage: Send + Sync {
    /// Returns the value of a key, `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be known whether there is one, or the value cannot be read.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Value>, StorageError>> + Send;

    /// Replaces the value of a key atomically, or adds it. When it returns, the value survives a
    /// crash.
    ///
    /// # Errors
    /// After an error the key has the old value or the new one.
    fn put(&self, key: &Key, value: &[u8])
    -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Removes a key and its value; a missing key is not an error.
    ///
    /// # Errors
    /// After an error the key either still has its value or is gone.
    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Returns the keys below `prefix` that have values, at any depth, in order.
    ///
    /// # Errors
    /// Never a part of the keys instead of an error.
    fn list(&self, prefix: &Key) -> impl Future<Output = Result<Vec<Key>, StorageError>> + Send;

    /// Takes the lock of this name, or returns `None` at once if someone else holds it.
    ///
    /// Dropping the guard releases it, and so does the end of the process, even by a crash.
    ///
    /// # Errors
    /// [`StorageError`] if there is no lock to be taken, for another reason than its holder.
    fn try_lock(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<Option<LockGuard>, StorageError>> + Send;

    /// Takes the lock of this name, and waits for it up to `limit`.
    ///
    /// # Errors
    /// [`StorageError::Locked`] if someone else still holds it then; and as
    /// [`try_lock`](Self::try_lock).
    fn lock(
        &self,
        key: &Key,
        limit: Duration,
    ) -> impl Future<Output = Result<LockGuard, StorageError>> + Send {
        async move {
            let start = Instant::now();
            loop {
                if let Some(guard) = self.try_lock(key).await? {
                    return Ok(guard);
                }
                let left = limit.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return Err(StorageError::Locked { key: key.clone() });
                }
                sleep(left.min(LOCK_INTERVAL)).await;
            }
        }
    }
}

/// The form of [`Storage`] for trait objects: `Arc<dyn DynStorage>` is a [`Storage`].
///
/// Every [`Storage`] implements it; nobody needs to do so by hand.
pub trait DynStorage: Send + Sync {
    /// Does what [`Storage::get`] does.
    fn dyn_get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Value>, StorageError>>;

    /// Does what [`Storage::put`] does.
    fn dyn_put<'a>(
        &'a self,
        key: &'a Key,
        value: &'a [u8],
    ) -> BoxFuture<'a, Result<(), StorageError>>;

    /// Does what [`Storage::delete`] does.
    fn dyn_delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StorageError>>;

    /// Does what [`Storage::list`] does.
    fn dyn_list<'a>(&'a self, prefix: &'a Key) -> BoxFuture<'a, Result<Vec<Key>, StorageError>>;

    /// Does what [`Storage::try_lock`] does.
    fn dyn_try_lock<'a>(
        &'a self,
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Option<LockGuard>, StorageError>>;

    /// Does what [`Storage::lock`] does.
    fn dyn_lock<'a>(
        &'a self,
        key: &'a Key,
        limit: Duration,
    ) -> BoxFuture<'a, Result<LockGuard, StorageError>>;
}

impl<T: Storage> DynStorage for T {
    fn dyn_get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Value>, StorageError>> {
        Box::pin(self.get(key))
    }

    fn dyn_put<'a>(
        &'a self,
        key: &'a Key,
        value: &'a [u8],
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.put(key, value))
    }

    fn dyn_delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.delete(key))
    }

    fn dyn_list<'a>(&'a self, prefix: &'a Key) -> BoxFuture<'a, Result<Vec<Key>, StorageError>> {
        Box::pin(self.list(prefix))
    }

    fn dyn_try_lock<'a>(
        &'a self,
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Option<LockGuard>, StorageError>> {
        Box::pin(self.try_lock(key))
    }

    fn dyn_lock<'a>(
        &'a self,
        key: &'a Key,
        limit: Duration,
    ) -> BoxFuture<'a, Result<LockGuard, StorageError>> {
        Box::pin(self.lock(key, limit))
    }
}

impl Storage for dyn DynStorage + '_ {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.dyn_get(key).await
    }

    async fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        self.dyn_put(key, value).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.dyn_delete(key).await
    }

    async fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        self.dyn_list(prefix).await
    }

    async fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        self.dyn_try_lock(key).await
    }

    async fn lock(&self, key: &Key, limit: Duration) -> Result<LockGuard, StorageError> {
        self.dyn_lock(key, limit).await
    }
}

acme_adapter::forward! {
    Storage {
        fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Value>, StorageError>> + Send;
        fn put(&self, key: &Key, value: &[u8]) -> impl Future<Output = Result<(), StorageError>> + Send;
        fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StorageError>> + Send;
        fn list(&self, prefix: &Key) -> impl Future<Output = Result<Vec<Key>, StorageError>> + Send;
        fn try_lock(&self, key: &Key) -> impl Future<Output = Result<Option<LockGuard>, StorageError>> + Send;
        fn lock(&self, key: &Key, limit: Duration) -> impl Future<Output = Result<LockGuard, StorageError>> + Send;
    }
}

/// Implements the trait by calls of the blocking form on a thread for such calls.
macro_rules! on_a_thread {
    ($storage:ty) => {
        impl Storage for $storage {
            async fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
                blocking(self, key, |storage, key| storage.get(key)).await
            }

            async fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
                let value = Value::new(value.to_vec());
                blocking(self, key, move |storage, key| storage.put(key, &value)).await
            }

            async fn delete(&self, key: &Key) -> Result<(), StorageError> {
                blocking(self, key, |storage, key| storage.delete(key)).await
            }

            async fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
                blocking(self, prefix, |storage, prefix| storage.list(prefix)).await
            }

            async fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
                blocking(self, key, |storage, key| storage.try_lock(key)).await
            }
        }
    };
}

on_a_thread!(FolderStorage);
on_a_thread!(MemoryStorage);

async fn blocking<S, T>(
    storage: &S,
    key: &Key,
    call: impl FnOnce(&dyn BlockingStorage, &Key) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError>
where
    S: BlockingStorage + Clone + 'static,
    T: Send + 'static,
{
    let (storage, name) = (storage.clone(), key.clone());
    let called = spawn_blocking(move || call(&storage, &name)).await;
    // Only a runtime that is shutting down refuses.
    called.map_err(|stopped| StorageError::other(key, stopped))?
}

/// Carries out an operation of the [`layout`].
///
/// # Errors
/// Those of the storage and of the operation itself, and [`StorageError::Locked`] if the lock that this operation needs is
/// held elsewhere for ten seconds.
pub async fn run<S: Storage + ?Sized, T: Send + 'static>(
    storage: &S,
    access: Access<T>,
) -> Result<T, StorageError> {
    let access = Arc::new(access);
    let mut guard = match access.lock() {
        Some(key) => Some(storage.lock(key, LOCK_LIMIT).await?),
        None => None,
    };
    let mut decision = read(storage, &access).await?;
    if let Some(key) = access.lock_to_write().filter(|_| !decision.writes().is_empty()) {
        guard = Some(storage.lock(key, LOCK_LIMIT).await?);
        decision = read(storage, &access).await?;
    }
    for write in decision.writes() {
        match write {
            Write::Put(key, value) => storage.put(key, value).await?,
            Write::Delete(key) => storage.delete(key).await?,
        }
    }
    drop(guard);
    Ok(decision.into_value())
}

async fn read<S: Storage + ?Sized, T: Send + 'static>(
    storage: &S,
    access: &Arc<Access<T>>,
) -> Result<Decision<T>, StorageError> {
    let listed = match access.list() {
        Some(prefix) => storage.list(prefix).await?,
        None => Vec::new(),
    };
    let mut values = Vec::with_capacity(access.reads().len());
    for key in access.reads() {
        values.push(storage.get(key).await?);
    }
    if !access.may_generate() {
        return access.decide(listed, values);
    }
    let deciding = Arc::clone(access);
    let decided = spawn_blocking(move || deciding.decide(listed, values)).await;
    decided.unwrap_or_else(|stopped| {
        let key = access.reads().first().cloned().unwrap_or_else(|| Key::new("key"));
        Err(StorageError::other(&key, stopped))
    })
}

/// Checks the rules of [`Storage`] that one handle can show; see
/// [`acme_adapter::storage::conformance`].
///
/// # Errors
/// [`conformance::Violation`] names the first rule that does not hold, and what was found instead.
///
/// # Panics
/// If the storage panics.
pub async fn check(storage: impl Storage + 'static) -> Result<(), conformance::Violation> {
    let blocking = Blocking { storage, runtime: Handle::current() };
    let checked = spawn_blocking(move || conformance::check(&blocking)).await;
    checked.expect("the check ends unless the storage panics")
}

/// An asynchronous storage, for code on a thread that may block.
struct Blocking<S> {
    storage: S,
    runtime: Handle,
}

impl<S: Storage> BlockingStorage for Blocking<S> {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.runtime.block_on(self.storage.get(key))
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        self.runtime.block_on(self.storage.put(key, value))
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.runtime.block_on(self.storage.delete(key))
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        self.runtime.block_on(self.storage.list(prefix))
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        self.runtime.block_on(self.storage.try_lock(key))
    }

    fn lock(&self, key: &Key, limit: Duration) -> Result<LockGuard, StorageError> {
        self.runtime.block_on(self.storage.lock(key, limit))
    }
}

impl<S: Storage> Store for StoredInFlight<S> {
    async fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        Ok(run(self.storage(), self.save_order(snapshot)?).await?)
    }
}
