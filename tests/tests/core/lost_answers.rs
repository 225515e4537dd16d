//! What is done when no answer comes: resend, read again, or report, by operation.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Report};
use acme_proto::flow::Lost;
use acme_proto::http::Method;
use acme_proto::notice::{Notice, RetryReason};
use acme_proto::op::{
    DeactivateAccount, DeactivateAuthorization, Finalize, FindAccount, GetAccount, GetDirectory,
    GetOrder, KeyChange, Resource, RespondChallenge, UpdateAccount,
};
use acme_proto::register::Register;
use acme_proto::wire::{AuthorizationStatus, ChallengeStatus, OrderStatus};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, KEY_CHANGE, Script, account_object, answer, directory, ed1, ed2, payload,
    problem, url,
};
use acme_tests::world::{World, csr, issue};
use serde_json::{Value, json};

const ORDER: &str = "https://example.com/acme/order/1";
const FINALIZE: &str = "https://example.com/acme/order/1/finalize";
const CHALLENGE: &str = "https://example.com/acme/chall/1";
const AUTHORIZATION: &str = "https://example.com/acme/authz/1";

fn no_answer() -> Lost {
    Lost::NoResponse("connection reset".into())
}

fn not_sent() -> Lost {
    Lost::NotSent("connection refused".into())
}

fn order(status: &str) -> Value {
    json!({
        "status": status,
        "identifiers": [{ "type": "dns", "value": "a.example" }],
        "authorizations": [AUTHORIZATION],
        "finalize": FINALIZE,
        "certificate": "https://example.com/acme/cert/1",
    })
}

fn challenge(status: &str) -> Value {
    json!({ "type": "http-01", "url": CHALLENGE, "status": status,
        "token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0" })
}

fn authorization(status: &str) -> Value {
    json!({ "status": status, "identifier": { "type": "dns", "value": "a.example" },
        "challenges": [challenge("pending")] })
}

/// A script with an account, a directory and one nonce, whose first POST goes there and gets lost.
fn losing(url: &str, lost: Lost) -> Script {
    Script::new().known_account().start().lost(Method::Post, url, lost).nonce("second")
}

#[test]
fn reading_is_sent_again() {
    let script = Script::new().lost(Method::Get, DIRECTORY, no_answer());
    script.get(DIRECTORY, directory()).run(Call::new(GetDirectory)).expect("a directory");
    let mut script = losing(ORDER, Lost::TimedOut).post(ORDER, answer(200, &order("valid")));
    script.run(Call::new(GetOrder(url(ORDER)))).expect("an order");
    // covers 8555-6.5-2
    assert_eq!(script.used_nonces(), ["first", "second"]);
}

#[test]
fn new_account_is_sent_again_and_finds_what_it_created() {
    let mut world = World::new(CaConfig::default(), 1);
    let lost = FaultRule::next(FaultAction::DropAfter).on(RequestKind::NewAccount);
    world.ca.set_faults(Faults::none().with(lost));
    let mut session = world.session();
    let entry = world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let created = world.transcript.iter().filter(|e| e.kind == RequestKind::NewAccount);
    let statuses: Vec<_> = created.map(|e| e.status).collect();
    // covers 8555-7.3-8
    assert_eq!(statuses, [201, 200]);
    assert!(!entry.is_new(), "{statuses:?}");
}

#[test]
fn an_update_is_sent_again() {
    let mut script = losing(ACCOUNT, no_answer()).post(ACCOUNT, answer(200, &account_object()));
    let contacts = vec!["mailto:admin@example.org".into()];
    let update = UpdateAccount::contacts(contacts).expect("a contact");
    script.run(Call::new(update)).expect("the account");
    let [first, second] = script.posts()[..] else { panic!("two requests") };
    assert_eq!(payload(first), payload(second));
}

#[test]
fn a_challenge_is_read_before_it_is_answered_again() {
    let mut script =
        losing(CHALLENGE, no_answer()).post(CHALLENGE, answer(200, &challenge("processing")));
    let read = script.run(Call::new(RespondChallenge::new(url(CHALLENGE)))).expect("a challenge");
    assert_eq!(*read.status(), ChallengeStatus::Processing);
    let payloads: Vec<_> = script.posts().into_iter().map(payload).collect();
    // covers 8555-7.5.1-2
    assert_eq!(payloads, [&b"{}"[..], b""]);
}

