//! What the user of an issuance says.

use alloc::string::String;
use core::time::Duration;

use super::facts::{Local, Publication, Published};
use super::{Issuance, OfferId, is_held};
use crate::challenge::{Attempt, Challenge, ChallengeId, ChallengeResponse};
use crate::error::{Error, InvalidInput, Misuse};
use crate::session::Session;
use crate::wire::ChallengeKind;
use crate::x509::Csr;

impl Issuance {
    /// Chooses a kind of challenge for an offer; [`Provision`](super::IssuanceEvent::Provision) follows.
    ///
    /// Where a server has one challenge for two authorizations, the second one is offered again without it.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for an offer that is not open, [`Misuse::KindNotOffered`] for a kind that was not
    /// offered.
    pub fn select(
        &mut self,
        session: &Session,
        offer: &OfferId,
        kind: &ChallengeKind,
    ) -> Result<(), Misuse> {
        self.check_running()?;
        if !self.engine.belongs_to(session) {
            return Err(Misuse::WrongSession);
        }
        let thumbprint = session.account_key().ok_or(Misuse::NoAccountKey)?.thumbprint();
        let authorization = self.facts.find(&offer.authorization).ok_or(Misuse::UnknownId)?;
        if authorization.local != Local::Offered(offer.number) {
            return Err(Misuse::UnknownId);
        }
        let not_offered = Misuse::KindNotOffered;
        let offered = authorization.usable(kind).ok_or(not_offered)?;
        let rules = self.kinds.rules(kind).ok_or(not_offered)?;
        let (url, members) = (offered.url().clone(), rules.members_of(offered));
        // A challenge without a token does not depend on the account key, so that a change of it does not matter.
        let token = offered.token().filter(|_| rules.needs_token()).cloned();
        let persistent = rules.is_persistent();
        let (identifier, wildcard) = authorization.identifier.clone().ok_or(not_offered)?;
        if is_held(&self.published, &url) {
            authorization.local = Local::Open;
            return Ok(());
        }
        authorization.local = Local::Provisioning(url.clone());
        let challenge = Challenge {
            authorization: offer.authorization.clone(),
            url: url.clone(),
            identifier,
            wildcard,
            kind: kind.clone(),
            token,
            thumbprint,
            account: self.account.clone(),
            members,
            persistent,
            remove_persistent: self.removes_persistent,
        };
        self.changed();
        let state = Publication::Selected(self.saving.changed);
        self.published.insert(url, Published { challenge, state });
        Ok(())
    }

    /// Says that no offered kind can be provisioned, and why; the order then fails.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for an offer that is not open.
    pub fn refuse(&mut self, offer: &OfferId, why: String) -> Result<(), Misuse> {
        self.check_running()?;
        let authorization = self.facts.find(&offer.authorization).ok_or(Misuse::UnknownId)?;
        if authorization.local != Local::Offered(offer.number) {
            return Err(Misuse::UnknownId);
        }
        authorization.local = Local::Lost;
        authorization.refused = Some(why);
        Ok(())
    }

    /// Says that a challenge is published: the empty response is sent at once.
    ///
    /// # Errors
    /// Those of [`ready_with`](Self::ready_with).
    pub fn ready(&mut self, id: &ChallengeId) -> Result<(), Misuse> {
        self.ready_after(id, Duration::ZERO)
    }

    /// Says that a challenge is published, and that the empty response should be sent only after `delay`,
    /// which counts from the next poll.
    ///
    /// # Errors
    /// Those of [`ready_with`](Self::ready_with).
    pub fn ready_after(&mut self, id: &ChallengeId, delay: Duration) -> Result<(), Misuse> {
        self.set_ready(id, ChallengeResponse::default(), delay)
    }

