//! One kind of challenge after another, with memory of what failed.

use acme_proto::error::Error;
use acme_proto::issuance::IssuanceEvent;
use acme_proto::wire::ChallengeKind::{self, Dns01, Http01};
use acme_testca::{CaConfig, RequestKind};
use acme_tests::canned_server::{BASE, CannedServer, authorization, challenge, object, order};
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
