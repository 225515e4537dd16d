//! A server with canned responses by path, for what no CA sends, at the other end of one flow, in virtual time.
//!
//! It responds to requests in any order, and repeats the last response at a path; [`script`](crate::script) expects one
//! exchange after the other instead. Every exchange takes a millisecond. Directory, newNonce and nonces are there from
//! the start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, Lost, Output, Transmit};
use acme_proto::http::{Request, Response};
use acme_proto::issuance::{Issuance, IssuanceEvent, Issued};
use acme_proto::jose::base64url;
use acme_proto::notice::Notice;
use acme_proto::op::Operation;
use acme_proto::session::Session;
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_testca::CaConfig;
use serde_json::{Value, json};

use crate::error_chain;
use crate::world::{World, csr, issue};

/// A server of canned answers, and what it was asked.
pub struct CannedServer {
    /// The account key.
    pub key: Ed25519Key,
    /// A key of a certificate.
    pub certificate_key: Es256Key,
    /// Every request, in order.
    pub asked: Vec<Asked>,
    /// Every notice of the flows.
    pub notices: Vec<Notice>,
    /// The time limits of the requests.
    pub time_limits: Vec<core::time::Duration>,
    /// Every event of issuances.
    pub events: Vec<IssuanceEvent>,
    /// Every snapshot, in the order of the saves.
    pub snapshots: Vec<Snapshot>,
    /// How many snapshots can be stored; the next one cannot.
    pub room_for_snapshots: usize,
    /// How many requests it takes in any second, and what it sends to all others, without a nonce.
    pub limit: Option<(usize, Response)>,
    /// How many requests were beyond the limit.
    pub refused: usize,
    taken: VecDeque<Timestamp>,
    answers: BTreeMap<String, VecDeque<Option<Response>>>,
    nonces: u64,
    now: Timestamp,
}

/// A request that the server was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When, in milliseconds since the beginning.
    pub millis: u64,
    /// The path of the URL.
    pub path: String,
    /// The request.
    pub request: Request,
}

impl Asked {
    /// Returns the payload, as text; empty for POST-as-GET and for what is not signed.
    pub fn payload(&self) -> String {
        self.member("payload")
    }

    /// Returns the protected header.
    pub fn protected(&self) -> Value {
        serde_json::from_str(&self.member("protected")).unwrap_or_default()
    }

    fn member(&self, name: &str) -> String {
        let jws: Value = serde_json::from_slice(self.request.body()).unwrap_or_default();
        let text = jws.get(name).and_then(Value::as_str).unwrap_or_default();
        String::from_utf8(base64url::decode(text).unwrap_or_default()).unwrap_or_default()
    }
}

/// Where everything of the server is.
pub const BASE: &str = "https://ca.test";

/// When time begins, in Unix milliseconds.
const BEGINNING: i64 = 1_790_000_000_000;

/// How many outputs a flow may have before it counts as stuck.
const MOST_STEPS: usize = 20_000;

impl Default for CannedServer {
    fn default() -> Self {
        Self::new()
    }
}

impl CannedServer {
    /// Creates a server that knows its directory and nothing else.
    pub fn new() -> Self {
        let directory: serde_json::Map<String, Value> =
            ["newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange"]
                .into_iter()
                .map(|name| (name.to_owned(), json!(format!("{BASE}/{name}"))))
                .collect();
        let mut server = Self {
            key: Ed25519Key::from_scalar(&[1; 32]).expect("32 octets are a key"),
            certificate_key: Es256Key::from_scalar(&[3; 32]).expect("a scalar in range"),
            asked: Vec::new(),
            notices: Vec::new(),
            time_limits: Vec::new(),
            events: Vec::new(),
            snapshots: Vec::new(),
            room_for_snapshots: usize::MAX,
            limit: None,
            refused: 0,
            taken: VecDeque::new(),
            answers: BTreeMap::new(),
            nonces: 0,
            now: Timestamp::from_unix_millis(BEGINNING),
        };
        server.on("/directory", [object(&Value::Object(directory))]);
        server.on("/newNonce", [Response::new(200)]);
        server
    }

