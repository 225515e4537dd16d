//! The loop that drives every flow: [`Driver`] decides, and this loop does the I/O.

use std::sync::Arc;

use acme_adapter::driver::{Driver, EventHandler, Step};
use acme_adapter::error::Error;
use acme_proto::flow::Flow;

use crate::clock::Clock;
use crate::in_flight::{InFlight, UserParts};
use crate::shared::Shared;

pub(crate) async fn drive<F: Flow>(
    shared: &Arc<Shared>,
    flow: F,
    handler: impl EventHandler<F>,
    user: UserParts<'_>,
) -> Result<F::Success, Error> {
    let mut clock = Clock::start();
    let mut in_flight = InFlight::new(shared, user);
    let mut driver = Driver::new(&shared.state, flow, handler, in_flight.wake());
    loop {
        match driver.poll(clock.now()) {
            Step::Start(task) => in_flight.start(task),
            Step::Wait(until) => {
                let arrival = in_flight.next(clock.instant(until)).await;
                driver.handle(arrival, clock.now())?;
            }
            Step::Done(result) => return result,
        }
    }
}