#[test]
fn a_challenge_that_has_not_landed_is_answered_again() {
    let mut script = losing(CHALLENGE, no_answer())
        .post(CHALLENGE, answer(200, &challenge("pending")))
        .post(CHALLENGE, answer(200, &challenge("processing")));
    script.run(Call::new(RespondChallenge::new(url(CHALLENGE)))).expect("a challenge");
    let payloads: Vec<_> = script.posts().into_iter().map(payload).collect();
    // covers 8555-7.5.1-1
    assert_eq!(payloads, [&b"{}"[..], b"", b"{}"]);
}

#[test]
fn a_response_that_is_sent_again_after_a_reread_still_has_more_time() {
    let mut script = losing(CHALLENGE, no_answer())
        .post(CHALLENGE, answer(200, &challenge("pending")))
        .post(CHALLENGE, answer(200, &challenge("processing")));
    script.run(Call::new(RespondChallenge::new(url(CHALLENGE)))).expect("a challenge");
    let [.., first, _, reread, second] = script.time_limits[..] else { panic!("six requests") };
    assert_eq!([reread, second], [first * 2; 2]);
}

#[test]
fn the_order_is_read_after_a_finalize_without_an_answer() {
    let mut script = losing(FINALIZE, no_answer()).post(ORDER, answer(200, &order("processing")));
    let csr = csr(&["a.example".parse().expect("a name")]);
    let call = Call::new(Finalize::new(url(ORDER), url(FINALIZE), csr));
    let read = script.run(call).expect("an order");
    let read_only = payload(script.posts()[1]).is_empty();
    // covers 8555-7.4-20
    assert_eq!(*read.status(), OrderStatus::Processing);
    assert!(read_only);
}

#[test]
fn a_finalize_that_has_not_landed_is_sent_again() {
    let mut script = losing(FINALIZE, no_answer())
        .post(ORDER, answer(200, &order("ready")))
        .post(FINALIZE, answer(200, &order("processing")));
    let csr = csr(&["a.example".parse().expect("a name")]);
    let call = Call::new(Finalize::new(url(ORDER), url(FINALIZE), csr));
    let read = script.run(call).expect("an order");
    // covers 8555-7.4-20
    assert_eq!(*read.status(), OrderStatus::Processing);
    assert_eq!(script.posts().len(), 3);
}

#[test]
fn an_authorization_is_read_after_a_deactivation_without_an_answer() {
    let deactivated = answer(200, &authorization("deactivated"));
    let mut script = losing(AUTHORIZATION, no_answer()).post(AUTHORIZATION, deactivated);
    let call = Call::new(DeactivateAuthorization(url(AUTHORIZATION)));
    let read = script.run(call).expect("an authorization");
    assert_eq!(*read.status(), AuthorizationStatus::Deactivated);
    assert!(payload(script.posts()[1]).is_empty());
}

#[test]
fn a_deactivation_of_the_account_whose_answer_is_lost_ends_well() {
    // The repeated request comes from an account that is deactivated already, which the CA refuses with 401.
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let lost = FaultRule::next(FaultAction::DropAfter).on(RequestKind::Account);
    world.ca.set_faults(Faults::none().with(lost));
    let result = world.run(&mut session, Call::new(DeactivateAccount), |_, _, _| ());
    // covers 8555-7.3.6-1
    assert!(result.is_ok(), "{result:?} {:?}", world.lines());
}

#[test]
fn a_key_change_without_an_answer_is_reported_and_not_sent_again() {
    let mut script =
        Script::new().known_account().start().lost(Method::Post, KEY_CHANGE, no_answer());
    let error = script.run(Call::new(KeyChange::new(ed2().public_key()))).expect_err("unknown");
    let reported = matches!(&error, Error::Transport(t) if *t.lost() == no_answer());
    // covers 8555-7.3.5-11
    assert!(reported, "{error}");
    assert_eq!(script.posts().len(), 1, "{error}");
    // covers 8555-7.3.5-9
    assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
}

