//! Changing the account key for certain: the intent stored first, lost answers settled (RFC 8555 section 7.3.5).

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput, Unsupported};
use acme_proto::flow::{Flow, KeyRole, Lost, Output};
use acme_proto::http::{Method, Response};
use acme_proto::jose::Jwk;
use acme_proto::op::{FindAccount, GetAccount, NewOrder, Resource};
use acme_proto::register::Register;
use acme_proto::rollover::{Rollover, RolloverEvent, RolloverIntent};
use acme_proto::signer::Es256Key;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, KEY_CHANGE, NEW_ACCOUNT, NEW_ORDER, Script, account, account_object,
    answer, directory_with, ed1, ed2, payload_object, problem, protected, url,
};
use acme_tests::world::{World, issue};
use serde_json::json;

fn new_key() -> Jwk {
    ed2().public_key()
}

fn known() -> Script {
    Script::new().known_account().start()
}

/// Runs a rollover whose intent is stored at once, and returns what was stored.
fn change(script: &mut Script, flow: Rollover) -> (Result<Jwk, Error>, Vec<RolloverIntent>) {
    let mut stored = Vec::new();
    let result = script.run_with(flow, |flow, _, event| {
        let RolloverEvent::Store(intent) = event else { panic!("{event:?}") };
        stored.push(intent);
        flow.stored().expect("it asked");
    });
    (result, stored)
}

fn not_here() -> Response {
    problem(400, "accountDoesNotExist")
}

fn intent() -> RolloverIntent {
    RolloverIntent::new(url(DIRECTORY), url(ACCOUNT), ed1().public_key(), new_key())
}

fn signer(script: &Script, request: usize) -> serde_json::Value {
    protected(script.posts()[request])["jwk"].clone()
}

fn jwk(key: &Jwk) -> serde_json::Value {
    serde_json::from_str(&key.to_json()).expect("JSON")
}

#[test]
fn the_intent_is_the_first_thing_and_holds_both_keys() {
    let mut session = known().session;
    let mut flow = Rollover::new(new_key());
    let output = flow.poll_output(&mut session, Script::new().now());
    let Output::Event(RolloverEvent::Store(stored)) = output else { panic!("{output:?}") };
    let text = serde_json::to_string(&stored).expect("JSON");
    let read: RolloverIntent = serde_json::from_str(&text).expect("an intent");
    // covers 8555-7.3.5-11
    assert_eq!(read, intent(), "{text}");
    // Until it is stored nothing goes out, however often it is asked.
    let held = flow.poll_output(&mut session, Script::new().now());
    // covers 8555-7.3.5-11
    assert!(matches!(held, Output::Timeout(_)), "{held:?}");
}

#[test]
fn once_the_intent_is_stored_the_key_is_changed() {
    let mut script = known().post(KEY_CHANGE, answer(200, &json!({})));
    let (result, stored) = change(&mut script, Rollover::new(new_key()));
    assert_eq!(stored, [intent()]);
    let changed = result.is_ok_and(|key| key == new_key());
    // covers 8555-7.3.5-8
    assert!(changed);
    assert_eq!(script.session.account_key(), Some(&new_key()));
    assert!(script.session.new_account_key().is_none());
}

#[test]
fn an_intent_that_cannot_be_stored_changes_nothing() {
    let mut script = Script::new().known_account();
    let error = script
        .run_with(Rollover::new(new_key()), |flow, _, _| {
            flow.store_failed("the disk is full".into()).expect("it asked");
        })
        .expect_err("not stored");
    let told = matches!(&error, Error::Storage(why) if why == "the disk is full");
    // covers 8555-7.3.5-11
    assert!(told, "{error}");
    assert!(script.requests.is_empty(), "{error}");
    assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
    assert!(script.session.new_account_key().is_none());
}

