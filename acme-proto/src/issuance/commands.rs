//! What the user of an issuance says.

use alloc::string::String;
use core::time::Duration;

use super::authorization::Proof;
use super::facts::Cause;
use super::plan::PublicationView;
use super::publications::{PublicationEvent, Publishing};
use super::{Issuance, OfferId};
use crate::challenge::Attempt;
use crate::challenge::{Challenge, ChallengeId, ChallengeResponse};
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
        if !self.engine.exchanges.belongs_to(session) {
            return Err(Misuse::WrongSession);
        }
        let thumbprint = session.account_key().ok_or(Misuse::NoAccountKey)?.thumbprint();
        let index = self.open_offer(offer)?;
        let authorization = self.authorizations.get(index);
        let not_offered = Misuse::KindNotOffered;
        let offered = authorization.usable(kind).ok_or(not_offered)?;
        let rules = self.settings.kinds.rules(kind).ok_or(not_offered)?;
        let (url, members) = (offered.url().clone(), rules.members_of(offered));
        // A challenge without a token does not depend on the account key, so that a change of it does not matter.
        let token = offered.token().filter(|_| rules.needs_token()).cloned();
        let persistent = rules.is_persistent();
        let (identifier, wildcard) = authorization.identifier.clone().ok_or(not_offered)?;
        if self.publications.is_held(&url) {
            self.authorizations.set_proof(index, Proof::None);
            return Ok(());
        }
        self.authorizations.set_proof(index, Proof::Provisioning(url.clone()));
        let challenge = Challenge {
            authorization: offer.authorization.clone(),
            url,
            identifier,
            wildcard,
            kind: kind.clone(),
            token,
            thumbprint,
            account: self.identity.account().cloned(),
            members,
            persistent,
            remove_persistent: self.settings.removes_persistent,
        };
        let generation = self.saving.change();
        self.publications.select(challenge, generation);
        Ok(())
    }

    /// Says that no offered kind can be provisioned, and why; the order then fails.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for an offer that is not open.
    pub fn refuse(&mut self, offer: &OfferId, why: String) -> Result<(), Misuse> {
        self.check_running()?;
        let index = self.open_offer(offer)?;
        self.authorizations.set_proof(index, Proof::Failed);
        self.authorizations.edit(index).refused = Some(why);
        Ok(())
    }

    /// Says that a challenge is published, though the response should not be sent yet: a
    /// [`CleanUp`](super::IssuanceEvent::CleanUp) may come from now on.
    ///
    /// Say [`ready`](Self::ready) when the server can find what is published. Without the step in between, an issuance
    /// that is cancelled cannot clean up before `ready` or [`failed`](Self::failed).
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out.
    pub fn published(&mut self, id: &ChallengeId) -> Result<(), Misuse> {
        self.take_provisioned(id).map(drop)
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
    /// unchanged if the response to it is lost or the challenge is tried once more.
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
        let kind = self.take_provisioned(id)?;
        let Some(index) = self.authorizations.by_challenge(&id.0) else { return Ok(()) };
        let name = self.authorizations.get(index).ordered_name();
        self.authorizations.set_proof(index, Proof::None);
        // After a cancellation or the deadline, the solver was stopped: that says nothing about its kind, and whoever
        // resumes the order may use it again.
        if let Some(name) = name.filter(|_| self.is_running()) {
            self.attempts.add(name, Attempt { kind, problem: None, local: Some(why) });
        }
        self.saving.change();
        Ok(())
    }

    /// Returns whether [`ready`](Self::ready) or [`failed`](Self::failed) still make a difference for a challenge.
    ///
    /// They do not once it is being cleaned up.
    pub fn is_wanted(&self, id: &ChallengeId) -> bool {
        let view = self.publications.view(&id.0, self.saving.stored());
        matches!(view, Some(PublicationView::Provisioning | PublicationView::Provisioned))
    }

    /// Says that a challenge is taken back.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out.
    pub fn cleaned(&mut self, id: &ChallengeId) -> Result<(), Misuse> {
        self.take_provisioned(id)?;
        if let Some(challenge) = self.publications.remove(&id.0) {
            self.saving.change();
            self.touch(challenge.authorization());
        }
        Ok(())
    }

    /// Says that a challenge could not be taken back: this run does not try again, but it stays in the
    /// snapshot, and in the result.
    ///
    /// # Errors
    /// [`Misuse::UnknownId`] for a challenge that was not handed out.
    pub fn clean_failed(&mut self, id: &ChallengeId, why: String) -> Result<(), Misuse> {
        self.take_provisioned(id)?;
        let failed = Publishing::CleanUpFailed(why);
        self.publications.enter(&id.0, PublicationEvent::CleanUpFailed, failed);
        if let Some(challenge) = self.publications.get(&id.0) {
            let authorization = challenge.authorization().clone();
            self.touch(&authorization);
        }
        Ok(())
    }

    /// Gives the CSR that [`Finalize`](super::IssuanceEvent::Finalize) asked for.
    ///
    /// # Errors
    /// [`InvalidInput::CsrNames`] if it has other names than the order; another may follow.
    pub fn finalize(&mut self, csr: Csr) -> Result<(), Error> {
        self.check_running()?;
        csr.covers(self.identifiers()).map_err(InvalidInput::CsrNames)?;
        self.change(Cause::GiveCsr, |flow| {
            flow.finalization.set_csr(csr);
            let generation = flow.saving.change();
            flow.finalization.wait_for(generation);
        });
        Ok(())
    }

    /// Gives up: what is published is taken back, then the flow ends in [`Error::Cancelled`].
    pub fn cancel(&mut self, session: &mut Session) {
        if self.is_running() {
            self.end(Err(Error::Cancelled), session);
        }
    }

    fn set_ready(
        &mut self,
        id: &ChallengeId,
        response: ChallengeResponse,
        delay: Duration,
    ) -> Result<(), Misuse> {
        let challenge = self.publications.get(&id.0);
        let rules = challenge.and_then(|c| self.settings.kinds.rules(c.kind()));
        if let Some(member) = rules.and_then(|rules| rules.fault_of(&response)) {
            return Err(Misuse::ResponseMember(member));
        }
        self.take_provisioned(id)?;
        if let Some(index) = self.authorizations.by_challenge(&id.0)
            && matches!(self.authorizations.get(index).proof, Proof::Provisioning(_))
        {
            self.authorizations.set_proof(index, Proof::Delayed(id.0.clone(), delay));
            self.authorizations.edit(index).response = response;
        }
        Ok(())
    }

    const fn check_running(&self) -> Result<(), Misuse> {
        if self.is_running() { Ok(()) } else { Err(Misuse::Finished) }
    }

    /// Returns the authorization of an open offer.
    fn open_offer(&self, offer: &OfferId) -> Result<usize, Misuse> {
        let index = self.authorizations.find(&offer.authorization).ok_or(Misuse::UnknownId)?;
        match self.authorizations.get(index).proof {
            Proof::Offered(number) if number == offer.number => Ok(index),
            _ => Err(Misuse::UnknownId),
        }
    }

    /// Records that the user is done with publishing a challenge, and returns its kind.
    fn take_provisioned(&mut self, id: &ChallengeId) -> Result<ChallengeKind, Misuse> {
        if self.life.is_over() {
            return Err(Misuse::Finished);
        }
        let challenge = self.publications.provisioned(&id.0).ok_or(Misuse::UnknownId)?;
        Ok(challenge.kind().clone())
    }
}
