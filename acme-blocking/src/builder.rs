//! Making a client.

acme_adapter::client_builder! {
    async: [],
    await: [],
    /// What a [`Client`](crate::Client) is to be made of; made by [`Client::builder`](crate::Client::builder).
    #[must_use = "it does nothing until connect() is called"]
}
