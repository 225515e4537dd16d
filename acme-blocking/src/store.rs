//! Where the state of a durable issuance is kept.

use std::sync::Arc;

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

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Store + ?Sized> Store for $pointer {
            fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
                (**self).save(snapshot)
            }
        }
    )*};
}
forward!(&T, Arc<T>, Box<T>);

impl Store for OrderFile {
    fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        Ok(Self::save(self, snapshot)?)
    }
}
