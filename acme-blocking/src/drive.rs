//! The one loop that drives every flow.

use core::convert::Infallible;
use std::sync::Arc;
use std::thread;

use acme_adapter::clock::Clock;
use acme_adapter::error::Error;
use acme_proto::call::Call;
use acme_proto::flow::{Flow, Input, Output, SaveRequest};
use acme_proto::op::Operation;

use crate::cancel::Cancel;
use crate::client::Inner;
use crate::in_flight::{Arrival, InFlight, Solved};

/// What one kind of flow needs of its user, beside exchanges and signatures.
pub(crate) trait Helper<'env, F: Flow> {
    /// Whether nothing but its exchanges ever happens to the flow: no call of a solver, no cancelling.
    const SEQUENTIAL: bool = true;

    /// Answers an event, now or by something in flight; an error cancels the flow.
    fn event(
        &mut self,
        flow: &mut F,
        event: F::Event,
        in_flight: &mut InFlight<'_, 'env>,
    ) -> Result<(), Error>;

    /// Takes the end of a solver's call.
    fn solved(
        &mut self,
        _flow: &mut F,
        _solved: Solved,
        _in_flight: &mut InFlight<'_, 'env>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Stores a snapshot; returns the answer if it is known at once.
    fn save(
        &mut self,
        request: SaveRequest,
        _in_flight: &mut InFlight<'_, 'env>,
    ) -> Option<Arrival> {
        Some(Arrival::Input(Input::SaveFailed(request.id, "no store was given".into())))
    }

    /// Asks the flow to come to an end.
    fn cancel(&mut self, _flow: &mut F) {}
}

/// Drives a flow to its end; the wish to `cancel` makes it come to one early.
pub(crate) fn drive<'env, F: Flow, H: Helper<'env, F>>(
    client: &'env Arc<Inner>,
    mut flow: F,
    mut helper: H,
    cancel: Option<&Cancel>,
) -> Result<F::Success, Error> {
    // The helper goes when the flow has ended, before what is still under way is waited for.
    thread::scope(move |scope| {
        let mut clock = Clock::start();
        let mut in_flight = InFlight::new(scope, client, H::SEQUENTIAL);
        let _wish = cancel.map(|cancel| in_flight.subscribe(cancel));
        let mut failure = None;
        loop {
            // Bound first: the guard would live through the arms of a `match`, across the waiting.
            let output = flow.poll_output(&mut client.session(), clock.now());
            let mut answered = Ok(());
            let arrival = match output {
                Output::Transmit(transmit) => in_flight.exchange(transmit),
                Output::Sign(request) => in_flight.sign(request),
                Output::Save(request) => helper.save(request, &mut in_flight),
                Output::Event(event) => {
                    answered = helper.event(&mut flow, event, &mut in_flight);
                    None
                }
                Output::Notice(notice) => {
                    client.notice(&notice);
                    None
                }
                Output::Timeout(at) => in_flight.next(at.map(|at| clock.wait_until(at)))?,
                Output::Done(result) => {
                    return result.map_err(|error| failure.unwrap_or_else(|| error.into()));
                }
            };
            match arrival {
                Some(Arrival::Input(input)) => {
                    flow.handle_input(&mut client.session(), input, clock.now())?;
                }
                Some(Arrival::Solver(solved)) => {
                    answered = helper.solved(&mut flow, solved, &mut in_flight);
                }
                Some(Arrival::Cancelled) => helper.cancel(&mut flow),
                None => {}
            }
            if let Err(error) = answered {
                failure.get_or_insert(error);
                helper.cancel(&mut flow);
            }
        }
    })
}

/// Runs a single operation.
pub(crate) fn call<O: Operation>(client: &Arc<Inner>, op: O) -> Result<O::Response, Error> {
    drive(client, Call::new(op), Alone, None)
}

/// The helper of a flow without events.
struct Alone;

impl<O: Operation> Helper<'_, Call<O>> for Alone {
    fn event(
        &mut self,
        _: &mut Call<O>,
        never: Infallible,
        _: &mut InFlight<'_, '_>,
    ) -> Result<(), Error> {
        match never {}
    }
}
