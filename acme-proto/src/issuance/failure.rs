//! What becomes of an order that failed, or that ran out of time: another one, or an error with every reason.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::Issuance;
use super::attempts::is_server_fault;
use super::authorization::{Authorization, Proof};
use super::plan::AuthorizationView;
use crate::challenge::Attempt;
use crate::error::{DeadlinePassed, Error, IdentifierFailure, OrderFailed};
use crate::notice::Notice;
use crate::resource::Resource;
use crate::session::Session;
use crate::time::Timestamp;
use crate::wire::{ChallengeKind, Directory, OrderStatus, Problem, ProblemType};

impl Issuance {
    /// Starts over with a new order if the policy allows, or ends with every reason.
    pub(super) fn fail(&mut self, session: &mut Session) {
        if self.identity.is_resumed() && self.attempts.is_empty_run() {
            // The order failed while no process was running to serve its challenges: that says nothing about now.
            self.identity.forget_snapshot();
            self.attempts.clear();
            return self.forget_order(session);
        }
        let problem = self.order.object().and_then(|order| order.error()).cloned();
        let failed: Vec<_> = (0..self.authorizations.len())
            .filter_map(|index| Some((self.authorizations.get(index), self.failure(index)?)))
            .collect();
        let again = self.attempts.orders() < session.policy().max_orders
            && !failed.is_empty()
            && failed.iter().all(|(one, failure)| self.may_go_otherwise(one, failure));
        let at_server = failed.iter().any(|(_, failure)| failure.tried.iter().any(is_server_fault));
        let pause = if again && at_server { self.pause(session) } else { Duration::ZERO };
        let resume = self.engine.exchanges.now().saturating_add(pause);
        let again = again && resume < self.engine.exchanges.deadline();
        let failures = failed.into_iter().map(|(_, failure)| failure).collect();
        let order_url = self.order.url().cloned();
        let expired = self.order.has_expired();
        let failed = OrderFailed { order_url, expired, problem, failures, then: None };
        if again {
            self.attempts.keep(failed);
            self.attempts.pardon();
            self.forget_order(session);
            if !pause.is_zero() {
                self.wait_to_order(resume, session);
            }
            return;
        }
        self.end(Err(Error::Order(Arc::new(failed))), session);
    }

    /// Returns how long a server that could not validate is left alone: as long as after several requests that it could
    /// not respond, for each further order counts against the policy.
    fn pause(&self, session: &mut Session) -> Duration {
        let backoff = session.policy().backoff;
        session.jittered(backoff, self.attempts.orders().saturating_add(1).saturating_mul(2))
    }

    /// Delays the next order.
    fn wait_to_order(&mut self, until: Timestamp, session: &Session) {
        self.polling.hold(until);
        if let Some(url) = session.directory().and_then(Directory::new_order).cloned() {
            self.engine.exchanges.notice(Notice::Waiting { url, until, asked_by_server: false });
        }
    }

    /// Returns the error that ends the issuance, with the failure that led to it: an order that failed is why there was
    /// another one, and what became of that says nothing of it.
    pub(super) fn with_earlier_failure(&mut self, error: Error) -> Error {
        let Some(mut earlier) = self.attempts.take_earlier() else { return error };
        match error {
            Error::Deadline(mut late) if late.last.is_none() => {
                Arc::make_mut(&mut late).last = Some(Error::Order(earlier.into()));
                Error::Deadline(late)
            }
            Error::Problem(_)
            | Error::Peer(_)
            | Error::Unsupported(_)
            | Error::Transport(_)
            | Error::RetryLater { .. } => {
                earlier.then = Some(error);
                Error::Order(earlier.into())
            }
            error => error,
        }
    }

    /// Ends at the deadline, with what was waited for.
    pub(super) fn out_of_time(&mut self, session: &mut Session) {
        let waiting_for = match self.order.status() {
            None => Resource::NewOrder,
            Some(OrderStatus::Pending) => Resource::Authorization,
            Some(OrderStatus::Ready) => Resource::Finalize,
            _ => Resource::Certificate,
        };
        let late = self.engine.exchanges.deadline_passed(waiting_for);
        let late = DeadlinePassed {
            url: self.order.url().cloned().or(late.url),
            last: self.said_of_challenges().or(late.last),
            ..late
        };
        self.end(Err(Error::Deadline(Arc::new(late))), session);
    }

    /// Returns what an authorization contributes to the failure of the order.
    fn failure(&self, index: usize) -> Option<IdentifierFailure> {
        let authorization = self.authorizations.get(index);
        let failed = self.authorizations.view(index) == AuthorizationView::Failed;
        let name = authorization.ordered_name()?;
        let tried = self.attempts.of(Some(&name));
        let refused_by_server =
            tried.iter().any(|a| a.problem().is_some()) && !authorization.is_valid();
        let hopeless = authorization.proof == Proof::None
            && authorization.is_pending()
            && self.untried_kinds(authorization).next().is_none();
        (failed || refused_by_server || hopeless).then(|| IdentifierFailure {
            tried: self.attempts.history(&name),
            identifier: name,
            authorization: authorization.url.clone(),
            status: authorization.status.clone(),
            offered: authorization.challenges.iter().map(|c| c.kind().clone()).collect(),
            refused: authorization.refused.clone(),
        })
    }

    /// Returns what the server said of challenges that it never decided.
    fn said_of_challenges(&self) -> Option<Error> {
        let said = |one: &Authorization| {
            let challenge = one.challenge(one.proof.challenge()?)?;
            let problem = challenge.error().filter(|_| !one.is_valid())?.clone();
            let kind = challenge.kind().clone();
            let attempt = Attempt { kind, problem: Some(problem), local: None };
            Some(IdentifierFailure {
                identifier: one.ordered_name()?,
                authorization: one.url.clone(),
                status: one.status.clone(),
                tried: alloc::vec![attempt],
                offered: Vec::new(),
                refused: None,
            })
        };
        let failures: Vec<_> = self.authorizations.iter().filter_map(said).collect();
        let order_url = self.order.url().cloned();
        let failed = OrderFailed { order_url, expired: false, problem: None, failures, then: None };
        (!failed.failures.is_empty()).then(|| Error::Order(Arc::new(failed)))
    }

    /// Returns whether a new order may prove what this one did not: by another kind of challenge, or by the same one if
    /// the server itself failed.
    fn may_go_otherwise(&self, one: &Authorization, failure: &IdentifierFailure) -> bool {
        let tried = self.attempts.of(Some(failure.identifier()));
        let against: Vec<_> = tried.iter().filter(|one| !is_server_fault(one)).cloned().collect();
        let is_left = |kind: &ChallengeKind| {
            self.settings.is_solvable(kind) && !self.settings.is_spent(kind, &against)
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
        let is_allowed = self.attempts.allow_another(Some(failure.identifier()));
        may_pass && is_allowed && one.kinds.iter().any(is_left)
    }
}
