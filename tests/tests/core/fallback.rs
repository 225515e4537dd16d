//! One kind of challenge after another, with memory of what failed.

use core::time::Duration;

use acme_proto::challenge::Attempt;
use acme_proto::error::{Error, InvalidInput, Report};
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::wire::ChallengeKind::{self, Dns01, DnsAccount01, Http01, TlsAlpn01};
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, created, object, order, problem,
};
use acme_tests::error_chain;
use acme_tests::world::{SolverPlan, World, issuance, issue_with};
use serde_json::json;

const NAME: &str = "a.example";

/// Issues with these kinds, of which http-01 is broken, and counts the orders.
fn broken_http(kinds: &[ChallengeKind]) -> (usize, World, Option<Error>) {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan =
        SolverPlan { kinds: kinds.to_vec(), forgets_kinds: vec![Http01], ..SolverPlan::default() };
    let flow = issuance(&[NAME]).with_solver_kinds(kinds.iter().cloned());
    let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop().expect("a result");
    let orders = world.transcript.iter().filter(|e| e.kind == RequestKind::NewOrder).count();
    assert!(world.published.is_empty());
    (orders, world, result.err())
}

#[test]
fn what_one_kind_did_not_prove_another_does_in_a_new_order() {
    let (orders, world, error) = broken_http(&[Http01, Dns01]);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(orders, 2);
    let published: Vec<_> = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            IssuanceEvent::Provision(challenge) => Some(challenge.kind().clone()),
            _ => None,
        })
        .collect();
    assert_eq!(published, [Http01, Dns01], "each kind is tried once");
}

#[test]
fn without_another_solver_there_is_no_new_order() {
    let (orders, _, error) = broken_http(&[Http01]);
    let error = error.expect("http-01 is broken");
    assert_eq!(orders, 1);
    assert!(matches!(error, Error::Order(_)), "{error}");
}

/// Fails http-01 with this problem while dns-01 is at hand, and counts the orders.
fn orders_after(problem: &str) -> usize {
    let mut script = CannedServer::obliging(&[NAME]);
    let both = |status: &str| {
        let mut object = authorization(status, NAME, 1);
        let mut http = challenge(status, "http-01", 1);
        if status == "invalid" {
            http["error"] =
                json!({ "type": format!("urn:ietf:params:acme:error:{problem}"), "detail": "no" });
        }
        object["challenges"] = json!([http, challenge("pending", "dns-01", 2)]);
        object
    };
    script.on("/authz/1", [object(&both("pending")), object(&both("invalid"))]);
    script.on("/order/1", [object(&order("invalid", &[NAME]))]);
    let flow = issuance(&[NAME]).with_solver_kinds([Http01, Dns01]);
    let error = script.issue(flow).expect_err("invalid");
    assert!(error.to_string().contains(BASE) || error.to_string().contains(NAME), "{error}");
    script.count("/newOrder")
}

#[test]
fn only_what_another_kind_may_mend_is_worth_a_new_order() {
    for worth in ["connection", "dns", "tls", "unauthorized", "incorrectResponse", "serverInternal"]
    {
        assert!(orders_after(worth) > 1, "{worth}");
    }
    for hopeless in ["caa", "rejectedIdentifier", "rateLimited", "malformed", "userActionRequired"]
    {
        assert_eq!(orders_after(hopeless), 1, "{hopeless}");
    }
}

