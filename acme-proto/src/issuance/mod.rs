//! The whole order: from its identifiers to a checked certificate.
//!
//! The flow is level-triggered: `plan` derives what is due from the last known state, so that resuming
//! from a [`Snapshot`] is reading the order and planning again.

mod answers;
mod certificate;
mod commands;
mod deactivation;
mod ending;
mod event;
mod facts;
mod offers;
mod ordered;
mod plan;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::call::{Drive, Engine, Finished, Life, poll};
use crate::challenge::{ChallengeRules, Kinds};
use crate::error::{Error, InvalidInput, Misuse};
use crate::flow::{Flow, Input, Output, SaveId, sealed};
use crate::identifier::Identifier;
use crate::jose::base64url;
use crate::notice::Notice;
use crate::op::{
    Choosing, ChosenChain, DeactivateAuthorization, Finalize, GetAuthorization, GetCertificate,
    GetOrder, NewOrder, RespondChallenge, operations,
};
use crate::session::Session;
use crate::snapshot::{Snapshot, Tried};
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::ChallengeKind;
use crate::x509::{ChainChoice, Csr};

pub use deactivation::Deactivation;
pub use event::{IssuanceEvent, Issued, Offer, OfferId};

use facts::{Facts, Local, Memory, Publication, Published};
use ordered::Asked;
use plan::{Due, plan};

/// Obtains a certificate for a set of identifiers.
#[derive(Debug)]
pub struct Issuance {
    request: NewOrder,
    csr: Option<Csr>,
    chain: Option<ChainChoice>,
    deactivation: Deactivation,
    solvable: Option<Vec<ChallengeKind>>,
    kinds: Kinds,
    durable: bool,
    removes_persistent: bool,
    engine: Engine<Task>,
    facts: Facts,
    memory: Memory,
    published: BTreeMap<Url, Published>,
    events: VecDeque<IssuanceEvent>,
    asked_for_csr: bool,
    offers: u64,
    poll: Poll,
    orders: u32,
    asked: Option<Asked>,
    resumed: Option<Snapshot>,
    /// The certificate is there, and its chain is being chosen.
    choosing: Option<Choosing>,
    /// A challenge was answered in this run.
    told_server: bool,
    /// The challenges that stay published were named.
    told_leftovers: bool,
    account: Option<Url>,
    directory: Option<Url>,
    saving: Saving,
    ending: Option<Ending>,
    /// Something came in since the last planning.
    changed_since_plan: bool,
    plan_again_at: Timestamp,
    life: Life<Issued>,
}

operations! {
    /// The requests of an issuance.
    enum Task {
        NewOrder(NewOrder),
        ReadOrder(GetOrder),
        ReadAuthorization(GetAuthorization),
        Respond(RespondChallenge),
        Finalize(Finalize),
        Certificate(GetCertificate),
        /// The alternate chain that is wanted next.
        Alternate(GetCertificate),
        Deactivate(DeactivateAuthorization),
    }
}

impl Task {
    /// Names what only one request at a time is for.
    fn subject(&self) -> (&'static str, Option<Url>) {
        match self {
            Self::NewOrder(_) => ("newOrder", None),
            Self::ReadOrder(_) => ("order", None),
            Self::ReadAuthorization(task) => ("authorization", Some(task.0.clone())),
            Self::Respond(task) => ("challenge", Some(task.url().clone())),
            Self::Finalize(_) => ("finalize", None),
            Self::Certificate(_) => ("certificate", None),
            Self::Alternate(_) => ("alternate", None),
            Self::Deactivate(task) => ("deactivation", Some(task.0.clone())),
        }
    }
}

/// When the order is read next.
#[derive(Debug, Default)]
struct Poll {
    at: Timestamp,
    round: u32,
}

/// What of the snapshot is stored: generations, counted up at every change.
#[derive(Debug, Default)]
struct Saving {
    changed: u64,
    saved: u64,
    pending: Option<(SaveId, u64)>,
    failed: bool,
}

#[derive(Debug)]
struct Ending {
    result: Result<ChosenChain, Error>,
    /// When clean-ups are no longer waited for: set by the first poll of the ending, which knows the time.
    until: Option<Timestamp>,
}

impl Issuance {
    /// Creates an issuance; duplicates among the identifiers are dropped.
    ///
    /// # Errors
    /// [`InvalidInput::NoIdentifiers`] or [`InvalidInput::TooManyIdentifiers`].
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Result<Self, InvalidInput> {
        NewOrder::new(identifiers).map(Self::for_order)
    }

