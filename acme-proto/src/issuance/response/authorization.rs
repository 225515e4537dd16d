//! An authorization as it was read (RFC 8555 Section 7.5).

use super::super::Issuance;
use super::super::authorization::Proof;
use super::super::plan::AuthorizationView;
use super::super::publications::{PublicationEvent, Publishing};
use crate::challenge::Attempt;
use crate::error::{Error, PeerFault};
use crate::identifier::Identifier;
use crate::notice::{Notice, Progress};
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{
    Authorization, AuthorizationStatus, Challenge, ChallengeStatus, Problem, ProblemType,
};

impl Issuance {
    pub(super) fn authorization_read(
        &mut self,
        url: &Url,
        result: Result<Authorization, Error>,
        retry_after: Option<Timestamp>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some(index) = self.authorizations.find(url) else { return result.map(drop) };
        let over = self.something_failed();
        self.authorizations.edit(index).reading = false;
        let object = match result {
            // The order is lost anyway, and the reasons that are known must not be. What cannot be read is read once
            // more, for it may be the reason.
            Err(error) if over => {
                let authorization = self.authorizations.edit(index);
                if error.is_unreadable() && !core::mem::replace(&mut authorization.reread, true) {
                    authorization.stale = true;
                    return Ok(());
                }
                authorization.explained = true;
                authorization.stale = false;
                return Ok(());
            }
            result => result?,
        };
        if let AuthorizationStatus::Other(other) = object.status() {
            let shown = crate::text::printable(other, 80);
            return Err(Error::peer(url, PeerFault::UnknownStatus(shown)));
        }
        let name = self.ordered(index, &object)?;
        let wildcard = object.is_wildcard() || name.is_wildcard();
        let base = name.base();
        let (kinds, account) = (&self.settings.kinds, self.identity.account());
        let is_excluded = |one: &&Challenge| !kinds.admits(one, &base, wildcard, account);
        let excluded = object.challenges().iter().filter(is_excluded);
        let excluded = excluded.map(|challenge| challenge.url().clone()).collect();
        let authorization = self.authorizations.edit(index);
        let was_valid = authorization.is_valid();
        let is_first = authorization.status.is_none();
        authorization.identifier = Some((base, wildcard));
        authorization.status = Some(object.status().clone());
        authorization.excluded = excluded;
        authorization.stale = false;
        authorization.explained = over;
        let is_valid = authorization.is_valid();
        let kept = self.authorizations.set_challenges(index, object.challenges().to_vec());
        kept.map_err(|fault| Error::peer(url, fault))?;
        let authorization = self.authorizations.get(index);
        if authorization.has_responded() && authorization.is_pending() {
            self.hold_poll(retry_after, session);
        }
        if is_first && self.identity.is_resumed() {
            self.note_kinds(index);
        }
        if is_first {
            self.report_deviations(object.challenges());
        }
        if is_valid && !was_valid {
            self.report(Progress::Authorized(name.clone()));
        }
        self.judge(index, &name, session);
        self.go_on_with_published(index);
        Ok(())
    }

    fn report_deviations(&mut self, challenges: &[Challenge]) {
        for challenge in challenges {
            let account = self.identity.account();
            for deviation in self.settings.kinds.deviations(challenge, account) {
                let url = challenge.url().clone();
                self.engine.exchanges.notice(Notice::Deviation { url, deviation });
            }
        }
    }

    /// Records the kinds of challenge of a pending authorization that may go on with what is published: it is never
    /// offered, and once it is invalid it may not list the others.
    fn note_kinds(&mut self, index: usize) {
        let authorization = self.authorizations.get(index);
        if authorization.is_pending() {
            let kinds = self.untried_kinds(authorization).cloned().collect();
            self.authorizations.edit(index).kinds = kinds;
        }
    }

    /// Returns whether the order cannot come to a certificate any more, and only the reasons are still read.
    fn something_failed(&self) -> bool {
        use super::super::plan::OrderView as V;
        let is_invalid = matches!(self.order_view(), V::Invalid | V::InvalidExplained);
        is_invalid || self.authorizations.tally().any(AuthorizationView::Failed)
    }

    /// Returns the ordered name that an authorization is for; one for another name is refused.
    ///
    /// One that names none is for the name that it had before, or for the only one that is ordered.
    fn ordered(&self, index: usize, object: &Authorization) -> Result<Identifier, Error> {
        let (names, known) = (&self.settings.names, self.authorizations.get(index));
        let fault = |fault| Error::peer(&known.url, fault);
        let Some(base) = object.identifier() else {
            let only =
                || self.settings.request.identifiers().first().filter(|_| names.count() == 1);
            let found = known.ordered_name().or_else(|| only().cloned());
            return found.ok_or_else(|| fault(PeerFault::NamelessAuthorization));
        };
        let found = names.find(base, object.is_wildcard());
        found.cloned().ok_or_else(|| {
            let shown = crate::text::printable(&base.value(), 80);
            fault(PeerFault::ForeignAuthorization(shown))
        })
    }

