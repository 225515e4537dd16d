//! What is known of the order, and what was promised locally.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::plan::{AuthorizationView, OrderView};
use crate::challenge::Attempt;
use crate::challenge::{Challenge, ChallengeResponse};
use crate::identifier::Identifier;
use crate::op::RespondChallenge;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{
    self, AuthorizationStatus, ChallengeKind, ChallengeStatus, OrderStatus, Problem,
};

/// The last known state of the order on the server.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) url: Option<Url>,
    pub(super) order: Option<wire::Order>,
    /// The CSR was sent since the order was last seen ready.
    pub(super) csr_sent: bool,
    /// How many times the CSR was sent.
    pub(super) finalizes: u32,
    /// In the order's own sequence; the URL names each.
    pub(super) authorizations: Vec<Authorization>,
    /// When the order expires; a time that had passed when it was told says more of our clock than of the order.
    pub(super) expires: Option<Timestamp>,
    /// That time has come, and the order was not finalized.
    pub(super) expired: bool,
    index: BTreeMap<Url, usize>,
}

/// An authorization of the order.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) url: Url,
    /// Base name and wildcard flag, once read.
    pub(super) identifier: Option<(Identifier, bool)>,
    pub(super) status: Option<AuthorizationStatus>,
    pub(super) challenges: Vec<wire::Challenge>,
    /// The challenges that cannot prove it: of an unknown or unsuitable kind, incomplete, or for another account.
    pub(super) excluded: Vec<Url>,
    pub(super) local: Local,
    /// What the selected challenge is answered with, from `ready_with`.
    pub(super) response: ChallengeResponse,
    /// It should be read (again) before anything else.
    pub(super) stale: bool,
    /// It was read once more after all was lost.
    pub(super) explained: bool,
    /// How many times the selected challenge was answered.
    pub(super) answers: u32,
    pub(super) refused: Option<String>,
    /// The kinds that suited it when it was first seen pending.
    pub(super) kinds: Vec<ChallengeKind>,
    /// What the server said when it did not take an answer.
    pub(super) refusal: Option<Problem>,
}

/// What happens to an authorization on our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Local {
    /// Nothing yet.
    Open,
    /// Offered to the user, under this number.
    Offered(u64),
    /// This challenge is being published.
    Provisioning(Url),
    /// Published; the server is to be told so long after the next poll, which alone knows the time.
    Delayed(Url, Duration),
    /// Published; the server is to be told from then on.
    Ready(Url, Timestamp),
    /// The server was told.
    Answered(Url),
    /// Nothing is left to try.
    Lost,
}

impl Facts {
    /// Nothing is known of the order but where it is.
    pub(super) fn of(url: Url) -> Self {
        Self { url: Some(url), ..Self::default() }
    }

    /// Takes a new state of the order; `false` if its identifiers or authorizations are others than before.
    pub(super) fn update(&mut self, order: wire::Order, now: Timestamp) -> bool {
        if !self.same_identifiers(order.identifiers()) {
            return false;
        }
        let urls = order.authorizations();
        if self.order.is_none() && self.authorizations.is_empty() {
            for url in urls {
                if !self.index.contains_key(url) {
                    self.index.insert(url.clone(), self.authorizations.len());
                    self.authorizations.push(Authorization::new(url.clone()));
                }
            }
        } else if !self.same_authorizations(urls) {
            return false;
        }
        let was_pending = self.status().is_none_or(|was| *was == OrderStatus::Pending);
        match order.status() {
            OrderStatus::Ready if self.order.is_some() => self.csr_sent = false,
            OrderStatus::Pending if !was_pending => {
                // It went back: what was known of the authorizations may not hold any more.
                self.csr_sent = false;
                self.authorizations.iter_mut().for_each(|a| a.stale = true);
            }
            _ => {}
        }
        self.expires = order.expires().filter(|at| *at > now).or(self.expires);
        self.order = Some(order);
        true
    }

