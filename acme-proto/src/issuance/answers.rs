//! What each answer teaches the issuance.

use alloc::boxed::Box;

use super::facts::{Local, Publication};
use super::{Issuance, Task, TaskResult};
use crate::call::Finished;
use crate::challenge::Attempt;
use crate::error::{Error, PeerFault, ServerProblem};
use crate::notice::{Notice, Progress};
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{
    Authorization, AuthorizationStatus, Challenge, ChallengeStatus, Context, Order, OrderStatus,
    Problem, ProblemType,
};

/// After how many polls of a pending order its authorizations are read too: some servers report a failure
/// nowhere else.
const LOOK_CLOSER_EVERY: u32 = 3;

/// How many times a valid order is read that does not name its certificate: some servers name it later.
const MOST_LOOKS_FOR_CERTIFICATE: u32 = 3;

impl Issuance {
    pub(super) fn take(&mut self, finished: Finished<Task>, session: &mut Session) {
        self.changed_since_plan = true;
        let Finished { operation, result, retry_after, was_reread, .. } = finished;
        let outcome = match operation.with(result) {
            TaskResult::NewOrder(_, result) => self.ordered(result, session),
            TaskResult::ReadOrder(task, result) => {
                self.order_read(&task.0, result, retry_after, session)
            }
            TaskResult::ReadAuthorization(task, result) => {
                self.authorization_read(&task.0, result, retry_after, session)
            }
            TaskResult::Respond(task, result) => {
                self.responded(task.url(), result, retry_after, session)
            }
            TaskResult::Finalize(_, result) => {
                self.finalized(result, retry_after, was_reread, session)
            }
            TaskResult::Certificate(task, result) => self.downloaded(&task.0, result, session),
            TaskResult::Alternate(_, result) => {
                self.alternate_downloaded(result, session);
                Ok(())
            }
            TaskResult::Deactivate(task, result) => {
                self.deactivated(&task, result);
                Ok(())
            }
        };
        if let Err(error) = outcome {
            self.end(Err(error), session);
        }
    }

    fn order_read(
        &mut self,
        url: &Url,
        result: Result<Order, Error>,
        retry_after: Option<Timestamp>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let order = match result {
            Err(Error::Problem(p)) if self.is_forgotten(&p) => {
                self.resumed = None;
                self.forget_order(session);
                return Ok(());
            }
            result => result?,
        };
        let lacks_certificate =
            *order.status() == OrderStatus::Valid && order.certificate().is_none();
        let waits = matches!(order.status(), OrderStatus::Pending | OrderStatus::Processing)
            || lacks_certificate;
        let was = self.facts.status().cloned();
        self.learn(url, order)?;
        if lacks_certificate && self.poll.round >= MOST_LOOKS_FOR_CERTIFICATE {
            return Err(Error::peer(url, PeerFault::NoCertificateUrl));
        }
        if waits || self.facts.csr_sent {
            if self.facts.status() == was.as_ref() {
                self.poll.round += 1;
            } else {
                self.poll.round = 0;
            }
            self.schedule_poll(retry_after, session);
            self.look_closer();
        }
        Ok(())
    }

    /// A saved order that the server does not know any more.
    fn is_forgotten(&self, problem: &ServerProblem) -> bool {
        self.resumed.is_some()
            && self.facts.order.is_none()
            && match problem.status() {
                404 | 410 => true,
                // Anything else that a CA says is about the account or the request, not about the order.
                400 | 403 => problem.problem().is_none_or(|p| {
                    p.is_generic()
                        || matches!(p.kind(), ProblemType::Malformed | ProblemType::Unauthorized)
                }),
                _ => false,
            }
    }

    /// Sets when the order is read next: as the server asks, or by the schedule.
    pub(super) fn schedule_poll(&mut self, retry_after: Option<Timestamp>, session: &mut Session) {
        let now = self.engine.now();
        // A time that has come is no reason to hurry.
        let asked = retry_after.filter(|at| *at > now);
        let schedule = session.policy().poll;
        let round = self.poll.round.saturating_sub(1);
        let at = asked.unwrap_or_else(|| now.saturating_add(session.jittered(schedule, round)));
        let Some(url) = self.facts.url.clone() else { return };
        if at.saturating_duration_since(now) > session.policy().retry_after_cap {
            return self.end(Err(Error::RetryLater { url, until: at }), session);
        }
        self.poll.at = self.engine.before_deadline(at);
        let until = self.poll.at;
        self.engine.notice(Notice::Waiting { url, until, asked_by_server: asked.is_some() });
    }

