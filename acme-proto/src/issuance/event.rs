//! What an issuance asks of its user, and what it ends with.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::challenge::Attempt;
use crate::challenge::Challenge;
use crate::identifier::Identifier;
use crate::op::ChosenChain;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{ChallengeKind, Order};
use crate::x509::{CertificateChain, ChainChoice};

/// What an issuance asks of its user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IssuanceEvent {
    /// An identifier needs a proof: [`select`](super::Issuance::select) a kind of challenge, or
    /// [`refuse`](super::Issuance::refuse).
    Authorize(Offer),
    /// Publish this, then say [`ready`](super::Issuance::ready) or [`failed`](super::Issuance::failed).
    ///
    /// Say one of them even if the issuance has been cancelled or has failed: what is published is cleaned up only
    /// after that. It may come a second time, after a restart: publishing is idempotent.
    Provision(Challenge),
    /// Take this back, whether or not it was published, then say [`cleaned`](super::Issuance::cleaned)
    /// or [`clean_failed`](super::Issuance::clean_failed).
    ///
    /// It comes only after the result of [`Provision`](Self::Provision), so that a record is never removed before it is
    /// published; where there was no `Provision` in this run, an earlier one may have published it. It does not come for
    /// what [stays](Challenge::stays). Another issuance of the account may have been given the same challenge, where their
    /// orders share an authorization: take it back with the last of those. An issuance waits for the result as long as
    /// [`Policy::clean_up_time_limit`](crate::policy::Policy::clean_up_time_limit) says, for that to `Provision` too, and
    /// then names the challenge as not cleaned up.
    CleanUp(Challenge),
    /// The order is ready for its CSR: [`finalize`](super::Issuance::finalize).
    Finalize(Vec<Identifier>),
}

/// A pending authorization with the kinds of challenge that may prove it.
#[derive(Clone, Debug)]
pub struct Offer {
    pub(super) id: OfferId,
    pub(super) identifier: Identifier,
    pub(super) wildcard: bool,
    pub(super) kinds: Vec<ChallengeKind>,
    pub(super) tried: Vec<Attempt>,
}

/// Names an [`Offer`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    pub(super) authorization: Url,
    pub(super) number: u64,
}

impl Offer {
    /// Returns what `select` and `refuse` name the offer by.
    pub fn id(&self) -> OfferId {
        self.id.clone()
    }

    /// Returns the identifier, without the `*.` of a wildcard.
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Returns whether the proof is for the wildcard name.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns the kinds that the CA offers, that suit the identifier, and that have not failed yet.
    pub fn kinds(&self) -> &[ChallengeKind] {
        &self.kinds
    }

    /// Returns what was tried before for this identifier.
    pub fn tried(&self) -> &[Attempt] {
        &self.tried
    }

    /// Returns the first of the user's kinds that is offered.
    pub fn choose(&self, preferred: &[ChallengeKind]) -> Option<ChallengeKind> {
        preferred.iter().find(|kind| self.kinds.contains(kind)).cloned()
    }
}

/// A certificate, checked against its CSR and its order.
#[derive(Clone, Debug)]
pub struct Issued {
    pub(super) chosen: ChosenChain,
    pub(super) order_url: Url,
    pub(super) order: Box<Order>,
    pub(super) not_cleaned: Vec<(Challenge, String)>,
}

impl Issued {
    /// Returns the chain: the leaf, then each certificate's issuer.
    pub fn chain(&self) -> &CertificateChain {
        self.chosen.chain()
    }

    /// Returns the order's URL.
    pub const fn order_url(&self) -> &Url {
        &self.order_url
    }

    /// Returns the order as it was last read: its status, its identifiers, what else the CA says of it.
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// Returns when the certificate begins to be valid.
    pub fn not_before(&self) -> Timestamp {
        self.chain().leaf().not_before()
    }

    /// Returns when the certificate ends to be valid.
    pub fn not_after(&self) -> Timestamp {
        self.chain().leaf().not_after()
    }

    /// Returns the URL of the certificate, where the CA's own chain is.
    pub fn certificate_url(&self) -> &Url {
        self.chosen.certificate_url()
    }

    /// Returns the URL that the chain came from: that of the certificate, or that of an alternate.
    pub fn chain_url(&self) -> &Url {
        self.chosen.url()
    }

    /// Returns whether the chain is [as it was wished for](super::Issuance::with_chain_choice); `true` without a wish.
    pub const fn matches_chain_choice(&self) -> bool {
        self.chosen.is_as_wished()
    }

    /// Chooses again among the chains that were fetched, as [`ChosenChain::choose`] does.
    #[must_use]
    pub fn choose_chain(mut self, choice: &ChainChoice) -> Self {
        self.chosen = self.chosen.choose(choice);
        self
    }

    /// Returns the chains that were fetched and not chosen; they have the same leaf.
    pub fn other_chains(&self) -> impl Iterator<Item = &CertificateChain> {
        self.chosen.others()
    }

    /// Returns the URLs of alternate chains.
    pub fn alternates(&self) -> &[Url] {
        self.chosen.alternates()
    }

    /// Returns the profile that the CA applied, where it says so.
    pub fn profile(&self) -> Option<&str> {
        self.order.profile()
    }

    /// Returns the identifier of the certificate that the CA counts as replaced by this one, where it says so
    /// (RFC 9773 Section 5).
    pub fn replaces(&self) -> Option<&str> {
        self.order.replaces()
    }

    /// Returns the challenges that could not be taken back, each with the reason.
    pub fn not_cleaned(&self) -> &[(Challenge, String)] {
        &self.not_cleaned
    }
}
