//! One order of many names against a server that costs next to nothing, to measure what the core costs.
//!
//! No I/O, no clock, no signatures: the server answers from strings that are ready or cheap to format, and its own work
//! is linear in the names. So are the flow's inputs: each answer is handed in alone, and the flow drained after it, as a
//! driver on a real network would do.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use acme_proto::flow::{Flow, Input, Output, SignRequest, SignatureAlgorithm, Transmit};
use acme_proto::http::Response;
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Issuance, IssuanceEvent, Issued};
use acme_proto::jose::Signature;
use acme_proto::policy::{Policy, Rates};
use acme_proto::session::Session;
use acme_proto::signer::Es256Key;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::x509::{Csr, CsrBuilder};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::counting::{Counts, counts};

/// What an order of many names is made with.
#[derive(Clone, Copy, Debug)]
pub struct ManyNames {
    /// How many names it has.
    pub names: usize,
    /// Whether it saves snapshots.
    pub durable: bool,
    /// How many requests may be in flight.
    pub width: usize,
    /// Whether its requests are signed, which costs more than all else.
    pub signed: bool,
}

impl ManyNames {
    /// An order of `names` names that saves nothing, 16 requests wide, with signatures that are none.
    pub const fn new(names: usize) -> Self {
        Self { names, durable: false, width: 16, signed: false }
    }

    /// Prepares the server, and runs the order.
    ///
    /// # Panics
    /// If no certificate is issued.
    pub fn run(self) -> Cost {
        Server::new(self).issue()
    }

    /// Prepares the server only: the part of a measurement that is not the core's.
    pub fn prepare(self) -> Server {
        Server::new(self)
    }
}

/// What an order took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Inputs of the flow: answers, signatures, words of the store.
    pub inputs: usize,
    /// Commands of its user.
    pub commands: usize,
    /// HTTP requests.
    pub requests: usize,
    /// Those of them that are signed.
    pub signatures: usize,
    /// Snapshots that were stored.
    pub saves: usize,
    /// The challenges in all those snapshots.
    pub saved_challenges: usize,
    /// The octets of all those snapshots, as JSON.
    pub saved_octets: usize,
    /// Those of the longest.
    pub longest_snapshot: usize,
    /// The time spent inside the core.
    pub core: Duration,
    /// The allocations made there, if the program counts them.
    pub allocations: u64,
    /// The octets of these.
    pub allocated: u64,
}

/// Where a measurement of the core begins.
struct Start {
    at: Instant,
    counts: Counts,
}

impl Start {
    fn now() -> Self {
        Self { at: Instant::now(), counts: counts() }
    }
}

impl Cost {
    fn add(&mut self, start: &Start) {
        self.core += start.at.elapsed();
        let now = counts();
        self.allocations += now.allocations - start.counts.allocations;
        self.allocated += now.octets - start.counts.octets;
    }
}

const BASE: &str = "https://ca.test";
const CHALLENGES: &str = "https://ca.test/c/";
const BEGINNING: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

/// A flow that has nothing to do before a time.
#[derive(Debug)]
pub struct Waiting {
    flow: Issuance,
    until: Timestamp,
}

enum Progress {
    Issued(Issued),
    Waits(Timestamp),
}

/// A CA for one order: each challenge is valid as soon as a response to it arrives.
pub struct Server {
    order: ManyNames,
    identifiers: Vec<Identifier>,
    key: Es256Key,
    signer: EcdsaKeyPair,
    random: SystemRandom,
    csr: Csr,
    chain: String,
    /// The members of the order that never change.
    members: String,
    proved: Vec<bool>,
    unproved: usize,
    /// Whether validations never end.
    stalls: bool,
    /// The longest snapshot that was stored.
    snapshot: Option<Snapshot>,
    finalized: bool,
    nonces: u64,
    cost: Cost,
}

