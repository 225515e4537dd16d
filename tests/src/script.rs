//! A server with scripted responses: what no CA of ours would send, one after the other.
//!
//! ```
//! use acme_proto::{call::Call, op::GetDirectory};
//! use acme_tests::script::{DIRECTORY, Script, directory};
//!
//! let mut script = Script::new().get(DIRECTORY, directory());
//! script.run(Call::new(GetDirectory)).expect("a directory");
//! assert_eq!(script.requests.len(), 1);
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, KeyRole, Lost, Output, RequestId, SignFailed, SignRequest};
use acme_proto::flow::{SignatureAlgorithm, Transmit};
use acme_proto::http::{Method, Request, Response};
use acme_proto::jose::{MacKey, Signature, base64url};
use acme_proto::notice::Notice;
use acme_proto::policy::Policy;
use acme_proto::session::Session;
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use serde_json::{Value, json};

use crate::error_chain;

/// The directory's URL.
pub const DIRECTORY: &str = "https://example.com/acme/directory";
/// The newNonce URL of [`directory`].
pub const NEW_NONCE: &str = "https://example.com/acme/new-nonce";
/// The newAccount URL of [`directory`].
pub const NEW_ACCOUNT: &str = "https://example.com/acme/new-account";
/// The newOrder URL of [`directory`].
pub const NEW_ORDER: &str = "https://example.com/acme/new-order";
/// The keyChange URL of [`directory`].
pub const KEY_CHANGE: &str = "https://example.com/acme/key-change";
/// The account of [`Script::known_account`].
pub const ACCOUNT: &str = "https://example.com/acme/acct/evOfKhNU60wg";
/// The path of every problem type of RFC 8555.
pub const URN: &str = "urn:ietf:params:acme:error:";

/// When a script begins, in Unix seconds.
pub const BEGINNING: i64 = 1_790_000_000;

/// A scripted server, the driver of a flow, and what both saw.
#[derive(Debug)]
pub struct Script {
    /// The session that flows run in.
    pub session: Session,
    /// Every request, in order.
    pub requests: Vec<Request>,
    /// The ids of the requests, each with the one whose answer gave its nonce, if it had to be given again.
    pub ids: Vec<(RequestId, Option<RequestId>)>,
    /// How long each request may take.
    pub time_limits: Vec<Duration>,
    /// Every request for a signature, in order.
    pub signatures: Vec<SignRequest>,
    /// Every notice.
    pub notices: Vec<Notice>,
    /// Every wait.
    pub waits: Vec<Duration>,
    /// The MAC keys of external accounts, by `kid`.
    pub mac_keys: BTreeMap<String, MacKey>,
    /// A third key to sign with, where ED1 and ED2 do not do.
    pub es256: Option<Es256Key>,
    now: Timestamp,
    steps: VecDeque<Step>,
    nonces: usize,
}

/// One exchange that is expected, and its answer.
#[derive(Debug)]
struct Step {
    method: Method,
    url: String,
    answer: Result<Response, Lost>,
    /// Adds a fresh nonce to an answer without one.
    nonce: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    /// Creates a script whose session knows the directory's URL and the account key ED1.
    pub fn new() -> Self {
        let session = Session::new(url(DIRECTORY), 7).with_account_key(ed1().public_key());
        Self {
            session,
            requests: Vec::new(),
            ids: Vec::new(),
            time_limits: Vec::new(),
            signatures: Vec::new(),
            notices: Vec::new(),
            waits: Vec::new(),
            mac_keys: BTreeMap::new(),
            es256: None,
            now: Timestamp::from_unix_seconds(BEGINNING),
            steps: VecDeque::new(),
            nonces: 0,
        }
    }

    /// Changes the session before the start.
    pub fn session(mut self, change: impl FnOnce(Session) -> Session) -> Self {
        self.session = change(self.session);
        self
    }

    /// Makes [`ACCOUNT`] the session's account.
    pub fn known_account(self) -> Self {
        self.session(|session| session.with_account_url(url(ACCOUNT)))
    }

