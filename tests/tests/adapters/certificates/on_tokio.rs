//! A storage of the tests for acme-tokio.

use acme_adapter::storage::{Key, LockGuard, Storage, StorageError, Value};
use tokio::task::spawn_blocking;

/// A blocking storage, which acme-tokio calls on threads for such calls.
#[derive(Clone, Default)]
pub(crate) struct OnTokio<S>(pub(crate) S);

impl<S: Storage + Clone + 'static> OnTokio<S> {
    async fn call<T: Send + 'static>(&self, call: impl FnOnce(S) -> T + Send + 'static) -> T {
        let storage = self.0.clone();
        spawn_blocking(move || call(storage)).await.expect("no panic")
    }
}

impl<S: Storage + Clone + 'static> acme_tokio::storage::Storage for OnTokio<S> {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        let key = key.clone();
        self.call(move |storage| storage.get(&key)).await
    }

    async fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        let (key, value) = (key.clone(), value.to_vec());
        self.call(move |storage| storage.put(&key, &value)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let key = key.clone();
        self.call(move |storage| storage.delete(&key)).await
    }

    async fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        let prefix = prefix.clone();
        self.call(move |storage| storage.list(&prefix)).await
    }

    async fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        let key = key.clone();
        self.call(move |storage| storage.try_lock(&key)).await
    }
}
