//! The client: one account at one directory, with the connections and keys to use it.

acme_adapter::client! {
    async: [],
    await: [],
    issue: {
        /// To stop an issuance and clean up, use [`cancel_on`](crate::Issue::cancel_on). To be able
        /// to clean up after a crash, make it [`durable`](crate::Issue::durable): then
        /// [`resume`](Self::resume) continues it, or, with a [`Cancel`](crate::Cancel) that is
        /// cancelled already, cleans up.
    },
    resume: {
        /// To clean up instead, use [`cancel_on`](crate::Issue::cancel_on) with a
        /// [`Cancel`](crate::Cancel) that is cancelled already.
    },
    example: ["acme_blocking", "fn", "", ".run()"],
    /// One account at one directory.
    ///
    /// Clones are handles to the same account and may be used from any number of threads. Their
    /// operations run concurrently and share nonces, rate limits and connections.
    ///
    /// Each single operation has its own method, with retries that suit it; its errors are those of
    /// [`call`](Self::call).
}
