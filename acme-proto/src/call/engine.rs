//! Runs operations: starts their exchanges, and has them read what comes back.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::exchange::{Event, Exchange, ExchangeId, Outcome, Phase, Settled, Work};
use super::exchanges::{Due, Exchanges, Operations};
use crate::error::{Error, Unsupported};
use crate::notice::Notice;
use crate::op::{Failure, Operation, Read, Reading};
use crate::request::{FlowId, SignRequest, Transmit};
use crate::resource::Resource;
use crate::session::Session;
use crate::sorted::SortedMap;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::Directory;

/// The exchanges of one flow with their operations.
#[derive(Debug)]
pub(crate) struct Engine<O> {
    /// What does not depend on the type of the operations: the clock, notices, exchanges.
    pub(crate) exchanges: Exchanges,
    operations: OperationMap<O>,
}

type OperationMap<O> = SortedMap<ExchangeId, Box<O>>;

/// What the exchanges want next.
pub(crate) enum Step<O: Operation> {
    Transmit(Transmit),
    Sign(SignRequest),
    Notice(Notice),
    Finished(Box<Finished<O>>),
    /// Nothing before this time; the deadline, if that has passed.
    Wait(Timestamp),
}

/// An operation that is done.
pub(crate) struct Finished<O: Operation> {
    pub(crate) operation: O,
    pub(crate) result: Result<O::Response, Error>,
    /// The `Retry-After` of the last response, readable or not.
    pub(crate) retry_after: Option<Timestamp>,
    /// The result is the state that was read after a lost response.
    pub(crate) was_reread: bool,
    /// An error says nothing of an earlier try, which may have been processed: a proxy may have answered that for the
    /// server, or sent it twice and passed on the refusal of the copy.
    pub(crate) may_have_landed: bool,
}

/// What the engine keeps of a response that was read.
#[derive(Debug, Default)]
struct Seen {
    status: Option<u16>,
    location: Option<Url>,
    retry_after: Option<Timestamp>,
}

impl<O: Operation> Engine<O> {
    pub(crate) fn new() -> Self {
        Self { exchanges: Exchanges::new(), operations: SortedMap::new() }
    }

    /// Starts an operation; its first request goes out at the next poll, or when what it lacks is there.
    pub(crate) fn start(&mut self, operation: O) {
        let id = self.exchanges.insert(Exchange::new(Work::Operation, operation.spec()));
        self.operations.insert(id, Box::new(operation));
    }

    /// Gives up every operation; responses to them are ignored.
    pub(crate) fn abandon_all(&mut self, session: &mut Session) {
        self.exchanges.abandon_all(session);
        self.operations = SortedMap::new();
    }

    /// Ends all exchanges and gives the nonces back.
    pub(crate) fn reset(&mut self, session: &mut Session) {
        self.exchanges.reset(session);
        self.operations = SortedMap::new();
    }

    /// Ends the operations that the deadline cut off, each by an error of its own.
    ///
    /// Only after [`poll`](Self::poll) returned a wait.
    pub(crate) fn expire(&mut self, session: &mut Session) {
        self.exchanges.expire(&self.operations, session);
    }

    /// Returns what comes next, by the rule of [`Flow`](crate::flow::Flow); after [`enter`](Exchanges::enter).
    pub(crate) fn poll(&mut self, session: &mut Session, flow: FlowId) -> Step<O> {
        loop {
            match self.exchanges.poll(&self.operations, session, flow) {
                Due::Transmit(transmit) => return Step::Transmit(transmit),
                Due::Sign(request) => return Step::Sign(request),
                Due::Notice(notice) => return Step::Notice(notice),
                Due::Wait(until) => return Step::Wait(until),
                Due::Read(settled) => {
                    if let Some(finished) = self.read(settled, session) {
                        return Step::Finished(Box::new(finished));
                    }
                }
            }
        }
    }