    /// Creates a server that issues to [`oblige`] for these names, and whose answers a test changes.
    ///
    /// # Panics
    /// If there is no certificate for the names.
    pub fn obliging(names: &[&str]) -> Self {
        let mut server = Self::new();
        server.on("/newOrder", [created(&order("pending", names))]);
        for (name, number) in names.iter().zip(1..) {
            let pending = authorization("pending", name, number);
            server.on(&format!("/authz/{number}"), [object(&pending)]);
            let answered = challenge("processing", "http-01", number);
            server.on(&format!("/challenge/{number}"), [object(&answered)]);
        }
        server.on("/order/1", [object(&order("ready", names))]);
        server.on("/finalize/1", [object(&order("valid", names))]);
        server.on("/cert/1", [certificate(&chain(names))]);
        server
    }

    /// Returns a session with an account.
    pub fn session(&self) -> Session {
        let url = |path: &str| format!("{BASE}{path}").parse().expect("a URL");
        Session::new(url("/directory"), 7)
            .with_account_key(self.key.public_key())
            .with_account_url(url("/account/1"))
    }

    /// Returns the time.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Sets the answers at a path, one after the other; the last one is repeated.
    pub fn on(&mut self, path: &str, answers: impl IntoIterator<Item = Response>) {
        self.answers.insert(path.to_owned(), answers.into_iter().map(Some).collect());
    }

    /// Loses the next answer at a path: those that were set follow.
    ///
    /// # Panics
    /// If there is no such path.
    pub fn lose(&mut self, path: &str) {
        self.answers.get_mut(path).expect("a path with answers").push_front(None);
    }

    /// Returns how many requests went to a path.
    pub fn count(&self, path: &str) -> usize {
        self.asked.iter().filter(|asked| asked.path == path).count()
    }

    /// Returns the requests to a path.
    pub fn at(&self, path: &str) -> Vec<&Asked> {
        self.asked.iter().filter(|asked| asked.path == path).collect()
    }

    /// Returns the paths of all requests, without those for nonces.
    pub fn paths(&self) -> Vec<&str> {
        self.asked.iter().map(|asked| &*asked.path).filter(|path| *path != "/newNonce").collect()
    }

    /// Returns every deviation that was noticed.
    pub fn deviations(&self) -> Vec<String> {
        let shown = |notice: &Notice| match notice {
            Notice::Deviation { deviation, .. } => Some(deviation.to_string()),
            _ => None,
        };
        self.notices.iter().filter_map(shown).collect()
    }

    /// Runs a single operation.
    ///
    /// # Errors
    /// The operation's own.
    pub fn call<O: Operation>(&mut self, operation: O) -> Result<O::Response, Error> {
        let mut session = self.session();
        self.run(&mut session, &mut Call::new(operation), |_, _, event| match event {})
    }

    /// Runs an issuance whose user chooses the first kind and obliges at once.
    ///
    /// # Errors
    /// The issuance's own.
    pub fn issue(&mut self, flow: Issuance) -> Result<Issued, Error> {
        let mut session = self.session();
        self.issue_in(&mut session, flow)
    }

    /// As [`issue`](Self::issue), in a session of the caller's.
    ///
    /// # Errors
    /// The issuance's own.
    pub fn issue_in(&mut self, session: &mut Session, flow: Issuance) -> Result<Issued, Error> {
        let mut flow = flow;
        let mut events = Vec::new();
        let result = self.run(session, &mut flow, |flow, session, event| {
            events.push(event.clone());
            oblige(flow, session, event);
        });
        self.events.extend(events);
        result
    }

    /// Runs a flow to its end.
    ///
    /// # Errors
    /// The flow's own.
    ///
    /// # Panics
    /// If the flow breaks its contract, does not come to an end, or asks for a path without responses.
    pub fn run<F: Flow>(
        &mut self,
        session: &mut Session,
        flow: &mut F,
        on_event: impl FnMut(&mut F, &mut Session, F::Event),
    ) -> Result<F::Success, Error> {
        let respond = |server: &mut Self, _: &mut Session, request| server.respond(request);
        self.run_between(session, flow, respond, on_event)
    }

