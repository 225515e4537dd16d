//! How an issuance comes to its end, and what is stored on the way.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::facts::{self, Facts, Local, Memory, Publication, Published};
use super::plan::AuthorizationView;
use super::{Ending, Issuance, IssuanceEvent, Issued, Poll};
use crate::challenge::{Attempt, Challenge};
use crate::error::{DeadlinePassed, Error, IdentifierFailure, OrderFailed};
use crate::flow::{SaveId, SaveRequest};
use crate::notice::Notice;
use crate::op::ChosenChain;
use crate::resource::Resource;
use crate::session::Session;
use crate::wire::{AuthorizationStatus, ChallengeKind, OrderStatus, Problem, ProblemType};

impl Issuance {
    /// Ends a failed order: starts a new one if the policy allows, or gives up with every reason.
    pub(super) fn fail(&mut self, session: &mut Session) {
        if self.died_before() {
            // Nobody was there to serve what it asked for: what failed then says nothing about now.
            self.resumed = None;
            self.memory = Memory::default();
            return self.forget_order(session);
        }
        let problem = self.facts.order.as_ref().and_then(|o| o.error()).cloned();
        let failed: Vec<_> = self
            .facts
            .authorizations
            .iter()
            .filter_map(|a| self.failure(a).map(|failure| (a, failure)))
            .collect();
        let again = self.orders < session.policy().max_orders
            && !failed.is_empty()
            && failed.iter().all(|(a, failure)| self.may_go_otherwise(a, failure));
        let failures = failed.into_iter().map(|(_, failure)| failure).collect();
        if again {
            return self.forget_order(session);
        }
        let order_url = self.facts.url.clone();
        let failed = OrderFailed { order_url, expired: self.facts.expired, problem, failures };
        self.end(Err(Error::Order(Box::new(failed))), session);
    }

    /// Whether this is a resumed order that ended without a word of this run.
    const fn died_before(&self) -> bool {
        self.resumed.is_some() && self.orders == 0 && !self.told_server
    }

    /// Drops the order and all promises about it; what was published is taken back.
    pub(super) fn forget_order(&mut self, session: &Session) {
        self.engine.abandon_all();
        self.events.retain(|event| matches!(event, IssuanceEvent::CleanUp(_)));
        self.facts = Facts::default();
        self.poll = Poll::default();
        self.changed();
        self.prefetch_nonces(session);
    }

    fn failure(&self, authorization: &facts::Authorization) -> Option<IdentifierFailure> {
        let lost = authorization.view(self.engine.now()) == AuthorizationView::Lost;
        let name = authorization.ordered_name()?;
        let tried = self.memory.of(Some(&name)).to_vec();
        let ours =
            tried.iter().any(|a| a.problem().is_some()) && !self.is_authorized(authorization);
        let hopeless = authorization.local == Local::Open
            && authorization.status == Some(AuthorizationStatus::Pending)
            && authorization.usable_kinds(&tried).is_empty();
        (lost || ours || hopeless).then(|| IdentifierFailure {
            identifier: name,
            authorization: authorization.url.clone(),
            status: authorization.status.clone(),
            tried,
            offered: authorization.challenges.iter().map(|c| c.kind().clone()).collect(),
            refused: authorization.refused.clone(),
        })
    }

    fn is_authorized(&self, authorization: &facts::Authorization) -> bool {
        authorization.status == Some(AuthorizationStatus::Valid)
    }

    pub(super) fn out_of_time(&mut self, session: &mut Session) {
        let waiting_for = match self.facts.status() {
            None => Resource::NewOrder,
            Some(OrderStatus::Pending) => Resource::Authorization,
            Some(OrderStatus::Ready) => Resource::Finalize,
            _ => Resource::Certificate,
        };
        let said = self.said_of_challenges();
        let late = self.engine.deadline_passed(waiting_for);
        let late = DeadlinePassed {
            url: self.facts.url.clone().or(late.url),
            last: said.or(late.last),
            ..late
        };
        self.end(Err(Error::Deadline(Box::new(late))), session);
    }

    /// Returns what the server said of challenges that it never decided.
    fn said_of_challenges(&self) -> Option<Error> {
        let said = |a: &facts::Authorization| {
            let challenge = a.challenge(a.local.challenge()?)?;
            let problem = challenge.error().filter(|_| !self.is_authorized(a))?.clone();
            let kind = challenge.kind().clone();
            let attempt = Attempt { kind, problem: Some(problem), local: None };
            Some(IdentifierFailure {
                identifier: a.ordered_name()?,
                authorization: a.url.clone(),
                status: a.status.clone(),
                tried: alloc::vec![attempt],
                offered: Vec::new(),
                refused: None,
            })
        };
        let failures: Vec<_> = self.facts.authorizations.iter().filter_map(said).collect();
        let order_url = self.facts.url.clone();
        let failed = OrderFailed { order_url, expired: false, problem: None, failures };
        (!failed.failures.is_empty()).then(|| Error::Order(Box::new(failed)))
    }

