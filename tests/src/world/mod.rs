//! A network in virtual time: the sans-IO test CA at one end, flows of `acme-proto` at the other, and between them
//! latency and faults from a seed. No I/O, no clock, no sleep: thousands of issuances a second, each repeatable.
//!
//! This is also the *raw* driver of the scenario suite: a driver that does several things at once, without a runtime.

mod ca;
mod faults;
mod publish;
mod solver;

use std::collections::{BTreeMap, BTreeSet};

use acme_proto::flow::{Flow, Input, Lost, Output, RequestId, SignFailed, SignRequest};
use acme_proto::flow::{SignatureAlgorithm, Transmit};
use acme_proto::http::Response;
use acme_proto::issuance::IssuanceEvent;
use acme_proto::jose::{MacKey, Signature};
use acme_proto::notice::Notice;
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_proto::signer::Ed25519Key;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_testca::{Ca, CaConfig};

use crate::error_chain;

pub use ca::Exchange;
pub(crate) use ca::nonce;
pub use faults::{FaultPlan, Rng};
pub use solver::{SolverPlan, csr, issuance, issue, issue_with};

/// A CA, a network and a clock.
pub struct World {
    /// The CA.
    pub ca: Ca,
    /// The account key, which signs everything that names the account.
    pub account_key: Ed25519Key,
    /// A second key, for key changes and revocations.
    pub other_key: Ed25519Key,
    /// The MAC keys of external accounts, by `kid`.
    pub mac_keys: BTreeMap<String, MacKey>,
    /// What goes wrong on the way.
    pub faults: FaultPlan,
    /// Every exchange that reached the CA, in order.
    pub transcript: Vec<Exchange>,
    /// Every notice of every flow.
    pub notices: Vec<Notice>,
    /// What is published for the CA to find: token to key authorization.
    pub published: BTreeMap<String, String>,
    /// The TXT records of dns-account-01 and dns-persist-01: name to values.
    pub txt: BTreeMap<String, Vec<String>>,
    /// What was asked of the users of issuances, with the time in Unix milliseconds.
    pub events: Vec<(u64, IssuanceEvent)>,
    /// Every snapshot that was stored, in order.
    pub snapshots: Vec<Snapshot>,
    /// When the process dies.
    pub kill: Option<Kill>,
    /// The largest number of requests that were under way at once.
    pub max_in_flight: usize,
    pub(crate) rng: Rng,
    now: u64,
    sequence: u64,
    in_flight: usize,
    nonces: BTreeSet<String>,
}

/// When the world begins, in Unix milliseconds.
const BEGINNING: u64 = 1_790_000_000_000;

/// How many things may happen before a run counts as stuck.
const MOST_STEPS: usize = 200_000;

/// The death of the process that drives the flows: they are dropped without a word.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// After so many more outputs.
    pub outputs: usize,
    /// Whether the requests that are under way still reach the CA.
    pub requests_arrive: bool,
}

/// Something that will happen to the flow of that index.
pub enum Due<F: Flow> {
    /// A request reaches the CA.
    Arrive(Transmit),
    /// An answer reaches the flow.
    Answer(RequestId, Response),
    /// The flow learns that there will be no answer.
    Lost(RequestId, Lost),
    /// The flow's user does something.
    Act(Act<F>),
}

/// Something that the user of a flow does later.
type Act<F> = Box<dyn FnOnce(&mut F, &mut Session)>;

/// What will happen, by time and sequence, each to the flow of an index.
pub type Schedule<F> = BTreeMap<(u64, u64), (usize, Due<F>)>;

impl World {
    /// Creates a world without faults; `seed` sets everything that is random in it.
    pub fn new(config: CaConfig, seed: u64) -> Self {
        let mut config = config;
        config.seed = seed;
        let key = |byte| Ed25519Key::from_scalar(&[byte; 32]).expect("32 octets are a key");
        Self {
            ca: Ca::new(config, BEGINNING).expect("a CA can be made"),
            account_key: key(1),
            other_key: key(2),
            mac_keys: BTreeMap::new(),
            faults: FaultPlan::none(),
            transcript: Vec::new(),
            notices: Vec::new(),
            published: BTreeMap::new(),
            txt: BTreeMap::new(),
            events: Vec::new(),
            snapshots: Vec::new(),
            kill: None,
            max_in_flight: 0,
            rng: Rng::new(seed),
            now: BEGINNING,
            sequence: 0,
            in_flight: 0,
            nonces: BTreeSet::new(),
        }
    }

