//! The storage of accounts, keys and certificates; see [`acme_adapter::storage`].

#[doc(inline)]
pub use acme_adapter::storage::conformance::{Rule, Violation, check};
#[doc(inline)]
pub use acme_adapter::storage::{
    Access, Decision, FolderStorage, Found, InvalidKey, Key, LockGuard, MAX_VALUE_LEN,
    MemoryStorage, Storage, StorageError, Value, Write, layout, run,
};
use acme_proto::snapshot::Snapshot;

use crate::{BoxError, Store};

/// The state of the order in flight for one certificate, in a storage: a [`Store`] for
/// [`Issue::durable`](crate::Issue::durable).
#[derive(Clone, Debug)]
pub struct StoredInFlight<S> {
    storage: S,
    name: layout::Name,
}

impl<S> StoredInFlight<S> {
    /// Names the certificate.
    pub fn new(storage: S, name: impl Into<layout::Name>) -> Self {
        Self { storage, name: name.into() }
    }
}

impl<S: Storage> Store for StoredInFlight<S> {
    fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        Ok(run(&self.storage, layout::save_order(&self.name, snapshot)?)?)
    }
}
