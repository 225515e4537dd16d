//! The whole order: from its identifiers to a checked certificate.
//!
//! # What it guarantees
//!
//! - A certificate is handed over only if it has the CSR's key and every ordered name. Further names are reported
//!   ([`Notice::ExtraNames`]), as is one that is not valid now ([`Notice::NotValidNow`]).
//! - With [`durable`](Issuance::durable), each challenge is in a stored snapshot before it is published and until it is
//!   cleaned up, and the CSR is in one before it is sent. After a crash at any point, another process can resume or clean up.
//! - Every published challenge is cleaned up, however the flow ends, unless it is meant to last. The clean-up of a
//!   challenge starts only after the user has confirmed its `Provision`. One that is not cleaned up in time is reported
//!   ([`Notice::NotCleaned`], [`Issued::not_cleaned`]) and does not cost the certificate.
//! - Everything ends: the deadline bounds the order, and the clean-ups after it have a limit of their own (`clean_up_time_limit`).
//! - The work that an input causes is proportional to what it changes, and the work of an order to its names.
//!
//! # How it works
//!
//! There is no program counter. Each poll goes through the same steps, and each input only changes what they find:
//!
//! 1. *Look*: does the session have another account or key, has a time come?
//! 2. *View* the authorizations that changed: each has one state (`AuthorizationView`). The number of authorizations
//!    in each state, with the order's own status, gives the state of the order (`OrderView`).
//! 3. *Plan*: the tables of `plan` name the step that is due for each view, if any. They are pure and have no state.
//!    For the order they also look at a `Gate`: whether it is time to poll, and whether a request is in flight. A step
//!    that they name is always taken.
//! 4. *Start* the steps: a request, a question to the user, a new order, the end. They change views, so back to 1, until
//!    no step is due.
//! 5. *Hand out*: a snapshot if one is due, then events, then notices, then what the engine wants signed or sent.
//!
//! Steps 1 to 4 are `start_what_is_due` in `advance`; step 5 is `Issuance::advance`, then `call::drive::poll`.
//!
//! So resuming is reading the order and planning, a snapshot needs no record of the steps that were taken, and a newer version of this crate can resume what
//! an older one began.
//!
//! A response goes to the file in `response` for its operation, which changes facts and starts nothing. A command of the user
//! (`commands`) does the same.
//!
//! # Who owns what
//!
//! | field | what it alone knows |
//! | --- | --- |
//! | `settings` | what the user wants |
//! | `engine` | requests in flight, retries, the time and the deadline |
//! | `identity` | directory, account and key, and whether it was resumed from a snapshot |
//! | `order` | the order as the server last showed it |
//! | `authorizations` | its authorizations, how far their proofs are, which changed |
//! | `attempts` | what failed for which identifier, over all orders |
//! | `publications` | what is published, and who has to do what about it next |
//! | `polling` | when the order is read next |
//! | `saving` | which changes are stored, and when the next snapshot is due |
//! | `finalization` | the CSR, whether it was sent, and how often |
//! | `choosing` | the certificate, while its chain is being chosen |
//! | `events` | questions that the user has not seen |
//! | `ending` | the result, while clean-ups are waited for |
//! | `life` | whether the flow is new, running or over |
//!
//! # Why in this order
//!
//! - *The snapshot goes first*, so that what failed is stored before something else is tried. Several changes are saved in one
//!   snapshot (`saving`). Only `Provision` and finalize wait until the snapshot that has them is stored; the rest continues.
//! - *Results are taken before the deadline is looked at*: the last one may be the certificate.
//! - *Every authorization is read before an order is given up*, so that the error names each identifier that failed.
//!
//! # The life of an order
//!
//! Boxes are views of the order, dashed boxes are groups of them, and the words between them are the steps that are due
//! in a view, or what else changes it. Left out are the arrows back to an earlier status, which a server may show, and
//! those of `Expiry` and `End`; the table has them all.
//!
#![doc = include_str!("order.svg")]
//!
#![doc = include_str!("order.md")]
//!
//! # The life of a selected challenge
//!
//! `publications` asserts that only the steps of this diagram happen. A challenge that was cleaned up is forgotten.
//!
#![doc = include_str!("publication.svg")]
//!
#![doc = include_str!("publication.md")]
//!
//! # What is due
//!
//! For the order:
//!
#![doc = include_str!("due_order.md")]
//!
//! For an authorization, each phase of the order has its step. For a selected challenge, the step depends on whether it is
//! still needed:
//!
#![doc = include_str!("due_others.md")]