    /// Looks at the selected challenge of an authorization: failed, or left pending with an error?
    fn judge(&mut self, index: usize, name: &Identifier, session: &mut Session) {
        let authorization = self.authorizations.get(index);
        let over = !authorization.is_pending() && !authorization.is_valid();
        let withdrawn = over && authorization.status != Some(AuthorizationStatus::Invalid);
        let selected = authorization.proof.challenge();
        let failed = selected.and_then(|url| authorization.challenge(url));
        let failed = failed.or_else(|| {
            let invalid = |c: &&Challenge| *c.status() == ChallengeStatus::Invalid;
            authorization.challenges.iter().find(invalid).filter(|_| over)
        });
        match failed.cloned() {
            // It expired, or was deactivated or revoked: no challenge is to blame.
            _ if withdrawn => self.authorizations.set_proof(index, Proof::Failed),
            Some(challenge) if over || *challenge.status() == ChallengeStatus::Invalid => {
                // It may be read again, for the reasons.
                if authorization.proof != Proof::Failed {
                    self.attempts.count_validation(name.clone());
                }
                self.authorizations.set_proof(index, Proof::Failed);
                self.remember(name, &challenge, challenge.error().cloned());
            }
            Some(challenge) => self.left_pending(index, &challenge, session),
            None => {}
        }
    }

    /// Some servers report a failed validation as an `error` in a challenge that stays `pending`: such a challenge is
    /// responded to again, and then given up.
    pub(super) fn left_pending(
        &mut self,
        index: usize,
        challenge: &Challenge,
        session: &mut Session,
    ) {
        let (tries, backoff) = (session.policy().challenge_tries, session.policy().backoff);
        let now = self.engine.exchanges.now();
        let authorization = self.authorizations.edit(index);
        let refusal = authorization.refusal.take();
        let error = challenge.error().cloned().or(refusal);
        let responded = authorization.has_responded();
        let is_pending = responded && *challenge.status() == ChallengeStatus::Pending;
        if core::mem::take(&mut authorization.unheard) && is_pending && error.is_none() {
            // Perhaps it never got the response; a server that did takes another one, or says that it is not pending.
            authorization.repeated = true;
            authorization.responses = 0;
            let again = now.saturating_add(session.jittered(backoff, 0));
            let ready = Proof::Ready(challenge.url().clone(), again);
            return self.authorizations.set_proof(index, ready);
        }
        let (true, ChallengeStatus::Pending, Some(error)) = (responded, challenge.status(), error)
        else {
            return;
        };
        let name = authorization.ordered_name();
        let responses = authorization.responses;
        if let Some(name) = &name {
            self.attempts.count_validation(name.clone());
        }
        let is_allowed = responses < tries && self.attempts.allow_another(name.as_ref());
        // What the CAA records say stays so until the domain's owner changes them.
        if is_allowed && *error.kind() != ProblemType::Caa {
            let wait = session.jittered(backoff, responses);
            let ready = Proof::Ready(challenge.url().clone(), now.saturating_add(wait));
            return self.authorizations.set_proof(index, ready);
        }
        self.authorizations.edit(index).responses = 0;
        self.authorizations.set_proof(index, Proof::None);
        if let Some(name) = name {
            self.remember(&name, challenge, Some(error));
        }
    }

    /// Keeps in mind that a kind of challenge failed for an identifier.
    pub(super) fn remember(
        &mut self,
        name: &Identifier,
        challenge: &Challenge,
        problem: Option<Problem>,
    ) {
        let kind = challenge.kind().clone();
        let attempt = Attempt { kind: kind.clone(), problem: problem.clone(), local: None };
        if self.attempts.of(Some(name)).contains(&attempt) {
            return;
        }
        self.attempts.add(name.clone(), attempt);
        self.saving.change();
        self.report(Progress::ChallengeFailed(name.clone(), kind, problem));
    }

    /// Goes on with a challenge that an earlier run had published.
    fn go_on_with_published(&mut self, index: usize) {
        let Some(thumbprint) = self.identity.thumbprint() else { return };
        let authorization = self.authorizations.get(index);
        if !authorization.is_pending() || authorization.proof != Proof::None {
            return;
        }
        let mut published = self.publications.provisioned_of(&authorization.url);
        let Some(challenge) = published.find(|c| !c.is_outdated(&thumbprint)) else { return };
        let name = authorization.ordered_name();
        if self.attempts.has_tried(name.as_ref(), challenge.kind()) {
            return;
        }
        let url = challenge.url().clone();
        drop(published);
        let usable = authorization.challenge(&url).is_some_and(|c| {
            matches!(c.status(), ChallengeStatus::Pending | ChallengeStatus::Processing)
        });
        if usable {
            // The snapshot has it, so that it is handed out at once.
            self.publications.enter(&url, PublicationEvent::Again, Publishing::STORED);
            self.authorizations.set_proof(index, Proof::Provisioning(url));
        }
    }
}