    /// Lets an operation read the response, or the error, that ended its present request.
    ///
    /// Returns nothing if the operation has another request.
    fn read(&mut self, settled: Settled, session: &mut Session) -> Option<Finished<O>> {
        let Settled { id, exchange, outcome, unsupplied } = settled;
        // It is there: operations are given up only together with their exchanges.
        let mut operation = self.operations.remove(&id)?;
        let exchanges = &mut self.exchanges;
        let phase = exchange.phase;
        let (mut read, seen) = read_outcome(exchanges, &mut *operation, phase, outcome, session);
        if let Err(error) = read {
            // One fallback, or two servers' faults could lead to each other forever. What the operation lacked is no
            // fault of its resource, and no other resource makes up for it.
            let may_fall_back = !matches!(phase, Phase::Fallback { .. }) && !unsupplied;
            let fallback = || operation.fallback(&error, seen.location.as_ref(), session);
            if let Some(spec) = may_fall_back.then(fallback).flatten() {
                if seen.location.is_some() {
                    exchanges.resources_given();
                }
                let phase = Phase::Fallback { first_status: seen.status };
                return self.go_on(id, exchange.restart(Event::Fallback, phase, spec), operation);
            }
            read = read_error(exchanges, &mut *operation, error, unsupplied);
        }
        let was_reread = phase == Phase::Reread;
        let result = match read {
            Ok(Read::Response(response)) if was_reread && !operation.landed(&response) => {
                return self.go_on(id, exchange.resend(operation.spec()), operation);
            }
            Ok(Read::NextRequest) => {
                let next = exchange.restart(Event::NextRequest, Phase::Request, operation.spec());
                return self.go_on(id, next, operation);
            }
            // Only a final response is applied: a re-read that shows the old state says nothing new.
            Ok(Read::Response(response)) => {
                operation.apply(&response, session);
                Ok(response)
            }
            Err(error) => Err(error),
        };
        // What refused it a nonce, or a slot for another try, is no answer to what was sent before.
        let is_answer = exchange.sent().is_some()
            && matches!(result, Ok(_) | Err(Error::Problem(_) | Error::RetryLater { .. }));
        let may_have_landed = exchange.counts.arrivals > u32::from(is_answer);
        let retry_after = seen.retry_after;
        Some(Finished { operation: *operation, result, retry_after, was_reread, may_have_landed })
    }

    /// Goes on with another request of an operation, which is not finished.
    fn go_on(&mut self, id: ExchangeId, next: Exchange, operation: Box<O>) -> Option<Finished<O>> {
        self.operations.insert(id, operation);
        self.exchanges.put_back(id, Box::new(next));
        None
    }
}

impl<O: Operation> Operations for OperationMap<O> {
    fn check(&self, id: ExchangeId, session: &Session) -> Result<(), Error> {
        self.get(&id).map_or(Ok(()), |operation| operation.check(session))
    }

    fn payload(
        &self,
        id: ExchangeId,
        directory: &Directory,
        notices: &mut Vec<Notice>,
    ) -> Result<Vec<u8>, Unsupported> {
        self.get(&id).map_or(Ok(Vec::new()), |operation| operation.payload(directory, notices))
    }

    fn resource(&self, id: ExchangeId) -> Resource {
        self.get(&id).map_or(Resource::Directory, |operation| operation.spec().resource)
    }
}

/// Lets an operation read a response, and keeps what the engine needs of it.
fn read_outcome<O: Operation>(
    exchanges: &mut Exchanges,
    operation: &mut O,
    phase: Phase,
    outcome: Outcome,
    session: &Session,
) -> (Reading<O::Response>, Seen) {
    let mut seen = Seen::default();
    let read = outcome.and_then(|(url, response)| {
        exchanges.read_response(&url, &response, session, |received| {
            seen = Seen {
                status: Some(response.status()),
                location: received.usable_location(),
                retry_after: received.retry_after(),
            };
            match phase {
                Phase::Fallback { first_status } => {
                    received.first_status = first_status;
                    operation.read_fallback(received)
                }
                Phase::Request | Phase::Reread => operation.read(received),
            }
        })
    });
    (read, seen)
}

/// Lets an operation take its final error.
fn read_error<O: Operation>(
    exchanges: &mut Exchanges,
    operation: &mut O,
    error: Error,
    unsupplied: bool,
) -> Reading<O::Response> {
    let mut notices = Vec::new();
    let previous = exchanges.last_failure.as_deref();
    let mut failure = Failure { previous, unsupplied, notices: &mut notices };
    let read = operation.read_error(error, &mut failure);
    exchanges.notices.extend(notices);
    read
}
