//! One operation with every retry rule.
//!
//! # The life of an exchange
//!
#![doc = include_str!("exchange.svg")]
//!
#![doc = include_str!("exchange.md")]

#[cfg(test)]
mod diagrams;
mod drive;
mod engine;
mod exchange;
mod queue;
mod retry;
mod send;
mod supply;

use core::convert::Infallible;
use core::time::Duration;

use crate::error::Misuse;
use crate::flow::{Flow, Input, Output, sealed};
use crate::op::Operation;
use crate::session::Session;
use crate::time::Timestamp;

pub(crate) use drive::{Drive, Life, poll};
pub(crate) use engine::{Engine, Finished};

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
    engine: Engine<O>,
    life: Life<O::Response>,
}

impl<O: Operation> Call<O> {
    /// Creates a call with the policy's time limit.
    pub fn new(operation: O) -> Self {
        let mut engine = Engine::new();
        engine.start(operation);
        Self { engine, life: Life::New }
    }

    /// Sets a time limit of its own, retries included.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.engine.set_time_limit(limit);
        self
    }
}

impl<O: Operation> Drive for Call<O> {
    type Task = O;

    fn engine(&mut self) -> &mut Engine<O> {
        &mut self.engine
    }

    fn life(&mut self) -> &mut Life<O::Response> {
        &mut self.life
    }

    fn start(&mut self, session: &mut Session) {
        self.engine.start_clock(session.policy().call_time_limit);
    }

    fn advance(&mut self, _: &mut Session) -> Option<Output<Infallible, O::Response>> {
        None
    }

    fn finished(&mut self, finished: Finished<O>, _: &mut Session) {
        self.life.end(finished.result);
    }

    fn late(&mut self, _: &mut Session) {
        self.engine.expire();
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
        poll(self, session, now)
    }

    fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        self.engine.handle_input(session, input, now)
    }
}
