//! The loop that drives every flow: [`Driver`] decides, and this loop does the I/O.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;

use acme_adapter::clock::Clock;
use acme_adapter::driver::{Arrival, Driver, EventHandler, Step};
use acme_adapter::error::Error;
use acme_proto::flow::Flow;

use crate::cancel::Cancel;
use crate::in_flight::{InFlight, UserParts};
use crate::shared::Shared;

pub(crate) fn drive<'env, F: Flow>(
    shared: &'env Arc<Shared>,
    flow: F,
    handler: impl EventHandler<F>,
    mut user: UserParts<'env>,
) -> Result<F::Success, Error> {
    // A flow that cleans nothing up is left; whatever it has sent is of no interest any more.
    let end = END.with_borrow(Clone::clone).filter(|_| user.cancel.is_none());
    let is_left = end.is_some();
    user.cancel = user.cancel.or(end);
    // Solvers and stores may borrow from the caller, so their threads must end before this returns.
    // On return, `in_flight` is dropped first: its threads see that the flow is over.
    thread::scope(move |scope| {
        let mut clock = Clock::start();
        let mut in_flight = InFlight::new(scope, shared, user);
        let mut driver = Driver::new(&shared.state, flow, handler, in_flight.wake());
        loop {
            let arrival = match driver.poll(clock.now()) {
                Step::Start(task) => in_flight.start(task),
                Step::Wait(until) => {
                    let wait = clock.wait_until(until);
                    Some(in_flight.next(wait, driver.has_queued()))
                }
                Step::Done(result) => return result,
            };
            if is_left && matches!(arrival, Some(Arrival::Cancelled)) {
                return Err(Error::Acme(acme_proto::error::Error::Cancelled));
            }
            if let Some(arrival) = arrival {
                driver.handle(arrival, clock.now())?;
            }
        }
    })
}

/// Runs this; every flow in it that has no cancellation of its own ends when this one is cancelled.
pub(crate) fn ending_with<T>(end: &Cancel, run: impl FnOnce() -> T) -> T {
    /// Restores what was before, also after a panic.
    struct Restore(Option<Cancel>);
    impl Drop for Restore {
        fn drop(&mut self) {
            END.set(self.0.take());
        }
    }
    let _restore = Restore(END.replace(Some(end.clone())));
    run()
}

thread_local! {
    /// What ends the flows that this thread drives.
    static END: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}
