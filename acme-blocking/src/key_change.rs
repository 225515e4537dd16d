//! Changing the account key.

use acme_proto::rollover::RolloverIntent;

use crate::BoxError;

acme_adapter::key_change! {
    async: [],
    await: [],
    /// A key change to be [run](Self::run); made by [`Client::change_key`](crate::Client::change_key) and
    /// [`Client::settle_key_change`](crate::Client::settle_key_change).
    #[must_use = "it does nothing until it is run"]
}

impl<'a> KeyChange<'a> {
    /// Has the intent, with both keys, put where it outlives a crash, before anything is sent.
    pub fn store(
        mut self,
        store: impl FnOnce(RolloverIntent) -> Result<(), BoxError> + Send + 'a,
    ) -> Self {
        self.store = Some(Box::new(store));
        self
    }
}