    /// Compares as sets; servers spell wildcards in more ways than one.
    fn same_identifiers(&self, identifiers: &[Identifier]) -> bool {
        let Some(order) = &self.order else { return true };
        let bases = |all: &[Identifier]| all.iter().map(Identifier::base).collect::<BTreeSet<_>>();
        let (before, after) = (bases(order.identifiers()), bases(identifiers));
        before.is_empty() || after.is_empty() || before == after
    }

    /// An order that has moved on may list its authorizations more than once, or none.
    fn same_authorizations(&self, urls: &[Url]) -> bool {
        urls.iter().all(|url| self.index.contains_key(url))
            && (urls.is_empty() || urls.len() >= self.authorizations.len())
    }

    /// Starts the delays that commands asked for: they know no time of their own.
    pub(super) fn start_delays(&mut self, now: Timestamp) {
        for authorization in &mut self.authorizations {
            if let Local::Delayed(url, delay) = &authorization.local {
                authorization.local = Local::Ready(url.clone(), now.saturating_add(*delay));
            }
        }
    }

    /// Notes that the order has expired, if it has.
    pub(super) fn pass(&mut self, now: Timestamp) {
        self.expired |= !self.csr_sent && self.expires.is_some_and(|at| at <= now);
    }

    pub(super) fn status(&self) -> Option<&OrderStatus> {
        self.order.as_ref().map(wire::Order::status)
    }

    pub(super) fn find(&mut self, url: &Url) -> Option<&mut Authorization> {
        self.authorizations.get_mut(*self.index.get(url)?)
    }

    /// Returns the authorization that a challenge is selected for.
    pub(super) fn by_challenge(&mut self, challenge: &Url) -> Option<&mut Authorization> {
        self.authorizations.iter_mut().find(|a| a.local.challenge() == Some(challenge))
    }

    /// Returns whether a challenge is still of use; one that cannot be judged yet is.
    pub(super) fn wants(&self, url: &Url, challenge: &Challenge) -> bool {
        if self.url.is_none() {
            return false;
        }
        if self.order.is_none() {
            return true;
        }
        let index = self.index.get(challenge.authorization());
        self.view() == OrderView::Pending
            && index.is_some_and(|index| self.authorizations[*index].wants(url))
    }

    pub(super) fn view(&self) -> OrderView {
        let Some(order) = &self.order else {
            return if self.url.is_some() { OrderView::Unread } else { OrderView::None };
        };
        match order.status() {
            OrderStatus::Pending | OrderStatus::Ready if self.expired => OrderView::Dead,
            OrderStatus::Pending if self.csr_sent => OrderView::Sent,
            OrderStatus::Pending => OrderView::Pending,
            OrderStatus::Ready if self.csr_sent => OrderView::Sent,
            OrderStatus::Ready => OrderView::Ready,
            OrderStatus::Processing => OrderView::Processing,
            OrderStatus::Valid => OrderView::Valid { certificate: order.certificate().is_some() },
            _ => OrderView::Dead,
        }
    }
}

impl Authorization {
    fn new(url: Url) -> Self {
        Self {
            url,
            identifier: None,
            status: None,
            challenges: Vec::new(),
            excluded: Vec::new(),
            local: Local::Open,
            response: ChallengeResponse::default(),
            stale: false,
            explained: false,
            answers: 0,
            refused: None,
            kinds: Vec::new(),
            refusal: None,
        }
    }

    pub(super) fn view(&self, now: Timestamp) -> AuthorizationView {
        match &self.status {
            _ if self.explained && self.stale => AuthorizationView::WithUser,
            None if self.explained => AuthorizationView::WithUser,
            _ if self.stale => AuthorizationView::Unread,
            None => AuthorizationView::Unread,
            Some(AuthorizationStatus::Valid) => AuthorizationView::Valid,
            Some(AuthorizationStatus::Pending) => match &self.local {
                Local::Open => AuthorizationView::Open,
                Local::Offered(_) | Local::Provisioning(_) | Local::Delayed(..) => {
                    AuthorizationView::WithUser
                }
                Local::Ready(_, at) => AuthorizationView::Published { due: *at <= now },
                Local::Answered(_) if self.explained => AuthorizationView::WithUser,
                Local::Answered(_) => AuthorizationView::Answered,
                Local::Lost => AuthorizationView::Lost,
            },
            Some(_) => AuthorizationView::Lost,
        }
    }

