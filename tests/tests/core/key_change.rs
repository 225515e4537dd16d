//! Changing the account key (RFC 8555 section 7.3.5).

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput, Unsupported};
use acme_proto::flow::KeyRole;
use acme_proto::http::Request;
use acme_proto::issuance::Issuance;
use acme_proto::jose::base64url;
use acme_proto::op::{GetAccount, KeyChange, Resource};
use acme_proto::register::Register;
use acme_proto::session::Session;
use acme_proto::signer::Es256Key;
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, Quirks, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, KEY_CHANGE, Script, account_object, answer, directory_with, ed1, ed2,
    payload_object, problem, protected,
};
use acme_tests::world::{SolverPlan, World, issue, issue_with};
use serde_json::{Value, json};

fn to_ed2() -> Call<KeyChange> {
    Call::new(KeyChange::new(ed2().public_key()))
}

fn jwk(key: &acme_proto::jose::Jwk) -> Value {
    serde_json::from_str(&key.to_json()).expect("JSON")
}

/// Returns the inner protected header and the inner payload of a keyChange request.
fn inner(request: &Request) -> (Value, Value) {
    let inner = payload_object(request);
    let part = |name: &str| {
        let octets = base64url::decode(inner[name].as_str().expect("text")).expect("base64url");
        serde_json::from_slice(&octets).expect("JSON")
    };
    (part("protected"), part("payload"))
}

fn registered(world: &mut World) -> Session {
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    session
}

#[test]
fn the_inner_jws_names_account_and_old_key_and_is_signed_by_the_new_one() {
    let mut script =
        Script::new().known_account().start().post(KEY_CHANGE, answer(200, &json!({})));
    script.run(to_ed2()).expect("a new key");
    let (header, payload) = inner(script.posts()[0]);
    // covers 8555-7.3.5-1
    assert_eq!(payload["account"], ACCOUNT, "{payload}");
    // covers 8555-7.3.5-2
    assert_eq!(payload["oldKey"], jwk(&ed1().public_key()), "{payload}");
    // covers 8555-7.3.5-3
    assert_eq!(header["jwk"], jwk(&ed2().public_key()), "{header}");
    // covers 8555-7.3.5-4
    assert_eq!(header["url"], KEY_CHANGE);
    // covers 8555-7.3.5-5
    assert!(header.get("nonce").is_none());
}

#[test]
fn the_inner_header_has_no_kid_and_the_outer_is_that_of_any_request() {
    let mut script =
        Script::new().known_account().start().post(KEY_CHANGE, answer(200, &json!({})));
    script.run(to_ed2()).expect("a new key");
    let (header, payload) = inner(script.posts()[0]);
    let names = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    // covers 8555-7.3.5-6
    assert_eq!(names(&header), ["alg", "jwk", "url"], "{header}");
    let outer = protected(script.posts()[0]);
    // covers 8555-7.3.5-7
    assert_eq!(names(&outer), ["alg", "kid", "nonce", "url"], "{outer}");
    // covers 8555-7.3.5-4
    assert_eq!(outer["url"], header["url"]);
    assert_eq!(names(&payload), ["account", "oldKey"]);
    let roles: Vec<_> = script.signatures.iter().map(|s| s.key.clone()).collect();
    let old = KeyRole::Account(ed1().public_key().thumbprint());
    let new = KeyRole::NewAccount(ed2().public_key().thumbprint());
    // covers 8555-6.2-2
    assert_eq!(roles, [new, old]);
}

#[test]
fn after_success_the_new_key_signs_for_the_same_account() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = registered(&mut world);
    let account = session.account_url().cloned();
    let change = Call::new(KeyChange::new(world.other_key.public_key()));
    world.run(&mut session, change, |_, _, _| ()).expect("a new key");
    // covers 8555-7.3.5-8
    assert_eq!(session.account_key(), Some(&world.other_key.public_key()));
    assert_eq!(session.account_url(), account.as_ref());
    // The CA verifies by the new key from now on.
    let issued = issue(&mut world, &mut session, &["a.test"]);
    // covers 8555-7.3.5-8
    assert!(issued.is_ok(), "{:?}", world.lines());
}

#[test]
fn an_empty_answer_to_a_key_change_is_success() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = registered(&mut world);
    world.ca.set_quirks(Quirks { empty_key_change_body: true, ..Quirks::default() });
    let change = Call::new(KeyChange::new(world.other_key.public_key()));
    let result = world.run(&mut session, change, |_, _, _| ());
    // covers 8555-7.3.5-8
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(session.account_key(), Some(&world.other_key.public_key()));
}

#[test]
fn after_any_error_the_old_key_goes_on() {
    for refusal in [
        problem(400, "malformed"),
        problem(400, "badPublicKey"),
        problem(403, "unauthorized"),
        problem(409, "malformed"),
        problem(501, "serverInternal"),
    ] {
        let mut script = Script::new().known_account().start().post(KEY_CHANGE, refusal);
        script.run(to_ed2()).expect_err("refused");
        // covers 8555-7.3.5-9
        assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
        let mut script = script.post(ACCOUNT, answer(200, &account_object()));
        script.run(Call::new(GetAccount)).expect("the account");
        let last = script.signatures.last().map(|s| s.key.clone());
        let old = KeyRole::Account(ed1().public_key().thumbprint());
        // covers 8555-7.3.5-9
        assert_eq!(last, Some(old));
    }
}