#[test]
fn a_key_change_that_was_not_sent_is_sent() {
    let mut script = Script::new()
        .known_account()
        .start()
        .lost(Method::Post, KEY_CHANGE, not_sent())
        .post(KEY_CHANGE, answer(200, &json!({})));
    script.run(Call::new(KeyChange::new(ed2().public_key()))).expect("a new key");
    assert_eq!(script.session.account_key(), Some(&ed2().public_key()));
}

#[test]
fn which_key_the_server_holds_is_found_by_asking_with_each() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    let entry = world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let lost = FaultRule::next(FaultAction::DropAfter).on(RequestKind::KeyChange);
    world.ca.set_faults(Faults::none().with(lost));
    let change = Call::new(KeyChange::new(world.other_key.public_key()));
    world.run(&mut session, change, |_, _, _| ()).expect_err("unknown");
    let mut found = Vec::new();
    for key in [world.account_key.public_key(), world.other_key.public_key()] {
        let mut session = world.session().with_account_key(key);
        let answer = world.run(&mut session, Call::new(FindAccount), |_, _, _| ());
        found.push(answer.expect("an answer").map(|entry| entry.url().clone()));
    }
    // covers 8555-7.3.5-11
    assert_eq!(found, [None, Some(entry.url().clone())]);
}

#[test]
fn what_was_not_sent_is_sent_whatever_the_operation() {
    let mut script = Script::new()
        .known_account()
        .start()
        .lost(Method::Post, CHALLENGE, not_sent())
        .post(CHALLENGE, answer(200, &challenge("processing")));
    script.run(Call::new(RespondChallenge::new(url(CHALLENGE)))).expect("a challenge");
    let payloads: Vec<_> = script.posts().into_iter().map(payload).collect();
    assert_eq!(payloads, [b"{}", b"{}"]);
}

