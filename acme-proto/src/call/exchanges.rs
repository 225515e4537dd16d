//! The exchanges of a flow, whatever their operations are: starts them, hands out what is due, takes what comes back.
//!
//! Nothing here depends on the type of an operation, so that a program has this code once and not for each type of flow.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::exchange::{Exchange, ExchangeId, Outcome, Settled, Stage, Verdict, Work};
use super::queue::LazyQueue;
use super::supply::Supplies;
use crate::error::{DeadlinePassed, Error, Misuse, Unsupported};
use crate::http::Response;
use crate::notice::Notice;
use crate::op::Received;
use crate::request::{FlowId, Input, SaveId, SignRequest, Transmit};
use crate::resource::Resource;
use crate::session::{Binding, Session};
use crate::sorted::SortedMap;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::Directory;

/// The exchanges of one flow.
#[derive(Debug)]
pub(crate) struct Exchanges {
    binding: Option<Binding>,
    time_limit: Option<Duration>,
    pub(super) now: Timestamp,
    pub(super) deadline: Timestamp,
    /// Numbers requests, signatures and saves.
    next_number: u64,
    next_id: u64,
    /// All but those that are settled.
    pub(super) all: SortedMap<ExchangeId, Box<Exchange>>,
    pub(super) queue: LazyQueue,
    pub(super) supplies: Supplies,
    pub(super) notices: VecDeque<Notice>,
    /// When a response of this run last named a resource.
    pub(super) given: Option<Timestamp>,
    /// The last failure that was tried again.
    pub(super) last_failure: Option<Box<Error>>,
}

/// What the exchanges ask of their operations.
pub(super) trait Operations {
    /// Refuses a request that must not be sent.
    fn check(&self, id: ExchangeId, session: &Session) -> Result<(), Error>;

    /// Returns a payload that depends on the directory.
    fn payload(
        &self,
        id: ExchangeId,
        directory: &Directory,
        notices: &mut Vec<Notice>,
    ) -> Result<Vec<u8>, Unsupported>;

    /// Returns the resource that the operation is about.
    fn resource(&self, id: ExchangeId) -> Resource;
}

/// What is due.
pub(super) enum Due {
    Transmit(Transmit),
    Sign(SignRequest),
    Notice(Notice),
    /// The operation of an exchange reads the outcome.
    Read(Settled),
    /// Nothing before this time; the deadline, if that has passed.
    Wait(Timestamp),
}

/// How long before the deadline the last poll goes out.
const LAST_LOOK: Duration = Duration::from_secs(3);

impl Exchanges {
    pub(super) fn new() -> Self {
        Self {
            binding: None,
            time_limit: None,
            now: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::UNIX_EPOCH,
            next_number: 0,
            next_id: 0,
            all: SortedMap::new(),
            queue: LazyQueue::new(),
            supplies: Supplies::default(),
            notices: VecDeque::new(),
            given: None,
            last_failure: None,
        }
    }

    /// Sets a time limit other than the one that [`start_clock`](Self::start_clock) gets.
    pub(crate) const fn set_time_limit(&mut self, limit: Duration) {
        self.time_limit = Some(limit);
    }

    /// Sets the deadline: the time limit from now on.
    pub(crate) fn start_clock(&mut self, default: Duration) {
        self.deadline = self.now.saturating_add(self.time_limit.unwrap_or(default));
    }

    pub(crate) const fn set_deadline(&mut self, deadline: Timestamp) {
        self.deadline = deadline;
    }

    /// Fetches so many nonces ahead of the requests that will need them.
    pub(crate) const fn prefetch_nonces(&mut self, count: usize) {
        self.supplies.prefetch = count;
    }

    /// Gives up every operation; responses to them are ignored.
    pub(super) fn abandon_all(&mut self, session: &mut Session) {
        self.take_operations(session);
        self.queue.settled.clear();
    }

    /// Takes out the exchanges of all operations, none of which is sent any more.
    fn take_operations(&mut self, session: &mut Session) -> Vec<(ExchangeId, Box<Exchange>)> {
        let mut taken = Vec::new();
        for (id, mut exchange) in core::mem::take(&mut self.all) {
            match exchange.work {
                Work::Operation => {
                    withdraw(&mut exchange, session, self.now);
                    taken.push((id, exchange));
                }
                Work::Supply(_) => drop(self.all.insert(id, exchange)),
            }
        }
        self.queue.retain(|id| self.all.contains_key(id));
        taken
    }

    /// Ends all exchanges and gives the nonces back.
    pub(super) fn reset(&mut self, session: &mut Session) {
        for (_, mut exchange) in core::mem::take(&mut self.all) {
            withdraw(&mut exchange, session, self.now);
        }
        self.queue.retain(|_| false);
        self.queue.settled.clear();
        for fresh in self.supplies.reset() {
            session.put_nonce(fresh);
        }
    }