mod advance;
mod attempts;
mod authorization;
mod authorizations;
mod commands;
mod deactivation;
#[cfg(test)]
mod diagrams;
mod ending;
mod event;
mod facts;
mod failure;
mod finalization;
mod identity;
mod names;
mod order;
mod plan;
mod polling;
mod publications;
mod response;
mod saving;
mod settings;
#[cfg(test)]
mod testing;
mod waits;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use crate::call::{Drive, Engine, Finished, Life};
use crate::challenge::ChallengeRules;
use crate::error::{Error, InvalidInput};
use crate::flow::{Flow, Output, SaveId, SaveRequest};
use crate::identifier::Identifier;
use crate::jose::base64url;
use crate::notice::{Notice, Progress};
use crate::op::{
    Choosing, DeactivateAuthorization, Finalize, GetAuthorization, GetCertificate, GetOrder,
    NewOrder, RespondChallenge, operations,
};
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::ChallengeKind;
use crate::x509::{ChainChoice, Csr};

pub use deactivation::Deactivation;
pub use event::{IssuanceEvent, Issued, Offer, OfferId};

use attempts::Attempts;
use authorizations::Authorizations;
use ending::Ending;
use facts::Cause;
use finalization::Finalization;
use identity::{Identity, Seen};
use order::Order;
use plan::{AuthorizationView, OrderView};
use polling::Polling;
use publications::Publications;
use saving::Saving;
use settings::Settings;

/// Obtains a certificate for a set of identifiers.
#[derive(Debug)]
pub struct Issuance {
    settings: Settings,
    engine: Engine<AnyOperation>,
    identity: Identity,
    order: Order,
    authorizations: Authorizations,
    attempts: Attempts,
    publications: Publications,
    polling: Polling,
    saving: Saving,
    finalization: Finalization,
    choosing: Option<Box<Choosing>>,
    events: VecDeque<IssuanceEvent>,
    ending: Option<Box<Ending>>,
    life: Life<Issued>,
}

operations! {
    /// The requests of an issuance.
    enum AnyOperation {
        NewOrder(NewOrder),
        ReadOrder(GetOrder),
        ReadAuthorization(GetAuthorization),
        Respond(RespondChallenge),
        Finalize(Finalize),
        Download(GetCertificate),
        /// Fetches the alternate chain that is wanted next.
        DownloadAlternate(GetCertificate),
        Deactivate(DeactivateAuthorization),
    }
}

impl Issuance {
    /// Creates an issuance; duplicates among the identifiers are dropped.
    ///
    /// # Errors
    /// [`InvalidInput::NoIdentifiers`].
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Result<Self, InvalidInput> {
        NewOrder::new(identifiers).map(Self::for_order)
    }

    /// Creates an issuance from an order with validity dates, a profile, or a certificate to be replaced.
    pub fn for_order(request: NewOrder) -> Self {
        Self {
            settings: Settings::new(request),
            engine: Engine::new(),
            identity: Identity::default(),
            order: Order::default(),
            authorizations: Authorizations::default(),
            attempts: Attempts::default(),
            publications: Publications::default(),
            polling: Polling::default(),
            saving: Saving::default(),
            finalization: Finalization::default(),
            choosing: None,
            events: VecDeque::new(),
            ending: None,
            life: Life::New,
        }
    }

    /// Goes on from a snapshot; its published challenges are provisioned again or cleaned up.
    ///
    /// If the server no longer knows the order, or its certificate cannot be used, its challenges are cleaned up and a new
    /// order is created.
    pub fn resume(snapshot: Snapshot) -> Self {
        let mut flow = Self::for_order(snapshot.request.clone());
        flow.identity = Identity::restore(&snapshot);
        flow.order = Order::restore(&snapshot);
        flow.attempts = Attempts::restore(&snapshot);
        flow.publications = Publications::restore(&snapshot.challenges);
        if let Some(csr) = snapshot.csr() {
            flow.finalization.set_csr(csr);
        }
        flow
    }

