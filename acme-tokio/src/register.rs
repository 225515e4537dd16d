//! Registering an account.

use core::future::IntoFuture;

use acme_adapter::error::Error;
use acme_proto::op::AccountEntry;

use crate::BoxFuture;

acme_adapter::register! {
    async: [async],
    await: [.await],
    /// A registration to be awaited; made by [`Client::register`](crate::Client::register).
    #[must_use = "it does nothing until it is awaited or run"]
}

impl<'a> IntoFuture for Register<'a> {
    type Output = Result<AccountEntry, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
