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
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::time::Timestamp;
use acme_proto::x509::{Csr, CsrBuilder};

/// What an order of many names is made with.
#[derive(Clone, Copy, Debug)]
pub struct ManyNames {
    /// How many names it has.
    pub names: usize,
    /// Whether it saves snapshots.
    pub durable: bool,
    /// How many requests may be in flight.
    pub width: usize,
}

impl ManyNames {
    /// An order of `names` names that saves nothing, 16 requests wide.
    pub const fn new(names: usize) -> Self {
        Self { names, durable: false, width: 16 }
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
    /// Snapshots that were stored.
    pub saves: usize,
    /// The challenges in all those snapshots.
    pub saved_challenges: usize,
    /// The octets of all those snapshots, as JSON.
    pub saved_octets: usize,
    /// The time spent inside the core.
    pub core: Duration,
}

const BASE: &str = "https://ca.test";
const BEGINNING: i64 = 1_790_000_000_000;

/// A CA for one order: each challenge is valid when it is answered.
pub struct Server {
    order: ManyNames,
    identifiers: Vec<Identifier>,
    key: Ed25519Key,
    csr: Csr,
    chain: String,
    /// The members of the order that never change.
    members: String,
    proved: Vec<bool>,
    unproved: usize,
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
            key: Ed25519Key::from_scalar(&[1; 32]).expect("32 octets are a key"),
            chain,
            members,
            proved: vec![false; order.names],
            unproved: order.names,
            finalized: false,
            nonces: 0,
            cost: Cost::default(),
        }
    }

    fn session(&self) -> Session {
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
        let issued = self.drive(&mut session, &mut flow);
        assert_eq!(issued.chain().leaf().dns_names().len(), self.order.names);
        self.cost
    }

    #[inline(never)] // so that a profiler finds it
    fn drive(&mut self, session: &mut Session, flow: &mut Issuance) -> Issued {
        let mut now = Timestamp::from_unix_millis(BEGINNING);
        let mut in_flight: VecDeque<Transmit> = VecDeque::new();
        loop {
            let start = Instant::now();
            let output = flow.poll_output(session, now);
            self.cost.core += start.elapsed();
            let input = match output {
                Output::Transmit(transmit) => {
                    self.cost.requests += 1;
                    in_flight.push_back(transmit);
                    continue;
                }
                Output::Sign(request) => Input::Signature(request.id, sign(&request)),
                Output::Save(save) => {
                    self.cost.saves += 1;
                    self.cost.saved_challenges += save.snapshot.challenges().len();
                    let start = Instant::now();
                    let octets = serde_json::to_vec(&save.snapshot).expect("JSON").len();
                    self.cost.core += start.elapsed();
                    self.cost.saved_octets += octets;
                    Input::Saved(save.id)
                }
                Output::Event(event) => {
                    self.cost.commands += 1;
                    let start = Instant::now();
                    self.oblige(session, flow, event);
                    self.cost.core += start.elapsed();
                    continue;
                }
                Output::Notice(_) => continue,
                Output::Timeout(at) => match in_flight.pop_front() {
                    Some(transmit) => {
                        now = now.saturating_add(Duration::from_millis(1));
                        Input::Response(transmit.id, self.respond(&transmit))
                    }
                    None => {
                        now = at.expect("the flow waits for something");
                        continue;
                    }
                },
                Output::Done(result) => return result.expect("a certificate"),
            };
            self.cost.inputs += 1;
            let start = Instant::now();
            flow.handle_input(session, input, now).expect("a known id");
            self.cost.core += start.elapsed();
        }
    }

    fn oblige(&self, session: &Session, flow: &mut Issuance, event: IssuanceEvent) {
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
                self.unproved -= usize::from(!core::mem::replace(&mut self.proved[n], true));
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

/// Signs nothing: the server does not look.
fn sign(request: &SignRequest) -> Signature {
    match request.algorithm {
        SignatureAlgorithm::Jws(algorithm) => {
            Signature::from_bytes(algorithm, &[7; 64]).expect("64 octets")
        }
        _ => Signature::from_mac(vec![7; 32]),
    }
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
