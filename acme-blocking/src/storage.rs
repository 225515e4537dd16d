//! The storage of accounts, keys and certificates.

#[doc(inline)]
pub use acme_adapter::storage::*;

impl<S: Storage> crate::Store for StoredInFlight<S> {
    fn save(&self, snapshot: &crate::Snapshot) -> Result<(), crate::BoxError> {
        Ok(run(self.storage(), self.save_order(snapshot)?)?)
    }
}