    /// Records that a response named resources, which replicas of the server may not know yet.
    pub(crate) const fn resources_given(&mut self) {
        self.given = Some(self.now);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }

    pub(crate) fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    pub(crate) fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Returns whether no operation is under way.
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_settled() && self.all.len() == self.supplies.running()
    }

    /// Returns whether a response or an error waits to be read by its operation.
    pub(crate) fn has_settled(&self) -> bool {
        !self.queue.settled.is_empty()
    }

    /// Returns whether the deadline has passed.
    pub(crate) fn is_late(&self) -> bool {
        self.now >= self.deadline
    }

    pub(crate) const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves a time before the deadline, so that no wait sleeps past it without a last look.
    pub(crate) fn before_deadline(&self, at: Timestamp) -> Timestamp {
        let last = self.deadline.saturating_sub(LAST_LOOK);
        if at > last && last > self.now { last } else { at }
    }

    /// Returns what there is to say if the deadline ends the flow: the URL is that of a request for what it waits for, if
    /// there is one.
    pub(crate) fn deadline_passed(&self, waiting_for: Resource) -> DeadlinePassed {
        let under_way = || self.all.values().filter(|exchange| exchange.url.is_some());
        let awaited = under_way().find(|exchange| exchange.spec.resource == waiting_for);
        let url = awaited.or_else(|| under_way().next()).and_then(|one| one.url.clone());
        DeadlinePassed { url, waiting_for, last: self.last_failure.as_deref().cloned() }
    }

    /// Ends the operations that the deadline cut off, each by an error of its own.
    ///
    /// Only after [`poll`](Self::poll) returned a wait: nothing is settled then.
    pub(super) fn expire(&mut self, operations: &dyn Operations, session: &mut Session) {
        debug_assert!(self.queue.settled.is_empty());
        for (id, exchange) in self.take_operations(session) {
            let passed = self.deadline_passed(operations.resource(id));
            let url = exchange.url.clone().or(passed.url);
            let passed = DeadlinePassed { url, ..passed };
            self.settle(id, exchange, Err(Error::Deadline(passed.into())));
        }
    }

    pub(crate) fn belongs_to(&self, session: &Session) -> bool {
        self.binding.is_none_or(|binding| session.is_bound(&binding))
    }

    /// Binds to the session, if that has not happened yet, and takes the time.
    pub(crate) fn enter(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Result<FlowId, Misuse> {
        let flow = session.bind(&mut self.binding)?;
        self.now = self.now.max(now);
        Ok(flow)
    }

    /// Returns an id for the next snapshot; `None` before the first poll.
    pub(crate) fn save_id(&mut self) -> Option<SaveId> {
        let flow = self.binding?.flow;
        Some(SaveId { flow, seq: self.number() })
    }

    /// Returns what is due.
    pub(super) fn poll(
        &mut self,
        operations: &dyn Operations,
        session: &mut Session,
        flow: FlowId,
    ) -> Due {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Due::Notice(notice);
            }
            if let Some(settled) = self.queue.settled.pop_front() {
                return Due::Read(settled);
            }
            // Nothing is sent after the deadline, but what has arrived by then was read above.
            if self.is_late() {
                return Due::Wait(self.deadline);
            }
            // At least one, or a policy of zero would stop every flow.
            let has_place = self.queue.active() < session.policy().max_in_flight.max(1);
            if let Some(due) = self.pass(has_place, operations, session, flow) {
                return due;
            }
            // A pass may fail exchanges, which are read before more is fetched for the others.
            let has_more = self.has_settled() || self.has_notice();
            if !has_more && !self.fetch_lacking(has_place, session) {
                self.release();
                // Without room for another exchange only a response helps.
                let wake = self.queue.next_time().filter(|_| has_place);
                return Due::Wait(wake.unwrap_or(self.deadline).min(self.deadline));
            }
        }
    }

    /// Returns the memory of queues that are empty.
    fn release(&mut self) {
        if self.all.is_empty() && self.queue.active() == 0 {
            (self.queue, self.notices) = (LazyQueue::new(), VecDeque::new());
        }
    }

    pub(crate) fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        let Some(binding) = self.binding else { return Err(Misuse::UnknownId) };
        if !session.is_bound(&binding) {
            return Err(Misuse::WrongSession);
        }
        self.now = self.now.max(now);
        // Whatever came in may have brought the nonce that was awaited.
        self.supplies.awaits_nonces = false;
        let (flow, number) = match &input {
            Input::Response(id, _) | Input::Lost(id, _) => (id.flow, id.seq),
            Input::Signature(id, _) | Input::SignFailed(id, _) => (id.flow, id.seq),
            Input::Saved(id) | Input::SaveFailed(id, _) => (id.flow, id.seq),
        };
        if flow != binding.flow || number >= self.next_number {
            return Err(Misuse::UnknownId);
        }
        // A second input, or one to an exchange that was given up, is late and not wrong.
        let Some(outstanding) = self.queue.outstanding.remove(&number) else { return Ok(()) };
        let exchange = self.all.remove(&outstanding.id);
        // A request whose signature has come is yet to be sent, unless it was given up.
        let is_to_be_sent = exchange.is_some() && matches!(input, Input::Signature(..));
        if let Some(class) = outstanding.counts_as.filter(|_| !is_to_be_sent) {
            session.arrived(class, self.now);
        }
        // One that was given up, or that the deadline cut off, is gone. The input only makes room.
        let (id, Some(mut exchange)) = (outstanding.id, exchange) else { return Ok(()) };
        let verdict = match (input, exchange.sent()) {
            (Input::Response(_, response), Some(sent)) => {
                self.responded(&mut exchange, sent, response, session)
            }
            (Input::Lost(_, lost), Some(_)) => self.lost(&mut exchange, lost, session),
            (Input::SignFailed(_, reason), None) => Verdict::Settle(Err(Error::Signer(reason))),
            (Input::Signature(_, signature), None) => {
                exchange.signature(&signature, self.now);
                Verdict::Stay
            }
            // A number belongs to one request, signature or save, and its type says to which.
            _ => Verdict::Settle(Err(Error::Internal(
                "an input does not fit the state of its exchange",
            ))),
        };
        match verdict {
            Verdict::Stay => self.put_back(id, exchange),
            Verdict::Settle(outcome) => self.end_request(id, exchange, outcome, session),
        }
        Ok(())
    }

    /// Gives a response to be read; what is odd about it becomes notices.
    pub(super) fn read_response<T>(
        &mut self,
        url: &Url,
        response: &Response,
        session: &Session,
        read: impl FnOnce(&mut Received<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut notices = Vec::new();
        let (allow_http, now) = (session.allows_http(), self.now);
        let first_status = None;
        let mut received =
            Received { url, response, allow_http, now, first_status, notices: &mut notices };
        let result = read(&mut received);
        self.notices.extend(notices);
        result
    }

    pub(super) fn insert(&mut self, exchange: Exchange) -> ExchangeId {
        let id = ExchangeId(self.next_id);
        self.next_id += 1;
        self.put_back(id, Box::new(exchange));
        id
    }

    /// Puts an exchange back that was taken out to be worked on.
    pub(super) fn put_back(&mut self, id: ExchangeId, exchange: Box<Exchange>) {
        let queue = &mut self.queue;
        match exchange.waits_until() {
            Some(until) if until > self.now => queue.timed.insert((until, id)),
            Some(_) => queue.ready.insert(id),
            None if exchange.stage() == Stage::Signed => queue.signed.insert(id),
            // Whoever handed it out put it among the outstanding, with the number that the input names.
            None => false,
        };
        self.all.insert(id, exchange);
    }

    /// Ends the present request: the operation reads the outcome, or those who lacked it go on.
    pub(super) fn end_request(
        &mut self,
        id: ExchangeId,
        exchange: Box<Exchange>,
        outcome: Outcome,
        session: &mut Session,
    ) {
        if exchange.fetches_directory() {
            session.directory_asked(self.now);
            self.supplies.fetched_directory |= outcome.is_ok();
        }
        match exchange.work {
            Work::Supply(supply) => {
                let from = exchange.sent().map(|sent| sent.id);
                self.supplied(supply, from, outcome, session);
            }
            Work::Operation => self.settle(id, exchange, outcome),
        }
    }

    fn settle(&mut self, id: ExchangeId, exchange: Box<Exchange>, outcome: Outcome) {
        self.queue.settled.push_back(exchange.settle(id, outcome));
    }

    pub(super) const fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    pub(super) fn limited(&self, limit: Duration) -> Duration {
        limit.min(self.deadline.saturating_duration_since(self.now))
    }
}

/// Undoes what was done for a request that will not be sent: it is counted as sent once it is with the signer, and its
/// nonce is good for another one.
fn withdraw(exchange: &mut Exchange, session: &mut Session, now: Timestamp) {
    // The signer's answer is still awaited otherwise, and is counted when it comes.
    if exchange.stage() == Stage::Signed {
        session.arrived(exchange.spec.class(), now);
    }
    if let Some(fresh) = exchange.take_unsent_nonce() {
        session.put_nonce(fresh);
    }
}
