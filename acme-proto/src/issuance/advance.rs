//! From what changed to what is started: views, the tables of [`plan`], and the steps they name.

use super::authorization::{Authorization, Choice, Proof};
use super::facts::{Cause, Certificate, End, Facts, Proofs, Status};
use super::identity::Seen;
use super::plan::{
    self, AuthorizationStep, AuthorizationView, Gate, Need, OrderStep, OrderView, Phase,
    PublicationStep,
};
use super::publications::{PublicationEvent, Publishing};
use super::{AnyOperation, Issuance, IssuanceEvent, Offer, OfferId};
use crate::challenge::Challenge;
use crate::error::{Error, PeerFault};
use crate::op::{
    Choosing, DeactivateAuthorization, Finalize, GetAuthorization, GetCertificate, GetOrder,
};
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{ChallengeKind, Order, OrderStatus};

impl Issuance {
    /// Starts whatever is due, and queues what the user is asked for.
    pub(super) fn start_what_is_due(&mut self, session: &mut Session) {
        loop {
            self.look_at_session(session);
            self.start_ending(session);
            // What has arrived is taken first: it may be the certificate.
            if self.is_running()
                && self.engine.exchanges.is_late()
                && !self.engine.exchanges.has_settled()
            {
                self.out_of_time(session);
                continue;
            }
            let now = self.engine.exchanges.now();
            self.authorizations.pass(now);
            let sent = self.finalization.is_sent();
            self.change(Cause::Expiry, |flow| flow.order.pass(now, sent));
            let mut stepped = self.change(Cause::Authorizations, Self::step_authorizations);
            if let Some(step) = plan::order(self.order_view(), self.gate()) {
                self.change(Cause::Step(step), |flow| flow.step_order(step, session));
                stepped = true;
            }
            stepped |= self.step_publications();
            if !stepped {
                return;
            }
        }
    }

    /// Refuses a snapshot of another account, and has everything looked at again after a change of the account key.
    fn look_at_session(&mut self, session: &mut Session) {
        match self.identity.look(session) {
            Seen::Same => {}
            Seen::OtherKey => {
                self.authorizations.touch_all();
                self.publications.touch_all();
            }
            Seen::Foreign(saved) => self.refuse_snapshot(saved, session),
        }
    }

    /// Views and plans the authorizations that changed; returns whether there were any.
    fn step_authorizations(&mut self) -> bool {
        let mut changed = self.authorizations.take_changed();
        changed.iter().for_each(|index| self.view_authorization(*index));
        // One that fails changes what is due for all others, and so does the order's own status.
        if self.authorizations.enter(self.order_view().phase()) {
            self.authorizations.touch_all();
            self.publications.touch_all();
            changed = self.authorizations.take_changed();
            changed.iter().for_each(|index| self.view_authorization(*index));
        }
        for index in changed.iter() {
            self.publications.touch_authorization(&self.authorizations.get(*index).url);
            let view = self.authorizations.view(*index);
            if let Some(step) = plan::authorization(self.authorizations.phase(), view) {
                self.step_authorization(*index, step);
            }
        }
        !changed.is_empty()
    }

    fn view_authorization(&mut self, index: usize) {
        let view = if self.is_running() {
            self.withdraw_outdated(index);
            let authorization = self.authorizations.get(index);
            authorization.view(self.engine.exchanges.now(), |one| self.choice(one))
        } else {
            self.authorizations.get(index).view_at_end()
        };
        self.authorizations.set_view(index, view);
    }

    /// Offers again what is published for an account key that has been changed (RFC 8555 Section 7.3.5).
    fn withdraw_outdated(&mut self, index: usize) {
        let authorization = self.authorizations.get(index);
        // A response that is under way may have been processed: what comes of it is awaited.
        let may_withdraw = !authorization.has_responded() && authorization.responding.is_none();
        let selected = authorization.proof.challenge().filter(|_| may_withdraw);
        let challenge = selected.and_then(|url| self.publications.get(url));
        if let (Some(challenge), Some(thumbprint)) = (challenge, self.identity.thumbprint())
            && challenge.is_outdated(&thumbprint)
        {
            self.authorizations.set_proof(index, Proof::None);
        }
    }

    fn choice(&self, authorization: &Authorization) -> Choice {
        let outdated = self
            .identity
            .thumbprint()
            .is_some_and(|own| self.publications.has_outdated(&authorization.url, &own));
        if outdated {
            return Choice::Blocked;
        }
        let kinds = self.kinds(authorization);
        let is_held =
            |kind| authorization.usable(kind).is_some_and(|c| self.publications.is_held(c.url()));
        match kinds.is_empty() {
            true => Choice::Exhausted,
            false if kinds.iter().any(is_held) => Choice::Blocked,
            false => Choice::Open,
        }
    }

