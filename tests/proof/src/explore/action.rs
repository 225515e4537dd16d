//! What can happen next in a run: the choices of the network, the CA, the user, the store and the clock.

use super::ca::Work;

/// One thing that happens. Numbers are places in the lists of the run: requests in flight, or open questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A request reaches the CA, which processes it.
    Arrive(usize),
    /// A finalize reaches the CA, which issues later.
    ArriveIssueLater(usize),
    /// A response reaches the flow.
    Deliver(usize),
    /// The user does what an event asks for.
    Oblige(usize),
    /// The snapshot is on stable storage.
    Store,
    /// The CA works by itself.
    Work(Work),
    /// Nothing happens until the flow wakes up.
    Wait,
    /// A request cannot be sent.
    Refuse(usize),
    /// A request is lost on its way.
    LoseRequest(usize),
    /// The CA is busy and does not look at a request.
    Busy(usize),
    /// The CA limits the rate.
    Limit(usize),
    /// The CA refuses a good nonce.
    BadNonce(usize),
    /// The CA processes a request, and a proxy answers 503.
    BusyAfter(usize),
    /// A response is lost.
    LoseResponse(usize),
    /// A response is cut off.
    Truncate(usize),
    /// A response comes twice.
    DeliverTwice(usize),
    /// A response is not what it should be.
    Garble(usize),
    /// The certificate has another key.
    WrongKey(usize),
    /// The certificate lacks a name.
    WrongNames(usize),
    /// The user cannot do what an event asks for.
    Fail(usize),
    /// The snapshot cannot be stored.
    StoreFails,
    /// The user gives up.
    Cancel,
    /// The process dies, and another one goes on from the stored snapshot.
    Crash,
}

impl Action {
    /// Returns whether it counts against the faults of a run; a [`Wait`](Self::Wait) does where anything else could happen.
    pub(super) const fn is_fault(self) -> bool {
        !matches!(
            self,
            Self::Arrive(_)
                | Self::ArriveIssueLater(_)
                | Self::Deliver(_)
                | Self::Oblige(_)
                | Self::Store
                | Self::Work(Work::Validate { passes: true, .. } | Work::Issue { .. })
                | Self::Wait
        )
    }
}
