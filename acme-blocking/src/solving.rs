//! The solvers' part in an issuance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acme_adapter::error::Error;
use acme_adapter::words;
use acme_proto::challenge::{Challenge, ChallengeId, ChallengeResponse};
use acme_proto::error::Misuse;
use acme_proto::flow::{Input, SaveRequest};
use acme_proto::issuance::{Issuance, IssuanceEvent, Offer};
use acme_proto::wire::ChallengeKind;

use crate::BoxError;
use crate::client::{Inner, locked};
use crate::drive::Helper;
use crate::in_flight::{Arrival, InFlight, Solved, Stage};
use crate::solver::Solver;
use crate::store::Store;

/// Answers the events of an issuance by means of the user's solvers.
pub(crate) struct Solving<'env> {
    client: Arc<Inner>,
    solvers: Vec<Entry<'env>>,
    store: Option<Arc<dyn Store + 'env>>,
    /// Challenges that are being presented, each with whether it is to be taken back afterwards.
    presenting: BTreeMap<ChallengeId, bool>,
    /// Set when the flow has ended: what is presented only then has to be taken back at once.
    over: Arc<AtomicBool>,
    /// Challenges that were to be taken back: the flow no longer asks whether they are ready.
    withdrawn: BTreeSet<ChallengeId>,
}

/// A solver, and what is to be waited for once none of its presents is under way.
struct Entry<'env> {
    solver: Arc<dyn Solver + 'env>,
    presenting: usize,
    presented: Vec<(Challenge, ChallengeResponse)>,
}

impl<'env> Solving<'env> {
    pub(crate) fn new(
        client: &Arc<Inner>,
        solvers: Vec<Arc<dyn Solver + 'env>>,
        store: Option<Arc<dyn Store + 'env>>,
    ) -> Self {
        let entry = |solver| Entry { solver, presenting: 0, presented: Vec::new() };
        Self {
            client: Arc::clone(client),
            solvers: solvers.into_iter().map(entry).collect(),
            store,
            presenting: BTreeMap::new(),
            over: Arc::default(),
            withdrawn: BTreeSet::new(),
        }
    }

    /// Chooses by the order of the solvers, and of the kinds within each.
    fn select(&self, flow: &mut Issuance, offer: &Offer) -> Result<(), Misuse> {
        let known: Vec<ChallengeKind> =
            self.solvers.iter().flat_map(|entry| entry.solver.kinds()).cloned().collect();
        match offer.choose(&known) {
            Some(kind) => flow.select(&self.client.session(), &offer.id(), &kind),
            None => flow.refuse(&offer.id(), no_solver(offer.kinds())),
        }
    }

    fn present(
        &mut self,
        flow: &mut Issuance,
        challenge: Challenge,
        in_flight: &mut InFlight<'_, 'env>,
    ) -> Result<(), Misuse> {
        let Some(place) = self.place(challenge.kind()) else {
            return flow.failed(&challenge.id(), no_solver(&[challenge.kind().clone()]));
        };
        self.withdrawn.remove(&challenge.id());
        self.presenting.insert(challenge.id(), false);
        self.solvers[place].presenting += 1;
        let solver = Arc::clone(&self.solvers[place].solver);
        let (turn, over) = (self.client.turns.of(&challenge), Arc::clone(&self.over));
        in_flight.solve(challenge, Stage::Present(place), move |challenge| {
            let _alone = locked(&turn);
            let result = in_words(solver.present(challenge));
            if over.load(Ordering::Acquire) && !challenge.stays() {
                let _ = solver.clean_up(challenge);
            }
            result
        });
        Ok(())
    }

