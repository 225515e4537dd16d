//! Storage for the state of a durable issuance.

use core::future::Future;

use acme_adapter::store::OrderFile;
use acme_proto::snapshot::Snapshot;

use crate::{BoxError, BoxFuture};

/// Stores the latest snapshot of one issuance; see [`Issue::durable`](crate::Issue::durable).
///
/// [`OrderFile`] is the one for a file. The method may be written as `async fn`. `&T`, `Arc<T>` and
/// `Box<T>` are stores too, and [`DynStore`] is the form for trait objects.
pub trait Store: Send + Sync {
    /// Replaces the stored snapshot. When it returns, the snapshot survives a crash.
    ///
    /// # Errors
    /// An error ends the issuance before it takes a step that the stored snapshot does not cover.
    fn save(&self, snapshot: &Snapshot) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// The form of [`Store`] for trait objects: `Arc<dyn DynStore>` is a [`Store`].
///
/// Every [`Store`] implements it; nobody needs to do so by hand.
pub trait DynStore: Send + Sync {
    /// Does what [`Store::save`] does.
    fn dyn_save<'a>(&'a self, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<T: Store> DynStore for T {
    fn dyn_save<'a>(&'a self, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.save(snapshot))
    }
}

impl Store for dyn DynStore + '_ {
    async fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        self.dyn_save(snapshot).await
    }
}

acme_adapter::forward! {
    Store {
        fn save(&self, snapshot: &Snapshot) -> impl Future<Output = Result<(), BoxError>> + Send;
    }
}

impl Store for OrderFile {
    async fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        let (file, snapshot) = (self.clone(), snapshot.clone());
        tokio::task::spawn_blocking(move || file.save(&snapshot)).await??;
        Ok(())
    }
}
