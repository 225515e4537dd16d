//! The solvers' part in an issuance.

use std::collections::BTreeSet;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::words;
use acme_proto::challenge::{Challenge, ChallengeId, ChallengeResponse};
use acme_proto::error::Misuse;
use acme_proto::flow::{Input, SaveRequest};
use acme_proto::issuance::{Issuance, IssuanceEvent, Offer};
use acme_proto::wire::ChallengeKind;

use crate::BoxFuture;
use crate::client::Inner;
use crate::drive::{Arrival, Helper, InFlight, Solved, Stage};
use crate::solver::DynSolver;
use crate::store::DynStore;

/// Answers the events of an issuance by means of the user's solvers.
pub(crate) struct Solving<'a> {
    client: Arc<Inner>,
    solvers: Vec<Entry<'a>>,
    store: Option<Arc<dyn DynStore + 'a>>,
    /// Challenges that were to be taken back: the flow no longer asks whether they are ready.
    withdrawn: BTreeSet<ChallengeId>,
}

/// A solver, and what is to be waited for once none of its presents is under way.
struct Entry<'a> {
    solver: Arc<dyn DynSolver + 'a>,
    presenting: usize,
    presented: Vec<(Challenge, ChallengeResponse)>,
}

impl<'a> Solving<'a> {
    pub(crate) fn new(
        client: &Arc<Inner>,
        solvers: Vec<Arc<dyn DynSolver + 'a>>,
        store: Option<Arc<dyn DynStore + 'a>>,
    ) -> Self {
        let entry = |solver| Entry { solver, presenting: 0, presented: Vec::new() };
        Self {
            client: Arc::clone(client),
            solvers: solvers.into_iter().map(entry).collect(),
            store,
            withdrawn: BTreeSet::new(),
        }
    }

    /// Chooses by the order of the solvers, and of the kinds within each.
    fn select(&self, flow: &mut Issuance, offer: &Offer) -> Result<(), Misuse> {
        let known: Vec<ChallengeKind> =
            self.solvers.iter().flat_map(|entry| entry.solver.dyn_kinds()).cloned().collect();
        match offer.choose(&known) {
            Some(kind) => flow.select(&self.client.session(), &offer.id(), &kind),
            None => flow.refuse(&offer.id(), no_solver(offer.kinds())),
        }
    }

    fn present(
        &mut self,
        flow: &mut Issuance,
        challenge: Challenge,
        in_flight: &mut InFlight<'a>,
    ) -> Result<(), Misuse> {
        let Some(place) = self.place(challenge.kind()) else {
            return flow.failed(&challenge.id(), no_solver(&[challenge.kind().clone()]));
        };
        self.withdrawn.remove(&challenge.id());
        self.solvers[place].presenting += 1;
        let solver = Arc::clone(&self.solvers[place].solver);
        let turn = self.client.turns.of(&challenge);
        in_flight.push(Box::pin(async move {
            let alone = turn.lock().await;
            let result = solver.dyn_present(&challenge).await;
            drop(alone);
            Arrival::Solver(Box::new(Solved { challenge, stage: Stage::Present(place), result }))
        }));
        Ok(())
    }

    fn clean_up(
        &mut self,
        flow: &mut Issuance,
        challenge: Challenge,
        in_flight: &mut InFlight<'a>,
    ) -> Result<(), Misuse> {
        let Some(place) = self.place(challenge.kind()) else {
            return flow.clean_failed(&challenge.id(), no_solver(&[challenge.kind().clone()]));
        };
        self.withdrawn.insert(challenge.id());
        let solver = Arc::clone(&self.solvers[place].solver);
        let turn = self.client.turns.of(&challenge);
        in_flight.push(Box::pin(async move {
            let alone = turn.lock().await;
            let result =
                solver.dyn_clean_up(&challenge).await.map(|()| ChallengeResponse::default());
            drop(alone);
            Arrival::Solver(Box::new(Solved { challenge, stage: Stage::CleanUp, result }))
        }));
        Ok(())
    }

    /// Starts the waiting for what a solver presented, once none of its presents is under way.
    fn wait(&mut self, place: usize, in_flight: &mut InFlight<'a>) {
        let Entry { solver, presenting: 0, presented } = &mut self.solvers[place] else { return };
        for (challenge, response) in presented.drain(..) {
            let solver = Arc::clone(solver);
            in_flight.push(Box::pin(async move {
                let result = solver.dyn_wait(&challenge).await.map(|()| response);
                Arrival::Solver(Box::new(Solved { challenge, stage: Stage::Wait, result }))
            }));
        }
    }

    fn place(&self, kind: &ChallengeKind) -> Option<usize> {
        self.solvers.iter().position(|entry| entry.solver.dyn_kinds().contains(kind))
    }
}

impl<'a> Helper<'a, Issuance> for Solving<'a> {
    fn event(
        &mut self,
        flow: &mut Issuance,
        event: IssuanceEvent,
        in_flight: &mut InFlight<'a>,
    ) -> Result<(), Error> {
        match event {
            IssuanceEvent::Authorize(offer) => self.select(flow, &offer)?,
            IssuanceEvent::Provision(challenge) => self.present(flow, challenge, in_flight)?,
            IssuanceEvent::CleanUp(challenge) => self.clean_up(flow, challenge, in_flight)?,
            // Every CSR at hand went into the flow at its start.
            IssuanceEvent::Finalize(_) => return Err(Error::NoCsr),
            _ => {}
        }
        Ok(())
    }

    fn solved(
        &mut self,
        flow: &mut Issuance,
        solved: Solved,
        in_flight: &mut InFlight<'a>,
    ) -> Result<(), Error> {
        let Solved { challenge, stage, result } = solved;
        let id = challenge.id();
        let wanted = !self.withdrawn.contains(&id);
        match (stage, result.map_err(|error| words::of(&*error))) {
            (Stage::Present(place), result) => {
                self.solvers[place].presenting -= 1;
                match result {
                    Ok(response) if wanted => {
                        self.solvers[place].presented.push((challenge, response));
                    }
                    Err(why) if wanted => flow.failed(&id, why)?,
                    _ => {}
                }
                self.wait(place, in_flight);
            }
            (Stage::Wait, Ok(response)) if wanted => flow.ready_with(&id, response)?,
            (Stage::Wait, Err(why)) if wanted => flow.failed(&id, why)?,
            (Stage::Wait, _) => {}
            (Stage::CleanUp, Ok(_)) => flow.cleaned(&id)?,
            (Stage::CleanUp, Err(why)) => flow.clean_failed(&id, why)?,
        }
        Ok(())
    }

    fn save(&mut self, request: SaveRequest) -> BoxFuture<'a, Arrival> {
        let store = self.store.clone();
        Box::pin(async move {
            let SaveRequest { id, snapshot } = request;
            let result = match store {
                Some(store) => store.dyn_save(&snapshot).await,
                None => Err("no store was given".into()),
            };
            Arrival::Input(match result {
                Ok(()) => Input::Saved(id),
                Err(error) => Input::SaveFailed(id, words::of(&*error)),
            })
        })
    }

    fn cancel(&mut self, flow: &mut Issuance) {
        flow.cancel(&mut self.client.session());
    }
}

fn no_solver(kinds: &[ChallengeKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    format!("no solver was given for {}", kinds.join(", "))
}