#[test]
fn what_the_server_itself_could_not_validate_is_tried_again_after_a_pause() {
    let mut script = CannedServer::obliging(&[NAME]);
    let both = |status: &str| {
        let mut object = authorization(status, NAME, 1);
        let mut http = challenge(status, "http-01", 1);
        if status == "invalid" {
            http["error"] = json!({
                "type": "urn:ietf:params:acme:error:serverInternal", "detail": "the VA is away",
            });
        }
        object["challenges"] = json!([http, challenge("pending", "dns-01", 2)]);
        object
    };
    let away = [object(&both("pending")), object(&both("invalid"))];
    script.on("/authz/1", away.iter().cycle().take(6).cloned());
    script.on("/order/1", [object(&order("invalid", &[NAME]))]);
    let flow = issuance(&[NAME]).with_solver_kinds([Http01, Dns01]);
    let error = script.issue(flow).expect_err("the VA does not come back");
    let made: Vec<u64> = script.at("/newOrder").iter().map(|asked| asked.millis).collect();
    let pauses: Vec<u64> = made.windows(2).map(|two| (two[1] - two[0]) / 1000).collect();
    assert!(matches!(pauses[..], [5..=9, 22..=31]), "{pauses:?}");
    let waits =
        script.notices.iter().filter(|n| n.to_string().starts_with("waiting until")).count();
    assert!(waits >= 2, "{:?}", script.notices);
    let Error::Order(failed) = &error else { panic!("{error:?}") };
    let tried: Vec<_> = failed.failures()[0].tried().iter().map(Attempt::kind).collect();
    assert_eq!(tried, [&Http01; 3], "no other kind was used up: {error}");
    assert_eq!(error.to_string().matches("the VA is away").count(), 3, "{error}");
}

#[test]
fn a_pause_that_ends_after_the_deadline_is_not_begun() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut invalid = authorization("invalid", NAME, 1);
    invalid["challenges"][0]["status"] = json!("invalid");
    invalid["challenges"][0]["error"] =
        json!({ "type": "urn:ietf:params:acme:error:serverInternal", "detail": "away" });
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&invalid)]);
    script.on("/order/1", [object(&order("invalid", &[NAME]))]);
    let flow = issuance(&[NAME]).with_solver_kinds([Http01]);
    let error = script.issue(flow.with_time_limit(Duration::from_secs(4))).expect_err("away");
    assert!(matches!(error, Error::Order(_)), "{error:?}");
    assert_eq!(script.count("/newOrder"), 1);
}

/// A CA that offers both kinds of challenge that are proved by a record below `_acme-challenge`.
fn both_dns_kinds() -> CaConfig {
    use acme_testca::ChallengeKind as K;
    let mut config = CaConfig::default();
    config.challenges = [K::Dns01, K::DnsAccount01].into();
    config
}

/// Issues with these two kinds, of which dns-01 is broken; `change` changes the flow.
fn broken_dns(change: fn(Issuance) -> Issuance) -> (World, Option<Error>) {
    let mut world = World::new(both_dns_kinds(), 1);
    let mut session = world.registered();
    let kinds = vec![Dns01, DnsAccount01];
    let plan = SolverPlan { kinds, forgets_kinds: vec![Dns01], ..SolverPlan::default() };
    let flow = change(issuance(&[NAME]).with_solver_kinds([Dns01, DnsAccount01]));
    let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop().expect("a result");
    (world, result.err())
}

fn count(world: &World, kind: RequestKind) -> usize {
    world.transcript.iter().filter(|e| e.kind == kind).count()
}

#[test]
fn a_failed_dns_01_is_not_followed_by_dns_account_01() {
    let (world, error) = broken_dns(|flow| flow);
    let error = error.expect("no record").to_string();
    assert_eq!(count(&world, RequestKind::NewOrder), 1, "{error}");
    assert_eq!(count(&world, RequestKind::Challenge), 1, "{error}");
    assert!(error.contains("a.example: dns-01 failed"), "{error}");
}

#[test]
fn a_failed_dns_01_is_followed_by_dns_account_01_where_the_user_asks_for_it() {
    let (world, error) = broken_dns(Issuance::try_both_dns_kinds);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(count(&world, RequestKind::NewOrder), 2);
}