    /// Returns the kinds of challenge that can be offered for an authorization.
    fn kinds(&self, authorization: &Authorization) -> alloc::vec::Vec<ChallengeKind> {
        // A challenge belongs to one authorization; a second claim to its URL is not honoured.
        let is_own = |kind: &&ChallengeKind| {
            let challenge = authorization.usable(kind);
            let held = challenge.and_then(|c| self.publications.get(c.url()));
            held.is_none_or(|held| *held.authorization() == authorization.url)
        };
        self.untried_kinds(authorization).filter(is_own).cloned().collect()
    }

    /// Returns the usable kinds of challenge against which no earlier attempt speaks.
    pub(super) fn untried_kinds<'a>(
        &'a self,
        authorization: &'a Authorization,
    ) -> impl Iterator<Item = &'a ChallengeKind> {
        let name = authorization.ordered_name();
        let tried = self.attempts.of(name.as_ref());
        let is_left = self.attempts.allow_another(name.as_ref());
        let is_open = move |kind: &&ChallengeKind| is_left && !self.settings.is_spent(kind, tried);
        authorization.usable_kinds().filter(is_open)
    }

    fn step_authorization(&mut self, index: usize, step: AuthorizationStep) {
        match step {
            AuthorizationStep::Read => {
                let authorization = self.authorizations.edit(index);
                authorization.reading = true;
                let operation = GetAuthorization(authorization.url.clone());
                self.engine.start(AnyOperation::ReadAuthorization(operation));
            }
            AuthorizationStep::Offer => self.offer(index),
            AuthorizationStep::GiveUp => self.authorizations.set_proof(index, Proof::Failed),
            AuthorizationStep::Respond => {
                let selected = self.authorizations.get(index).proof.challenge();
                let published = selected.and_then(|url| self.publications.get(url));
                let key = published.and_then(Challenge::bound_to);
                let authorization = self.authorizations.edit(index);
                let Some(operation) = authorization.respond(key) else { return };
                authorization.responding = Some(operation.url().clone());
                self.engine.start(AnyOperation::Respond(operation));
            }
            AuthorizationStep::Deactivate => {
                let authorization = self.authorizations.edit(index);
                authorization.deactivated = true;
                let operation = DeactivateAuthorization(authorization.url.clone());
                self.engine.start(AnyOperation::Deactivate(operation));
            }
        }
    }

    fn offer(&mut self, index: usize) {
        let authorization = self.authorizations.get(index);
        let Some((identifier, wildcard)) = authorization.identifier.clone() else { return };
        let kinds = self.kinds(authorization);
        let name = authorization.ordered_name();
        let tried = self.attempts.of(name.as_ref()).to_vec();
        let number = self.authorizations.number_offer();
        self.authorizations.set_proof(index, Proof::Offered(number));
        let authorization = self.authorizations.edit(index);
        if authorization.kinds.is_empty() {
            authorization.kinds.clone_from(&kinds);
        }
        let id = OfferId { authorization: authorization.url.clone(), number };
        let offer = Offer { id, identifier, wildcard, kinds, tried };
        self.events.push_back(IssuanceEvent::Authorize(offer));
    }

    /// Returns the order's view.
    pub(super) fn order_view(&self) -> OrderView {
        OrderView::of(&self.facts())
    }

    /// Returns what the order's view follows from: its own state, and the counts of its authorizations.
    fn facts(&self) -> Facts {
        use AuthorizationView as V;
        let tally = self.authorizations.tally();
        let explained = !tally.any(V::Unread) && !tally.any(V::Reading) && !tally.any(V::Responded);
        let status = match self.order.live_status() {
            _ if self.order.url().is_none() => Status::Missing,
            _ if self.order.status().is_none() => Status::Unread,
            Some(OrderStatus::Pending) => Status::Pending,
            Some(OrderStatus::Ready) => Status::Ready,
            Some(OrderStatus::Processing) => Status::Processing,
            Some(OrderStatus::Valid) => Status::Valid,
            _ => Status::Invalid,
        };
        let facts = Facts {
            end: match &self.ending {
                None => End::No,
                Some(ending) if ending.deactivates => End::Deactivations,
                Some(_) => End::CleanUps,
            },
            status,
            proofs: match (tally.any(V::Failed), explained) {
                (true, true) => Proofs::Explained,
                (true, false) => Proofs::Failing,
                (false, true) if status == Status::Invalid => Proofs::Explained,
                _ if tally.only(&[V::Valid, V::Responded]) => Proofs::Responded,
                _ => Proofs::Open,
            },
            csr: self.finalization.view(self.saving.stored()),
            sent: self.finalization.is_sent(),
            certificate: match self.order.object().and_then(Order::certificate) {
                _ if self.choosing.is_some() => Certificate::Downloaded,
                Some(_) => Certificate::Named,
                None => Certificate::Unnamed,
            },
        };
        facts.normal()
    }

    /// Does what changes the facts; a debug build checks that the cause may have this effect.
    pub(super) fn change<T>(&mut self, cause: Cause, change: impl FnOnce(&mut Self) -> T) -> T {
        // Viewing the facts twice for each input is the price of the check.
        if !cfg!(debug_assertions) {
            return change(self);
        }
        let before = self.facts();
        let result = change(self);
        let after = self.facts();
        debug_assert!(
            // Whatever happens may end the issuance by an error.
            before == after
                || before.may_become(after, cause)
                || before.may_become(after, Cause::End),
            "{cause:?} leads from {before:?} to {after:?}"
        );
        result
    }

    fn gate(&self) -> Gate {
        if self.order.in_flight {
            Gate::InFlight
        } else if self.polling.is_due(self.engine.exchanges.now()) {
            Gate::Open
        } else {
            Gate::Later
        }
    }

    fn step_order(&mut self, step: OrderStep, session: &mut Session) {
        let operation = match step {
            OrderStep::Fail => return self.fail(session),
            OrderStep::AskForCsr => {
                self.finalization.ask();
                let identifiers = self.settings.request.identifiers().to_vec();
                return self.events.push_back(IssuanceEvent::Finalize(identifiers));
            }
            OrderStep::Create => Some(AnyOperation::NewOrder(self.settings.request.clone())),
            OrderStep::Read => self.order.url().cloned().map(GetOrder).map(AnyOperation::ReadOrder),
            OrderStep::Finalize => match self.finalize_operation() {
                Ok(operation) => operation.map(AnyOperation::Finalize),
                Err(error) => return self.end(Err(error), session),
            },
            OrderStep::Download => {
                let url = self.order.object().and_then(Order::certificate);
                url.cloned().map(GetCertificate).map(AnyOperation::Download)
            }
            OrderStep::DownloadAlternate => {
                let url = self.choosing.as_deref().and_then(Choosing::next);
                url.cloned().map(GetCertificate).map(AnyOperation::DownloadAlternate)
            }
        };
        let Some(operation) = operation else {
            let missing =
                Error::Internal("an order has a step without the URL or CSR that it needs");
            return self.end(Err(missing), session);
        };
        self.order.in_flight = true;
        self.engine.start(operation);
    }

    fn finalize_operation(&self) -> Result<Option<Finalize>, Error> {
        let (Some(csr), Some(url)) = (self.finalization.csr(), self.order.url()) else {
            return Ok(None);
        };
        let missing = || Error::peer(url, PeerFault::NoFinalizeUrl);
        let finalize = self.order.finalize().ok_or_else(missing)?;
        Ok(Some(Finalize::new(url.clone(), finalize.clone(), csr.clone())))
    }

    /// Hands out what can be published and takes back what is no longer needed; returns whether anything changed.
    fn step_publications(&mut self) -> bool {
        let changed = self.publications.take_changed();
        for url in changed.iter() {
            let seen = self.publications.get_with_view(url, self.saving.stored());
            let Some((challenge, view)) = seen else { continue };
            let Some(step) = plan::publication(view, self.need(challenge)) else { continue };
            let challenge = challenge.clone();
            // An offer may wait for it.
            self.touch(challenge.authorization());
            match step {
                PublicationStep::Provision => {
                    self.publications.enter(
                        url,
                        PublicationEvent::Provision,
                        Publishing::Provisioning,
                    );
                    self.events.push_back(IssuanceEvent::Provision(challenge));
                }
                PublicationStep::CleanUp => {
                    self.publications.enter(url, PublicationEvent::CleanUp, Publishing::CleaningUp);
                    self.events.push_back(IssuanceEvent::CleanUp(challenge));
                }
                PublicationStep::Keep => {
                    self.publications.enter(url, PublicationEvent::Keep, Publishing::Persistent);
                    self.saving.change();
                }
            }
        }
        !changed.is_empty()
    }

    fn need(&self, challenge: &Challenge) -> Need {
        let own = || self.authorizations.find(challenge.authorization());
        let needs = |index| self.authorizations.get(index).needs(challenge.url());
        let (wanted, ending) = match self.authorizations.phase() {
            // Nothing is known of its authorization yet.
            Phase::Unread => (true, false),
            Phase::Proving | Phase::Failing => (own().is_some_and(needs), false),
            Phase::NoOrder | Phase::Invalid | Phase::Proved => (false, false),
            Phase::Ending | Phase::Deactivating => (false, true),
        };
        match wanted {
            true => Need::Wanted,
            false if !ending && challenge.is_persistent() => Need::Lingering,
            false if challenge.stays() => Need::Lasting,
            false => Need::Unwanted,
        }
    }

    /// Has an authorization looked at again.
    pub(super) fn touch(&mut self, authorization: &Url) {
        if let Some(index) = self.authorizations.find(authorization) {
            self.authorizations.touch(index);
        }
    }

    /// Returns when there may be something to do even if no input arrives.
    pub(super) fn wakes_at(&self) -> Timestamp {
        let now = self.engine.exchanges.now();
        let times = [
            self.authorizations.next_due(),
            Some(self.polling.at()),
            self.order.expires(),
            self.saving.due_at(),
        ];
        let ahead = times.into_iter().flatten().filter(|at| *at > now && self.is_running());
        let saving = self.saving.due_at().filter(|at| *at > now);
        ahead.chain(saving).fold(self.engine.exchanges.deadline(), Timestamp::min)
    }
}