    /// Runs a flow as [`run`](Self::run) does; `respond` stands between the flow and [`respond`](Self::respond), and may
    /// change what goes through it, or do something of its own meanwhile.
    ///
    /// # Errors
    /// The flow's own.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_between<F: Flow>(
        &mut self,
        session: &mut Session,
        flow: &mut F,
        mut respond: impl FnMut(&mut Self, &mut Session, Request) -> Option<Response>,
        mut on_event: impl FnMut(&mut F, &mut Session, F::Event),
    ) -> Result<F::Success, Error> {
        for _ in 0..MOST_STEPS {
            let input = match flow.poll_output(session, self.now) {
                Output::Transmit(Transmit { id, request, time_limit, body_limit, .. }) => {
                    self.time_limits.push(time_limit);
                    match respond(self, session, request) {
                        Some(response) => Input::Response(id, limited(response, body_limit)),
                        None => Input::Lost(id, Lost::NoResponse("closed".into())),
                    }
                }
                Output::Sign(request) => {
                    let by_certificate =
                        matches!(request.key, acme_proto::flow::KeyRole::Certificate(_));
                    let signature = if by_certificate {
                        self.certificate_key.sign(&request.message)
                    } else {
                        self.key.sign(&request.message)
                    };
                    Input::Signature(request.id, signature)
                }
                Output::Save(save) => {
                    self.snapshots.push(save.snapshot);
                    if self.snapshots.len() > self.room_for_snapshots {
                        Input::SaveFailed(save.id, "the disk is full".into())
                    } else {
                        Input::Saved(save.id)
                    }
                }
                Output::Event(event) => {
                    on_event(flow, session, event);
                    continue;
                }
                Output::Notice(notice) => {
                    self.notices.push(notice);
                    continue;
                }
                Output::Timeout(at) => {
                    assert!(at > self.now, "a wake-up that does not lie ahead");
                    self.now = at;
                    continue;
                }
                Output::Done(result) => return error_chain::checked(result),
            };
            flow.handle_input(session, input, self.now).expect("a known id");
        }
        let last: Vec<_> = self.paths().into_iter().rev().take(20).collect();
        panic!("the flow does not come to an end: {last:?}");
    }

    /// Sets the client's clock, also back.
    pub const fn start_at(&mut self, time: Timestamp) {
        self.now = time;
    }

    /// Lets time pass.
    pub fn sleep_until(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
    }

    /// Answers a request, for a test that drives its flow by itself; `None` if the answer is lost.
    ///
    /// # Panics
    /// If there are no responses at the path.
    pub fn respond(&mut self, request: Request) -> Option<Response> {
        let url = request.url().as_str();
        let path = url.strip_prefix(BASE).unwrap_or(url).to_owned();
        let since = self.now.saturating_duration_since(Timestamp::from_unix_millis(BEGINNING));
        self.asked.push(Asked { millis: since.as_millis() as u64, path: path.clone(), request });
        self.now = self.now.saturating_add(core::time::Duration::from_millis(1));
        if let Some((most, refusal)) = &self.limit {
            let second = core::time::Duration::from_secs(1);
            self.taken.retain(|at| at.saturating_add(second) > self.now);
            if self.taken.len() >= *most {
                self.refused += 1;
                return Some(refusal.clone());
            }
            self.taken.push_back(self.now);
        }
        let answers =
            self.answers.get_mut(&path).unwrap_or_else(|| panic!("{path} has no responses"));
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        self.nonces += 1;
        let nonce = format!("nonce{}", self.nonces);
        answer
            .expect("a path has answers")
            .map(|response| response.with_header("replay-nonce", &nonce))
    }
}

/// Cuts a body off at the limit, as an adapter does.
fn limited(response: Response, limit: usize) -> Response {
    if response.body().len() <= limit {
        return response;
    }
    let body = response.body()[..limit].to_vec();
    response.with_body(body).truncated()
}

