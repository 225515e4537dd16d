//! The client: one account at one directory, with the connections and keys to use it.

acme_adapter::client! {
    async: [],
    await: [],
    issue: {
        /// To stop an issuance in good order, give it [`cancel_on`](crate::Issue::cancel_on). To be able to clean up
        /// after a crash, make it [`durable`](crate::Issue::durable): then [`resume`](Self::resume) goes on with it,
        /// or, with a wish to cancel that is expressed already, cleans up.
    },
    resume: {
        /// To take an order back instead, give it a wish to cancel that is expressed already.
    },
    example: ["acme_blocking", "fn", "", "std::thread::sleep", ".run()"],
    /// One account at one directory.
    ///
    /// Clones are handles to the same account; use them from as many threads as you like. What they do runs
    /// side by side, and shares nonces, rate limits and connections.
    ///
    /// Each single operation has a method of its own, with the retries that suit it; its errors are those of
    /// [`call`](Self::call).
}
