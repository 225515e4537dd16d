//! Orders, authorizations and challenges (RFC 8555 Sections 7.4 and 7.5).

use crate::support;
use crate::support::world::World;
use crate::support::{csr, csr_payload, identifiers};
use acme_testca::{CaConfig, Identifier, Problem};
use serde_json::{Value, json};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn world() -> World {
    World::new(CaConfig::default())
}

fn world_with(change: impl FnOnce(&mut CaConfig)) -> World {
    let mut config = CaConfig::default();
    change(&mut config);
    World::new(config)
}

fn kinds(authorization: &Value) -> Vec<String> {
    let challenges = authorization["challenges"].as_array().unwrap();
    challenges.iter().map(|c| c["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_order_lists_what_it_is_for() {
    let mut client = world().member();
    let answer = client
        .order(json!({ "identifiers": identifiers(&["b.test", "A.test", "127.0.0.1"]) }))
        .ok(201);
    let order = answer.json();
    assert_eq!(order["status"], "pending");
    assert_eq!(order["identifiers"], identifiers(&["b.test", "a.test", "127.0.0.1"]));
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 3);
    assert_eq!(order["expires"], "2027-01-22T08:00:00Z");
    assert!(order.get("certificate").is_none() && order.get("error").is_none());
    let read = client.read(&answer.location()).ok(200);
    assert_eq!((read.location(), read.json()), (answer.location(), order));
}

#[test]
fn repeated_names_count_once_but_a_wildcard_is_another_name() {
    let mut client = world().member();
    let order = client.order_for(&["a.test", "A.TEST", "*.a.test"]);
    assert_eq!(order.object["identifiers"], identifiers(&["a.test", "*.a.test"]));
    let objects: Vec<Value> =
        order.authorizations().iter().map(|a| client.read(a).json()).collect();
    for object in &objects {
        assert_eq!(object["identifier"], json!({ "type": "dns", "value": "a.test" }));
    }
    assert!(objects[0].get("wildcard").is_none());
    assert_eq!(objects[1]["wildcard"], true);
}

#[test]
fn challenges_are_offered_as_the_identifier_allows() {
    let mut client = world().member();
    let order = client.order_for(&["a.test", "*.a.test", "127.0.0.1"]);
    let offered: Vec<_> =
        order.authorizations().iter().map(|a| kinds(&client.read(a).json())).collect();
    assert_eq!(offered[0], ["http-01", "dns-01", "tls-alpn-01"]);
    assert_eq!(offered[1], ["dns-01"]);
    assert_eq!(offered[2], ["http-01", "tls-alpn-01"]);
}

#[test]
fn names_that_are_no_good_are_refused() {
    let mut client = world().member();
    for payload in [
        json!({}),
        json!({ "identifiers": [] }),
        json!({ "identifiers": "a.test" }),
        json!({ "identifiers": [{ "type": "dns" }] }),
        json!({ "identifiers": identifiers(&["a..test"]) }),
        json!({ "identifiers": [{ "type": "dns", "value": "127.0.0.1" }] }),
        json!({ "identifiers": [{ "type": "ip", "value": "0:0:0:0:0:0:0:1" }] }),
    ] {
        client.order(payload).refused(400, "malformed");
    }
    client
        .order(json!({ "identifiers": [{ "type": "email", "value": "a@b.test" }] }))
        .refused(400, "unsupportedIdentifier");
    let many: Vec<String> = (0..101).map(|n| format!("a{n}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    client.order(json!({ "identifiers": identifiers(&many) })).refused(400, "rejectedIdentifier");
    client.order_for(&many[1..]);
}

#[test]
fn blocked_names_are_refused_with_a_subproblem_each() {
    let world =
        world_with(|c| c.blocked_names = ["bad.test".to_owned(), "127.0.0.1".to_owned()].into());
    let answer = world.member().order(
        json!({ "identifiers": identifiers(&["a.test", "bad.test", "*.bad.test", "127.0.0.1"]) }),
    );
    answer.refused(403, "rejectedIdentifier");
    let document = answer.json();
    let named: Vec<&Value> = document["subproblems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["identifier"]["value"])
        .collect();
    assert_eq!(named, ["bad.test", "*.bad.test", "127.0.0.1"]);
    assert_eq!(document["subproblems"][0]["type"], "urn:ietf:params:acme:error:rejectedIdentifier");
}

#[test]
fn an_order_goes_from_pending_by_ready_to_valid() {
    let world = world();
    let mut client = world.member();
    let order = client.order_for(&["a.test", "b.test"]);
    client
        .post(&order.finalize(), csr_payload(&csr(&["a.test", "b.test"])))
        .refused(403, "orderNotReady");
    let challenge = client.challenge(&order.authorizations()[0], "dns-01");
    assert_eq!(challenge["status"], "pending");
    let answer = client.post(challenge["url"].as_str().unwrap(), Some(json!({}))).ok(200);
    assert_eq!(answer.link("up").as_deref(), Some(order.authorizations()[0].as_str()));
    assert_eq!(answer.json()["status"], "processing");
    world.pass(1500);
    let settled = world.settle(|_| Ok(()));
    assert_eq!(settled[0].identifier, Identifier::Dns("a.test".to_owned()));
    let challenge = client.read(challenge["url"].as_str().unwrap()).json();
    assert_eq!(
        (&challenge["status"], &challenge["validated"]),
        (&json!("valid"), &json!("2027-01-15T08:00:01Z"))
    );
    assert_eq!(client.read(&order.authorizations()[0]).json()["status"], "valid");
    assert_eq!(client.read(&order.url).json()["status"], "pending");
    client.authorize(&order);
    assert_eq!(client.read(&order.url).json()["status"], "ready");
    let done = client.post(&order.finalize(), csr_payload(&csr(&["b.test", "a.test"]))).ok(200);
    assert_eq!(
        (done.location(), done.json()["status"].clone()),
        (order.url.clone(), json!("valid"))
    );
    assert_eq!(client.read(&order.url).json(), done.json());
}

#[test]
fn repeating_a_challenge_or_a_finalize_changes_nothing() {
    let world = world();
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let url =
        client.challenge(&order.authorizations()[0], "http-01")["url"].as_str().unwrap().to_owned();
    client.post(&url, Some(json!({}))).ok(200);
    client.post(&url, Some(json!({}))).ok(200);
    assert_eq!(world.settle(|_| Ok(())).len(), 1);
    assert_eq!(client.post(&url, Some(json!({}))).ok(200).json()["status"], "valid");
    assert!(world.settle(|_| Ok(())).is_empty());
    let request = csr(&["a.test"]);
    let first = client.post(&order.finalize(), csr_payload(&request)).ok(200).json();
    assert_eq!(client.post(&order.finalize(), csr_payload(&request)).ok(200).json(), first);
    assert_eq!(world.with(|ca| ca.certificates_issued()), 1);
}

#[test]
fn a_challenge_wants_an_object() {
    let mut client = world().member();
    let order = client.order_for(&["a.test"]);
    let url =
        client.challenge(&order.authorizations()[0], "http-01")["url"].as_str().unwrap().to_owned();
    client.post(&url, Some(json!([]))).refused(400, "malformed");
    client.post(&url, Some(json!("x"))).refused(400, "malformed");
    assert_eq!(client.read(&url).json()["status"], "pending");
}

#[test]
fn a_failed_challenge_makes_authorization_and_order_invalid() {
    let world = world();
    let mut client = world.member();
    let order = client.order_for(&["a.test", "b.test"]);
    let authorization = order.authorizations()[1].clone();
    let url = client.challenge(&authorization, "http-01")["url"].as_str().unwrap().to_owned();
    client.post(&url, Some(json!({}))).ok(200);
    world.settle(|_| Err(Problem::new(403, "caa", "a CAA record forbids it")));
    let object = client.read(&authorization).json();
    assert_eq!(object["status"], "invalid");
    assert_eq!(object["challenges"][0]["error"]["type"], "urn:ietf:params:acme:error:caa");
    assert_eq!(object["challenges"][1]["status"], "pending");
    let object = client.read(&order.url).json();
    assert_eq!(object["status"], "invalid");
    assert_eq!(object["error"]["subproblems"][0]["identifier"]["value"], "b.test");
    client
        .post(&order.finalize(), csr_payload(&csr(&["a.test", "b.test"])))
        .refused(403, "orderNotReady");
}

#[test]
fn a_deactivated_authorization_makes_the_order_invalid() {
    let mut client = world().member();
    let order = client.ready_order(&["a.test"]);
    let url = order.authorizations()[0].clone();
    client.post(&url, Some(json!({ "status": "valid" }))).refused(400, "malformed");
    for _ in 0..2 {
        assert_eq!(
            client.post(&url, Some(json!({ "status": "deactivated" }))).ok(200).json()["status"],
            "deactivated"
        );
    }
    assert_eq!(client.read(&order.url).json()["status"], "invalid");
}

#[test]
fn orders_and_authorizations_expire() {
    let world = world();
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let ready = client.ready_order(&["b.test"]);
    world.pass(8 * DAY);
    client.nonce = None;
    assert_eq!(client.read(&order.authorizations()[0]).json()["status"], "expired");
    assert_eq!(client.read(&order.url).json()["status"], "invalid");
    assert_eq!(client.read(&ready.url).json()["status"], "invalid");
    client
        .post(&order.authorizations()[0], Some(json!({ "status": "deactivated" })))
        .refused(400, "malformed");
}

#[test]
fn valid_authorizations_are_used_again_only_by_option() {
    let world = world();
    let mut client = world.member();
    client.issue(&["a.test"]);
    assert_eq!(client.order_for(&["a.test"]).object["status"], "pending");
    world.with(|ca| ca.config_mut().reuse_authorizations = true);
    client.issue(&["a.test"]);
    let again = client.order_for(&["a.test"]);
    assert_eq!(again.object["status"], "ready");
    assert_eq!(client.order_for(&["a.test", "b.test"]).object["status"], "pending");
    world.pass(31 * DAY);
    client.nonce = None;
    assert_eq!(client.order_for(&["a.test"]).object["status"], "pending");
}

#[test]
fn an_unfinished_order_for_the_same_names_is_returned_by_option() {
    let world = world_with(|c| c.reuse_orders = true);
    let mut client = world.member();
    let order = client.order_for(&["a.test", "b.test"]);
    let again = client.order(json!({ "identifiers": identifiers(&["b.test", "a.test"]) })).ok(200);
    assert_eq!(again.location(), order.url);
    assert_ne!(client.order_for(&["a.test"]).url, order.url);
}

#[test]
fn a_pre_authorization_counts_in_a_later_order() {
    let world = world_with(|c| c.new_authz = true);
    let mut client = world.member();
    let url = client.at("newAuthz");
    let made = client
        .post(&url, Some(json!({ "identifier": { "type": "dns", "value": "a.test" } })))
        .ok(201);
    assert_eq!(made.json()["status"], "pending");
    let order = client.order_for(&["a.test"]);
    assert_eq!(order.authorizations(), [made.location()]);
    client
        .post(&url, Some(json!({ "identifier": { "type": "dns", "value": "*.a.test" } })))
        .refused(400, "malformed");
    client.post(&url, Some(json!({}))).refused(400, "malformed");
}

#[test]
fn too_many_orders_in_an_hour_are_refused_with_a_time_and_a_page() {
    const MINUTE: u64 = 60_000;
    let world = world_with(|c| c.orders_per_hour = Some(2));
    let (mut client, mut other) = (world.member(), world.member());
    client.order_for(&["a.test"]);
    world.pass(20 * MINUTE);
    client.order_for(&["b.test"]);
    world.pass(10 * MINUTE);
    let order = json!({ "identifiers": identifiers(&["c.test"]) });
    let refusal = client.order(order.clone());
    refusal.refused(429, "rateLimited");
    assert_eq!(refusal.header("Retry-After"), Some("1800"));
    let page = refusal.link("help").unwrap();
    assert_eq!(client.send(support::get("GET", &page)).status, 200);
    other.order(order.clone()).ok(201);
    world.pass(30 * MINUTE);
    client.order(order.clone()).ok(201);
    assert_eq!(client.order(order).header("Retry-After"), Some("1200"));
}

#[test]
fn an_object_that_does_not_fit_any_more_is_refused() {
    let world = world_with(|c| c.max_objects = 2);
    let mut client = world.member();
    client.order_for(&["a.test"]);
    client.order_for(&["b.test"]);
    client.order(json!({ "identifiers": identifiers(&["c.test"]) })).refused(503, "serverInternal");
}

#[test]
fn hundreds_of_issuances_run_without_io() {
    let world = world();
    let mut client = world.member();
    for n in 0..200 {
        client.issue(&[&format!("a{n}.test")]);
    }
    assert_eq!(world.with(|ca| ca.certificates_issued()), 200);
}