#[test]
fn a_key_that_another_account_has_is_told_with_that_account() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut other = world.session().with_account_key(world.other_key.public_key());
    let entry = world.run(&mut other, Register::new(), |_, _, _| ()).expect("an account");
    let mut session = registered(&mut world);
    let change = Call::new(KeyChange::new(world.other_key.public_key()));
    let error = world.run(&mut session, change, |_, _, _| ()).expect_err("taken");
    let Error::Problem(problem) = &error else { panic!("{error}") };
    // covers 8555-7.3.5-10
    assert_eq!(problem.status(), 409);
    assert_eq!(problem.location(), Some(entry.url()));
    // covers fld-hdr-2
    assert_eq!(problem.location(), Some(entry.url()));
    // covers 8555-7.3.5-9
    assert_eq!(session.account_key(), Some(&world.account_key.public_key()));
}

#[test]
fn a_change_to_the_present_key_is_refused_before_anything_is_sent() {
    let mut script = Script::new().known_account().start();
    let same = Call::new(KeyChange::new(ed1().public_key()));
    let error = script.run_once(same).expect_err("the same key");
    let typed = matches!(&error, Error::Input(InvalidInput::SameKey));
    // covers 8555-11.1-3
    assert!(typed, "{error}");
    assert!(script.posts().is_empty(), "{error}");
}

#[test]
fn each_jws_has_the_algorithm_of_its_own_key() {
    let key = Es256Key::from_scalar(&[3; 32]).expect("a scalar");
    let mut script = Script::new()
        .session(|session| session.with_account_key(key.public_key()))
        .known_account()
        .start()
        .post(KEY_CHANGE, answer(200, &json!({})));
    script.es256 = Some(key);
    script.run(to_ed2()).expect("a new key");
    let (header, payload) = inner(script.posts()[0]);
    let outer = protected(script.posts()[0]);
    // covers 8555-7.3.5-13
    assert_eq!(outer["alg"], "ES256");
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(payload["oldKey"]["kty"], "EC");
    assert_eq!(header["jwk"]["kty"], "OKP");
    // covers 8555-6.2-18
    assert_eq!(outer["alg"], "ES256");
}

#[test]
fn a_ca_without_key_change_fails_that_operation_only() {
    let none = directory_with(&json!({ "keyChange": null }));
    let mut script = Script::new().known_account().get(DIRECTORY, none);
    let error = script.run(to_ed2()).expect_err("not offered");
    let typed = matches!(&error, Error::Unsupported(Unsupported::Operation(Resource::KeyChange)));
    // covers fld-dir-6
    assert!(typed, "{error}");
    let mut script = script.nonce("n").post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    // covers 8555-7.1.1-4
    assert!(typed);
}

#[test]
fn a_ca_that_does_not_do_what_its_directory_says_is_not_asked_twice() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = registered(&mut world);
    world.ca.set_quirks(Quirks { key_change_not_implemented: true, ..Quirks::default() });
    let change = Call::new(KeyChange::new(world.other_key.public_key()));
    let error = world.run(&mut session, change, |_, _, _| ()).expect_err("refused");
    let sent = world.transcript.iter().filter(|e| e.kind == RequestKind::KeyChange).count();
    // covers 8555-7.3.5-9
    assert_eq!(sent, 1, "{error}");
    assert_eq!(error.problem_type(), Some(&ProblemType::ServerInternal));
}

#[test]
fn an_order_survives_a_key_change_and_its_challenge_is_made_anew() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = registered(&mut world);
    let new_key = world.other_key.public_key();
    let old = world.account_key.public_key().thumbprint();
    let flow = Issuance::new(["a.test".parse().expect("a name")]).expect("a name").durable();
    // The order is made and its challenge selected under the old key; then the flow is dropped.
    let mut half = Half::default();
    half.run(&mut world, &mut session, flow);
    let snapshot = half.snapshot.expect("saved");
    assert!(snapshot.challenges().iter().all(|c| *c.thumbprint() == old));
    world.run(&mut session, Call::new(KeyChange::new(new_key)), |_, _, _| ()).expect("a new key");
    world.published.clear();
    let resumed = vec![Issuance::resume(snapshot)];
    let result = issue_with(&mut world, &mut session, resumed, &SolverPlan::default()).pop();
    let issued = result.expect("one result");
    let orders = world.transcript.iter().filter(|e| e.kind == RequestKind::NewOrder).count();
    // covers 8555-7.3.5-12
    assert!(issued.is_ok(), "{issued:?} {:?}", world.lines());
    assert_eq!(orders, 1, "{issued:?} {:?}", world.lines());
}

/// An issuance that is dropped once its challenge is selected.
#[derive(Default)]
struct Half {
    snapshot: Option<acme_proto::snapshot::Snapshot>,
}

impl Half {
    fn run(&mut self, world: &mut World, session: &mut Session, mut flow: Issuance) {
        use acme_proto::flow::{Flow, Input, Output};
        use acme_proto::issuance::IssuanceEvent;
        loop {
            let input = match flow.poll_output(session, world.now()) {
                Output::Transmit(transmit) => {
                    Input::Response(transmit.id, world.ask(&transmit).expect("an answer"))
                }
                Output::Sign(sign) => {
                    Input::Signature(sign.id, world.sign(&sign).expect("a known key"))
                }
                Output::Save(save) => {
                    self.snapshot = Some(save.snapshot);
                    Input::Saved(save.id)
                }
                Output::Event(IssuanceEvent::Authorize(offer)) => {
                    let kind = offer.kinds()[0].clone();
                    flow.select(session, &offer.id(), &kind).expect("open");
                    continue;
                }
                Output::Event(IssuanceEvent::Provision(_)) => return,
                Output::Event(event) => panic!("{event:?}"),
                Output::Notice(_) => continue,
                Output::Timeout(_) | Output::Done(_) => panic!("nothing was selected"),
            };
            flow.handle_input(session, input, world.now()).expect("a known id");
        }
    }
}
