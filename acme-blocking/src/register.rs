//! Registering an account.

acme_adapter::register! {
    async: [],
    await: [],
    /// A registration to be [run](Self::run); made by
    /// [`Client::register`](crate::Client::register).
    #[must_use = "it does nothing until it is run"]
}
