//! What is offered to the user: authorizations to be proved, and the order to be finalized.

use super::facts::Local;
use super::{Issuance, IssuanceEvent, Offer, OfferId, is_held};
use crate::jose::Jwk;
use crate::session::Session;

impl Issuance {
    pub(super) fn offer(&mut self, index: usize) {
        let authorization = &mut self.facts.authorizations[index];
        let name = authorization.ordered_name();
        let tried = self.memory.of(name.as_ref()).to_vec();
        let mut kinds = authorization.usable_kinds(&tried);
        // A challenge belongs to one authorization; a second claim to its URL is not honoured.
        kinds.retain(|kind| {
            let held = authorization.usable(kind).and_then(|c| self.published.get(c.url()));
            held.is_none_or(|held| *held.challenge.authorization() == authorization.url)
        });
        if authorization.kinds.is_empty() {
            authorization.kinds.clone_from(&kinds);
        }
        let Some((identifier, wildcard)) = authorization.identifier.clone() else { return };
        if kinds.is_empty() {
            authorization.local = Local::Lost;
            self.changed_since_plan = true;
            return;
        }
        let mut challenges = kinds.iter().filter_map(|kind| authorization.usable(kind));
        if challenges.any(|c| is_held(&self.published, c.url())) {
            return; // offered as soon as that is taken back
        }
        self.offers += 1;
        authorization.local = Local::Offered(self.offers);
        let id = OfferId { authorization: authorization.url.clone(), number: self.offers };
        self.events.push_back(IssuanceEvent::Authorize(Offer {
            id,
            identifier,
            wildcard,
            kinds,
            tried,
        }));
    }

    pub(super) fn ask_for_csr(&mut self) {
        if !self.asked_for_csr {
            self.asked_for_csr = true;
            let identifiers = self.request.identifiers().to_vec();
            self.events.push_back(IssuanceEvent::Finalize(identifiers));
        }
    }

    /// Whether a challenge with the key authorization of an earlier account key is still to be taken back
    /// (RFC 8555 Section 7.3.5); the new one has the same id.
    pub(super) fn has_outdated(&self, index: usize, session: &Session) -> bool {
        let Some(thumbprint) = session.account_key().map(Jwk::thumbprint) else { return false };
        let url = &self.facts.authorizations[index].url;
        self.published.values().any(|p| {
            p.challenge.authorization() == url
                && p.challenge.is_outdated(&thumbprint)
                && p.is_held()
        })
    }

    /// Offers again what was published for an account key that has been changed (RFC 8555 Section 7.3.5).
    pub(super) fn withdraw_old_keys(&mut self, session: &Session) {
        let Some(key) = session.account_key().filter(|_| !self.published.is_empty()) else {
            return;
        };
        let thumbprint = key.thumbprint();
        for held in self.published.values().filter(|p| p.challenge.is_outdated(&thumbprint)) {
            if let Some(authorization) = self.facts.by_challenge(held.challenge.url())
                && !matches!(authorization.local, Local::Answered(_))
            {
                authorization.local = Local::Open;
            }
        }
    }
}