    /// Settles the result; only clean-ups remain.
    ///
    /// Whatever happens while a chain is being chosen, the certificate is there.
    pub(super) fn end(&mut self, result: Result<ChosenChain, Error>, session: &mut Session) {
        if self.ending.is_some() {
            return;
        }
        let result = match (result, &self.choosing) {
            (Err(_), Some(choosing)) => Ok(choosing.finish()),
            (result, _) => result,
        };
        self.engine.close(session);
        self.events.retain(|event| matches!(event, IssuanceEvent::CleanUp(_)));
        self.ending = Some(Ending { result, until: None });
        self.changed_since_plan = true;
    }

    /// Sets how long clean-ups are waited for; a flow may be cancelled long after its last poll.
    pub(super) fn start_ending(&mut self, session: &Session) {
        let limit = session.policy().clean_up_time_limit;
        let until = self.engine.now().saturating_add(limit);
        if let Some(ending) = &mut self.ending
            && ending.until.is_none()
        {
            ending.until = Some(until);
            self.engine.set_deadline(until);
            self.start_deactivating();
        }
    }

    /// Notes that the snapshot is another one now.
    pub(super) const fn changed(&mut self) {
        self.changed_since_plan = true;
        self.saving.changed += 1;
    }

    /// Returns the snapshot to be saved now, if one is due and none is being saved.
    pub(super) fn save(&mut self) -> Option<SaveRequest> {
        let due = self.durable
            && !self.saving.failed
            && self.saving.pending.is_none()
            && self.saving.saved < self.saving.changed;
        if !due {
            return None;
        }
        let snapshot = self.snapshot()?;
        let id = self.engine.save_id()?;
        self.saving.pending = Some((id, self.saving.changed));
        Some(SaveRequest { id, snapshot })
    }

    pub(super) fn saved(&mut self, id: SaveId, failure: Option<String>, session: &mut Session) {
        let Some((pending, generation)) = self.saving.pending else { return };
        if pending != id {
            return;
        }
        self.saving.pending = None;
        match failure {
            None => self.saving.saved = generation,
            Some(reason) => {
                self.saving.failed = true;
                self.end(Err(Error::Storage(reason)), session);
            }
        }
    }

    fn not_cleaned(&self) -> Vec<(Challenge, String)> {
        let reason = |state: &Publication| match state {
            Publication::Stuck(reason) => reason.clone(),
            _ => String::from("not answered in time"),
        };
        let left = self.published.values().filter(|p| p.state != Publication::Kept);
        left.map(|p| (p.challenge.clone(), reason(&p.state))).collect()
    }

    /// Ends the flow once nothing is left to clean up, to save, or to tell.
    pub(super) fn conclude(&mut self) {
        let Some(ending) = &self.ending else { return };
        let cleaning = self.published.values().any(Published::is_held) || !self.engine.is_idle();
        let saving = self.saving.pending.is_some();
        if (cleaning || saving) && ending.until.is_none_or(|until| self.engine.now() < until) {
            return;
        }
        let not_cleaned = self.not_cleaned();
        if ending.result.is_err() && !not_cleaned.is_empty() && !self.told_leftovers {
            self.told_leftovers = true;
            for (challenge, reason) in not_cleaned {
                self.engine.notice(Notice::NotCleaned { challenge: Box::new(challenge), reason });
            }
            return;
        }
        let Some(ending) = self.ending.take() else { return };
        let result = ending.result.and_then(|chosen| {
            let missing = Error::Internal;
            let (order_url, order) =
                self.facts.url.clone().zip(self.facts.order.clone()).ok_or(missing)?;
            Ok(Issued { chosen, order_url, order: Box::new(order), not_cleaned })
        });
        self.life.end(result);
    }

    /// Whether another kind of challenge may prove in a new order what this one did not.
    fn may_go_otherwise(
        &self,
        authorization: &facts::Authorization,
        failure: &IdentifierFailure,
    ) -> bool {
        let tried = failure.tried();
        let solvable = self.solvable.as_deref().unwrap_or_default();
        let left = |kind: &ChallengeKind| {
            solvable.contains(kind) && tried.iter().all(|attempt| attempt.kind() != kind)
        };
        let may_pass = match failure.problem().map(Problem::kind) {
            None => !tried.is_empty(),
            Some(kind) => matches!(
                kind,
                ProblemType::Connection
                    | ProblemType::Dns
                    | ProblemType::Tls
                    | ProblemType::Unauthorized
                    | ProblemType::IncorrectResponse
                    | ProblemType::ServerInternal
            ),
        };
        may_pass && authorization.kinds.iter().any(left)
    }
}
