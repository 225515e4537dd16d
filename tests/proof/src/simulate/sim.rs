//! One run: the clock, the processes, and what is going to happen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, Output, SignFailed, SignRequest, SignatureAlgorithm};
use acme_proto::issuance::Issuance;
use acme_proto::jose::Signature;
use acme_proto::op::GetAccount;
use acme_proto::policy::{Policy, Rates};
use acme_proto::register::Register;
use acme_proto::rollover::{Rollover, RolloverIntent};
use acme_proto::session::Session;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;

use super::actor::{Actor, Question, Role, Task};
use super::ca::{Account, BASE, Ca, Temper};
use super::check;
use super::faults::{Faults, Kind, LeftOut};
use super::materials::{KEYS, MOST_NAMES, MOST_WISHES, Materials};
use super::network::Parcel;

/// When a run begins, in Unix milliseconds.
const BEGINNING: i64 = 1_790_000_000_000;
/// What is the CA's is counted as this actor's.
pub(super) const WORLD: usize = 100;
/// A run of more steps than this does not end.
const MOST_STEPS: usize = 100_000;

/// What is going to happen.
#[derive(Debug)]
pub(super) enum Due {
    /// An actor begins, or goes on in another process.
    Begin(usize),
    /// A request reaches the CA.
    Arrive(Box<Parcel>),
    /// An exchange ends.
    Deliver(Box<Parcel>),
    /// The user does what a question of that life asks for.
    Act(usize, u32, Box<Question>),
    /// A flow wakes up, unless it was asked for another time since.
    Wake(usize, u64),
    /// The CA decides on a challenge.
    Validate(usize, usize),
    /// Something happens to everybody.
    World(Kind, u64),
}

/// What outlives every process.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) key: u8,
    pub(super) intent: Option<RolloverIntent>,
    pub(super) account: Option<Url>,
}

/// A run.
pub(super) struct Sim<'a> {
    pub(super) all: &'a Materials,
    pub(super) faults: Faults<'a>,
    pub(super) policy: Policy,
    pub(super) ca: Ca,
    /// True time, in milliseconds.
    pub(super) now: u64,
    /// Each process has a session.
    pub(super) sessions: Vec<Session>,
    /// How far the clock of each process is ahead, in milliseconds.
    skews: Vec<i64>,
    pub(super) disk: Disk,
    pub(super) actors: Vec<Actor>,
    queue: BTreeMap<(u64, u64), Due>,
    sequence: u64,
    /// The longest way, in milliseconds.
    pub(super) latency: u64,
    pub(super) sent_nonces: BTreeSet<String>,
    /// What is published: the URL of the challenge, who counts on it, and for which key. Orders share authorizations, and who
    /// publishes takes a challenge away with the last of those that count on it, as the adapters do.
    pub(super) published: BTreeMap<String, BTreeMap<usize, Option<u8>>>,
    /// Until when the CA limits everybody, and whether it says so.
    pub(super) limited: (u64, bool),
    pub(super) violation: Option<String>,
    /// What happened, for a person; only if that is asked for.
    pub(super) trace: Option<Vec<String>>,
    /// Errors by kind.
    pub(super) errors: BTreeMap<&'static str, u64>,
}

impl<'a> Sim<'a> {
    pub(super) fn new(seed: u64, all: &'a Materials, left_out: &'a LeftOut) -> Self {
        let faults = Faults::new(seed, left_out);
        let draw = |what: u64, bound: u64| faults.draw(what, 0, 0, bound);
        let temper = Temper {
            reuses: draw(1, 3) == 0,
            issues_in: [0, 0, 300, 4_000, 20_000][draw(2, 5) as usize],
            lag: [500, 3_000, 10_000][draw(3, 3) as usize],
            retry_after: [None, None, Some(1), Some(5), Some(400)][draw(4, 5) as usize],
            bad_signature: [(400, "malformed"), (401, "unauthorized"), (403, "unauthorized")]
                [draw(5, 3) as usize],
        };
        let mut policy = Policy::default();
        policy.max_in_flight = [1, 2, 4, 100][draw(6, 4) as usize];
        policy.retry_after_cap = Duration::from_secs([10, 60, 600][draw(7, 3) as usize]);
        policy.issuance_time_limit = Duration::from_secs([60, 300, 300, 1800][draw(8, 4) as usize]);
        if draw(9, 2) == 0 {
            policy.rates = Rates::unlimited();
        }
        let latency = [1, 40, 400, 400, 5_000][draw(10, 5) as usize];
        let disk = Disk { key: KEYS[0], intent: None, account: None };
        let mut sim = Self {
            all,
            policy,
            ca: Ca::new(temper),
            now: 1_000_000,
            sessions: Vec::new(),
            skews: Vec::new(),
            disk,
            actors: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            latency,
            sent_nonces: BTreeSet::new(),
            published: BTreeMap::new(),
            limited: (0, false),
            violation: None,
            trace: None,
            errors: BTreeMap::new(),
            faults,
        };
        sim.populate();
        sim
    }