    /// Every few polls, reads the authorizations that are not known to be valid.
    fn look_closer(&mut self) {
        let pending = self.facts.status() == Some(&OrderStatus::Pending);
        if pending && self.poll.round % LOOK_CLOSER_EVERY == LOOK_CLOSER_EVERY - 1 {
            for authorization in &mut self.facts.authorizations {
                let told = matches!(authorization.local, Local::Answered(_));
                if told && authorization.status == Some(AuthorizationStatus::Pending) {
                    authorization.stale = true;
                }
            }
        }
    }

    /// Takes a new state of the order.
    pub(super) fn learn(&mut self, url: &Url, order: Order) -> Result<(), Error> {
        self.compare(&order);
        let was = self.facts.status().cloned();
        let status = order.status().clone();
        if let OrderStatus::Other(other) = &status {
            let shown = crate::text::printable(other, 80);
            return Err(Error::peer(url, PeerFault::UnknownStatus(shown)));
        }
        if !self.facts.update(order, self.engine.now()) {
            return Err(Error::peer(url, PeerFault::OrderChanged));
        }
        if was.as_ref() != Some(&status) {
            self.notice(Progress::Order(status));
        }
        Ok(())
    }

    fn authorization_read(
        &mut self,
        url: &Url,
        result: Result<Authorization, Error>,
        retry_after: Option<Timestamp>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let over = self.facts.view() == super::plan::OrderView::Dead || self.any_lost();
        let object = match (result, self.facts.find(url)) {
            // The order is lost anyway, and the reasons that are known must not be.
            (Err(_), Some(authorization)) if over => {
                authorization.explained = true;
                authorization.stale = false;
                return Ok(());
            }
            (result, _) => result?,
        };
        if let AuthorizationStatus::Other(other) = object.status() {
            let shown = crate::text::printable(other, 80);
            return Err(Error::peer(url, PeerFault::UnknownStatus(shown)));
        }
        let name = self.check_identifier(url, &object)?;
        let Some(authorization) = self.facts.find(url) else { return Ok(()) };
        let was_valid = authorization.status == Some(AuthorizationStatus::Valid);
        let first = authorization.status.is_none();
        let wildcard = object.is_wildcard() || name.is_wildcard();
        authorization.identifier = Some((object.identifier().clone(), wildcard));
        authorization.status = Some(object.status().clone());
        authorization.challenges = object.challenges().to_vec();
        let account = self.account.as_ref();
        let excluded = object.challenges().iter().filter(|challenge| {
            !self.kinds.admits(challenge, object.identifier(), wildcard, account)
        });
        authorization.excluded = excluded.map(|challenge| challenge.url().clone()).collect();
        authorization.stale = false;
        authorization.explained = over;
        let told = matches!(authorization.local, Local::Answered(_));
        let is_valid = *object.status() == AuthorizationStatus::Valid;
        if told && *object.status() == AuthorizationStatus::Pending {
            self.hold_poll(retry_after);
        }
        for challenge in object.challenges().iter().filter(|_| first) {
            for deviation in self.kinds.deviations(challenge, self.account.as_ref()) {
                let url = challenge.url().clone();
                self.engine.notice(Notice::Deviation { url, deviation });
            }
        }
        if is_valid && !was_valid {
            self.notice(Progress::Authorized(name.clone()));
        }
        self.judge(url, &name, session);
        self.take_up(url, session);
        Ok(())
    }

    fn any_lost(&self) -> bool {
        let now = self.engine.now();
        self.facts
            .authorizations
            .iter()
            .any(|a| a.view(now) == super::plan::AuthorizationView::Lost)
    }