    /// Changes the policy.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = self.session.policy().clone();
        change(&mut policy);
        self.session.set_policy(policy);
        self
    }

    /// Expects the start of every flow in a fresh session: the directory, then a nonce.
    pub fn start(self) -> Self {
        self.get(DIRECTORY, directory()).nonce("first")
    }

    /// Expects a request to newNonce and gives this nonce.
    pub fn nonce(self, nonce: &str) -> Self {
        self.exact(Method::Head, NEW_NONCE, Response::new(200).with_header("Replay-Nonce", nonce))
    }

    /// Expects a GET; no nonce comes with the answer.
    pub fn get(self, url: &str, answer: Response) -> Self {
        self.exact(Method::Get, url, answer)
    }

    /// Expects a POST; a fresh nonce comes with the answer, unless it brings one.
    pub fn post(mut self, url: &str, answer: Response) -> Self {
        self.expect(Method::Post, url, Ok(answer), true);
        self
    }

    /// Expects a request and gives exactly this answer.
    pub fn exact(mut self, method: Method, url: &str, answer: Response) -> Self {
        self.expect(method, url, Ok(answer), false);
        self
    }

    /// Expects a request that gets no answer.
    pub fn lost(mut self, method: Method, url: &str, lost: Lost) -> Self {
        self.expect(method, url, Err(lost), false);
        self
    }

    fn expect(&mut self, method: Method, url: &str, answer: Result<Response, Lost>, nonce: bool) {
        self.steps.push_back(Step { method, url: url.to_owned(), answer, nonce });
    }

    /// Returns the time.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(seconds));
    }

    /// Runs a flow that asks nothing, through every expected exchange.
    ///
    /// # Errors
    /// The flow's own.
    pub fn run<F: Flow>(&mut self, flow: F) -> Result<F::Success, Error> {
        self.run_with(flow, |_, _, _| panic!("the flow asks something"))
    }

    /// Runs a flow through every expected exchange; `on_event` answers what it asks.
    ///
    /// # Errors
    /// The flow's own.
    ///
    /// # Panics
    /// If the flow sends anything that is not expected, or ends before everything has been asked for, or breaks the
    /// contract.
    pub fn run_with<F: Flow>(
        &mut self,
        flow: F,
        on_event: impl FnMut(&mut F, &mut Session, F::Event),
    ) -> Result<F::Success, Error> {
        let result = self.run_on(flow, on_event);
        assert!(self.steps.is_empty(), "never asked for: {:?}", self.steps);
        result
    }

    /// Runs a flow that asks nothing, and leaves exchanges for the next one.
    ///
    /// # Errors
    /// The flow's own.
    pub fn run_once<F: Flow>(&mut self, flow: F) -> Result<F::Success, Error> {
        self.run_on(flow, |_, _, _| panic!("the flow asks something"))
    }

    fn run_on<F: Flow>(
        &mut self,
        mut flow: F,
        mut on_event: impl FnMut(&mut F, &mut Session, F::Event),
    ) -> Result<F::Success, Error> {
        for _ in 0..10_000 {
            let input = match flow.poll_output(&mut self.session, self.now) {
                Output::Transmit(transmit) => self.answer(transmit),
                Output::Sign(request) => self.sign(request),
                Output::Save(save) => Input::Saved(save.id),
                Output::Event(event) => {
                    on_event(&mut flow, &mut self.session, event);
                    continue;
                }
                Output::Notice(notice) => {
                    self.notices.push(notice);
                    continue;
                }
                Output::Timeout(at) => {
                    assert!(at > self.now, "a wake-up that does not lie ahead");
                    self.waits.push(at.saturating_duration_since(self.now));
                    self.now = at;
                    continue;
                }
                Output::Done(result) => return error_chain::checked(result),
            };
            flow.handle_input(&mut self.session, input, self.now).expect("a known id");
        }
        panic!("the flow does not end");
    }

    /// Takes a request as the network would, and finds its answer.
    ///
    /// # Panics
    /// If it is not the request that is expected next.
    pub fn answer(&mut self, transmit: Transmit) -> Input {
        let (request, id) = (transmit.request, transmit.id);
        let (method, url) = (request.method(), request.url().as_str());
        let Some(step) = self.steps.pop_front() else {
            panic!("{method} {url} was not expected; before it: {:?}", self.lines())
        };
        assert_eq!((method, url), (step.method, step.url.as_str()), "after {:?}", self.lines());
        self.requests.push(request);
        self.ids.push((id, transmit.nonce_from));
        self.time_limits.push(transmit.time_limit);
        match step.answer {
            Ok(response) => Input::Response(id, self.with_nonce(response, step.nonce)),
            Err(lost) => {
                if lost == Lost::TimedOut {
                    self.now = self.now.saturating_add(transmit.time_limit);
                }
                Input::Lost(id, lost)
            }
        }
    }

    fn with_nonce(&mut self, response: Response, wanted: bool) -> Response {
        if !wanted || response.headers().first("replay-nonce").is_some() {
            return response;
        }
        self.nonces += 1;
        response.with_header("Replay-Nonce", &format!("fresh-{}", self.nonces))
    }

    /// Signs with ED1, ED2 or a MAC key, whichever is named.
    pub fn sign(&mut self, request: SignRequest) -> Input {
        let id = request.id;
        let signature = match (&request.key, request.algorithm) {
            (KeyRole::ExternalAccount(kid), SignatureAlgorithm::Mac(algorithm)) => {
                let key = self.mac_keys.get(kid);
                key.map(|key| Signature::from_mac(key.sign(algorithm, &request.message)))
            }
            (
                KeyRole::Account(named) | KeyRole::NewAccount(named) | KeyRole::Certificate(named),
                _,
            ) => {
                let third = self.es256.as_ref();
                let third = third.filter(|key| key.public_key().thumbprint() == *named);
                [ed1(), ed2()]
                    .into_iter()
                    .find(|key| key.public_key().thumbprint() == *named)
                    .map(|key| key.sign(&request.message))
                    .or_else(|| third.map(|key| key.sign(&request.message)))
            }
            _ => None,
        };
        self.signatures.push(request);
        Input::signed(id, signature.ok_or(SignFailed::UnknownKey))
    }

    /// Returns the requests so far, one line each.
    pub fn lines(&self) -> Vec<String> {
        self.requests.iter().map(|r| format!("{} {}", r.method(), r.url())).collect()
    }

    /// Returns the signed requests, in order.
    pub fn posts(&self) -> Vec<&Request> {
        self.requests.iter().filter(|r| r.method() == Method::Post).collect()
    }

    /// Returns the nonces that were used, in order.
    pub fn used_nonces(&self) -> Vec<String> {
        self.posts().into_iter().map(|post| text(&protected(post)["nonce"])).collect()
    }

    /// Returns the text of every deviation that was reported.
    pub fn deviations(&self) -> Vec<String> {
        let deviations = self.notices.iter().filter_map(|notice| match notice {
            Notice::Deviation { deviation, .. } => Some(deviation.to_string()),
            _ => None,
        });
        deviations.collect()
    }
}

