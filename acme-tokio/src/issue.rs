//! Issuing a certificate.

use core::future::{Future, IntoFuture};

use acme_adapter::error::Error;
use acme_proto::issuance::Issued;

use crate::BoxFuture;

acme_adapter::issue! {
    async: [async],
    await: [.await],
    /// An issuance to be awaited; made by [`Client::issue`](crate::Client::issue) and
    /// [`Client::resume`](crate::Client::resume).
    ///
    /// It needs a CSR or a key, and at least one solver. Dropping its future forgets the order and
    /// leaves challenges published: see [`Client::issue`](crate::Client::issue).
    #[must_use = "it does nothing until it is awaited or run"]
}

impl<'a> Issue<'a> {
    /// Adds a solver for the kinds of challenges that it knows; those added first are preferred.
    pub fn solver(mut self, solver: impl crate::Solver + 'a) -> Self {
        self.user.solvers.push(std::sync::Arc::new(solver));
        self
    }

    /// Cancels the issuance when `wish` is ready: challenges are cleaned up before it ends.
    pub fn cancel_on(mut self, wish: impl Future<Output: Send> + Send + 'a) -> Self {
        self.user.cancel = Some(Box::pin(async move {
            wish.await;
        }));
        self
    }
}

impl<'a> IntoFuture for Issue<'a> {
    type Output = Result<Issued, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