    /// Creates an issuance from an order with validity dates, a profile, or a certificate to be replaced.
    pub fn for_order(request: NewOrder) -> Self {
        Self {
            request,
            csr: None,
            chain: None,
            deactivation: Deactivation::Never,
            solvable: None,
            kinds: Kinds::default(),
            choosing: None,
            durable: false,
            removes_persistent: false,
            engine: Engine::new(),
            facts: Facts::default(),
            memory: Memory::default(),
            published: BTreeMap::new(),
            events: VecDeque::new(),
            asked_for_csr: false,
            offers: 0,
            poll: Poll::default(),
            orders: 0,
            asked: None,
            resumed: None,
            told_server: false,
            told_leftovers: false,
            account: None,
            directory: None,
            saving: Saving::default(),
            ending: None,
            changed_since_plan: true,
            plan_again_at: Timestamp::MAX,
            life: Life::New,
        }
    }

    /// Goes on from a snapshot; its published challenges are provisioned again or cleaned up.
    ///
    /// An order that the server has forgotten is cleaned up and made anew.
    pub fn resume(snapshot: Snapshot) -> Self {
        let mut flow = Self::for_order(snapshot.request.clone());
        flow.facts.url.clone_from(&snapshot.order);
        flow.csr = snapshot.csr();
        for tried in &snapshot.tried {
            flow.memory.add(tried.identifier.clone(), tried.attempt.clone());
        }
        for challenge in &snapshot.challenges {
            let held = Published { challenge: challenge.clone(), state: Publication::Out };
            flow.published.insert(challenge.url().clone(), held);
        }
        flow.resumed = Some(snapshot);
        flow
    }

    /// Gives the CSR beforehand, so that the flow need not ask for it.
    ///
    /// # Errors
    /// [`InvalidInput::CsrNames`] if it has other names than the order.
    pub fn with_csr(mut self, csr: Csr) -> Result<Self, InvalidInput> {
        csr.covers(self.request.identifiers()).map_err(InvalidInput::CsrNames)?;
        self.csr = Some(csr);
        Ok(self)
    }

    /// Chooses among the chains that the CA offers; a resumed issuance has to be told anew.
    ///
    /// [`Issued::matches_chain_choice`] tells whether one was found: if not, the CA's own chain is taken.
    pub fn with_chain_choice(mut self, choice: ChainChoice) -> Self {
        self.chain = Some(choice);
        self
    }

    /// Has authorizations given up at the end.
    pub const fn deactivate_authorizations(mut self, when: Deactivation) -> Self {
        self.deactivation = when;
        self
    }

    /// Says which kinds of challenge the user can solve.
    ///
    /// A failed order is made anew, as often as [`Policy::max_orders`](crate::policy::Policy::max_orders) allows, only
    /// if each identifier that failed has one of these left that the CA offered and that has not failed yet. Without
    /// this, no order is made anew.
    pub fn with_solver_kinds(mut self, kinds: impl IntoIterator<Item = ChallengeKind>) -> Self {
        self.solvable = Some(kinds.into_iter().collect());
        self
    }

    /// Adds a kind of challenge that this crate does not know, by its rules.
    ///
    /// It is offered like the others. A resumed issuance has to be given it again. Rules for a kind that this crate knows
    /// take the place of its own.
    pub fn with_kind(mut self, kind: ChallengeKind, rules: ChallengeRules) -> Self {
        self.kinds.add(kind, rules);
        self
    }

    /// Writes ahead: a [`Snapshot`] is saved before anything that depends on it.
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Takes records of dns-persist-01 back too, once the issuance is over; by default they stay.
    pub const fn remove_persistent(mut self) -> Self {
        self.removes_persistent = true;
        self
    }

