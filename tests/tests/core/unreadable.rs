//! Responses of success that cannot be parsed: the resource exists, and its URL is known.

use acme_proto::call::Call;
use acme_proto::error::{Error, PeerFault};
use acme_proto::http::Response;
use acme_proto::op::{FindAccount, GetAccount, NewAccount, NewOrder};
use acme_proto::register::Register;
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, Quirks};
use acme_tests::canned_server as issuance;
use acme_tests::script::{
    ACCOUNT, NEW_ACCOUNT, NEW_ORDER, Script, account, account_object, answer, payload, problem,
    protected,
};
use acme_tests::world::World;
use serde_json::json;

const ORDER: &str = "https://example.com/acme/order/1";

/// Answers that say nothing: HTML, a cut-off object, an array.
fn unreadable(status: u16, location: &str) -> Vec<Response> {
    let plain = || Response::new(status).with_header("Location", location);
    vec![
        plain().with_header("Content-Type", "text/html").with_body("<html>created</html>"),
        plain().with_body("{\"status\":\"val").truncated(),
        plain().with_body("[]"),
    ]
}

fn order() -> NewOrder {
    NewOrder::new(["a.example".parse().expect("a name")]).expect("a name")
}

fn order_object() -> serde_json::Value {
    json!({
        "status": "pending",
        "expires": "2099-01-01T00:00:00Z",
        "identifiers": [{ "type": "dns", "value": "a.example" }],
        "authorizations": ["https://example.com/acme/authz/1"],
        "finalize": "https://example.com/acme/order/1/finalize",
    })
}

#[test]
fn an_account_whose_answer_cannot_be_read_is_read_at_its_url() {
    for bad in unreadable(201, ACCOUNT) {
        let script = || Script::new().start().post(NEW_ACCOUNT, bad.clone());
        let mut script = script().post(ACCOUNT, answer(200, &account_object()));
        let entry = script.run(Register::new()).expect("an account");
        let read = script.posts()[1];
        // covers 8555-7.3-8
        assert_eq!(entry.url().as_str(), ACCOUNT);
        assert!(payload(read).is_empty());
        assert_eq!(protected(read)["kid"], ACCOUNT);
        assert!(entry.is_new() && entry.account().contact().len() == 1);
        assert_eq!(script.session.account_url(), Some(entry.url()));
    }
}

#[test]
fn the_single_operation_does_the_same() {
    for bad in unreadable(200, ACCOUNT) {
        let mut script = Script::new()
            .start()
            .post(NEW_ACCOUNT, bad)
            .post(ACCOUNT, answer(200, &account_object()));
        let entry = script.run(Call::new(NewAccount::new())).expect("an account");
        // covers 8555-7.3-8
        assert_eq!(entry.url().as_str(), ACCOUNT);
        assert!(!entry.is_new());
    }
}

#[test]
fn without_a_location_there_is_nothing_to_read() {
    let bad = Response::new(201).with_body("<html>created</html>");
    let mut script = Script::new().start().post(NEW_ACCOUNT, bad);
    let error = script.run(Register::new()).expect_err("nothing to go on");
    let told = matches!(&error, Error::Peer(p) if *p.fault() == PeerFault::NoLocation);
    // covers fld-hdr-2
    assert!(told, "{error}");
}

#[test]
fn an_account_that_cannot_be_read_a_second_time_is_an_error() {
    let mut script = Script::new().start();
    // What the network cut off is read once more; what the server spoiled is not.
    let spoiled = unreadable(200, ACCOUNT).into_iter().filter(|bad| !bad.is_truncated());
    for (url, bad) in [NEW_ACCOUNT, ACCOUNT].into_iter().zip(spoiled) {
        script = script.post(url, bad);
    }
    let error = script.run(Register::new()).expect_err("unreadable");
    assert!(matches!(error, Error::Peer(_)), "{error}");
}

#[test]
fn an_order_whose_answer_cannot_be_read_is_read_at_its_url() {
    for bad in unreadable(201, ORDER) {
        let mut script = Script::new()
            .known_account()
            .start()
            .post(NEW_ORDER, bad)
            .post(ORDER, answer(200, &order_object()));
        let entry = script.run(Call::new(order())).expect("an order");
        // covers fld-hdr-2
        assert_eq!(entry.url().as_str(), ORDER, "{entry:?}");
        assert_eq!(entry.order().authorizations().len(), 1);
    }
}

#[test]
fn an_issuance_goes_on_with_an_order_whose_answer_cannot_be_read() {
    let mut script = issuance::CannedServer::obliging(&["a.example"]);
    let location = format!("{}/order/1", issuance::BASE);
    let bad =
        Response::new(201).with_header("Location", &location).with_body("<html>created</html>");
    script.on("/newOrder", [bad]);
    let issued = script.issue(acme_tests::world::issuance(&["a.example"]));
    // covers fld-hdr-2
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/newOrder"), 1, "{issued:?}");
}

#[test]
fn an_account_that_cannot_be_read_by_its_url_is_found_by_its_key() {
    for refusal in [answer(405, &json!({})), problem(404, "malformed"), problem(501, "malformed")] {
        let mut script = Script::new()
            .known_account()
            .start()
            .post(ACCOUNT, refusal)
            .post(NEW_ACCOUNT, account(200));
        let account = script.run(Call::new(GetAccount)).expect("an account");
        let sent = acme_tests::script::payload_object(script.posts()[1]);
        // covers 8555-7.3.1-1
        assert_eq!(sent, json!({ "onlyReturnExisting": true }));
        assert_eq!(account.contact().len(), 1);
    }
}

#[test]
fn what_a_ca_refuses_for_a_reason_is_not_asked_elsewhere() {
    for kind in ["unauthorized", "rateLimited", "userActionRequired"] {
        let mut script = Script::new().known_account().start().post(ACCOUNT, problem(403, kind));
        let error = script.run(Call::new(GetAccount)).expect_err("refused");
        assert!(matches!(error, Error::Problem(_)), "{error}");
    }
}

#[test]
fn an_account_that_neither_url_nor_key_finds_does_not_exist() {
    let mut script = Script::new()
        .known_account()
        .start()
        .post(ACCOUNT, problem(404, "malformed"))
        .post(NEW_ACCOUNT, problem(400, "accountDoesNotExist"));
    let error = script.run(Call::new(GetAccount)).expect_err("no account");
    assert_eq!(error.problem_type(), Some(&ProblemType::AccountDoesNotExist), "{error}");
}

#[test]
fn a_strict_ca_that_lets_no_account_be_read_is_no_hindrance() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_quirks(Quirks { no_account_read: true, ..Quirks::default() });
    let account = world.run(&mut session, Call::new(GetAccount), |_, _, never| match never {});
    assert!(account.is_ok(), "{account:?} {:?}", world.lines());
    let found = world.run(&mut session, Call::new(FindAccount), |_, _, never| match never {});
    assert!(found.is_ok_and(|entry| entry.is_some()));
}
