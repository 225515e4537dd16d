//! One operation with every retry rule.

mod classify;
mod lane;
mod lanes;
mod send;

use alloc::vec::Vec;
use core::convert::Infallible;
use core::time::Duration;

use crate::error::{DeadlinePassed, Error, Misuse};
use crate::flow::{Flow, Input, Output, sealed};
use crate::op::{Next, Operation};
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;

pub(crate) use lanes::{Lanes, Reply, Step};

/// Runs one [`Operation`]: fetches what it needs first (directory, account URL, nonce), and sends it
/// again where that is safe.
///
/// ```
/// use acme_proto::{call::Call, op::GetDirectory};
///
/// let call = Call::new(GetDirectory);
/// # let _ = call;
/// ```
#[derive(Debug)]
pub struct Call<O: Operation> {
    operation: O,
    lanes: Lanes<()>,
    time_limit: Option<Duration>,
    state: State,
    /// The answer is being had elsewhere; with the status of the first one, if it could not be read.
    elsewhere: Option<Option<u16>>,
    /// The end, while notices are still to be handed out.
    result: Option<Result<O::Response, Error>>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    New,
    Running,
    Done,
}

impl<O: Operation> Call<O> {
    /// Creates a call with the policy's time limit.
    pub fn new(operation: O) -> Self {
        let lanes = Lanes::new();
        Self {
            operation,
            lanes,
            time_limit: None,
            state: State::New,
            elsewhere: None,
            result: None,
        }
    }

    /// Sets a time limit of its own, retries included.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    fn start(&mut self, session: &Session, now: Timestamp) {
        let limit = self.time_limit.unwrap_or_else(|| session.policy().call_time_limit);
        self.lanes.set_deadline(now.saturating_add(limit));
        self.state = State::Running;
        match self.operation.check(session) {
            Ok(()) => self.lanes.start((), self.operation.spec()),
            Err(error) => self.result = Some(Err(error)),
        }
    }

    /// Reads the reply; sends the operation again if it turns out not to have landed, or its next request.
    fn finished(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Option<Result<O::Response, Error>> {
        let response = match result {
            Ok(reply) => {
                let (operation, elsewhere) = (&self.operation, self.elsewhere);
                let located = self.lanes.read(&reply, session, |answer| answer.location()).ok();
                let read = self.lanes.read(&reply, session, |answer| match elsewhere {
                    None => operation.read(answer),
                    Some(first_status) => operation.read_elsewhere(answer, first_status),
                });
                let status = reply.response().status();
                match read {
                    Err(error) => return self.failed(error, Some(status), located, session),
                    Ok(response) if reply.is_reread() && !operation.landed(&response) => {
                        self.lanes.resend((), operation.spec(), &reply);
                        return None;
                    }
                    read => read,
                }
            }
            Err(error) => match self.operation.read_error(error, self.lanes.last_failure()) {
                Err(error) => return self.failed(error, None, None, session),
                read => read,
            },
        };
        if let Ok(response) = &response {
            self.operation.apply(response, session);
        }
        self.go_on(response)
    }

    /// Ends with a result, unless the operation has another request.
    fn go_on(&mut self, result: Result<O::Response, Error>) -> Option<Result<O::Response, Error>> {
        let mut notices = Vec::new();
        let next = self.operation.go_on(result, &mut notices);
        notices.into_iter().for_each(|notice| self.lanes.notice(notice));
        match next {
            Next::Done(result) => Some(result),
            Next::Request => {
                self.lanes.start((), self.operation.spec());
                None
            }
        }
    }

    /// Ends with a failure, unless the operation knows where else its answer can be had.
    fn failed(
        &mut self,
        error: Error,
        status: Option<u16>,
        location: Option<Url>,
        session: &mut Session,
    ) -> Option<Result<O::Response, Error>> {
        let unasked = self.elsewhere.is_none();
        let elsewhere = self.operation.elsewhere(&error, location.as_ref(), session);
        let Some(spec) = elsewhere.filter(|_| unasked) else { return self.go_on(Err(error)) };
        self.elsewhere = Some(status);
        self.lanes.start((), spec);
        None
    }

    fn end(
        &mut self,
        session: &mut Session,
        result: Result<O::Response, Error>,
    ) -> Output<Infallible, O::Response> {
        self.state = State::Done;
        self.lanes.close(session);
        Output::Done(result)
    }
}

impl<O: Operation> sealed::Sealed for Call<O> {}

impl<O: Operation> Flow for Call<O> {
    type Event = Infallible;
    type Success = O::Response;

    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success> {
        match self.state {
            State::New => self.start(session, now),
            State::Running => {}
            State::Done => return Output::Timeout(None),
        }
        loop {
            if self.result.is_some()
                && let Some(notice) = self.lanes.next_notice()
            {
                return Output::Notice(notice);
            }
            if let Some(result) = self.result.take() {
                return self.end(session, result);
            }
            match self.lanes.poll(session, now) {
                Err(misuse) => return Output::Done(Err(misuse.into())),
                Ok(Step::Transmit(transmit)) => return Output::Transmit(transmit),
                Ok(Step::Sign(request)) => return Output::Sign(request),
                Ok(Step::Notice(notice)) => return Output::Notice(notice),
                Ok(Step::Finished((), result)) => {
                    self.result = self.finished(result, session);
                }
                Ok(Step::Wait(_)) if self.lanes.is_late() => {
                    let late = DeadlinePassed {
                        url: self.lanes.any_url(),
                        waiting_for: self.operation.spec().name,
                        last: self.lanes.take_last_failure(),
                    };
                    // An operation of several requests may do without this one.
                    self.result = self.go_on(Err(Error::Deadline(late.into())));
                }
                Ok(Step::Wait(at)) => return Output::Timeout(Some(at)),
            }
        }
    }

    fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        self.lanes.handle_input(session, input, now)
    }
}
