//! Where the state of a durable issuance is kept.

use acme_adapter::store::OrderFile;
use acme_proto::snapshot::Snapshot;

use crate::BoxError;

/// Keeps the latest snapshot of one issuance; see [`Issue::durable`](crate::Issue::durable).
///
/// [`OrderFile`] is the one for a file. `&T`, `Arc<T>` and `Box<T>` are stores too.
pub trait Store: Send + Sync {
    /// Stores the snapshot, in the place of the one before, so that it survives a crash from now on.
    ///
    /// # Errors
    /// An error ends the issuance before it can lose anything.
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
