//! The client: one account at one directory, with the connections and keys to use it.

acme_adapter::client! {
    async: [async],
    await: [.await],
    issue: {
        /// # Cancellation
        /// Dropping the future forgets the order where it is, and leaves its challenges published. To stop
        /// an issuance in good order, give it [`cancel_on`](crate::Issue::cancel_on). To be able to clean up after
        /// a crash, make it [`durable`](crate::Issue::durable): then [`resume`](Self::resume) goes on with it, or,
        /// with a `cancel_on` that is ready at once, cleans up.
    },
    resume: {
        /// What [`issue`](Self::issue) says of dropping the future is true here too.
    },
    example: ["acme_tokio", "async fn", ".await", "tokio::time::sleep", ".await"],
    /// One account at one directory.
    ///
    /// Clones are handles to the same account; use them from as many tasks as you like. What they do runs
    /// in their own futures, side by side, and shares nonces, rate limits and connections. There is no task
    /// in the background, so a future that is dropped is the end of what it was doing: see
    /// [`issue`](Self::issue).
    ///
    /// Each single operation has a method of its own, with the retries that suit it; its errors are those of
    /// [`call`](Self::call).
}
