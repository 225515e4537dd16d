//! The client: one account at one directory, with the connections and keys to use it.

acme_adapter::client! {
    async: [async],
    await: [.await],
    issue: {
        /// # Cancellation
        /// Dropping the future abandons the order and leaves its challenges published. To stop an
        /// issuance and clean up, use [`cancel_on`](crate::Issue::cancel_on). To be able to clean
        /// up after a crash, make it [`durable`](crate::Issue::durable): then
        /// [`resume`](Self::resume) continues it, or, with a `cancel_on` that is ready at once,
        /// cleans up.
    },
    resume: {
        /// Dropping the future has the same effects as for [`issue`](Self::issue).
    },
    example: ["acme_tokio", "async fn", ".await", ".await"],
    /// One account at one directory.
    ///
    /// Clones are handles to the same account and may be used from any number of tasks. Their
    /// operations run concurrently and share nonces, rate limits and connections. An operation
    /// makes progress only while its future is polled, and dropping the future ends it: see
    /// [`issue`](Self::issue).
    ///
    /// Each single operation has its own method, with retries that suit it; its errors are those of
    /// [`call`](Self::call).
}