    /// Sets a time limit other than the policy's; it counts from the first poll.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.engine.set_time_limit(limit);
        self
    }

    /// Returns the identifiers of the certificate.
    pub fn identifiers(&self) -> &[Identifier] {
        self.request.identifiers()
    }

    /// Returns the order's URL, once there is an order.
    pub const fn order_url(&self) -> Option<&Url> {
        self.facts.url.as_ref()
    }

    /// Returns the state to resume from; `None` before the first poll.
    pub fn snapshot(&self) -> Option<Snapshot> {
        Some(Snapshot {
            version: Snapshot::VERSION,
            directory: self.directory.clone()?,
            account: self.account.clone(),
            order: self.facts.url.clone(),
            request: self.request.clone(),
            csr: self.csr.as_ref().map(|csr| base64url::encode(csr.as_der())),
            tried: self
                .memory
                .iter()
                .map(|(identifier, attempt)| Tried {
                    identifier: identifier.clone(),
                    attempt: attempt.clone(),
                })
                .collect(),
            challenges: self
                .published
                .values()
                .filter(|p| p.state != Publication::Kept)
                .map(|p| p.challenge.clone())
                .collect(),
        })
    }

    fn begin(&mut self, session: &mut Session) {
        self.engine.start_clock(session.policy().issuance_time_limit);
        self.directory = Some(session.directory_url().clone());
        if let Some(snapshot) = &self.resumed
            && snapshot.directory != *session.directory_url()
        {
            let foreign = InvalidInput::ForeignSnapshot(snapshot.directory.clone());
            self.published.clear();
            return self.end(Err(foreign.into()), session);
        }
        if self.facts.url.is_none() && self.ending.is_none() {
            self.prefetch_nonces(session);
        }
    }

    /// Asks for the nonces that the authorizations will need while the order is being made.
    fn prefetch_nonces(&mut self, session: &Session) {
        let wide = self.request.identifiers().len().min(session.policy().max_in_flight);
        self.engine.prefetch_nonces(wide.saturating_sub(1));
    }

    /// Learns the account, and refuses a snapshot of another one.
    fn check_account(&mut self, session: &mut Session) {
        let Some(account) = session.account_url() else { return };
        if self.account.as_ref() == Some(account) {
            return;
        }
        let account = account.clone();
        if let Some(saved) = self.resumed.as_ref().and_then(|s| s.account.clone())
            && saved != account
        {
            self.published.clear();
            return self.end(Err(InvalidInput::ForeignSnapshot(saved).into()), session);
        }
        self.account = Some(account);
    }

    /// Starts whatever is due, and queues what the user is to do, if anything changed since the last time.
    fn plan_and_start(&mut self, session: &mut Session) {
        let now = self.engine.now();
        // At the end of time every time has come for ever, so that this is asked once.
        self.changed_since_plan |= now >= self.plan_again_at;
        while core::mem::take(&mut self.changed_since_plan) {
            self.check_account(session);
            self.start_ending(session);
            // What has arrived is taken first: it may be the certificate.
            if self.ending.is_none() && self.engine.is_late() && !self.engine.has_finished() {
                self.out_of_time(session);
            }
            if self.ending.is_none() {
                self.facts.start_delays(now);
                self.withdraw_old_keys(session);
                self.facts.pass(now);
                let views: Vec<_> = self.facts.authorizations.iter().map(|a| a.view(now)).collect();
                let running = self.engine.operations().map(Task::subject).collect();
                for due in plan(self.facts.view(), views, self.csr.is_some()) {
                    self.start_due(due, &running, session);
                }
            }
            self.sort_published();
            self.plan_again_at = self.next_time();
        }
    }

    fn start_due(
        &mut self,
        due: Due,
        running: &BTreeSet<(&str, Option<Url>)>,
        session: &mut Session,
    ) {
        let task = match due {
            Due::Offer(index) if self.has_outdated(index, session) => return,
            Due::Offer(index) => return self.offer(index),
            Due::AskForCsr => return self.ask_for_csr(),
            Due::Fail => return self.fail(session),
            Due::NewOrder => Task::NewOrder(self.request.clone()),
            Due::ReadOrder if self.poll.at > self.engine.now() => return,
            Due::ReadOrder => {
                let Some(url) = self.facts.url.clone() else { return };
                Task::ReadOrder(GetOrder(url))
            }
            Due::ReadAuthorization(index) => {
                let url = self.facts.authorizations[index].url.clone();
                Task::ReadAuthorization(GetAuthorization(url))
            }
            Due::Respond(index) => {
                let Some(task) = self.facts.authorizations[index].respond() else { return };
                Task::Respond(task)
            }
            Due::Finalize => match self.finalize_operation() {
                Ok(Some(operation)) => Task::Finalize(operation),
                Ok(None) => return,
                Err(error) => return self.end(Err(error), session),
            },
            Due::Certificate if self.choosing.is_some() => {
                let next = self.choosing.as_ref().and_then(Choosing::next).cloned();
                let Some(url) = next else { return };
                Task::Alternate(GetCertificate(url))
            }
            Due::Certificate => {
                let order = self.facts.order.as_ref();
                let Some(url) = order.and_then(|o| o.certificate()).cloned() else { return };
                Task::Certificate(GetCertificate(url))
            }
        };
        if !running.contains(&task.subject()) {
            self.engine.start(task);
        }
    }

    fn finalize_operation(&self) -> Result<Option<Finalize>, Error> {
        if self.durable && self.saving.saved < self.saving.changed && !self.saving.failed {
            return Ok(None);
        }
        let (Some(csr), Some(order), Some(url)) = (&self.csr, &self.facts.order, &self.facts.url)
        else {
            return Ok(None);
        };
        let fault = crate::error::PeerFault::NoFinalizeUrl;
        let finalize = order.finalize().ok_or_else(|| Error::peer(url, fault))?;
        Ok(Some(Finalize::new(url.clone(), finalize.clone(), csr.clone())))
    }

    /// Hands out what is to be published and takes back what is no longer needed.
    fn sort_published(&mut self) {
        let saved = if self.durable && !self.saving.failed { self.saving.saved } else { u64::MAX };
        let Self { published, facts, ending, events, .. } = self;
        let mut kept = false;
        for (url, held) in published {
            let wanted = ending.is_none() && facts.wants(url, &held.challenge);
            // Several names, or orders, may lean on one such record.
            let lingers = ending.is_none() && held.challenge.is_persistent();
            match held.state {
                Publication::Selected(generation) if wanted && generation <= saved => {
                    held.state = Publication::Out;
                    events.push_back(IssuanceEvent::Provision(held.challenge.clone()));
                }
                Publication::Selected(_) if wanted => {}
                Publication::Out if wanted || lingers => {}
                Publication::Selected(_) | Publication::Out if held.challenge.stays() => {
                    held.state = Publication::Kept;
                    kept = true;
                }
                Publication::Selected(_) | Publication::Out => {
                    held.state = Publication::Leaving;
                    events.push_back(IssuanceEvent::CleanUp(held.challenge.clone()));
                }
                _ => {}
            }
        }
        if kept {
            self.changed();
        }
    }

    /// Returns when there may be something to do though nothing comes in.
    fn next_time(&self) -> Timestamp {
        if self.ending.is_some() {
            return Timestamp::MAX;
        }
        let now = self.engine.now();
        let ready = self.facts.authorizations.iter().filter_map(|a| match a.local {
            Local::Ready(_, at) => Some(at),
            _ => None,
        });
        let others = [self.poll.at, self.engine.deadline(), self.facts.expires.unwrap_or(now)];
        let times = ready.chain(others).filter(|t| *t > now);
        times.min().unwrap_or(Timestamp::MAX)
    }

    fn notice(&mut self, progress: crate::notice::Progress) {
        self.engine.notice(Notice::Progress(progress));
    }
}

