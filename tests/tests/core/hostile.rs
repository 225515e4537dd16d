//! Answers that no server should give: whatever comes, a flow ends, and says in one clean line why.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, Lost, Output};
use acme_proto::http::Response;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::{
    DeactivateAccount, FindAccount, GetAccount, KeyChange, ListOrders, Operation,
};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind;
use acme_tests::script::{
    ACCOUNT, BEGINNING, DIRECTORY, Script, URN, account_object, directory_object, ed2,
};
use acme_tests::world::{Rng, csr};
use serde_json::{Value, json};

const ORDER: &str = "https://example.com/acme/order/1";
const AUTHORIZATION: &str = "https://example.com/acme/authz/1";
const CHALLENGE: &str = "https://example.com/acme/chall/1";

/// A server that answers anything, more or less like an ACME server.
struct Chaos {
    rng: Rng,
    now: Timestamp,
    /// How many of four answers are as they should be.
    calm: u64,
    signer: Script,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            now: Timestamp::from_unix_seconds(BEGINNING),
            calm: seed % 5,
            signer: Script::new(),
        }
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.rng.below(of.len() as u64) as usize].clone()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    /// Returns the object that belongs to a URL, in a random state.
    fn object(&mut self, url: &str) -> Value {
        let states =
            ["pending", "pending", "pending", "pending", "ready", "processing", "valid", "weird"];
        let status = self.pick(&states);
        match url {
            DIRECTORY => directory_object(),
            ORDER => json!({ "status": status, "expires": "2026-12-01T00:00:00Z",
                "identifiers": [{ "type": "dns", "value": "a.example" }],
                "authorizations": [AUTHORIZATION], "finalize": format!("{ORDER}/finalize"),
                "certificate": "https://example.com/acme/cert/1" }),
            AUTHORIZATION => json!({ "status": status,
                "identifier": { "type": "dns", "value": "a.example" },
                "challenges": [self.object(CHALLENGE)] }),
            CHALLENGE => json!({ "type": "http-01", "url": CHALLENGE, "status": status,
                "token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0" }),
            url if url.contains("order") => self.object(ORDER),
            _ => account_object(),
        }
    }

    /// Replaces something somewhere in a value.
    fn spoil(&mut self, value: &mut Value) {
        let wrong = [
            json!(null),
            json!(-1),
            json!("\u{202e}\u{0}"),
            json!([]),
            json!({}),
            json!(1e300),
            json!("http://example.com/"),
            json!("https://example.com/acme/authz/2"),
            json!(true),
            json!([[[[]]]]),
            json!("x".repeat(5000)),
        ];
        match value {
            Value::Object(members) if !members.is_empty() && !self.one_in(4) => {
                let names: Vec<_> = members.keys().cloned().collect();
                let name = self.pick(&names);
                if self.one_in(3) {
                    members.remove(&name);
                } else if let Some(member) = members.get_mut(&name) {
                    self.spoil(member);
                }
            }
            Value::Array(entries) if !entries.is_empty() && !self.one_in(4) => {
                let index = self.rng.below(entries.len() as u64) as usize;
                self.spoil(&mut entries[index]);
            }
            other => *other = self.pick(&wrong),
        }
    }

    fn body(&mut self, url: &str) -> Vec<u8> {
        let mut object = self.object(url);
        for _ in 0..self.rng.below(3) {
            self.spoil(&mut object);
        }
        let mut body = object.to_string().into_bytes();
        if self.one_in(12) {
            let at = self.rng.below(body.len() as u64) as usize;
            body[at] = self.rng.below(256) as u8;
        }
        if self.one_in(20) {
            body.truncate(self.rng.below(body.len() as u64) as usize);
        }
        body
    }

    fn answer(&mut self, url: &str) -> Response {
        if self.rng.below(4) < self.calm {
            let body = self.object(url).to_string();
            let location = if url.contains("new-order") { ORDER } else { ACCOUNT };
            let nonce = format!("n{}", self.rng.below(u64::MAX));
            let answer = Response::new(200).with_header("Replay-Nonce", &nonce);
            return answer.with_header("Location", location).with_body(body);
        }
        let status = self.pick(&[200, 200, 200, 200, 201, 204, 302, 400, 403, 404, 409, 429, 503]);
        let kinds = ["badNonce", "malformed", "rateLimited", "accountDoesNotExist", "unauthorized"];
        let mut response = Response::new(status);
        if status < 400 {
            response = response.with_body(self.body(url));
        } else if !self.one_in(3) {
            let mut problem = json!({ "type": format!("{URN}{}", self.pick(&kinds)),
                "detail": "a\u{1b}[31m\r\nb\u{202e}", "subproblems": [{ "detail": "\u{7}" }] });
            if self.one_in(3) {
                self.spoil(&mut problem);
            }
            response = response.with_body(problem.to_string());
        }
        let nonces = [format!("n{}", self.rng.below(u64::MAX)), "a b".into(), String::new()];
        if !self.one_in(4) {
            response = response.with_header("Replay-Nonce", &nonces[0]);
        }
        if self.one_in(8) {
            response = response.with_header("Replay-Nonce", &self.pick(&nonces));
        }
        let locations = [ORDER, ACCOUNT, "/x", "", "http://evil.example/", "\u{0}", "https://["];
        if !self.one_in(3) {
            let usual = if url.contains("new-order") { ORDER } else { ACCOUNT };
            let odd = self.one_in(4);
            response =
                response.with_header("Location", if odd { self.pick(&locations) } else { usual });
        }
        let waits = ["0", "1", "-1", "soon", "18446744073709551615", "Sun Nov  6 08:49:37 1994"];
        if self.one_in(4) {
            response = response.with_header("Retry-After", self.pick(&waits));
        }
        if self.one_in(6) {
            response = response.with_header("Link", "<x>;rel=next, <;rel=\"help\", </a>;rel=help");
        }
        if self.one_in(30) { response.truncated() } else { response }
    }

    /// Runs a flow to its end.
    fn run<F: Flow>(
        &mut self,
        session: &mut Session,
        mut flow: F,
        mut on_event: impl FnMut(&mut Self, &mut F, &mut Session, F::Event),
    ) -> Result<F::Success, Error> {
        for _ in 0..20_000 {
            let input = match flow.poll_output(session, self.now) {
                Output::Transmit(transmit) => {
                    assert!(transmit.request.url().is_https(), "{}", transmit.request.url());
                    self.now = self.now.saturating_add(Duration::from_millis(self.rng.below(300)));
                    if self.one_in(15) {
                        Input::Lost(transmit.id, Lost::NoResponse("\u{1b}gone".into()))
                    } else {
                        let response = self.answer(transmit.request.url().as_str());
                        Input::Response(transmit.id, response)
                    }
                }
                Output::Sign(sign) => self.signer.sign(sign),
                Output::Save(save) => Input::Saved(save.id),
                Output::Event(event) => {
                    on_event(self, &mut flow, session, event);
                    continue;
                }
                Output::Notice(notice) => {
                    assert!(is_clean(&notice), "{notice}");
                    continue;
                }
                Output::Timeout(at) => {
                    assert!(at > self.now, "a wake-up that does not lie ahead");
                    self.now = at;
                    continue;
                }
                Output::Done(result) => return result,
            };
            flow.handle_input(session, input, self.now).expect("a known id");
        }
        panic!("the flow does not end");
    }

    fn call<O: Operation>(&mut self, session: &mut Session, operation: O) -> Option<Error> {
        self.run(session, Call::new(operation), |_, _, _, never| match never {}).err()
    }
}

