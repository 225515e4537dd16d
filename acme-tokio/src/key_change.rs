//! Changing the account key.

use core::future::{Future, IntoFuture};

use acme_adapter::error::Error;
use acme_proto::jose::Jwk;
use acme_proto::rollover::RolloverIntent;

use crate::{BoxError, BoxFuture};

acme_adapter::key_change! {
    async: [async],
    await: [.await],
    /// A key change to be awaited; made by [`Client::change_key`](crate::Client::change_key) and
    /// [`Client::settle_key_change`](crate::Client::settle_key_change).
    #[must_use = "it does nothing until it is awaited or run"]
}

impl<'a> KeyChange<'a> {
    /// Sets how the intent, which names both keys, is stored before anything is sent.
    ///
    /// It must survive a crash: only with it can a later run find out which key the CA holds.
    pub fn store<F>(mut self, store: impl FnOnce(RolloverIntent) -> F + Send + 'a) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'a,
    {
        self.store = Some(Box::new(|intent| Box::pin(store(intent))));
        self
    }
}

impl<'a> IntoFuture for KeyChange<'a> {
    type Output = Result<Jwk, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