    /// Refuses an authorization for a name that was not ordered (RFC 8555 Section 7.5).
    fn check_identifier(
        &self,
        url: &Url,
        object: &Authorization,
    ) -> Result<crate::identifier::Identifier, Error> {
        let base = object.identifier();
        let ordered = self.request.identifiers();
        let found =
            ordered.iter().find(|i| i.is_wildcard() == object.is_wildcard() && i.base() == *base);
        // A server may forget to say that a wildcard is one.
        let found = found.or_else(|| ordered.iter().find(|i| i.base() == *base));
        found.cloned().ok_or_else(|| {
            let shown = crate::text::printable(&base.value(), 80);
            Error::peer(url, PeerFault::ForeignAuthorization(shown))
        })
    }

    /// Looks at the selected challenge of an authorization: failed, or left pending with an error?
    fn judge(&mut self, url: &Url, name: &crate::identifier::Identifier, session: &mut Session) {
        let Some(authorization) = self.facts.find(url) else { return };
        let selected = authorization.local.challenge().cloned();
        let over = !matches!(
            authorization.status,
            Some(AuthorizationStatus::Pending | AuthorizationStatus::Valid)
        );
        let withdrawn = over && authorization.status != Some(AuthorizationStatus::Invalid);
        let failed = match &selected {
            Some(selected) => authorization.challenge(selected).cloned(),
            None => None,
        };
        let failed = failed.or_else(|| {
            let invalid = |c: &&Challenge| *c.status() == ChallengeStatus::Invalid;
            authorization.challenges.iter().find(invalid).filter(|_| over).cloned()
        });
        match failed {
            _ if withdrawn => authorization.local = Local::Lost,
            Some(challenge) if over || *challenge.status() == ChallengeStatus::Invalid => {
                authorization.local = Local::Lost;
                self.remember(name, &challenge, challenge.error().cloned());
            }
            Some(challenge) => self.left_pending(&challenge, session),
            None => {}
        }
    }

    /// Some servers report a failed validation as an `error` in a challenge that stays `pending`: such a
    /// challenge is answered again, and then given up.
    fn left_pending(&mut self, challenge: &Challenge, session: &mut Session) {
        let tries = session.policy().challenge_tries;
        let backoff = session.policy().backoff;
        let now = self.engine.now();
        let Some(authorization) = self.facts.by_challenge(challenge.url()) else { return };
        let told = matches!(authorization.local, Local::Answered(_));
        let refusal = authorization.refusal.take();
        let error = challenge.error().cloned().or(refusal);
        let (true, ChallengeStatus::Pending, Some(error)) = (told, challenge.status(), error)
        else {
            return;
        };
        // What the CAA records say stays so until the domain's owner changes them.
        if authorization.answers < tries && *error.kind() != ProblemType::Caa {
            let answers = authorization.answers;
            let at = now.saturating_add(session.jittered(backoff, answers));
            authorization.local = Local::Ready(challenge.url().clone(), at);
            return;
        }
        authorization.answers = 0;
        authorization.local = Local::Open;
        if let Some(name) = authorization.ordered_name() {
            self.remember(&name, challenge, Some(error));
        }
    }

    /// Keeps in mind that a kind of challenge failed for an identifier.
    fn remember(
        &mut self,
        name: &crate::identifier::Identifier,
        challenge: &Challenge,
        problem: Option<Problem>,
    ) {
        let kind = challenge.kind().clone();
        let attempt = Attempt { kind: kind.clone(), problem: problem.clone(), local: None };
        if self.memory.of(Some(name)).contains(&attempt) {
            return;
        }
        self.memory.add(name.clone(), attempt);
        self.changed();
        self.notice(Progress::ChallengeFailed(name.clone(), kind, problem.map(Box::new)));
    }

    /// Goes on with a challenge that an earlier run had published.
    fn take_up(&mut self, url: &Url, session: &Session) {
        let Some(key) = session.account_key() else { return };
        let thumbprint = key.thumbprint();
        let Some(authorization) = self.facts.find(url) else { return };
        let open = authorization.status == Some(AuthorizationStatus::Pending)
            && authorization.local == Local::Open;
        if !open {
            return;
        }
        let published = self.published.values_mut().find(|p| {
            p.challenge.authorization() == url
                && p.state == Publication::Out
                && !p.challenge.is_outdated(&thumbprint)
        });
        let Some(published) = published else { return };
        let challenge = published.challenge.url();
        let name = authorization.ordered_name();
        let tried = self.memory.of(name.as_ref());
        if tried.iter().any(|attempt| attempt.kind() == published.challenge.kind()) {
            return;
        }
        let usable = authorization.challenge(challenge).is_some_and(|c| {
            matches!(c.status(), ChallengeStatus::Pending | ChallengeStatus::Processing)
        });
        if usable {
            authorization.local = Local::Provisioning(challenge.clone());
            published.state = Publication::Selected(0);
        }
    }