    /// Returns a session for the CA, without an account URL.
    pub fn session(&self) -> Session {
        let directory = self.ca.directory_url().parse().expect("the CA has a URL");
        Session::new(directory, 7).with_account_key(self.account_key.public_key())
    }

    /// Registers the account key and returns the session.
    ///
    /// # Panics
    /// If the CA gives no account.
    pub fn registered(&mut self) -> Session {
        let mut session = self.session();
        let flow = Register::new();
        let entry = self.run(&mut session, flow, |flow, _, event| match event {
            RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
            other => panic!("{other:?}"),
        });
        entry.expect("an account");
        session
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now as i64)
    }

    /// Lets time pass.
    pub fn pass(&mut self, millis: u64) {
        self.now += millis;
    }

    /// Returns the transcript, one line for each exchange.
    pub fn lines(&self) -> Vec<String> {
        self.transcript.iter().map(ToString::to_string).collect()
    }

    /// Runs one flow to its end; `on_event` answers its events at once.
    ///
    /// # Errors
    /// The flow's own.
    pub fn run<F: Flow>(
        &mut self,
        session: &mut Session,
        flow: F,
        mut on_event: impl FnMut(&mut F, &mut Session, F::Event),
    ) -> Result<F::Success, acme_proto::error::Error> {
        let mut results = self.run_all(session, vec![flow], |_, _, _, flow, session, event| {
            on_event(flow, session, event);
        });
        results.pop().expect("one flow has one result")
    }

    /// Runs flows of one session side by side to their ends, or until the process is [killed](Self::kill): flows that
    /// have not ended by then have no result.
    ///
    /// # Panics
    /// If a flow breaks the contract of the core: a wake-up that does not lie ahead, a nonce used twice, a run that does
    /// not end.
    pub fn run_all<F: Flow>(
        &mut self,
        session: &mut Session,
        flows: Vec<F>,
        mut on_event: impl FnMut(&mut Self, &mut Schedule<F>, usize, &mut F, &mut Session, F::Event),
    ) -> Vec<Result<F::Success, acme_proto::error::Error>> {
        let mut results: Vec<_> = flows.iter().map(|_| None).collect();
        let mut wakes: Vec<Option<u64>> = flows.iter().map(|_| Some(self.now)).collect();
        let mut flows = flows;
        let mut schedule = Schedule::new();
        for _ in 0..MOST_STEPS {
            for (index, flow) in flows.iter_mut().enumerate() {
                let awake = wakes[index].is_some_and(|at| at <= self.now);
                if !awake || results[index].is_some() {
                    continue;
                }
                wakes[index] = loop {
                    if self.is_killed() {
                        self.bury(schedule);
                        return results.into_iter().flatten().collect();
                    }
                    match flow.poll_output(session, self.now()) {
                        Output::Transmit(transmit) => self.send(&mut schedule, index, transmit),
                        Output::Sign(request) => {
                            let input = Input::signed(request.id, self.sign(&request));
                            flow.handle_input(session, input, self.now()).expect("a known id");
                        }
                        Output::Save(save) => {
                            self.snapshots.push(save.snapshot);
                            let input = Input::Saved(save.id);
                            flow.handle_input(session, input, self.now()).expect("a known id");
                        }
                        Output::Event(event) => {
                            on_event(self, &mut schedule, index, flow, session, event);
                        }
                        Output::Notice(notice) => self.notices.push(notice),
                        Output::Timeout(at) => break Some(self.wake(at)),
                        Output::Done(result) => {
                            results[index] = Some(error_chain::checked(result));
                            break None;
                        }
                    }
                };
            }
            if results.iter().all(Option::is_some) {
                return results.into_iter().flatten().collect();
            }
            self.wait(&wakes, &schedule);
            while let Some(entry) = schedule.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let (index, due) = entry.remove();
                self.happen(&mut schedule, index, due, &mut flows[index], session);
                if results[index].is_none() {
                    wakes[index] = Some(self.now);
                }
            }
        }
        panic!(
            "the flows do not come to an end: {:?}",
            self.lines().iter().rev().take(20).collect::<Vec<_>>()
        );
    }

    /// Lets time pass until something happens.
    fn wait<F: Flow>(&mut self, wakes: &[Option<u64>], schedule: &Schedule<F>) {
        let next_wake = wakes.iter().flatten().copied().min().unwrap_or(u64::MAX);
        let next_due = schedule.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
        assert!(next_wake.min(next_due) < u64::MAX, "every flow waits for nothing");
        self.now = self.now.max(next_wake.min(next_due));
    }

    /// Counts an output, and says whether the process is dead.
    fn is_killed(&mut self) -> bool {
        let Some(kill) = &mut self.kill else { return false };
        kill.outputs = kill.outputs.saturating_sub(1);
        kill.outputs == 0
    }

    /// Does what happens without the process: requests that are under way may still arrive.
    fn bury<F: Flow>(&mut self, schedule: Schedule<F>) {
        let arrive = self.kill.take().is_some_and(|kill| kill.requests_arrive);
        for (_, due) in schedule.into_values() {
            if let Due::Arrive(transmit) = due
                && arrive
            {
                self.exchange(&transmit);
            }
        }
        self.in_flight = 0;
    }

    /// Checks the contract of `Timeout`, and rounds up to the world's milliseconds.
    fn wake(&self, at: Timestamp) -> u64 {
        assert!(at > self.now(), "a wake-up that does not lie ahead");
        let millis = at.saturating_duration_since(Timestamp::UNIX_EPOCH).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX - 1).max(self.now + 1)
    }

    /// Puts something on the schedule, `after` milliseconds from now.
    pub fn schedule<F: Flow>(
        &mut self,
        schedule: &mut Schedule<F>,
        after: u64,
        index: usize,
        due: Due<F>,
    ) {
        self.sequence += 1;
        schedule.insert((self.now + after, self.sequence), (index, due));
    }

    fn send<F: Flow>(&mut self, schedule: &mut Schedule<F>, index: usize, transmit: Transmit) {
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
        let latency = self.faults.latency(&mut self.rng);
        if self.faults.loses_request(&mut self.rng) {
            let limit = transmit.time_limit.as_millis() as u64;
            let lost = Due::Lost(transmit.id, Lost::TimedOut);
            self.schedule(schedule, limit.max(1), index, lost);
        } else {
            self.schedule(schedule, latency, index, Due::Arrive(transmit));
        }
    }

    fn happen<F: Flow>(
        &mut self,
        schedule: &mut Schedule<F>,
        index: usize,
        due: Due<F>,
        flow: &mut F,
        session: &mut Session,
    ) {
        match due {
            Due::Arrive(transmit) => {
                self.check_nonce(&transmit);
                let id = transmit.id;
                let answer = self.exchange(&transmit);
                if answer.as_ref().is_some_and(is_from_a_proxy)
                    && let Some(nonce) = nonce(&transmit.request)
                {
                    // The CA never saw it.
                    self.nonces.remove(&nonce);
                }
                let latency = self.faults.latency(&mut self.rng);
                let due = match answer {
                    Some(response) if !self.faults.loses_answer(&mut self.rng) => {
                        Due::Answer(id, response)
                    }
                    _ => Due::Lost(id, Lost::NoResponse("the connection was closed".into())),
                };
                self.schedule(schedule, latency, index, due);
            }
            Due::Answer(id, response) => {
                self.in_flight -= 1;
                let input = Input::Response(id, response);
                flow.handle_input(session, input, self.now()).expect("a known id");
            }
            Due::Lost(id, lost) => {
                self.in_flight -= 1;
                let input = Input::Lost(id, lost);
                flow.handle_input(session, input, self.now()).expect("a known id");
            }
            Due::Act(act) => act(flow, session),
        }
    }

    /// A nonce goes out once, whatever becomes of the request (8555-6.5-2).
    fn check_nonce(&mut self, transmit: &Transmit) {
        if let Some(nonce) = nonce(&transmit.request) {
            assert!(self.nonces.insert(nonce), "a nonce was used twice");
        }
    }

    /// Signs as a driver would: by the key that the request names.
    ///
    /// # Errors
    /// [`SignFailed::UnknownKey`] for a key that this world does not have.
    pub fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        use acme_proto::flow::KeyRole;
        if let (KeyRole::ExternalAccount(kid), SignatureAlgorithm::Mac(algorithm)) =
            (&request.key, request.algorithm)
        {
            let key = self.mac_keys.get(kid).ok_or(SignFailed::UnknownKey)?;
            return Ok(Signature::from_mac(key.sign(algorithm, &request.message)));
        }
        let (KeyRole::Account(named) | KeyRole::NewAccount(named) | KeyRole::Certificate(named)) =
            &request.key
        else {
            return Err(SignFailed::UnknownKey);
        };
        [&self.account_key, &self.other_key]
            .into_iter()
            .find(|key| key.public_key().thumbprint() == *named)
            .map(|key| key.sign(&request.message))
            .ok_or(SignFailed::UnknownKey)
    }
}

/// Returns whether something in front of the CA refused the request.
fn is_from_a_proxy(response: &Response) -> bool {
    matches!(response.status(), 429 | 503) && response.headers().first("replay-nonce").is_none()
}
