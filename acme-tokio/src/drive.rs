//! The one loop that drives every flow, and what it waits for.

use core::future::{Future, pending, poll_fn};
use core::pin::pin;
use core::task::Poll;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_proto::call::Call;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::error::Misuse;
use acme_proto::flow::{Flow, Input, Output, SaveRequest};
use acme_proto::op::Operation;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use crate::client::Inner;
use crate::clock::Clock;
use crate::{BoxError, BoxFuture};

/// Everything that a flow waits for: exchanges, signatures, saves, and calls of solvers.
pub(crate) type InFlight<'a> = FuturesUnordered<BoxFuture<'a, Arrival>>;

/// What came in.
pub(crate) enum Arrival {
    Input(Input),
    Solver(Box<Solved>),
    /// The intent of a key change is stored, or why it is not.
    Stored(Result<(), String>),
}

/// A call of a solver that ended.
pub(crate) struct Solved {
    pub(crate) challenge: Challenge,
    pub(crate) stage: Stage,
    /// The response to the challenge; empty after a clean-up.
    pub(crate) result: Result<ChallengeResponse, BoxError>,
}

/// Which call of a solver it was; `Present` and `Wait` tell the solver's place in the list.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Present(usize),
    Wait,
    CleanUp,
}

/// What one kind of flow needs of its user, beside exchanges and signatures.
pub(crate) trait Helper<'a, F: Flow> {
    /// Answers an event, now or by something in flight; an error cancels the flow.
    fn event(
        &mut self,
        flow: &mut F,
        event: F::Event,
        in_flight: &mut InFlight<'a>,
    ) -> Result<(), Error>;

    /// Takes the end of a solver's call.
    fn solved(
        &mut self,
        _flow: &mut F,
        _solved: Solved,
        _in_flight: &mut InFlight<'a>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Takes the end of storing what an event brought.
    fn stored(&mut self, _flow: &mut F, _result: Result<(), String>) -> Result<(), Error> {
        Ok(())
    }

    /// Stores a snapshot.
    fn save(&mut self, request: SaveRequest) -> BoxFuture<'a, Arrival> {
        let answer = Input::SaveFailed(request.id, "no store was given".into());
        Box::pin(async { Arrival::Input(answer) })
    }

    /// Asks the flow to come to an end.
    fn cancel(&mut self, _flow: &mut F) {}
}

/// Drives a flow to its end; `cancel` ending first makes it come to one early.
pub(crate) async fn drive<'a, F: Flow>(
    client: &Arc<Inner>,
    mut flow: F,
    mut helper: impl Helper<'a, F>,
    mut cancel: Option<BoxFuture<'a, ()>>,
) -> Result<F::Success, Error> {
    let mut clock = Clock::start();
    let mut in_flight = InFlight::new();
    let mut failure = None;
    loop {
        // Bound first: the guard would live through the arms of a `match`, across the waiting.
        let output = flow.poll_output(&mut client.session(), clock.now());
        let mut outcome = Ok(());
        match output {
            Output::Transmit(transmit) => in_flight.push(client.exchange(transmit)),
            Output::Sign(request) => in_flight.push(client.sign(request)),
            Output::Save(request) => in_flight.push(helper.save(request)),
            Output::Event(event) => outcome = helper.event(&mut flow, event, &mut in_flight),
            Output::Notice(notice) => client.notice(&notice),
            Output::Timeout(at) => {
                let until = at.map(|at| clock.instant(at));
                match next(&mut in_flight, &mut cancel, until).await? {
                    Woken::By(Arrival::Input(input)) => {
                        flow.handle_input(&mut client.session(), input, clock.now())?;
                    }
                    Woken::By(Arrival::Solver(solved)) => {
                        outcome = helper.solved(&mut flow, *solved, &mut in_flight);
                    }
                    Woken::By(Arrival::Stored(result)) => {
                        outcome = helper.stored(&mut flow, result);
                    }
                    Woken::Cancelled => helper.cancel(&mut flow),
                    Woken::InTime => {}
                }
            }
            Output::Done(result) => {
                return result.map_err(|error| failure.unwrap_or_else(|| error.into()));
            }
        }
        if let Err(error) = outcome {
            failure.get_or_insert(error);
            helper.cancel(&mut flow);
        }
    }
}

/// Runs a single operation.
pub(crate) async fn call<O: Operation>(client: &Arc<Inner>, op: O) -> Result<O::Response, Error> {
    drive(client, Call::new(op), Alone, None).await
}

enum Woken {
    By(Arrival),
    Cancelled,
    InTime,
}

/// Waits for the first of: something in flight, the wish to cancel, the time.
async fn next<'a>(
    in_flight: &mut InFlight<'a>,
    cancel: &mut Option<BoxFuture<'a, ()>>,
    until: Option<Instant>,
) -> Result<Woken, Error> {
    if in_flight.is_empty() && until.is_none() {
        return Err(Misuse::Stalled.into());
    }
    let mut time = pin!(async {
        match until {
            Some(instant) => sleep_until(instant).await,
            None => pending().await,
        }
    });
    poll_fn(|cx| {
        if let Some(wish) = cancel
            && wish.as_mut().poll(cx).is_ready()
        {
            *cancel = None;
            return Poll::Ready(Ok(Woken::Cancelled));
        }
        if let Poll::Ready(Some(arrival)) = in_flight.poll_next_unpin(cx) {
            return Poll::Ready(Ok(Woken::By(arrival)));
        }
        time.as_mut().poll(cx).map(|()| Ok(Woken::InTime))
    })
    .await
}

/// The helper of a flow without events.
struct Alone;

impl<'a, O: Operation> Helper<'a, Call<O>> for Alone {
    fn event(
        &mut self,
        _: &mut Call<O>,
        never: core::convert::Infallible,
        _: &mut InFlight<'a>,
    ) -> Result<(), Error> {
        match never {}
    }
}