/// One line, bounded, and nothing in it that could steer a terminal.
fn is_clean(what: &impl ToString) -> bool {
    let shown = what.to_string();
    shown.len() < 4000 && !shown.chars().any(|c| c.is_control() || c == '\u{202e}')
}

fn user(chaos: &mut Chaos, flow: &mut Issuance, session: &Session, event: IssuanceEvent) {
    match event {
        IssuanceEvent::Authorize(offer) => match offer.choose(&[ChallengeKind::Http01]) {
            Some(kind) => flow.select(session, &offer.id(), &kind).expect("open"),
            None => flow.refuse(&offer.id(), "none".into()).expect("open"),
        },
        IssuanceEvent::Provision(challenge) => {
            let fails = chaos.one_in(10);
            let id = challenge.id();
            let told = if fails { flow.failed(&id, "no\u{1b}".into()) } else { flow.ready(&id) };
            told.expect("handed out");
        }
        IssuanceEvent::CleanUp(challenge) => flow.cleaned(&challenge.id()).expect("handed out"),
        IssuanceEvent::Finalize(names) => flow.finalize(csr(&names)).expect("a CSR"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_single_operation_ends_whatever_comes() {
    let mut failed = 0;
    for seed in 0..600 {
        let mut chaos = Chaos::new(seed);
        let mut session = Script::new().session;
        if chaos.one_in(2) {
            session = Script::new().known_account().session;
        }
        let errors = [
            chaos.call(&mut session, FindAccount),
            chaos.call(&mut session, GetAccount),
            chaos.call(&mut session, ListOrders::first()),
            chaos.call(&mut session, KeyChange::new(ed2().public_key())),
            chaos.call(&mut session, DeactivateAccount),
        ];
        for error in errors.iter().flatten() {
            failed += 1;
            // covers fld-gen-6, 8555-6.7-5
            assert!(is_clean(error), "seed {seed}: {error}");
        }
    }
    assert!((100..2999).contains(&failed), "{failed}");
}

#[test]
fn every_registration_ends_whatever_comes() {
    let mut created = 0;
    for seed in 0..600 {
        let mut chaos = Chaos::new(seed);
        let mut session = Script::new().session;
        let result = chaos.run(&mut session, Register::new(), |_, flow, _, event| match event {
            RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
            other => panic!("{other:?}"),
        });
        match result {
            Ok(entry) => {
                created += 1;
                // covers fld-gen-8
                assert!(entry.url().is_https());
            }
            Err(error) => {
                // covers fld-gen-6
                assert!(is_clean(&error), "seed {seed}: {error}");
            }
        }
    }
    assert!((20..580).contains(&created), "{created}");
}

#[test]
fn every_issuance_ends_whatever_comes() {
    let mut progressed = 0;
    for seed in 0..600 {
        let mut chaos = Chaos::new(seed);
        let mut session = Script::new().known_account().session;
        let flow = Issuance::new(["a.example".parse().expect("a name")]).expect("a name");
        let mut events = 0;
        let result = chaos.run(&mut session, flow, |chaos, flow, session, event| {
            events += 1;
            user(chaos, flow, session, event);
        });
        progressed += usize::from(events > 0);
        // No answer here is a certificate.
        let Err(error) = result else { panic!("seed {seed}: a certificate") };
        // covers 8555-7.1.6-3, fld-gen-6
        assert!(is_clean(&error), "seed {seed}: {error}");
    }
    assert!(progressed > 50, "{progressed}");
}
