//! Making a client.

acme_adapter::client_builder! {
    async: [async],
    await: [.await],
    /// Settings of a [`Client`](crate::Client); made by [`Client::builder`](crate::Client::builder).
    #[must_use = "it does nothing until connect() is awaited"]
}