    /// Gives the CSR beforehand, so that the flow need not ask for it.
    ///
    /// # Errors
    /// [`InvalidInput::CsrNames`] if it has other names than the order.
    pub fn with_csr(mut self, csr: Csr) -> Result<Self, InvalidInput> {
        csr.covers(self.identifiers()).map_err(InvalidInput::CsrNames)?;
        self.finalization.set_csr(csr);
        Ok(self)
    }

    /// Chooses among the chains that the CA offers. A snapshot does not have the choice: set it again on a resumed issuance.
    ///
    /// [`Issued::matches_chain_choice`] tells whether one was found: if not, the CA's own chain is taken.
    pub fn with_chain_choice(mut self, choice: ChainChoice) -> Self {
        self.settings.chain = Some(choice);
        self
    }

    /// Has authorizations deactivated at the end.
    pub const fn deactivate_authorizations(mut self, when: Deactivation) -> Self {
        self.settings.deactivation = when;
        self
    }

    /// Says which kinds of challenge the user can solve.
    ///
    /// An order with an identifier that none of them can prove is not sent ([`InvalidInput::NoSolver`]).
    ///
    /// A failed order is followed by a new one, as often as [`Policy::max_orders`](crate::policy::Policy::max_orders) allows, only
    /// if each identifier that failed has one of these left that the CA offered and that has not failed yet. A kind whose
    /// validation failed with `serverInternal` is left: it is tried again in the new order, after a pause. Without this,
    /// no new order follows.
    pub fn with_solver_kinds(mut self, kinds: impl IntoIterator<Item = ChallengeKind>) -> Self {
        self.settings.solvable = Some(kinds.into_iter().collect());
        self
    }

    /// Adds a kind of challenge that this crate does not know, by its rules.
    ///
    /// It is offered like the others. A resumed issuance has to be given it again. Rules for a kind that this crate knows
    /// take the place of its own.
    pub fn with_kind(mut self, kind: ChallengeKind, rules: ChallengeRules) -> Self {
        self.settings.kinds.add(kind, rules);
        self
    }

    /// Writes ahead: a [`Snapshot`] is saved before anything that depends on it.
    ///
    /// Changes are saved in batches, for each snapshot has the whole order. While further changes are expected, a
    /// snapshot is due when as many have come as the one before listed challenges, or about half a second after the first: a
    /// thousand names take about a dozen snapshots.
    pub const fn durable(mut self) -> Self {
        self.saving.make_durable();
        self
    }

    /// Takes records of dns-persist-01 back too, once the issuance is over; by default they stay.
    pub const fn remove_persistent(mut self) -> Self {
        self.settings.removes_persistent = true;
        self
    }

    /// Lets a failed dns-01 be followed by dns-account-01, and the other way round.
    ///
    /// By default it is not: both are proved by the same records, so that what the CA did not see of the one it does
    /// not see of the other, and CAs count failed validations.
    pub const fn try_both_dns_kinds(mut self) -> Self {
        self.settings.tries_both_dns_kinds = true;
        self
    }

