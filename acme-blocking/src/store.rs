//! Storage for the state of a durable issuance.

use acme_adapter::store::OrderFile;
use acme_proto::snapshot::Snapshot;

use crate::BoxError;

/// Stores the latest snapshot of one issuance; see [`Issue::durable`](crate::Issue::durable).
///
/// [`OrderFile`] is the one for a file. `&T`, `Arc<T>` and `Box<T>` are stores too.
pub trait Store: Send + Sync {
    /// Replaces the stored snapshot. When it returns, the snapshot survives a crash.
    ///
    /// # Errors
    /// An error ends the issuance before it takes a step that the stored snapshot does not cover.
    fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError>;
}

acme_adapter::forward! {
    Store {
        fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError>;
    }
}

impl Store for OrderFile {
    fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        Ok(Self::save(self, snapshot)?)
    }
}