    /// Says that a challenge can be validated, and with which response: it is sent at once, and sent again
    /// unchanged if its answer is lost or the challenge is tried once more.
    ///
    /// The response is not part of the [`Snapshot`](crate::snapshot::Snapshot). After a restart,
    /// [`Provision`](super::IssuanceEvent::Provision) comes again, and the response is given again.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out; [`Misuse::ResponseMember`] for a response without
    /// what its kind of challenge demands.
    pub fn ready_with(
        &mut self,
        id: &ChallengeId,
        response: ChallengeResponse,
    ) -> Result<(), Misuse> {
        self.set_ready(id, response, Duration::ZERO)
    }

    /// Says that a challenge could not be published: it is cleaned up, and the other kinds are offered.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out.
    pub fn failed(&mut self, id: &ChallengeId, why: String) -> Result<(), Misuse> {
        self.check_handed_out(id)?;
        let kind = self.published.get(&id.0).map(|p| p.challenge.kind().clone());
        let Some(authorization) = self.facts.by_challenge(&id.0) else { return Ok(()) };
        authorization.local = Local::Open;
        let name = authorization.ordered_name();
        if let (Some(name), Some(kind)) = (name, kind) {
            self.memory.add(name, Attempt { kind, problem: None, local: Some(why) });
        }
        self.changed();
        Ok(())
    }

    /// Says that a challenge is taken back.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out.
    pub fn cleaned(&mut self, id: &ChallengeId) -> Result<(), Misuse> {
        self.check_handed_out(id)?;
        if self.published.remove(&id.0).is_some() {
            self.changed();
        }
        Ok(())
    }

    /// Says that a challenge could not be taken back: this run does not try again, but it stays in the
    /// snapshot, and in the result.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out.
    pub fn clean_failed(&mut self, id: &ChallengeId, why: String) -> Result<(), Misuse> {
        self.check_handed_out(id)?;
        if let Some(published) = self.published.get_mut(&id.0) {
            published.state = Publication::Stuck(why);
        }
        Ok(())
    }

    /// Gives the CSR that [`Finalize`](super::IssuanceEvent::Finalize) asked for.
    ///
    /// # Errors
    /// [`InvalidInput::CsrNames`] if it has other names than the order; another may follow.
    pub fn finalize(&mut self, csr: Csr) -> Result<(), Error> {
        self.check_running()?;
        csr.covers(self.request.identifiers()).map_err(InvalidInput::CsrNames)?;
        self.csr = Some(csr);
        self.changed();
        Ok(())
    }

    /// Gives up: what is published is taken back, then the flow ends in [`Error::Cancelled`].
    pub fn cancel(&mut self, session: &mut Session) {
        if !self.life.is_over() {
            self.end(Err(Error::Cancelled), session);
        }
    }

    fn set_ready(
        &mut self,
        id: &ChallengeId,
        response: ChallengeResponse,
        delay: Duration,
    ) -> Result<(), Misuse> {
        self.check_handed_out(id)?;
        let rules = self.published.get(&id.0).and_then(|p| self.kinds.rules(p.challenge.kind()));
        if let Some(member) = rules.and_then(|rules| rules.fault_of(&response)) {
            return Err(Misuse::ResponseMember(member));
        }
        if let Some(authorization) = self.facts.by_challenge(&id.0)
            && matches!(authorization.local, Local::Provisioning(_))
        {
            authorization.local = Local::Delayed(id.0.clone(), delay);
            authorization.response = response;
        }
        Ok(())
    }

    const fn check_running(&mut self) -> Result<(), Misuse> {
        if self.life.is_over() || self.ending.is_some() {
            return Err(Misuse::Finished);
        }
        self.changed_since_plan = true;
        Ok(())
    }

    fn check_handed_out(&mut self, id: &ChallengeId) -> Result<(), Misuse> {
        if self.life.is_over() {
            return Err(Misuse::Finished);
        }
        self.changed_since_plan = true;
        match self.published.get(&id.0) {
            Some(p) if !matches!(p.state, Publication::Selected(_)) => Ok(()),
            _ => Err(Misuse::UnknownId),
        }
    }
}