#[test]
fn after_four_losses_the_error_tells_how_the_last_one_ended() {
    let mut script = Script::new();
    for _ in 0..4 {
        script = script.lost(Method::Get, DIRECTORY, not_sent());
    }
    let error = script.run(Call::new(GetDirectory)).expect_err("down");
    let Error::Transport(transport) = &error else { panic!("{error}") };
    assert_eq!((transport.tries(), transport.lost()), (4, &not_sent()));
    assert_eq!(transport.url().as_str(), DIRECTORY);
    assert_eq!(
        Report::new(&error).to_string(),
        "no response from https://example.com/acme/directory after 4 tries: not sent: connection refused; \
         check the URL and the network"
    );
    let lost = |n: &&Notice| matches!(n, Notice::Retry { reason: RetryReason::Lost(_), .. });
    assert_eq!(script.notices.iter().filter(lost).count(), 3);
    assert!(script.waits.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", script.waits);
}

#[test]
fn what_another_try_does_not_change_is_not_tried_again() {
    let untrusted = Lost::Untrusted("it has expired (192.0.2.1:443)".into());
    let blocked = Lost::Blocked("proxy p:3128: it wants a password; set it in HTTPS_PROXY".into());
    for (lost, words) in [
        (
            untrusted,
            "https://example.com/acme/directory is not trusted: it has expired (192.0.2.1:443); give the root of its \
             https certificate (`roots`, `--ca-file`), or check the URL and the clock",
        ),
        (
            blocked,
            "no way to https://example.com/acme/directory: proxy p:3128: it wants a password; set it in HTTPS_PROXY",
        ),
    ] {
        let mut script = Script::new().lost(Method::Get, DIRECTORY, lost.clone());
        let error = script.run(Call::new(GetDirectory)).expect_err("no way");
        let Error::Transport(transport) = &error else { panic!("{error}") };
        assert_eq!((transport.tries(), transport.lost()), (1, &lost));
        assert_eq!(Report::new(&error).to_string(), words);
        assert!(script.waits.is_empty() && script.notices.is_empty(), "{:?}", script.notices);
    }
}

#[test]
fn a_call_ends_at_its_deadline_even_if_no_answer_ever_comes() {
    let mut script = Script::new();
    // Half a minute, then a minute, as far as there is time for it.
    for _ in 0..2 {
        script = script.lost(Method::Get, DIRECTORY, Lost::TimedOut);
    }
    let begin = script.now();
    let call = Call::new(GetDirectory).with_time_limit(Duration::from_secs(70));
    let error = script.run(call).expect_err("down");
    let took = script.now().saturating_duration_since(begin);
    assert!(took <= Duration::from_secs(70), "{took:?}");
    let Error::Deadline(deadline) = &error else { panic!("{error}") };
    assert!(matches!(deadline.last_error(), Some(Error::Transport(_))), "{error}");
    assert_eq!(deadline.waiting_for(), Resource::Directory);
}

#[test]
fn a_server_error_after_finalize_is_followed_by_reading_the_order() {
    let mut script = Script::new()
        .known_account()
        .start()
        .post(FINALIZE, problem(500, "serverInternal"))
        .post(ORDER, answer(200, &order("processing")));
    let csr = csr(&["a.example".parse().expect("a name")]);
    let call = Call::new(Finalize::new(url(ORDER), url(FINALIZE), csr));
    let read = script.run(call).expect("an order");
    // covers 8555-7.4-20
    assert_eq!(*read.status(), OrderStatus::Processing);
}

#[test]
fn every_lost_answer_of_an_issuance_is_survived() {
    use RequestKind::{
        Authorization, Certificate, Challenge, Finalize, NewAccount, NewNonce, NewOrder,
    };
    for kind in [NewAccount, NewNonce, NewOrder, Authorization, Challenge, Finalize, Certificate] {
        for action in [FaultAction::DropBefore, FaultAction::DropAfter] {
            let mut world = World::new(CaConfig::default(), 1);
            world.ca.set_faults(Faults::none().with(FaultRule::next(action.clone()).on(kind)));
            let mut session = world.session();
            world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
            let issued = issue(&mut world, &mut session, &["a.test"]);
            assert!(issued.is_ok(), "{kind} {action:?}: {issued:?} {:#?}", world.lines());
            assert_eq!(world.ca.certificates_issued(), 1, "{kind} {action:?}");
        }
    }
}

#[test]
fn what_is_cut_off_is_read_again_and_its_nonce_counts() {
    let cut = answer(200, &account_object()).with_header("Replay-Nonce", "of-the-cut").truncated();
    let mut script = Script::new().known_account().start().post(ACCOUNT, cut);
    script = script.post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("an account");
    // covers 8555-6.5-3
    assert_eq!(script.used_nonces(), ["first", "of-the-cut"]);
    assert!(format!("{:?}", script.notices).contains("cut off"), "{:?}", script.notices);
}

#[test]
fn what_is_always_cut_off_is_an_error_after_four_tries() {
    let mut script = Script::new().known_account().start();
    for _ in 0..4 {
        script = script.post(ACCOUNT, answer(200, &account_object()).truncated());
    }
    let error = script.run(Call::new(GetAccount)).expect_err("cut off");
    assert!(error.to_string().contains("cut off"), "{error}");
}

#[test]
fn a_refusal_that_is_cut_off_is_asked_for_again() {
    let cut = problem(403, "unauthorized").with_body("{\"type\":\"urn").truncated();
    let mut script = Script::new().known_account().start().post(ACCOUNT, cut);
    script = script.post(ACCOUNT, problem(403, "orderNotReady"));
    let error = script.run(Call::new(GetAccount)).expect_err("refused");
    assert!(error.to_string().contains("orderNotReady"), "{error}");
}

#[test]
fn what_is_longer_than_the_limit_is_an_error_at_once() {
    let long = answer(200, &account_object()).with_body(vec![b'x'; 500]).truncated();
    let mut script = Script::new().known_account().start();
    script = script.policy(|policy| policy.body_limit = 500).post(ACCOUNT, long);
    let error = script.run(Call::new(GetAccount)).expect_err("too long");
    assert!(error.to_string().contains("longer than the limit"), "{error}");
}