    fn populate(&mut self) {
        let draw = |sim: &Self, what, whose, bound| sim.faults.draw(what, whose, 0, bound);
        let wishes = 1 + draw(self, 20, 0, MOST_WISHES as u64) as usize;
        for wish in 0..wishes {
            let names = 1 + draw(self, 21, wish, MOST_NAMES as u64) as usize;
            let durable = draw(self, 22, wish, 4) != 0;
            self.actors.push(Actor::new(Role::Wish { names, durable }));
        }
        let registers = draw(self, 23, 0, 4) == 0;
        if registers {
            self.actors.push(Actor::new(Role::Register));
        } else {
            self.ca.accounts.push(Account { key: KEYS[0], created: 0 });
            if draw(self, 24, 0, 2) == 0 {
                self.disk.account = format!("{BASE}/acct/0").parse().ok();
            }
        }
        if draw(self, 25, 0, 3) == 0 {
            self.actors.push(Actor::new(Role::Rollover));
        }
        self.new_process();
        if registers {
            self.after(0, Due::Begin(wishes));
        } else {
            self.begin_others();
        }
        for kind in [
            Kind::Crash,
            Kind::NoncesForgotten,
            Kind::OrdersForgotten,
            Kind::AccountsForgotten,
            Kind::LimitedForAWhile,
            Kind::ClockStep,
        ] {
            for count in 0..3 {
                let at = self.faults.draw(26 + kind as u64, 0, count, 40_000);
                self.after(at, Due::World(kind, count));
            }
        }
    }

    /// Begins everything but the registration.
    pub(super) fn begin_others(&mut self) {
        for index in 0..self.actors.len() {
            if self.actors[index].role != Role::Register {
                let at = self.faults.draw(90, index, 0, 5_000);
                self.after(at, Due::Begin(index));
            }
        }
    }

    /// Runs to the end.
    pub(super) fn run(&mut self) {
        for step in 0.. {
            let Some(((at, _), due)) = self.queue.pop_first() else {
                if self.finish() {
                    return;
                }
                continue;
            };
            self.now = self.now.max(at);
            self.happen(due);
            if step > MOST_STEPS {
                self.violated("the run does not end".into());
            }
            if self.violation.is_some() {
                return;
            }
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Begin(actor) => self.begin(actor),
            Due::Arrive(parcel) => self.arrive(parcel),
            Due::Deliver(parcel) => self.deliver(*parcel),
            Due::Act(actor, life, question) => {
                if self.actors[actor].life == life {
                    self.act(actor, *question);
                }
            }
            Due::Wake(actor, stamp) => {
                if self.actors[actor].stamp == stamp {
                    self.step(actor, None);
                }
            }
            Due::Validate(authorization, challenge) => self.validate(authorization, challenge),
            Due::World(kind, count) => {
                if self.faults.strikes(kind, WORLD, count) {
                    self.note(|| format!("{kind:?}"));
                    self.shake(kind, count);
                }
            }
        }
    }

    /// Something happens to everybody.
    fn shake(&mut self, kind: Kind, count: u64) {
        self.actors.iter_mut().for_each(|actor| actor.ledger.faults.push(kind));
        match kind {
            Kind::NoncesForgotten => self.ca.forget_nonces(),
            Kind::OrdersForgotten => self.ca.forget_orders(),
            Kind::AccountsForgotten => self.ca.forget_accounts(),
            Kind::LimitedForAWhile => {
                let long = 1_000 + self.faults.draw(91, 0, count, 60_000);
                self.limited = (self.now + long, self.faults.draw(92, 0, count, 2) == 0);
            }
            Kind::ClockStep => {
                let step = self.faults.draw(93, 0, count, 7_200_000) as i64;
                self.skews.iter_mut().for_each(|skew| *skew += step);
                (0..self.actors.len()).for_each(|actor| self.step(actor, None));
            }
            _ => self.crash(count),
        }
    }

    /// The process dies; another one takes over, with another clock.
    fn crash(&mut self, count: u64) {
        let dead = self.sessions.len() - 1;
        self.new_process();
        self.skews[dead + 1] = self.faults.draw(94, 0, count, 7_200_000) as i64 - 3_600_000;
        for index in 0..self.actors.len() {
            if self.actors[index].task.is_some() && self.actors[index].session == dead {
                self.kill(index);
            }
        }
    }

