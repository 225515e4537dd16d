//! One authorization: what the server shows of it, and how far its proof is.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::plan::AuthorizationView;
use crate::challenge::ChallengeResponse;
use crate::identifier::Identifier;
use crate::jose::Thumbprint;
use crate::op::RespondChallenge;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{self, AuthorizationStatus, ChallengeKind, ChallengeStatus, Problem};

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
    /// It has to be read again before anything else.
    pub(super) stale: bool,
    /// It was read after something failed, or could not be.
    pub(super) explained: bool,
    /// It could not be read after something failed, and is read once more.
    pub(super) reread: bool,
    /// How many times the selected challenge was responded to.
    pub(super) responses: u32,
    /// What became of the last response is unknown: the challenge could not be read.
    pub(super) unheard: bool,
    /// It was responded to again because of that.
    pub(super) repeated: bool,
    /// How many times a response was refused while the account key was being changed.
    pub(super) key_doubts: u32,
    /// Why the user refused every kind of challenge.
    pub(super) refused: Option<String>,
    /// The kinds that could be tried when it was first offered.
    pub(super) kinds: Vec<ChallengeKind>,
    /// What the server said when it did not accept a response.
    pub(super) refusal: Option<Problem>,
    /// It is being read.
    pub(super) reading: bool,
    /// The challenge whose response is in flight.
    pub(super) responding: Option<Url>,
    /// It was deactivated, or that was tried.
    pub(super) deactivated: bool,
    pub(super) proof: Proof,
    /// What the selected challenge is responded with.
    pub(super) response: ChallengeResponse,
}

/// How far the proof of a pending authorization is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// No kind of challenge is chosen.
    None,
    /// Offered to the user, under this number.
    Offered(u64),
    /// This challenge is being published.
    Provisioning(Url),
    /// Published; the response is sent so long after the next poll, which alone knows the time.
    Delayed(Url, Duration),
    /// Published; the response is sent from then on.
    Ready(Url, Timestamp),
    /// The server has the response.
    Responded(Url),
    /// Nothing is left to try.
    Failed,
}

/// Whether a kind of challenge can be offered for an authorization whose proof has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// One at least.
    Open,
    /// Not before a record is cleaned up.
    Blocked,
    /// None is left.
    Exhausted,
}

impl Authorization {
    pub(super) fn new(url: Url) -> Self {
        Self {
            url,
            identifier: None,
            status: None,
            challenges: Vec::new(),
            excluded: Vec::new(),
            stale: false,
            explained: false,
            reread: false,
            responses: 0,
            unheard: false,
            repeated: false,
            key_doubts: 0,
            refused: None,
            kinds: Vec::new(),
            refusal: None,
            reading: false,
            responding: None,
            deactivated: false,
            proof: Proof::None,
            response: ChallengeResponse::default(),
        }
    }

    /// Returns about how many octets of memory its challenges take.
    pub(super) fn weight(&self) -> usize {
        self.challenges.iter().map(wire::Challenge::weight).sum()
    }

    /// Returns the operation that responds to the selected challenge.
    ///
    /// What is published for it was made for this account key.
    pub(super) fn respond(&self, key: Option<Thumbprint>) -> Option<RespondChallenge> {
        let url = self.proof.challenge()?.clone();
        let operation = RespondChallenge::new(url).with_response(self.response.clone());
        Some(operation.bound_to(key))
    }

    /// Returns the view while the issuance runs; `choice` is asked where the proof has not begun.
    pub(super) fn view(
        &self,
        now: Timestamp,
        choice: impl FnOnce(&Self) -> Choice,
    ) -> AuthorizationView {
        use AuthorizationView as V;
        match &self.status {
            None if self.explained => V::Explained,
            Some(_) if self.explained && self.stale => V::Explained,
            _ if self.reading => V::Reading,
            None => V::Unread,
            Some(_) if self.stale => V::Unread,
            Some(AuthorizationStatus::Valid) => V::Valid,
            Some(AuthorizationStatus::Pending) => match &self.proof {
                Proof::None => match choice(self) {
                    Choice::Open => V::Open,
                    Choice::Blocked => V::Blocked,
                    Choice::Exhausted => V::Exhausted,
                },
                Proof::Offered(_) => V::Offered,
                Proof::Provisioning(_) => V::Provisioning,
                Proof::Delayed(..) => V::Published,
                Proof::Ready(url, _) if self.responding.as_ref() == Some(url) => V::Responding,
                Proof::Ready(_, at) if *at > now => V::Published,
                Proof::Ready(..) => V::Due,
                Proof::Responded(_) if self.explained => V::Explained,
                Proof::Responded(_) => V::Responded,
                Proof::Failed => V::Failed,
            },
            Some(_) => V::Failed,
        }
    }

    /// Returns the view once the issuance is ending.
    pub(super) const fn view_at_end(&self) -> AuthorizationView {
        match self.status {
            _ if self.deactivated => AuthorizationView::Closed,
            None | Some(AuthorizationStatus::Pending | AuthorizationStatus::Valid) => {
                AuthorizationView::Usable
            }
            Some(_) => AuthorizationView::Closed,
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.status == Some(AuthorizationStatus::Valid)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.status == Some(AuthorizationStatus::Pending)
    }

    pub(super) const fn has_responded(&self) -> bool {
        matches!(self.proof, Proof::Responded(_))
    }

    /// Returns the identifier as it was ordered, with `*.` for a wildcard.
    pub(super) fn ordered_name(&self) -> Option<Identifier> {
        let (identifier, wildcard) = self.identifier.as_ref()?;
        Some(if *wildcard { wildcard_of(identifier) } else { identifier.clone() })
    }

    pub(super) fn challenge(&self, url: &Url) -> Option<&wire::Challenge> {
        self.challenges.iter().find(|c| c.url() == url)
    }

    /// Returns whether a published challenge is still of use; one that cannot be judged yet is.
    pub(super) fn needs(&self, challenge: &Url) -> bool {
        let decided = self.challenge(challenge).is_some_and(|c| {
            matches!(c.status(), ChallengeStatus::Valid | ChallengeStatus::Invalid)
        });
        match &self.status {
            None => true,
            Some(AuthorizationStatus::Pending) => {
                self.proof.challenge() == Some(challenge) && !decided
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

    /// Returns the kinds whose challenges can be responded to.
    pub(super) fn usable_kinds(&self) -> impl Iterator<Item = &ChallengeKind> {
        self.challenges.iter().filter(|c| self.is_usable(c)).map(wire::Challenge::kind)
    }
}

impl Proof {
    /// Returns the challenge that was selected.
    pub(super) const fn challenge(&self) -> Option<&Url> {
        match self {
            Self::Provisioning(url)
            | Self::Delayed(url, _)
            | Self::Ready(url, _)
            | Self::Responded(url) => Some(url),
            Self::None | Self::Offered(_) | Self::Failed => None,
        }
    }
}

fn wildcard_of(base: &Identifier) -> Identifier {
    let name = alloc::format!("*.{}", base.value());
    Identifier::dns(&name).unwrap_or_else(|_| base.clone())
}