#[test]
fn a_lost_answer_is_settled_by_asking_with_the_new_key() {
    let mut script = known()
        .lost(Method::Post, KEY_CHANGE, Lost::TimedOut)
        .nonce("second")
        .post(NEW_ACCOUNT, account(200));
    let (result, _) = change(&mut script, Rollover::new(new_key()));
    let asked = script.posts()[1];
    // covers 8555-7.3.5-11
    assert_eq!(payload_object(asked), json!({ "onlyReturnExisting": true }));
    assert_eq!(signer(&script, 1), jwk(&new_key()));
    // covers 8555-7.3.5-8
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn a_change_that_did_not_land_is_sent_again() {
    let mut script = known()
        .lost(Method::Post, KEY_CHANGE, Lost::NoResponse("gone".into()))
        .nonce("second")
        .post(NEW_ACCOUNT, not_here())
        .post(KEY_CHANGE, answer(200, &json!({})));
    let (result, stored) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(stored.len(), 1, "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn a_change_that_is_refused_after_a_loss_may_have_landed_in_between() {
    let mut script = known()
        .lost(Method::Post, KEY_CHANGE, Lost::TimedOut)
        .nonce("second")
        .post(NEW_ACCOUNT, not_here())
        .post(KEY_CHANGE, problem(401, "unauthorized"))
        .post(NEW_ACCOUNT, account(200));
    let (result, _) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn a_server_that_keeps_silent_leaves_the_change_open_and_both_keys_known() {
    let script = known().lost(Method::Post, KEY_CHANGE, Lost::TimedOut).nonce("second");
    let lost = Lost::NoResponse("gone".into());
    let mut script = script.lost(Method::Post, NEW_ACCOUNT, lost).policy(|policy| policy.tries = 1);
    let (result, _) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-11
    assert!(matches!(result, Err(Error::Transport(_))), "{result:?}");
    assert_eq!(script.session.new_account_key(), Some(&new_key()));
    assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
}

#[test]
fn a_refusal_keeps_the_old_key_and_is_told() {
    for (refusal, status) in
        [(problem(403, "unauthorized"), 403), (problem(501, "serverInternal"), 501)]
    {
        let mut script = known().post(KEY_CHANGE, refusal);
        if status == 403 {
            // A copy of a change that has landed is refused in the same way.
            script = script.post(NEW_ACCOUNT, not_here());
        }
        let (result, _) = change(&mut script, Rollover::new(new_key()));
        let told = matches!(&result, Err(Error::Problem(p)) if p.status() == status);
        // covers 8555-7.3.5-9
        assert!(told, "{result:?}");
        assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
        assert!(script.session.new_account_key().is_none());
    }
}

#[test]
fn a_ca_without_key_change_is_told_as_that() {
    let none = directory_with(&json!({ "keyChange": null }));
    let mut script = Script::new().known_account().get(DIRECTORY, none);
    let (result, _) = change(&mut script, Rollover::new(new_key()));
    let typed =
        matches!(&result, Err(Error::Unsupported(Unsupported::Operation(Resource::KeyChange))));
    // covers fld-dir-6
    assert!(typed, "{result:?}");
    assert!(script.session.new_account_key().is_none());
}

#[test]
fn a_key_of_another_account_is_told_with_that_account() {
    let other = "https://example.com/acme/acct/other";
    let conflict = problem(409, "malformed").with_header("Location", other);
    let mut script = known().post(KEY_CHANGE, conflict);
    let (result, _) = change(&mut script, Rollover::new(new_key()));
    let typed = matches!(&result, Err(Error::KeyInUse { account }) if account.as_str() == other);
    // covers 8555-7.3.5-10
    assert!(typed, "{result:?}");
    // covers 8555-11.1-1
    assert!(typed);
    assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
}

#[test]
fn a_conflict_with_our_own_account_is_success() {
    let conflict = problem(409, "malformed").with_header("Location", ACCOUNT);
    let mut script = known().post(KEY_CHANGE, conflict);
    let (result, _) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-10
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn the_present_key_is_no_new_key() {
    let mut script = Script::new().known_account();
    let (result, stored) = change(&mut script, Rollover::new(ed1().public_key()));
    let refused = matches!(result, Err(Error::Input(InvalidInput::SameKey)));
    // covers 8555-11.1-3
    assert!(refused);
    assert!(stored.is_empty(), "{stored:?}");
    assert!(script.requests.is_empty(), "{:?}", script.requests);
}

#[test]
fn the_account_is_found_before_the_intent_is_stored() {
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, account(200))
        .post(KEY_CHANGE, answer(200, &json!({})));
    let (result, stored) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-1
    assert!(result.is_ok(), "{stored:?}");
    assert_eq!(stored, [intent()]);
    let mut script = Script::new().start().post(NEW_ACCOUNT, not_here());
    let (result, stored) = change(&mut script, Rollover::new(new_key()));
    assert!(matches!(result, Err(Error::NoAccount { .. })) && stored.is_empty(), "{result:?}");
}

#[test]
fn a_later_process_finishes_what_was_stored() {
    // It had landed.
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(200));
    let result = script.run(Rollover::resume(intent()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
    // It had not.
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, not_here())
        .post(KEY_CHANGE, answer(200, &json!({})));
    let result = script.run(Rollover::resume(intent()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn an_intent_of_another_account_is_refused() {
    let mut script = Script::new().session(|s| s.with_account_key(new_key())).known_account();
    let foreign =
        RolloverIntent::new(url(DIRECTORY), url(NEW_ORDER), new_key(), ed1().public_key());
    let error = script.run(Rollover::resume(foreign)).expect_err("another account");
    assert!(matches!(error, Error::Input(InvalidInput::ForeignRollover(_))), "{error}");
    assert!(script.requests.is_empty());
}

#[test]
fn an_intent_of_a_newer_version_is_not_read() {
    let mut text = serde_json::to_value(intent()).expect("JSON");
    text["version"] = json!(99);
    assert!(serde_json::from_value::<RolloverIntent>(text).is_err());
}

#[test]
fn any_flow_finds_by_itself_that_the_key_was_changed() {
    let mut script = Script::new()
        .session(|session| session.with_new_account_key(new_key()))
        .known_account()
        .start()
        .post(ACCOUNT, problem(401, "unauthorized"))
        .post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    let keys: Vec<_> = script.signatures.iter().map(|s| s.key.clone()).collect();
    let old = KeyRole::Account(ed1().public_key().thumbprint());
    let new = KeyRole::NewAccount(new_key().thumbprint());
    // covers 8555-7.3.5-11
    assert_eq!(keys, [old, new]);
    // covers 8555-7.3.5-8
    assert_eq!(script.session.account_key(), Some(&new_key()));
    assert!(script.session.new_account_key().is_none());
}

#[test]
fn a_refusal_by_both_keys_is_told_and_asked_no_third_time() {
    let mut script = Script::new()
        .session(|session| session.with_new_account_key(new_key()))
        .known_account()
        .start()
        .post(ACCOUNT, problem(401, "unauthorized"))
        .post(ACCOUNT, problem(401, "unauthorized"));
    let error = script.run(Call::new(GetAccount)).expect_err("refused twice");
    assert_eq!(error.url().map(|url| url.as_str().to_owned()), Some(ACCOUNT.to_owned()));
    assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
}

#[test]
fn an_account_is_looked_up_by_both_keys() {
    let mut script = Script::new()
        .session(|session| session.with_new_account_key(new_key()))
        .start()
        .post(NEW_ACCOUNT, not_here())
        .post(NEW_ACCOUNT, account(200));
    let found = script.run(Call::new(FindAccount)).expect("an answer");
    // covers 8555-7.3.5-11
    assert!(found.is_some(), "{found:?}");
    assert_eq!(signer(&script, 1), jwk(&new_key()));
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn no_second_account_is_made_for_the_key_that_an_account_had() {
    let mut script = Script::new()
        .session(|session| session.with_new_account_key(new_key()))
        .start()
        .post(NEW_ACCOUNT, account(200));
    let entry = script.run(Register::new()).expect("the account");
    let lookup = payload_object(script.posts()[0]) == json!({ "onlyReturnExisting": true });
    // covers 8555-7.3.5-11
    assert!(lookup);
    assert!(!entry.is_new());
    assert_eq!(signer(&script, 0), jwk(&new_key()));
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn a_request_under_way_while_the_key_changes_is_signed_again() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let mut order = Call::new(NewOrder::new(["a.test".parse().expect("a name")]).expect("a name"));
    // The order is signed by the old key, and held back.
    let held = loop {
        match order.poll_output(&mut session, world.now()) {
            Output::Transmit(transmit) if transmit.request.url().as_str().contains("order") => {
                break transmit;
            }
            Output::Transmit(transmit) => {
                let answer = world.ask(&transmit).expect("an answer");
                let input = acme_proto::flow::Input::Response(transmit.id, answer);
                order.handle_input(&mut session, input, world.now()).expect("a known id");
            }
            Output::Sign(request) => {
                let signature = world.sign(&request).expect("a key");
                let input = acme_proto::flow::Input::Signature(request.id, signature);
                order.handle_input(&mut session, input, world.now()).expect("a known id");
            }
            other => panic!("{other:?}"),
        }
    };
    let change = Rollover::new(world.other_key.public_key());
    let changed = world.run(&mut session, change, |flow, _, _| {
        flow.stored().expect("it asked");
    });
    changed.expect("a new key");
    let refused = world.ask(&held).expect("an answer");
    assert!(refused.status() >= 400, "{refused:?}");
    let input = acme_proto::flow::Input::Response(held.id, refused);
    order.handle_input(&mut session, input, world.now()).expect("a known id");
    let result = world.run(&mut session, order, |_, _, never| match never {});
    // covers 8555-7.3.5-12
    assert!(result.is_ok(), "{result:?} {:?}", world.lines());
}

#[test]
fn a_key_change_whose_answer_is_lost_ends_well_at_a_strict_ca() {
    for action in [FaultAction::DropAfter, FaultAction::DropBefore] {
        let mut world = World::new(CaConfig::default(), 1);
        let mut session = world.registered();
        let rule = FaultRule::next(action.clone()).on(RequestKind::KeyChange);
        world.ca.set_faults(Faults::none().with(rule));
        let change = Rollover::new(world.other_key.public_key());
        let result = world.run(&mut session, change, |flow, _, _| {
            flow.stored().expect("it asked");
        });
        // covers 8555-7.3.5-11
        assert!(result.is_ok(), "{action:?}: {result:?} {:?}", world.lines());
        assert_eq!(session.account_key(), Some(&world.other_key.public_key()));
        let issued = issue(&mut world, &mut session, &["a.test"]);
        // covers 8555-7.3.5-8
        assert!(issued.is_ok(), "{:?}", world.lines());
    }
}

#[test]
fn a_session_that_was_told_of_the_new_key_settles_by_it() {
    let told = || Script::new().session(|session| session.with_new_account_key(new_key()));
    // The account is known, and has the new key.
    let mut script = told().known_account().start().post(NEW_ACCOUNT, account(200));
    let (result, stored) = change(&mut script, Rollover::settle(new_key()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
    assert!(stored.is_empty(), "it was stored before");
    // The account is not known, and has the old key.
    let mut script = told()
        .start()
        .post(NEW_ACCOUNT, account(200))
        .post(NEW_ACCOUNT, not_here())
        .post(KEY_CHANGE, answer(200, &json!({})));
    let (result, _) = change(&mut script, Rollover::settle(new_key()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(script.session.account_key(), Some(&new_key()));
}

#[test]
fn a_change_that_is_begun_again_has_perhaps_landed_before() {
    let open = Script::new().session(|session| session.with_new_account_key(new_key()));
    let mut script = open.known_account().start().post(NEW_ACCOUNT, account(200));
    let (result, stored) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(stored, [intent()], "{result:?}");
    // covers 8555-7.3.5-8
    assert_eq!(script.session.account_key(), Some(&new_key()));
    // The account is not known, and has the new key.
    let open = Script::new().session(|session| session.with_new_account_key(new_key()));
    let mut script = open.start().post(NEW_ACCOUNT, not_here()).post(NEW_ACCOUNT, account(200));
    let (result, stored) = change(&mut script, Rollover::new(new_key()));
    // covers 8555-7.3.5-11
    assert!(result.is_ok(), "{result:?}");
    assert!(stored.is_empty(), "{result:?}");
}

#[test]
fn a_change_to_a_third_key_starts_from_the_one_that_the_account_has() {
    let third = Es256Key::from_scalar(&[5; 32]).expect("a scalar");
    let third_public = third.public_key();
    let open = Script::new().session(|session| session.with_new_account_key(new_key()));
    let mut script = open
        .known_account()
        .start()
        .post(NEW_ACCOUNT, not_here())
        .post(NEW_ACCOUNT, account(200))
        .post(KEY_CHANGE, answer(200, &json!({})));
    script.es256 = Some(third);
    let (result, stored) = change(&mut script, Rollover::new(third_public.clone()));
    // covers 8555-7.3.5-11
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(*stored[0].old_account_key(), new_key(), "{stored:?}");
    assert!(result.is_ok() && script.session.account_key() == Some(&third_public), "{result:?}");
}

#[test]
fn a_store_that_never_answers_ends_with_the_time_limit_of_the_flow() {
    let (mut session, now) = (known().session, Script::new().now());
    let limit = Duration::from_secs(10);
    let mut flow = Rollover::new(new_key()).with_time_limit(limit);
    let output = flow.poll_output(&mut session, now);
    assert!(matches!(output, Output::Event(RolloverEvent::Store(_))), "{output:?}");
    let end = now.saturating_add(limit);
    let output = flow.poll_output(&mut session, now);
    assert!(matches!(output, Output::Timeout(at) if at == end), "{output:?}");
    let output = flow.poll_output(&mut session, end);
    let Output::Done(Err(Error::Deadline(late))) = &output else { panic!("{output:?}") };
    assert!(late.to_string().contains("keyChange"), "{late}");
    assert_eq!(session.account_key(), Some(&ed1().public_key()));
    assert_eq!(session.new_account_key(), None, "nothing was sent");
}
