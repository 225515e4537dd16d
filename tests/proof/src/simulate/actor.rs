//! Whoever uses the CA in a run: issuances, and the flows around the account.

use std::collections::BTreeSet;
use std::convert::Infallible;

use acme_proto::call::Call;
use acme_proto::flow::SaveRequest;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::GetAccount;
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::rollover::{Rollover, RolloverEvent};
use acme_proto::snapshot::Snapshot;

use super::faults::Kind;

/// What an actor is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Issues a certificate of so many names.
    Wish { names: usize, durable: bool },
    /// Creates the account before anything else.
    Register,
    /// Changes the account key meanwhile.
    Rollover,
    /// Asks for the account at the end, from a new process.
    Probe,
}

/// A flow under way.
#[derive(Debug)]
pub(super) enum Task {
    Issuance(Box<Issuance>),
    Register(Box<Register>),
    Rollover(Box<Rollover>),
    Probe(Box<Call<GetAccount>>),
}

/// What a flow asks of its user.
#[derive(Debug)]
pub(super) enum Question {
    Issuance(IssuanceEvent),
    Register(RegisterEvent),
    Rollover(RolloverEvent),
    Save(SaveRequest),
}

impl From<IssuanceEvent> for Question {
    fn from(event: IssuanceEvent) -> Self {
        Self::Issuance(event)
    }
}

impl From<RegisterEvent> for Question {
    fn from(event: RegisterEvent) -> Self {
        Self::Register(event)
    }
}

impl From<RolloverEvent> for Question {
    fn from(event: RolloverEvent) -> Self {
        Self::Rollover(event)
    }
}

impl From<Infallible> for Question {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What happened to an actor, as far as it excuses the outcome.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// The faults that struck it, by kind.
    pub(super) faults: Vec<Kind>,
    /// Orders that the flow, or its snapshot, could not know.
    pub(super) lost_orders: usize,
    /// Challenges that the user could not publish.
    pub(super) not_published: usize,
    /// Responses that break the protocol.
    pub(super) garbled: usize,
    /// Certificates that do not fit the order.
    pub(super) wrong_certificates: usize,
    /// Processes that began from nothing, since there was no snapshot.
    pub(super) restarts: usize,
    /// What could not be cleaned up, and was named.
    pub(super) left_behind: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.faults.contains(&kind)
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) role: Role,
    /// Counts the processes in which it ran; what belongs to an earlier one is dropped.
    pub(super) life: u32,
    pub(super) task: Option<Task>,
    /// Which session it uses.
    pub(super) session: usize,
    /// When this life began, in milliseconds.
    pub(super) began: u64,
    pub(super) in_flight: usize,
    /// Only the last wake-up counts.
    pub(super) stamp: u64,
    /// How many requests it sent, in all lives.
    pub(super) sent: u64,
    /// How many questions it asked.
    pub(super) asked: u64,
    pub(super) is_saving: bool,
    pub(super) stored: Option<Snapshot>,
    pub(super) ledger: Ledger,
    /// How often its user went on with it after an error.
    pub(super) resumes: u32,
    /// Whether it ended with success, once it has ended.
    pub(super) outcome: Option<bool>,
}

impl Actor {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            life: 0,
            task: None,
            session: 0,
            began: 0,
            in_flight: 0,
            stamp: 0,
            sent: 0,
            asked: 0,
            is_saving: false,
            stored: None,
            ledger: Ledger::default(),
            resumes: 0,
            outcome: None,
        }
    }

    /// What is still under way to this life reaches nobody.
    pub(super) const fn end_life(&mut self) {
        self.life += 1;
        self.stamp += 1;
        self.in_flight = 0;
        self.is_saving = false;
    }

    pub(super) const fn is_durable(&self) -> bool {
        matches!(self.role, Role::Wish { durable: true, .. })
    }
}