#[test]
fn a_failure_is_told_with_what_became_of_the_next_order() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut failed = authorization("invalid", NAME, 1);
    let mut http = challenge("invalid", "http-01", 1);
    http["error"] =
        json!({ "type": "urn:ietf:params:acme:error:connection", "detail": "port 80 is closed" });
    failed["challenges"] = json!([http]);
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"] =
        json!([challenge("pending", "http-01", 1), challenge("pending", "dns-01", 2)]);
    script.on("/authz/1", [object(&pending), object(&failed)]);
    script.on("/order/1", [object(&order("invalid", &[NAME]))]);
    let limited = problem(429, "rateLimited").with_header("retry-after", "86400");
    script.on("/newOrder", [created(&order("pending", &[NAME])), limited]);
    let flow = issuance(&[NAME]).with_solver_kinds([Http01, Dns01]);
    let error = script.issue(flow).expect_err("the CA limits failures");
    let Error::Order(failed) = &error else { panic!("{error:?}") };
    let next = failed.next_error().and_then(Error::problem_type);
    assert_eq!(next, Some(&ProblemType::RateLimited), "{error:?}");
    assert!(error.retry_at().is_some(), "{error:?}");
    let chain = Report::new(&error).to_string();
    assert!(chain.contains("port 80 is closed"), "{chain}");
    assert!(chain.contains("rateLimited"), "{chain}");
    error_chain::check(&error);
}

#[test]
fn two_attempts_read_as_two() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let kinds = vec![Http01, Dns01];
    let plan = SolverPlan { kinds: kinds.clone(), forgets: true, ..SolverPlan::default() };
    let flow = issuance(&[NAME]).with_solver_kinds(kinds);
    let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop().expect("a result");
    let error = result.expect_err("nothing is published").to_string();
    assert!(error.contains("a.example: http-01 failed: "), "{error}");
    assert!(error.contains(", then dns-01 failed: "), "{error}");
}

#[test]
fn only_so_many_validations_of_a_name_may_fail() {
    for (most, orders) in [(1, 1), (2, 2), (4, 3)] {
        let mut world = World::new(CaConfig::default(), 1);
        let mut session = world.registered();
        let mut policy = session.policy().clone();
        policy.max_failed_validations = most;
        session.set_policy(policy);
        let kinds = vec![Http01, Dns01, TlsAlpn01];
        let plan = SolverPlan { kinds: kinds.clone(), forgets: true, ..SolverPlan::default() };
        let flow = issuance(&[NAME]).with_solver_kinds(kinds);
        let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop();
        let error = result.expect("a result").expect_err("nothing is published");
        assert_eq!(count(&world, RequestKind::Challenge), orders, "{error}");
        assert_eq!(count(&world, RequestKind::NewOrder), orders, "{error}");
    }
}

#[test]
fn an_order_that_no_kind_can_prove_is_not_sent() {
    for (names, kinds, unproved, would_do) in [
        (
            &[NAME][..],
            &[][..],
            NAME,
            "http-01, tls-alpn-01, dns-01, dns-account-01 or dns-persist-01",
        ),
        (
            &[NAME, "*.a.example"],
            &[Http01],
            "*.a.example",
            "dns-01, dns-account-01 or dns-persist-01",
        ),
        (&["192.0.2.1"], &[Dns01], "192.0.2.1", "http-01 or tls-alpn-01"),
        (&[NAME], &[ChallengeKind::from("made-up-01")], NAME, "dns-01"),
    ] {
        let mut world = World::new(CaConfig::default(), 1);
        let mut session = world.registered();
        let flow = issuance(names).with_solver_kinds(kinds.iter().cloned());
        let plan = SolverPlan { kinds: kinds.to_vec(), ..SolverPlan::default() };
        let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop();
        let error = result.expect("a result").expect_err("no kind can prove it");
        assert!(matches!(error, Error::Input(InvalidInput::NoSolver { .. })), "{error}");
        let text = error.to_string();
        assert!(text.contains(unproved) && text.contains(would_do), "{text}");
        assert_eq!(count(&world, RequestKind::NewOrder), 0, "{text}");
    }
}