    fn responded(
        &mut self,
        url: &Url,
        result: Result<Challenge, Error>,
        retry_after: Option<Timestamp>,
        session: &mut Session,
    ) -> Result<(), Error> {
        match &result {
            Ok(_) => {}
            Err(error) if error.is_unreadable() => {}
            Err(Error::Problem(problem)) => {
                self.answer_refused(url, (**problem).clone());
                return Ok(());
            }
            Err(_) => return result.map(drop),
        }
        self.told_server = true;
        let Some(authorization) = self.facts.by_challenge(url) else { return Ok(()) };
        let challenge = match result {
            Ok(challenge) => challenge,
            // The server was told all the same: the authorization tells what it makes of it.
            Err(error) if error.is_unreadable() && authorization.answers == 0 => {
                authorization.answers += 1;
                authorization.local = Local::Answered(url.clone());
                authorization.stale = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.poll.round = 0;
        authorization.answers += 1;
        authorization.local = Local::Answered(url.clone());
        let mut is_news = true;
        if let Some(held) = authorization.challenges.iter_mut().find(|c| c.url() == url) {
            // What an earlier validation failed for says nothing of the one that begins.
            is_news = challenge.error().is_none() || held.error() != challenge.error();
            *held = challenge.clone();
        }
        let name = authorization.ordered_name();
        match challenge.status() {
            ChallengeStatus::Valid => {
                authorization.status = Some(AuthorizationStatus::Valid);
                if let Some(name) = name {
                    self.notice(Progress::Authorized(name));
                }
            }
            ChallengeStatus::Invalid => authorization.stale = true,
            _ => {
                if let Some(name) = name {
                    self.notice(Progress::Validating(name, challenge.kind().clone()));
                }
                if is_news {
                    self.left_pending(&challenge, session);
                }
                self.hold_poll(retry_after);
            }
        }
        Ok(())
    }

    /// The next poll waits as long as the answer asks; the first goes out at once otherwise.
    fn hold_poll(&mut self, retry_after: Option<Timestamp>) {
        if let Some(at) = retry_after {
            self.poll.at = self.poll.at.max(self.engine.before_deadline(at));
        }
    }

    /// The server answered a challenge's response with an error: the authorization tells what that means.
    fn answer_refused(&mut self, url: &Url, problem: ServerProblem) {
        let Some(authorization) = self.facts.by_challenge(url) else { return };
        let challenge = authorization.challenge(url).cloned();
        let not_pending = problem.is(&ProblemType::Malformed);
        authorization.stale = true;
        if not_pending && authorization.answers == 0 {
            // "Not pending" is what servers say to a second answer: read what became of the first. If it is
            // pending after all, this was its failure.
            authorization.answers += 1;
            authorization.local = Local::Answered(url.clone());
            authorization.refusal = problem.into_problem();
            return;
        }
        authorization.answers = 0;
        authorization.local = Local::Open;
        if let (Some(name), Some(challenge)) = (authorization.ordered_name(), challenge) {
            self.remember(&name, &challenge, problem.into_problem());
        }
    }
}

impl ServerProblem {
    /// Returns the problem document, or one made from the status where the server sent none.
    fn into_problem(self) -> Option<Problem> {
        let said = alloc::format!("{} answered {}", self.url(), self.status());
        let Self { problem, snippet, url, .. } = self;
        problem.or_else(|| {
            let detail =
                if snippet.is_empty() { said } else { alloc::format!("{said}: {snippet}") };
            let context = Context { url: &url, allow_http: false };
            let made = Problem::from_value(serde_json::json!({ "detail": detail }), context);
            made.ok().map(|parsed| parsed.value)
        })
    }
}