/// Whether a challenge is published, or about to be, or being taken back: it cannot be published anew then.
fn is_held(published: &BTreeMap<Url, Published>, challenge: &Url) -> bool {
    published.get(challenge).is_some_and(Published::is_held)
}

impl Drive for Issuance {
    type Task = Task;

    fn engine(&mut self) -> &mut Engine<Task> {
        &mut self.engine
    }

    fn life(&mut self) -> &mut Life<Issued> {
        &mut self.life
    }

    fn start(&mut self, session: &mut Session) {
        self.begin(session);
    }

    fn advance(&mut self, session: &mut Session) -> Option<Output<IssuanceEvent, Issued>> {
        self.plan_and_start(session);
        let save = self.save().map(Output::Save);
        save.or_else(|| self.events.pop_front().map(Output::Event))
    }

    fn finished(&mut self, finished: Finished<Task>, session: &mut Session) {
        self.take(finished, session);
    }

    fn late(&mut self, _: &mut Session) {
        self.changed_since_plan = true;
    }

    fn wait(&mut self, at: Timestamp, _: &mut Session) -> Option<Output<IssuanceEvent, Issued>> {
        self.conclude();
        let waits = matches!(self.life, Life::Running)
            && at > self.engine.now()
            && !self.engine.has_notice();
        // The deadline has come otherwise: the next round ends the flow.
        waits.then(|| Output::Timeout(Some(self.plan_again_at.min(at))))
    }
}

impl sealed::Sealed for Issuance {}

impl Flow for Issuance {
    type Event = IssuanceEvent;
    type Success = Issued;

    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success> {
        poll(self, session, now)
    }

    fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        let save = match &input {
            Input::Saved(id) => Some((*id, None)),
            Input::SaveFailed(id, reason) => Some((*id, Some(reason.clone()))),
            _ => None,
        };
        self.engine.handle_input(session, input, now)?;
        self.changed_since_plan = true;
        if let Some((id, failure)) = save {
            self.saved(id, failure, session);
        }
        Ok(())
    }
}
