//! What a session remembers for the next one: fewer requests, and no failure if it is out of date.

use acme_proto::http::Response;
use acme_proto::session::{Session, SessionMemory};
use acme_proto::signer::Ed25519Key;
use acme_proto::time::Timestamp;
use acme_tests::canned_server::{BASE, CannedServer, created, object, order, problem};
use acme_tests::world::issuance;
use core::time::Duration;
use serde_json::json;

const NAME: &str = "a.example";

/// Issues once, and returns what the session then remembers, having been text in between.
fn memory() -> (SessionMemory, Timestamp) {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = script.session();
    script.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    let text = serde_json::to_string(&session.memory()).expect("JSON");
    (serde_json::from_str(&text).expect("a memory"), script.now())
}

/// Issues again after a while, and returns the paths of all requests.
fn issue_after(
    script: &mut CannedServer,
    pause: Duration,
    change: fn(Session) -> Session,
) -> Vec<String> {
    let (memory, then) = memory();
    script.start_at(then.saturating_add(pause));
    let mut session = change(script.session()).with_memory(memory, script.now());
    script.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    script.asked.iter().map(|asked| asked.path.clone()).collect()
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_session_with_a_memory_asks_for_neither_directory_nor_nonce() {
    // The directory brings a nonce here.
    let cold = ["/directory"];
    let rest = ["/newOrder", "/authz/1", "/challenge/1", "/order/1", "/finalize/1", "/cert/1"];
    let mut script = CannedServer::obliging(&[NAME]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let asked: Vec<&str> = script.asked.iter().map(|asked| &*asked.path).collect();
    assert_eq!(asked, [&cold[..], &rest].concat());
    for pause in [MINUTE, HOUR] {
        let mut script = CannedServer::obliging(&[NAME]);
        assert_eq!(issue_after(&mut script, pause, |session| session), rest, "{pause:?}");
    }
}

#[test]
fn an_order_that_is_ready_takes_three_requests() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/newOrder", [created(&order("ready", &[NAME]))]);
    let asked = issue_after(&mut script, MINUTE, |session| session);
    assert_eq!(asked, ["/newOrder", "/finalize/1", "/cert/1"]);
}

#[test]
fn the_account_is_remembered_for_its_own_key() {
    let without_account = |session: Session| {
        let key = session.account_key().expect("a key").clone();
        Session::new(session.directory_url().clone(), 7).with_account_key(key)
    };
    let mut script = CannedServer::obliging(&[NAME]);
    let asked = issue_after(&mut script, MINUTE, without_account);
    assert!(!asked.contains(&"/newAccount".to_owned()), "{asked:?}");

    let other_key = |session: Session| {
        let key = Ed25519Key::from_scalar(&[9; 32]).expect("32 octets").public_key();
        Session::new(session.directory_url().clone(), 7).with_account_key(key)
    };
    let (memory, now) = memory();
    let session = other_key(CannedServer::new().session()).with_memory(memory, now);
    assert_eq!(session.account_url(), None);
    assert!(session.directory().is_some(), "the server is the same");
}

#[test]
fn a_nonce_that_is_refused_costs_one_exchange() {
    let mut script = CannedServer::obliging(&[NAME]);
    let made = created(&order("pending", &[NAME]));
    script.on("/newOrder", [problem(400, "badNonce"), made]);
    let asked = issue_after(&mut script, HOUR, |session| session);
    // covers 8555-6.5-4
    assert_eq!(asked[..3], ["/newOrder", "/newOrder", "/authz/1"]);
    assert_eq!(asked.len(), 7, "{asked:?}");
}

#[test]
fn a_directory_that_has_changed_is_fetched_again() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut moved = json!({ "newOrder": format!("{BASE}/moved") });
    for name in ["newNonce", "newAccount", "revokeCert", "keyChange"] {
        moved[name] = json!(format!("{BASE}/{name}"));
    }
    script.on("/directory", [object(&moved)]);
    script.on("/newOrder", [Response::new(404)]);
    script.on("/moved", [created(&order("pending", &[NAME]))]);
    let asked = issue_after(&mut script, HOUR, |session| session);
    assert_eq!(asked[..3], ["/newOrder", "/directory", "/moved"], "{asked:?}");
    let mut script = CannedServer::obliging(&[NAME]);
    let asked = issue_after(&mut script, DAY * 3, |session| session);
    assert_eq!(asked[..2], ["/directory", "/newOrder"], "it is too old");
}

#[test]
fn a_memory_of_another_server_or_of_a_newer_version_is_not_taken_up() {
    let (memory, now) = memory();
    let elsewhere = "https://other.test/directory".parse().expect("a URL");
    let session = Session::new(elsewhere, 7).with_memory(memory.clone(), now);
    assert!(session.directory().is_none() && session.account_url().is_none());

    let mut newer = serde_json::to_value(&memory).expect("JSON");
    newer["version"] = json!(2);
    let newer = serde_json::from_value(newer).expect("a memory");
    let session = CannedServer::new().session().with_memory(newer, now);
    assert!(session.directory().is_none());
}

#[test]
fn whatever_a_memory_says_it_breaks_nothing() {
    let (memory, now) = memory();
    let text = serde_json::to_value(&memory).expect("JSON");
    for (member, odd) in [
        ("/directory/object", json!("no object")),
        ("/directory/object/newNonce", json!("http://elsewhere.test/nonce")),
        ("/directory/fetched", json!("2999-01-01T00:00:00Z")),
        ("/account/url", json!("http://elsewhere.test/account")),
        ("/nonces", json!([{ "received": "2999-01-01T00:00:00Z", "nonce": "a b" }])),
        ("/recent", json!({ "validations": vec![600_000; 9], "issuances": [0, 0, 0] })),
    ] {
        let mut changed = text.clone();
        *changed.pointer_mut(member).expect(member) = odd;
        let changed = serde_json::from_value(changed).expect(member);
        let mut script = CannedServer::obliging(&[NAME]);
        script.start_at(now);
        let mut session = script.session().with_memory(changed, now);
        script.issue_in(&mut session, issuance(&[NAME])).expect(member);
        assert_eq!(session.account_url(), script.session().account_url(), "{member}");
    }
}