/// Returns the account key of a script (RFC 8037 appendix A.1).
pub fn ed1() -> Ed25519Key {
    key("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
}

/// Returns another key (RFC 8032, test 2).
pub fn ed2() -> Ed25519Key {
    key("TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs")
}

fn key(seed: &str) -> Ed25519Key {
    let seed = base64url::decode(seed).expect("base64url");
    Ed25519Key::from_scalar(&seed).expect("32 octets")
}

/// Parses a URL of a test.
pub fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// Returns an answer with a JSON body.
pub fn answer(status: u16, body: &Value) -> Response {
    let body = body.to_string();
    Response::new(status).with_header("Content-Type", "application/json").with_body(body)
}

/// Returns an error answer with a problem document of an ACME type.
pub fn problem(status: u16, kind: &str) -> Response {
    let body = json!({ "type": format!("{URN}{kind}"), "detail": format!("about {kind}") });
    problem_document(status, &body)
}

/// Returns an error answer with this problem document.
pub fn problem_document(status: u16, body: &Value) -> Response {
    Response::new(status)
        .with_header("Content-Type", "application/problem+json")
        .with_body(body.to_string())
}

/// Returns a directory with everything but newAuthz and renewalInfo, and no terms.
pub fn directory() -> Response {
    answer(200, &directory_object())
}

/// Returns the object of [`directory`], to be changed.
pub fn directory_object() -> Value {
    json!({
        "newNonce": NEW_NONCE,
        "newAccount": NEW_ACCOUNT,
        "newOrder": NEW_ORDER,
        "revokeCert": "https://example.com/acme/revoke-cert",
        "keyChange": KEY_CHANGE,
    })
}

/// Returns the directory with these members set.
pub fn directory_with(members: &Value) -> Response {
    let mut object = directory_object();
    for (name, value) in members.as_object().expect("an object") {
        object[name] = value.clone();
    }
    answer(200, &object)
}

/// Returns an account object.
pub fn account_object() -> Value {
    json!({
        "status": "valid",
        "contact": ["mailto:admin@example.org"],
        "orders": "https://example.com/acme/acct/evOfKhNU60wg/orders",
    })
}

/// Returns the answer to newAccount with [`ACCOUNT`] and this status.
pub fn account(status: u16) -> Response {
    answer(status, &account_object()).with_header("Location", ACCOUNT)
}

/// Returns the protected header of a signed request.
pub fn protected(request: &Request) -> Value {
    serde_json::from_slice(&member(request, "protected")).expect("a JSON header")
}

/// Returns the payload of a signed request: empty for POST-as-GET.
pub fn payload(request: &Request) -> Vec<u8> {
    member(request, "payload")
}

/// Returns the payload of a signed request, which is JSON.
pub fn payload_object(request: &Request) -> Value {
    serde_json::from_slice(&payload(request)).expect("a JSON payload")
}

fn member(request: &Request, name: &str) -> Vec<u8> {
    let jws: Value = serde_json::from_slice(request.body()).expect("a JWS");
    base64url::decode(jws[name].as_str().expect("a string")).expect("base64url")
}

/// Returns a JSON string's text.
pub fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