    /// Drops a flow; it goes on in the newest process, if it can.
    pub(super) fn kill(&mut self, index: usize) {
        let actor = &mut self.actors[index];
        let Some(task) = actor.task.take() else { return };
        actor.end_life();
        if let Task::Issuance(flow) = &task {
            let stored = actor.stored.as_ref().and_then(Snapshot::order_url);
            let is_unknown = flow.order_url().is_some() && flow.order_url() != stored;
            actor.ledger.lost_orders += usize::from(is_unknown);
            if actor.stored.is_none() {
                actor.ledger.restarts += 1;
                let own = self.published.iter().filter(|(_, users)| users.contains_key(&index));
                let own: Vec<String> = own.map(|(url, _)| url.clone()).collect();
                self.actors[index].ledger.left_behind.extend(own);
            }
        }
        let delay = self.faults.draw(95, index, self.actors[index].life.into(), 20_000);
        self.after(delay, Due::Begin(index));
    }

    pub(super) fn new_process(&mut self) {
        let number = self.sessions.len() as u64;
        let url = format!("{BASE}/directory").parse().expect("a URL");
        let mut session = Session::new(url, self.faults.draw(96, 0, number, u64::MAX))
            .with_account_key(self.all.key(self.disk.key).clone())
            .with_policy(self.policy.clone());
        if let Some(account) = &self.disk.account {
            session = session.with_account_url(account.clone());
        }
        if let Some(intent) = &self.disk.intent {
            session = session.with_new_account_key(intent.new_account_key().clone());
        }
        self.sessions.push(session);
        self.skews.push(self.skews.last().copied().unwrap_or_default());
    }

    fn begin(&mut self, index: usize) {
        let newest = self.sessions.len() - 1;
        let intent = self.disk.intent.clone();
        let actor = &mut self.actors[index];
        if actor.task.is_some() {
            return;
        }
        let task = match actor.role {
            Role::Wish { names, durable } => {
                let flow = match &actor.stored {
                    Some(snapshot) => Issuance::resume(read_back(snapshot)),
                    None => {
                        let wanted = self.all.wanted(index, names);
                        Issuance::new(wanted.identifiers.iter().cloned()).expect("names")
                    }
                };
                let flow = flow.with_solver_kinds([ChallengeKind::Http01, ChallengeKind::Dns01]);
                Task::Issuance(Box::new(if durable { flow.durable() } else { flow }))
            }
            Role::Register => Task::Register(Box::new(Register::new())),
            Role::Rollover => Task::Rollover(Box::new(match intent {
                Some(intent) => Rollover::resume(intent),
                None => Rollover::new(self.all.key(KEYS[1]).clone()),
            })),
            Role::Probe => Task::Probe(Box::new(Call::new(GetAccount))),
        };
        actor.session = newest;
        actor.began = self.now;
        actor.task = Some(task);
        self.note(|| format!("{index} begins"));
        self.step(index, None);
    }

    /// Hands an input to a flow, and takes its outputs.
    pub(super) fn step(&mut self, index: usize, input: Option<Input>) {
        let Some(mut task) = self.actors[index].task.take() else { return };
        let is_over = match &mut task {
            Task::Issuance(flow) => self.drive(index, &mut **flow, input).map(|result| {
                self.note(|| format!("{index} ends: {result:?}"));
                check::issued(self, index, result);
            }),
            Task::Register(flow) => self
                .drive(index, &mut **flow, input)
                .map(|result| self.registered(index, result.map(|entry| entry.url().clone()))),
            Task::Rollover(flow) => self
                .drive(index, &mut **flow, input)
                .map(|result| self.rolled_over(index, result.map(|key| key == *self.all.key(2)))),
            Task::Probe(flow) => self.drive(index, &mut **flow, input).map(|result| {
                self.actors[index].outcome = Some(result.is_ok());
                if let Err(error) = result {
                    self.violated(format!("the account is locked out: {error}"));
                }
            }),
        };
        if is_over.is_none() {
            self.actors[index].task = Some(task);
        }
    }

    fn drive<F: Flow>(
        &mut self,
        index: usize,
        flow: &mut F,
        input: Option<Input>,
    ) -> Option<Result<F::Success, Error>>
    where
        F::Event: Into<Question>,
    {
        let (session, now) = (self.actors[index].session, self.seen(index));
        if let Some(input) = input
            && let Err(misuse) = flow.handle_input(&mut self.sessions[session], input, now)
        {
            self.violated(format!("an input was refused: {misuse}"));
        }
        for _ in 0..1_000 {
            match flow.poll_output(&mut self.sessions[session], now) {
                Output::Transmit(transmit) => self.send(index, transmit),
                Output::Sign(request) => {
                    let input = self.sign(index, &request);
                    if let Err(misuse) = flow.handle_input(&mut self.sessions[session], input, now)
                    {
                        self.violated(format!("a signature was refused: {misuse}"));
                    }
                }
                Output::Save(save) => {
                    if core::mem::replace(&mut self.actors[index].is_saving, true) {
                        self.violated("two snapshots are stored at once".into());
                    }
                    self.ask(index, Question::Save(save));
                }
                Output::Event(event) => self.ask(index, event.into()),
                Output::Notice(notice) => check::notice(self, index, &notice, now),
                Output::Timeout(at) => {
                    self.rest(index, now, at);
                    return None;
                }
                Output::Done(result) => return Some(result),
            }
            if self.violation.is_some() {
                return None;
            }
        }
        self.violated("a thousand outputs without a pause".into());
        None
    }

