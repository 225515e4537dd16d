//! The client: one account at one directory, with the connections and keys to use it.

use acme_adapter::error::Error;
use acme_adapter::settings::IssueSettings;
use acme_proto::identifier::Identifier;
use acme_proto::snapshot::Snapshot;

use crate::issue::Issue;

acme_adapter::client! {
    async: [],
    await: [],
    example: ["acme_blocking", "fn", "", "std::thread::sleep", ".run()"],
    /// One account at one directory.
    ///
    /// Clones are handles to the same account; use them from as many threads as you like. What they do runs
    /// side by side, and shares nonces, rate limits and connections.
    ///
    /// Each single operation has a method of its own, with the retries that suit it; its errors are those of
    /// [`call`](Self::call).
}

impl Client {
    /// Orders a certificate for these names, and sees it through to the end.
    ///
    /// Names are DNS names, wildcards (`*.example.org`) and IP addresses. To stop an issuance in good order,
    /// give it [`cancel_on`](Issue::cancel_on). To be able to clean up after a crash, make it
    /// [`durable`](Issue::durable): then [`resume`](Self::resume) goes on with it, or, with a wish to cancel
    /// that is expressed already, cleans up.
    pub fn issue<'a, I>(&self, names: I) -> Issue<'a>
    where
        I: IntoIterator<Item: TryInto<Identifier, Error: Into<Error>>>,
    {
        Issue::new(&self.shared, IssueSettings::new(names))
    }

    /// Goes on with an order that was begun, in this process or another.
    pub fn resume<'a>(&self, snapshot: Snapshot) -> Issue<'a> {
        Issue::new(&self.shared, IssueSettings::resume(snapshot))
    }
}
