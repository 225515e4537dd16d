//! The client: one account at one directory, with the connections and keys to use it.

use acme_adapter::error::Error;
use acme_adapter::settings::IssueSettings;
use acme_proto::identifier::Identifier;
use acme_proto::snapshot::Snapshot;

use crate::issue::Issue;

acme_adapter::client! {
    async: [async],
    await: [.await],
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

impl Client {
    /// Orders a certificate for these names, and sees it through to the end.
    ///
    /// Names are DNS names, wildcards (`*.example.org`) and IP addresses.
    ///
    /// # Cancellation
    /// Dropping the future forgets the order where it is, and leaves its challenges published. To stop
    /// an issuance in good order, give it [`cancel_on`](Issue::cancel_on). To be able to clean up after
    /// a crash, make it [`durable`](Issue::durable): then [`resume`](Self::resume) goes on with it, or,
    /// with a `cancel_on` that is ready at once, cleans up.
    pub fn issue<'a, I>(&self, names: I) -> Issue<'a>
    where
        I: IntoIterator<Item: TryInto<Identifier, Error: Into<Error>>>,
    {
        Issue::new(&self.shared, IssueSettings::new(names))
    }

    /// Goes on with an order that was begun, in this process or another.
    ///
    /// What [`issue`](Self::issue) says of dropping the future is true here too.
    pub fn resume<'a>(&self, snapshot: Snapshot) -> Issue<'a> {
        Issue::new(&self.shared, IssueSettings::resume(snapshot))
    }
}