    /// Sets a time limit other than the policy's; it counts from the first poll.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.engine.exchanges.set_time_limit(limit);
        self
    }

    /// Returns the identifiers of the certificate.
    pub fn identifiers(&self) -> &[Identifier] {
        self.settings.request.identifiers()
    }

    /// Returns the order's URL, once there is an order.
    pub const fn order_url(&self) -> Option<&Url> {
        self.order.url()
    }

    /// Returns the state to resume from; `None` before the first poll.
    pub fn snapshot(&self) -> Option<Snapshot> {
        Some(Snapshot {
            version: Snapshot::VERSION,
            directory: self.identity.directory()?.clone(),
            account: self.identity.account().cloned(),
            order: self.order.url().cloned(),
            request: self.settings.request.clone(),
            csr: self.finalization.csr().map(|csr| base64url::encode(csr.as_der())),
            tried: self.attempts.listed(),
            challenges: self.publications.listed(),
        })
    }

    /// Returns whether the result is settled, so that only clean-ups and deactivations are left: nothing that is being
    /// published is of use any more.
    pub const fn is_ending(&self) -> bool {
        !self.is_running()
    }

    /// Returns whether more challenges may be handed out before anything else happens: an authorization has not been read
    /// yet, a kind of challenge is being chosen, or the snapshot that lists a challenge is being stored.
    ///
    /// A solver that has to know all challenges of an order waits for as long.
    pub fn is_selecting(&self) -> bool {
        self.is_running()
            && (self.publications.is_any_unsaved(self.saving.stored())
                || self.authorizations.is_any_unselected())
    }

    const fn is_running(&self) -> bool {
        self.ending.is_none() && !self.life.is_over()
    }

    /// Asks for the nonces that the authorizations will need while the order is being made.
    fn prefetch_nonces(&mut self, session: &Session) {
        let wide = self.identifiers().len().min(session.policy().max_in_flight);
        let ahead = session.nonces_ahead(wide, self.engine.exchanges.now());
        self.engine.exchanges.prefetch_nonces(ahead);
    }

    /// Returns the snapshot to be saved now, if one is due and none is being saved.
    fn save(&mut self) -> Option<SaveRequest> {
        if self.saving.is_stored() {
            return None; // asked often, and not worth a view of the order
        }
        let now = self.engine.exchanges.now();
        let expects_more = self.expects_changes();
        if !self.saving.is_due(now, expects_more) {
            return None;
        }
        let snapshot = self.snapshot()?;
        let id = self.engine.exchanges.save_id()?;
        self.saving.begin(id, snapshot.challenges.len());
        Some(SaveRequest { id, snapshot })
    }

    /// Returns whether further changes will come without waiting for this snapshot: selections, or clean-ups.
    fn expects_changes(&self) -> bool {
        use AuthorizationView as V;
        let tally = self.authorizations.tally();
        let selections = [V::Unread, V::Reading, V::Offered].iter().any(|view| tally.any(*view));
        let is_waited_for =
            self.order_view() == OrderView::UnsavedCsr || self.is_out_of_clean_up_time();
        ((selections && self.is_running()) || self.publications.any_held()) && !is_waited_for
    }

    fn report(&mut self, progress: Progress) {
        self.engine.exchanges.notice(Notice::Progress(progress));
    }
}

impl Flow for Issuance {
    type Event = IssuanceEvent;
    type Success = Issued;
}

impl Drive<IssuanceEvent, Issued> for Issuance {
    type Operation = AnyOperation;

    fn engine(&mut self) -> &mut Engine<AnyOperation> {
        &mut self.engine
    }

    fn life(&mut self) -> &mut Life<Issued> {
        &mut self.life
    }

    fn start(&mut self, session: &mut Session) {
        self.engine.exchanges.start_clock(session.policy().issuance_time_limit);
        self.attempts.limit_validations(session.policy().max_failed_validations);
        if let Seen::Foreign(saved) = self.identity.enter(session) {
            return self.refuse_snapshot(saved, session);
        }
        if self.order.url().is_none() && self.is_running() {
            if let Some(unproved) = self.settings.unproved() {
                return self.end(Err(unproved.into()), session);
            }
            self.prefetch_nonces(session);
        }
    }

    fn advance(&mut self, session: &mut Session) -> Option<Output<IssuanceEvent, Issued>> {
        self.start_what_is_due(session);
        let save = self.save().map(Output::Save);
        save.or_else(|| self.events.pop_front().map(Output::Event))
    }

    fn finished(&mut self, finished: Finished<AnyOperation>, session: &mut Session) {
        self.take(finished, session);
    }

    fn late(&mut self, session: &mut Session) {
        self.out_of_time(session);
    }

    fn wait(
        &mut self,
        at: Timestamp,
        _session: &mut Session,
    ) -> Option<Output<IssuanceEvent, Issued>> {
        if self.conclude()
            || at <= self.engine.exchanges.now()
            || self.engine.exchanges.has_notice()
        {
            return None; // the next round ends the flow, or hands out the notices
        }
        if self.events.is_empty() {
            self.events = VecDeque::new(); // a flow may wait long, and one of many
        }
        Some(Output::Timeout(self.wakes_at().min(at)))
    }

    fn saved(&mut self, id: SaveId, failure: Option<String>, session: &mut Session) {
        let finished = self.change(Cause::Saved, |flow| flow.saving.finish(id, failure));
        if let Some(reason) = finished {
            self.end(Err(Error::Storage(reason)), session);
        }
        self.publications.saved(self.saving.stored());
    }
}
