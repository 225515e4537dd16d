//! Changing the account key.

use acme_proto::rollover::RolloverIntent;

use crate::BoxError;

acme_adapter::key_change! {
    async: [],
    await: [],
    /// A key change to be [run](Self::run); made by
    /// [`Client::change_key`](crate::Client::change_key) and
    /// [`Client::settle_key_change`](crate::Client::settle_key_change).
    #[must_use = "it does nothing until it is run"]
}

impl<'a> KeyChange<'a> {
    /// Sets how the intent, which names both keys, is stored before anything is sent.
    ///
    /// It must survive a crash: only with it can a later run find out which key the CA holds.
    pub fn store(
        mut self,
        store: impl FnOnce(RolloverIntent) -> Result<(), BoxError> + Send + 'a,
    ) -> Self {
        self.store = Some(Box::new(store));
        self
    }
}