/// Does what an issuance asks for, at once, with the first kind that is offered.
///
/// # Panics
/// If the issuance does not take the answer.
pub fn oblige(flow: &mut Issuance, session: &Session, event: IssuanceEvent) {
    match event {
        IssuanceEvent::Authorize(offer) => {
            flow.select(session, &offer.id(), &offer.kinds()[0]).expect("the offer is open");
        }
        IssuanceEvent::Provision(challenge) => flow.ready(&challenge.id()).expect("handed out"),
        IssuanceEvent::CleanUp(challenge) => flow.cleaned(&challenge.id()).expect("handed out"),
        IssuanceEvent::Finalize(identifiers) => {
            flow.finalize(csr(&identifiers)).expect("a CSR that fits");
        }
        other => panic!("an event that nobody told us of: {other:?}"),
    }
}

/// Builds an answer with a JSON object.
pub fn object(object: &Value) -> Response {
    Response::new(200).with_header("content-type", "application/json").with_body(object.to_string())
}

/// Builds an answer with a certificate chain.
pub fn certificate(chain: &str) -> Response {
    Response::new(200)
        .with_header("content-type", "application/pem-certificate-chain")
        .with_body(chain)
}

/// Issues a chain for these names and the key of [`csr`].
///
/// # Panics
/// If they are no names.
pub fn chain(names: &[&str]) -> String {
    static MADE: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let key = names.join(" ");
    let made = MADE.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    made.unwrap_or_else(|| {
        let pem = issued(names);
        MADE.lock().unwrap_or_else(PoisonError::into_inner).insert(key, pem.clone());
        pem
    })
}

fn issued(names: &[&str]) -> String {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    issue(&mut world, &mut session, names).expect("a certificate").chain().to_pem()
}

/// Builds an answer with a problem document.
pub fn problem(status: u16, kind: &str) -> Response {
    let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": kind });
    Response::new(status)
        .with_header("content-type", "application/problem+json")
        .with_body(problem.to_string())
}

/// Builds the answer to newOrder: 201 with the URL of order 1.
pub fn created(order: &Value) -> Response {
    Response::new(201)
        .with_header("content-type", "application/json")
        .with_header("location", &format!("{BASE}/order/1"))
        .with_body(order.to_string())
}

/// Builds order 1 for names, with authorization n for the n-th of them.
pub fn order(status: &str, names: &[&str]) -> Value {
    let identifiers: Vec<Value> = names.iter().map(|name| identifier(name)).collect();
    let authorizations: Vec<String> =
        (1..=names.len()).map(|number| format!("{BASE}/authz/{number}")).collect();
    let mut order = json!({
        "status": status,
        "expires": "2030-01-01T00:00:00Z",
        "identifiers": identifiers,
        "authorizations": authorizations,
        "finalize": format!("{BASE}/finalize/1"),
    });
    if status == "valid" {
        order["certificate"] = json!(format!("{BASE}/cert/1"));
    }
    order
}

/// Builds an authorization with an http-01 challenge at `/challenge/{number}`.
pub fn authorization(status: &str, name: &str, number: usize) -> Value {
    let decided = matches!(status, "valid" | "invalid");
    let challenge_status = if decided { status } else { "pending" };
    json!({
        "status": status,
        "expires": "2030-01-01T00:00:00Z",
        "identifier": identifier(name.trim_start_matches("*.")),
        "wildcard": name.starts_with("*."),
        "challenges": [challenge(challenge_status, "http-01", number)],
    })
}

/// Builds the challenge at `/challenge/{number}`.
pub fn challenge(status: &str, kind: &str, number: usize) -> Value {
    json!({
        "type": kind,
        "status": status,
        "url": format!("{BASE}/challenge/{number}"),
        "token": format!("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-{number}"),
    })
}

fn identifier(name: &str) -> Value {
    let kind = if name.parse::<core::net::IpAddr>().is_ok() { "ip" } else { "dns" };
    json!({ "type": kind, "value": name })
}
