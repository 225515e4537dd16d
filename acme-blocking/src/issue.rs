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
    /// Cancels in good order once the wish is expressed: challenges are cleaned up first.
    pub fn cancel_on(mut self, wish: &Cancel) -> Self {
        self.user.cancel = Some(wish.clone());
        self
    }
}