    /// A flow waits.
    fn rest(&mut self, index: usize, now: Timestamp, at: Timestamp) {
        self.actors[index].stamp += 1;
        let stamp = self.actors[index].stamp;
        if at <= now {
            return self.violated("a wake-up that does not lie ahead".into());
        }
        let wait = at.saturating_duration_since(now);
        check::rest(self, index, wait);
        let millis = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX / 2);
        self.after(millis.min(1 << 40), Due::Wake(index, stamp));
    }

    /// Signs nothing: the first octet names the key.
    fn sign(&mut self, index: usize, request: &SignRequest) -> Input {
        use acme_proto::flow::KeyRole;
        let count = self.actors[index].sent;
        if self.strikes(Kind::NotSigned, index, count) {
            return Input::SignFailed(request.id, SignFailed::Failed("no device".into()));
        }
        let (KeyRole::Account(thumbprint) | KeyRole::NewAccount(thumbprint)) = &request.key else {
            return Input::SignFailed(request.id, SignFailed::UnknownKey);
        };
        let SignatureAlgorithm::Jws(algorithm) = request.algorithm else {
            return Input::SignFailed(request.id, SignFailed::UnsupportedAlgorithm);
        };
        let byte = self.all.by_thumbprint(thumbprint).unwrap_or_default();
        let signature = Signature::from_bytes(algorithm, &[byte; 64]).expect("64 octets");
        Input::Signature(request.id, signature)
    }

    fn registered(&mut self, index: usize, result: Result<Url, Error>) {
        self.note(|| format!("registration ends: {result:?}"));
        let actor = &mut self.actors[index];
        actor.end_life();
        match result {
            Ok(url) => {
                self.disk.account = Some(url);
                actor.outcome = Some(true);
                self.begin_others();
            }
            Err(error) if actor.resumes < 5 => {
                actor.resumes += 1;
                *self.errors.entry(check::name(&error)).or_default() += 1;
                self.after(1_000, Due::Begin(index));
            }
            Err(_) => {
                actor.outcome = Some(false);
            }
        }
    }

    fn rolled_over(&mut self, index: usize, result: Result<bool, Error>) {
        self.note(|| format!("rollover ends: {result:?}"));
        self.actors[index].end_life();
        self.actors[index].outcome = Some(result.is_ok());
        match result {
            Ok(is_new) => {
                self.disk.key = KEYS[usize::from(is_new)];
                self.disk.intent = None;
            }
            Err(error) => *self.errors.entry(check::name(&error)).or_default() += 1,
        }
    }

    /// Nothing is left to happen; returns whether the run is over.
    fn finish(&mut self) -> bool {
        let has_probed = self.actors.last().is_some_and(|actor| actor.role == Role::Probe);
        check::ended(self);
        if has_probed || self.ca.accounts.is_empty() || self.violation.is_some() {
            return true;
        }
        self.faults.over = true;
        self.limited = (0, false);
        self.new_process();
        self.actors.push(Actor::new(Role::Probe));
        self.after(0, Due::Begin(self.actors.len() - 1));
        false
    }

    /// Returns the time as a flow sees it.
    pub(super) fn seen(&self, index: usize) -> Timestamp {
        let skew = self.skews[self.actors[index].session];
        Timestamp::from_unix_millis(BEGINNING + self.now as i64 + skew)
    }

    pub(super) fn after(&mut self, millis: u64, due: Due) {
        self.sequence += 1;
        self.queue.insert((self.now + millis, self.sequence), due);
    }

    /// Returns whether a fault strikes an actor, whose ledger then has it.
    pub(super) fn strikes(&mut self, kind: Kind, index: usize, count: u64) -> bool {
        let strikes = self.faults.strikes(kind, index, count);
        if strikes {
            self.note(|| format!("{index}: {kind:?}"));
            self.actors[index].ledger.faults.push(kind);
        }
        strikes
    }

    pub(super) fn violated(&mut self, what: String) {
        self.note(|| format!("VIOLATED: {what}"));
        self.violation.get_or_insert(what);
    }

    /// Keeps a line for a person.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9} {}", self.now, line()));
        }
    }
}

/// Stores a snapshot as text and reads it, as another process does.
fn read_back(snapshot: &Snapshot) -> Snapshot {
    let text = serde_json::to_string(snapshot).expect("JSON");
    serde_json::from_str(&text).expect("a snapshot")
}
