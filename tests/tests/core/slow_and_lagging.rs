//! Servers that know less than they said, that refuse what they may, and that take their time.

use core::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::http::{Method, Response};
use acme_proto::issuance::Issued;
use acme_proto::op::{GetAccount, Resource};
use acme_proto::register::Register;
use acme_proto::session::Session;
use acme_proto::wire::ProblemType;
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, certificate, chain, created, object, order, problem,
};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, Script, account, account_object, answer, directory,
};
use acme_tests::world::issuance;
use serde_json::json;

const NAME: &str = "a.example";

fn took(script: &CannedServer, path: &str) -> u64 {
    let asked = script.at(path);
    asked.last().expect("asked").millis - asked[0].millis
}

#[test]
fn where_head_is_refused_nonces_are_asked_for_by_get_from_then_on() {
    for status in [403, 404, 405, 501] {
        let refused = || Response::new(status).with_body("<html>no</html>");
        let mut script = Script::new()
            .get(DIRECTORY, directory())
            .exact(Method::Head, NEW_NONCE, refused())
            .exact(Method::Get, NEW_NONCE, Response::new(204).with_header("replay-nonce", "first"))
            .post(NEW_ACCOUNT, account(201));
        script.run(Register::new()).expect("an account");
        script.pass(301); // the nonce of the response is too old
        let mut script = script
            .exact(Method::Get, NEW_NONCE, Response::new(204).with_header("replay-nonce", "second"))
            .post(ACCOUNT, answer(200, &account_object()));
        script.run(Call::new(GetAccount)).expect("the account");
        assert_eq!(script.used_nonces(), ["first", "second"], "{status}");
    }
}

#[test]
fn what_a_replica_does_not_know_yet_is_asked_for_again() {
    for (path, known) in [
        ("/order/1", object(&order("ready", &[NAME]))),
        ("/authz/1", object(&authorization("pending", NAME, 1))),
        ("/finalize/1", object(&order("valid", &[NAME]))),
        ("/cert/1", certificate(&chain(&[NAME]))),
    ] {
        let mut script = CannedServer::obliging(&[NAME]);
        let unknown = problem(404, "malformed");
        script.on(path, [unknown.clone(), Response::new(404), known]);
        let issued = script.issue(issuance(&[NAME]));
        assert!(issued.is_ok(), "{path}: {issued:?}");
        assert_eq!(script.count("/newOrder"), 1, "{path}");
    }
}

#[test]
fn what_stays_unknown_is_taken_for_that_after_half_a_minute() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/authz/1", [problem(404, "malformed")]);
    let error = script.issue(issuance(&[NAME])).expect_err("unknown");
    let Error::Problem(refused) = &error else { panic!("{error:?}") };
    assert_eq!((refused.status(), refused.resource()), (404, Resource::Authorization), "{error}");
    assert!(!error.to_string().contains("directory"), "{error}");
    let took = took(&script, "/authz/1");
    assert!((30_000..=30_100).contains(&took), "{took} ms");
    assert!(script.count("/authz/1") < 12, "{}", script.count("/authz/1"));
}

/// Issues at a server that does not know the authorization for so long that the order, which was named with it, is first
/// asked for when half a minute is nearly over.
fn lag_after_lag(orders: Vec<Response>) -> (CannedServer, Result<Issued, Error>) {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut authorizations = vec![problem(404, "malformed"); TRIES];
    authorizations.push(object(&authorization("pending", NAME, 1)));
    script.on("/authz/1", authorizations);
    script.on("/order/1", orders);
    let result = script.issue(issuance(&[NAME]));
    (script, result)
}

/// So many tries take more than 20 seconds.
const TRIES: usize = 6;

#[test]
fn each_of_two_urls_that_lag_one_after_the_other_has_half_a_minute_of_its_own() {
    let unknown = problem(404, "malformed");
    let mut orders = vec![unknown.clone(); TRIES];
    orders.push(object(&order("ready", &[NAME])));
    let (script, issued) = lag_after_lag(orders);
    issued.expect("a certificate");
    for path in ["/authz/1", "/order/1"] {
        let took = took(&script, path);
        assert!((20_000..=30_100).contains(&took), "{path}: {took} ms");
    }
    let (script, result) = lag_after_lag(vec![unknown]);
    let error = result.expect_err("unknown");
    let Error::Problem(refused) = &error else { panic!("{error:?}") };
    assert_eq!((refused.status(), refused.resource()), (404, Resource::Order), "{error}");
    let took = took(&script, "/order/1");
    assert!((30_000..=30_100).contains(&took), "{took} ms");
    let all = script.asked.last().expect("asked").millis - script.asked[0].millis;
    assert!(all < 65_000, "{all} ms");
}

/// Registers, so that the server has just given the account.
fn registered(script: &mut CannedServer) -> Session {
    let account = object(&json!({ "status": "valid" }));
    let created = Response::new(201)
        .with_header("content-type", "application/json")
        .with_header("location", &format!("{BASE}/account/1"))
        .with_body(account.body().to_vec());
    script.on("/newAccount", [created]);
    let mut session = script.session();
    script
        .run(&mut session, &mut Register::new(), |_, _, event| panic!("{event:?}"))
        .expect("an account");
    session
}

#[test]
fn an_account_that_a_replica_does_not_know_yet_is_not_given_up() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = registered(&mut script);
    let unknown = problem(400, "accountDoesNotExist");
    let pending = order("pending", &[NAME]);
    script.on("/newOrder", [unknown.clone(), unknown, created(&pending)]);
    script.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    assert_eq!(script.count("/newOrder"), 3);
}

#[test]
fn an_account_that_stays_unknown_is_none() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = registered(&mut script);
    script.on("/newOrder", [problem(400, "accountDoesNotExist")]);
    let error = script.issue_in(&mut session, issuance(&[NAME])).expect_err("no account");
    let is_right = matches!(&error, Error::NoAccount { .. })
        || error.problem_type() == Some(&ProblemType::AccountDoesNotExist);
    assert!(is_right, "{error}");
    let took = took(&script, "/newOrder");
    assert!((30_000..=30_100).contains(&took), "{took} ms");
}

#[test]
fn a_request_that_was_lost_has_more_time_the_next_time() {
    let mut script = CannedServer::obliging(&[NAME]);
    for _ in 0..3 {
        script.lose("/newOrder");
    }
    script.issue(issuance(&[NAME])).expect("a certificate");
    let longer = script.time_limits.iter().map(Duration::as_secs).filter(|limit| *limit != 30);
    assert_eq!(longer.collect::<Vec<_>>(), [60, 120, 120], "{:?}", script.time_limits);
}