    fn clean_up(
        &mut self,
        flow: &mut Issuance,
        challenge: Challenge,
        in_flight: &mut InFlight<'_, 'env>,
    ) -> Result<(), Misuse> {
        let Some(place) = self.place(challenge.kind()) else {
            return flow.clean_failed(&challenge.id(), no_solver(&[challenge.kind().clone()]));
        };
        self.withdrawn.insert(challenge.id());
        if let Some(taken_back) = self.presenting.get_mut(&challenge.id()) {
            // Else this call might overtake the other, and leave the challenge published.
            *taken_back = true;
            return Ok(());
        }
        let solver = Arc::clone(&self.solvers[place].solver);
        let turn = self.client.turns.of(&challenge);
        in_flight.solve(challenge, Stage::CleanUp, move |challenge| {
            let _alone = locked(&turn);
            in_words(solver.clean_up(challenge)).map(|()| ChallengeResponse::default())
        });
        Ok(())
    }

    fn presented(
        &mut self,
        flow: &mut Issuance,
        place: usize,
        challenge: Challenge,
        result: Result<ChallengeResponse, String>,
        in_flight: &mut InFlight<'_, 'env>,
    ) -> Result<(), Misuse> {
        let taken_back = self.presenting.remove(&challenge.id()) == Some(true);
        self.solvers[place].presenting -= 1;
        let answered = match result {
            _ if taken_back => self.clean_up(flow, challenge, in_flight),
            Ok(response) => {
                self.solvers[place].presented.push((challenge, response));
                Ok(())
            }
            Err(why) => flow.failed(&challenge.id(), why),
        };
        self.wait(place, in_flight);
        answered
    }

    /// Starts the waiting for what a solver presented, once none of its presents is under way.
    fn wait(&mut self, place: usize, in_flight: &mut InFlight<'_, 'env>) {
        let Entry { solver, presenting: 0, presented } = &mut self.solvers[place] else { return };
        for (challenge, response) in presented.drain(..) {
            let solver = Arc::clone(solver);
            in_flight.solve(challenge, Stage::Wait, move |challenge| {
                in_words(solver.wait(challenge)).map(|()| response)
            });
        }
    }

    fn place(&self, kind: &ChallengeKind) -> Option<usize> {
        self.solvers.iter().position(|entry| entry.solver.kinds().contains(kind))
    }
}

impl Drop for Solving<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

impl<'env> Helper<'env, Issuance> for Solving<'env> {
    const SEQUENTIAL: bool = false;

    fn event(
        &mut self,
        flow: &mut Issuance,
        event: IssuanceEvent,
        in_flight: &mut InFlight<'_, 'env>,
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
        in_flight: &mut InFlight<'_, 'env>,
    ) -> Result<(), Error> {
        let Solved { challenge, stage, result } = solved;
        let id = challenge.id();
        let wanted = !self.withdrawn.contains(&id);
        match (stage, result) {
            (Stage::Present(place), result) => {
                self.presented(flow, place, challenge, result, in_flight)?;
            }
            (Stage::Wait, Ok(response)) if wanted => flow.ready_with(&id, response)?,
            (Stage::Wait, Err(why)) if wanted => flow.failed(&id, why)?,
            (Stage::Wait, _) => {}
            (Stage::CleanUp, Ok(_)) => flow.cleaned(&id)?,
            (Stage::CleanUp, Err(why)) => flow.clean_failed(&id, why)?,
        }
        Ok(())
    }

    fn save(
        &mut self,
        request: SaveRequest,
        in_flight: &mut InFlight<'_, 'env>,
    ) -> Option<Arrival> {
        let SaveRequest { id, snapshot } = request;
        let Some(store) = self.store.clone() else {
            return Some(Arrival::Input(Input::SaveFailed(id, "no store was given".into())));
        };
        in_flight.save(id, move || in_words(store.save(&snapshot)));
        None
    }

    fn cancel(&mut self, flow: &mut Issuance) {
        flow.cancel(&mut self.client.session());
    }
}

fn in_words<T>(result: Result<T, BoxError>) -> Result<T, String> {
    result.map_err(|error| words::of(&*error))
}

fn no_solver(kinds: &[ChallengeKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    format!("no solver was given for {}", kinds.join(", "))
}