impl Server {
    fn new(order: ManyNames) -> Self {
        let names: Vec<String> = (0..order.names).map(|n| format!("n{n}.example")).collect();
        let identifiers: Vec<Identifier> =
            names.iter().map(|name| name.parse().expect("a name")).collect();
        let key = rcgen::KeyPair::generate().expect("a key");
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let account = rcgen::KeyPair::generate().expect("a key");
        let signer = EcdsaKeyPair::from_pkcs8(kind, account.serialized_der(), &random);
        let chain = certificate(&key, names.clone());
        let objects: Vec<String> =
            names.iter().map(|name| format!(r#"{{"type":"dns","value":"{name}"}}"#)).collect();
        let urls: Vec<String> = (0..order.names).map(|n| format!(r#""{BASE}/z/{n}""#)).collect();
        let members = format!(
            r#""expires":"2030-01-01T00:00:00Z","finalize":"{BASE}/finalize","identifiers":[{}],"authorizations":[{}]"#,
            objects.join(","),
            urls.join(",")
        );
        Self {
            order,
            csr: request(&key, &identifiers),
            identifiers,
            key: Es256Key::from_pkcs8_der(account.serialized_der()).expect("a key of P-256"),
            signer: signer.expect("a key of P-256"),
            random,
            chain,
            members,
            proved: vec![false; order.names],
            unproved: order.names,
            stalls: false,
            snapshot: None,
            finalized: false,
            nonces: 0,
            cost: Cost::default(),
        }
    }

    /// Returns a session in which its orders are made.
    pub fn session(&self) -> Session {
        let url = |path: &str| format!("{BASE}{path}").parse().expect("a URL");
        let mut policy = Policy::default();
        policy.rates = Rates::unlimited();
        policy.max_in_flight = self.order.width;
        policy.max_nonces = policy.max_nonces.max(self.order.width);
        policy.body_limit = 16 << 20;
        policy.max_identifiers = policy.max_identifiers.max(self.order.names);
        Session::new(url("/directory"), 7)
            .with_account_key(self.key.public_key())
            .with_account_url(url("/account"))
            .with_policy(policy)
    }

    /// Runs the order.
    ///
    /// # Panics
    /// If no certificate is issued.
    pub fn issue(mut self) -> Cost {
        let mut session = self.session();
        let mut flow = Issuance::new(self.identifiers.clone()).expect("names");
        if self.order.durable {
            flow = flow.durable();
        }
        let issued = self.finish(&mut session, &mut flow);
        assert_eq!(issued.chain().leaf().dns_names().len(), self.order.names);
        self.cost
    }

    /// Runs the order, which is durable, and returns the longest of its snapshots.
    ///
    /// # Panics
    /// If no certificate is issued, or nothing is saved.
    pub fn snapshot(mut self) -> Snapshot {
        let mut session = self.session();
        let mut flow = Issuance::new(self.identifiers.clone()).expect("names").durable();
        self.finish(&mut session, &mut flow);
        self.snapshot.expect("a durable order saves")
    }

    fn finish(&mut self, session: &mut Session, flow: &mut Issuance) -> Issued {
        match self.drive(session, flow, BEGINNING) {
            Progress::Issued(issued) => issued,
            Progress::Waits(_) => panic!("no validation stalls"),
        }
    }

    /// Starts an order whose validations never end, and returns its flow when it has nothing left to do but to wait.
    ///
    /// # Panics
    /// If it does not come to that.
    pub fn wait(&mut self, session: &mut Session) -> Waiting {
        self.stalls = true;
        let flow = Issuance::new(self.identifiers.clone()).expect("names");
        let mut waiting = Waiting { flow, until: BEGINNING };
        self.step(session, &mut waiting);
        waiting
    }

    /// Lets a flow that waits look once whether its validation is over, and adds what that takes to the cost.
    ///
    /// # Panics
    /// If it does not wait again.
    pub fn step(&mut self, session: &mut Session, waiting: &mut Waiting) {
        match self.drive(session, &mut waiting.flow, waiting.until) {
            Progress::Waits(until) => waiting.until = until,
            Progress::Issued(_) => panic!("it waits"),
        }
    }

    /// Returns the cost so far, and starts again from none.
    pub fn take_cost(&mut self) -> Cost {
        core::mem::take(&mut self.cost)
    }

    fn drive(
        &mut self,
        session: &mut Session,
        flow: &mut Issuance,
        mut now: Timestamp,
    ) -> Progress {
        let mut in_flight: VecDeque<Transmit> = VecDeque::new();
        let mut is_validating = now > BEGINNING;
        loop {
            let start = Start::now();
            let output = core_poll_output(flow, session, now);
            self.cost.add(&start);
            let input = match output {
                Output::Transmit(transmit) => {
                    self.cost.requests += 1;
                    in_flight.push_back(transmit);
                    continue;
                }
                Output::Sign(request) => Input::Signature(request.id, self.sign(&request)),
                Output::Save(save) => {
                    self.cost.saves += 1;
                    self.cost.saved_challenges += save.snapshot.challenges().len();
                    let start = Start::now();
                    let octets = serde_json::to_vec(&save.snapshot).expect("JSON").len();
                    self.cost.add(&start);
                    if octets > self.cost.longest_snapshot {
                        self.cost.longest_snapshot = octets;
                        self.snapshot = Some(save.snapshot);
                    }
                    self.cost.saved_octets += octets;
                    Input::Saved(save.id)
                }
                Output::Event(event) => {
                    self.cost.commands += 1;
                    let start = Start::now();
                    self.core_oblige(session, flow, event);
                    self.cost.add(&start);
                    continue;
                }
                Output::Notice(_) => continue,
                Output::Timeout(at) => match in_flight.pop_front() {
                    Some(transmit) => {
                        now = now.saturating_add(Duration::from_millis(1));
                        is_validating |= transmit.request.url().as_str().starts_with(CHALLENGES);
                        Input::Response(transmit.id, self.respond(&transmit))
                    }
                    None => {
                        now = at;
                        if self.stalls && is_validating {
                            return Progress::Waits(now);
                        }
                        continue;
                    }
                },
                Output::Done(result) => {
                    return Progress::Issued(result.expect("a certificate"));
                }
            };
            self.cost.inputs += 1;
            let start = Start::now();
            core_handle_input(flow, session, input, now);
            self.cost.add(&start);
        }
    }

    #[inline(never)] // counted by its name
    fn core_oblige(&self, session: &Session, flow: &mut Issuance, event: IssuanceEvent) {
        match event {
            IssuanceEvent::Authorize(offer) => {
                flow.select(session, &offer.id(), &offer.kinds()[0]).expect("the offer is open");
            }
            IssuanceEvent::Provision(challenge) => flow.ready(&challenge.id()).expect("handed out"),
            IssuanceEvent::CleanUp(challenge) => flow.cleaned(&challenge.id()).expect("handed out"),
            IssuanceEvent::Finalize(_) => flow.finalize(self.csr.clone()).expect("it fits"),
            other => panic!("{other:?}"),
        }
    }

    fn respond(&mut self, transmit: &Transmit) -> Response {
        let path = transmit.request.url().as_str().strip_prefix(BASE).expect("a URL of ours");
        let response = match path.trim_start_matches('/').split_once('/') {
            Some(("z", n)) => json(self.authorization(n.parse().expect("a number"))),
            Some(("c", n)) => {
                let n: usize = n.parse().expect("a number");
                if !self.stalls {
                    self.unproved -= usize::from(!core::mem::replace(&mut self.proved[n], true));
                }
                json(self.challenge(n))
            }
            None if path == "/directory" => json(directory()),
            None if path == "/newNonce" => Response::new(200),
            None if path == "/newOrder" => Response::new(201)
                .with_header("content-type", "application/json")
                .with_header("location", &format!("{BASE}/order"))
                .with_body(self.order_object()),
            None if path == "/order" => json(self.order_object()),
            None if path == "/finalize" => {
                self.finalized = true;
                json(self.order_object())
            }
            None if path == "/certificate" => Response::new(200)
                .with_header("content-type", "application/pem-certificate-chain")
                .with_body(self.chain.clone()),
            _ => panic!("{path}"),
        };
        self.nonces += 1;
        response.with_header("replay-nonce", &format!("nonce{}", self.nonces))
    }

    /// Signs, if the order is signed: the server does not look.
    fn sign(&mut self, request: &SignRequest) -> Signature {
        self.cost.signatures += 1;
        let SignatureAlgorithm::Jws(algorithm) = request.algorithm else {
            return Signature::from_mac(vec![7; 32]);
        };
        if !self.order.signed {
            return Signature::from_bytes(algorithm, &[7; 64]).expect("64 octets");
        }
        let signature = ring_sign(&self.signer, &self.random, &request.message);
        Signature::from_bytes(algorithm, signature.as_ref()).expect("64 octets")
    }

    fn order_object(&self) -> String {
        let status = match (self.finalized, self.unproved) {
            (true, _) => "valid",
            (false, 0) => "ready",
            _ => "pending",
        };
        let certificate =
            if self.finalized { r#","certificate":"https://ca.test/certificate""# } else { "" };
        format!(r#"{{"status":"{status}"{certificate},{}}}"#, self.members)
    }

    fn authorization(&self, n: usize) -> String {
        format!(
            r#"{{"status":"{}","expires":"2030-01-01T00:00:00Z","identifier":{{"type":"dns","value":"n{n}.example"}},"challenges":[{}]}}"#,
            self.status(n),
            self.challenge(n)
        )
    }

    fn challenge(&self, n: usize) -> String {
        format!(
            r#"{{"type":"http-01","status":"{}","url":"{BASE}/c/{n}","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-{n}"}}"#,
            self.status(n)
        )
    }

    fn status(&self, n: usize) -> &'static str {
        if self.proved[n] { "valid" } else { "pending" }
    }
}

fn json(body: String) -> Response {
    Response::new(200).with_header("content-type", "application/json").with_body(body)
}

fn directory() -> String {
    let entry = |name| (name, format!("{BASE}/{name}"));
    let entries: BTreeMap<_, _> =
        ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"].map(entry).into();
    serde_json::to_string(&entries).expect("JSON")
}

#[inline(never)] // counted by its name
fn core_poll_output(
    flow: &mut Issuance,
    session: &mut Session,
    now: Timestamp,
) -> Output<IssuanceEvent, Issued> {
    flow.poll_output(session, now)
}

#[inline(never)] // counted by its name
fn core_handle_input(flow: &mut Issuance, session: &mut Session, input: Input, now: Timestamp) {
    flow.handle_input(session, input, now).expect("a known id");
}

#[inline(never)] // counted by its name
fn ring_sign(key: &EcdsaKeyPair, random: &SystemRandom, message: &[u8]) -> impl AsRef<[u8]> {
    key.sign(random, message).expect("ring signs")
}

fn request(key: &rcgen::KeyPair, identifiers: &[Identifier]) -> Csr {
    let key = Es256Key::from_pkcs8_der(key.serialized_der()).expect("a key of P-256");
    let builder = CsrBuilder::new(&key.public_key(), identifiers);
    let signature = key.sign(&builder.to_be_signed());
    builder.finish(&signature).expect("a CSR")
}

fn certificate(key: &rcgen::KeyPair, names: Vec<String>) -> String {
    let params = rcgen::CertificateParams::new(names).expect("names");
    params.self_signed(key).expect("a certificate").pem()
}