    /// Returns the identifier as it was ordered, with `*.` for a wildcard.
    pub(super) fn ordered_name(&self) -> Option<Identifier> {
        let (identifier, wildcard) = self.identifier.as_ref()?;
        Some(if *wildcard { wildcard_of(identifier) } else { identifier.clone() })
    }

    pub(super) fn challenge(&self, url: &Url) -> Option<&wire::Challenge> {
        self.challenges.iter().find(|c| c.url() == url)
    }

    /// Returns the operation that answers the selected challenge.
    pub(super) fn respond(&self) -> Option<RespondChallenge> {
        let url = self.local.challenge()?.clone();
        Some(RespondChallenge::new(url).with_response(self.response.clone()))
    }

    fn wants(&self, challenge: &Url) -> bool {
        let done = self.challenge(challenge).is_some_and(|c| {
            matches!(c.status(), ChallengeStatus::Valid | ChallengeStatus::Invalid)
        });
        match &self.status {
            None => true,
            Some(AuthorizationStatus::Pending) => {
                self.local.challenge() == Some(challenge) && !done
            }
            Some(_) => false,
        }
    }

    /// Returns the challenge of a kind that can be tried.
    pub(super) fn usable(&self, kind: &ChallengeKind) -> Option<&wire::Challenge> {
        self.challenges.iter().find(|c| c.kind() == kind && self.is_usable(c))
    }

    fn is_usable(&self, challenge: &wire::Challenge) -> bool {
        challenge.is_open() && !self.excluded.contains(challenge.url())
    }

    /// Returns the kinds that can be tried, without those that have failed.
    pub(super) fn usable_kinds(&self, tried: &[Attempt]) -> Vec<ChallengeKind> {
        self.challenges
            .iter()
            .filter(|c| self.is_usable(c))
            .map(wire::Challenge::kind)
            .filter(|kind| tried.iter().all(|attempt| attempt.kind() != *kind))
            .cloned()
            .collect()
    }
}

impl Local {
    pub(super) const fn challenge(&self) -> Option<&Url> {
        match self {
            Self::Provisioning(url)
            | Self::Delayed(url, _)
            | Self::Ready(url, _)
            | Self::Answered(url) => Some(url),
            Self::Open | Self::Offered(_) | Self::Lost => None,
        }
    }
}

fn wildcard_of(base: &Identifier) -> Identifier {
    let name = alloc::format!("*.{}", base.value());
    Identifier::dns(&name).unwrap_or_else(|_| base.clone())
}

/// What was tried for each identifier and failed; it outlives an order.
#[derive(Debug, Default)]
pub(super) struct Memory {
    attempts: BTreeMap<Identifier, Vec<Attempt>>,
}

impl Memory {
    pub(super) fn of(&self, identifier: Option<&Identifier>) -> &[Attempt] {
        identifier.and_then(|i| self.attempts.get(i)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add(&mut self, identifier: Identifier, attempt: Attempt) {
        self.attempts.entry(identifier).or_default().push(attempt);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Identifier, &Attempt)> {
        self.attempts.iter().flat_map(|(i, attempts)| attempts.iter().map(move |a| (i, a)))
    }
}

/// A challenge that was selected, until it is cleaned up.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) challenge: Challenge,
    pub(super) state: Publication,
}

impl Published {
    /// Whether something is still to be done about it.
    pub(super) const fn is_held(&self) -> bool {
        !matches!(self.state, Publication::Stuck(_) | Publication::Kept)
    }
}

/// How far publishing, and taking back, has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Publication {
    /// To be handed out as soon as this generation of the snapshot is saved.
    Selected(u64),
    /// Handed out.
    Out,
    /// Being taken back.
    Leaving,
    /// Could not be taken back.
    Stuck(String),
    /// It stays published, and nothing is to be done about it any more.
    Kept,
}
