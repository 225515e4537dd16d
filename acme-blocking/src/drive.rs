//! The loop that drives every flow: [`Driver`] decides, and this loop does the I/O.

use std::sync::Arc;
use std::thread;

use acme_adapter::clock::Clock;
use acme_adapter::driver::{Driver, EventHandler, Step};
use acme_adapter::error::Error;
use acme_proto::flow::Flow;

use crate::in_flight::{InFlight, UserParts};
use crate::shared::Shared;

pub(crate) fn drive<'env, F: Flow>(
    shared: &'env Arc<Shared>,
    flow: F,
    handler: impl EventHandler<F>,
    user: UserParts<'env>,
) -> Result<F::Success, Error> {
    // Solvers and stores may borrow from the caller, so their threads must end before this returns.
    // On return, `in_flight` is dropped first: its threads see that the flow is over.
    thread::scope(move |scope| {
        let mut clock = Clock::start();
        let mut in_flight = InFlight::new(scope, shared, user);
        let mut driver = Driver::new(&shared.state, flow, handler, in_flight.wake());
        loop {
            let arrival = match driver.poll(clock.now()) {
                Step::Start(task) => in_flight.start(task),
                Step::Wait(until) => Some(in_flight.next(until.map(|at| clock.wait_until(at)))),
                Step::Done(result) => return result,
            };
            if let Some(arrival) = arrival {
                driver.handle(arrival, clock.now())?;
            }
        }
    })
}
