//! Issuing a certificate.

use crate::cancel::Cancel;

acme_adapter::issue! {
    async: [],
    await: [],
    /// An issuance to be [run](Self::run); made by [`Client::issue`](crate::Client::issue) and
    /// [`Client::resume`](crate::Client::resume).
    ///
    /// It needs a CSR or a key, and at least one solver.
    #[must_use = "it does nothing until it is run"]
}

impl Issue<'_> {
    /// Cancels the issuance when `wish` is cancelled: challenges are cleaned up before it ends.
    pub fn cancel_on(mut self, wish: &Cancel) -> Self {
        self.user.cancel = Some(wish.clone());
        self
    }
}
