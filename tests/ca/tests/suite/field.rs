//! The switches of `Quirks` that other clients stumbled over, and the functions that find them by name.

use crate::support;
use crate::support::world::World;
use crate::support::{Client, Key, csr, csr_payload, get};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Problem, Quirks, RequestKind, TestCa};
use serde_json::{Value, json};

fn world(names: &[&str]) -> World {
    let mut config = CaConfig::default();
    for name in names {
        assert!(config.quirks.switch_on(name), "{name}");
    }
    World::new(config)
}

fn switch(world: &World, name: &str) {
    let mut quirks = Quirks::default();
    assert!(quirks.switch_on(name), "{name}");
    world.with(|ca| ca.set_quirks(quirks));
}

#[test]
fn every_switch_is_found_by_its_name_and_is_another_one() {
    let mut seen = Vec::new();
    for (name, text) in Quirks::list() {
        let mut quirks = Quirks::default();
        assert!(quirks.switch_on(name), "{name}");
        assert!(!seen.contains(&quirks), "{name}");
        assert!(text.ends_with('.') && !text.starts_with(' '), "{name}: {text}");
        seen.push(quirks);
    }
    assert!(!Quirks::default().switch_on("no_such_switch"));
}

#[test]
fn an_account_that_exists_can_be_a_conflict() {
    let mut client = world(&["account_conflict"]).client();
    client.register(json!({})).ok(201);
    client.kid = None;
    let answer = client.register(json!({})).ok(409);
    assert_eq!(answer.location(), "https://ca.test/account/1");
}

#[test]
fn problems_can_be_odd() {
    let world = world(&["null_subproblems"]);
    let mut client = world.member();
    let mut read = || client.read("https://ca.test/order/9").ok(404).json();
    assert_eq!(read().get("subproblems"), Some(&Value::Null));
    switch(&world, "problems_without_type");
    assert_eq!(read().get("type"), None);
    switch(&world, "unknown_subproblems");
    assert_eq!(read()["subproblems"][0]["identifier"]["type"], "pigeonhole");
}

#[test]
fn nonces_can_be_joined_missing_or_of_one_connection() {
    let world = world(&[]);
    let mut client = world.member();
    switch(&world, "joined_nonces");
    let nonce = client.fresh_nonce();
    let (first, second) = nonce.split_once(", ").unwrap();
    assert_ne!(first, second);
    switch(&world, "no_nonce_on_success");
    let url = client.kid.clone().unwrap();
    let mut header = client.header(&url);
    header["nonce"] = json!(first);
    assert_eq!(client.post_header(&url, header, None).ok(200).header("replay-nonce"), None);
    switch(&world, "nonces_by_connection");
    let nonce = client.fresh_nonce();
    let mut header = client.header(&url);
    header["nonce"] = json!(nonce);
    client.post_header(&url, header.clone(), None).ok(200);
    client.post_header(&url, header, None).refused(400, "badNonce");
}

#[test]
fn header_fields_and_json_can_be_odd() {
    let world = world(&["negative_max_age", "unreadable_retry_after"]);
    let mut client = world.member();
    let mut directory = || client.send(get("GET", "https://ca.test/directory"));
    let answer = directory();
    assert_eq!(answer.header("cache-control"), Some("max-age=-1"));
    assert_eq!(answer.header("retry-after"), Some("soon"));
    switch(&world, "objects_as_html");
    assert_eq!(directory().header("content-type"), Some("text/html"));
    switch(&world, "capital_content_types");
    assert_eq!(directory().header("content-type"), Some("APPLICATION/JSON"));
    switch(&world, "escaped_json");
    let answer = directory();
    assert!(answer.text().contains(r#""\u0068ttps:\/\/ca.test\/new-order""#), "{}", answer.text());
    assert_eq!(answer.json()["newOrder"], "https://ca.test/new-order");
    switch(&world, "no_new_order");
    assert_eq!(directory().json().get("newOrder"), None);
    switch(&world, "directory_at_root");
    let url = world.with(|ca| ca.directory_url());
    assert_eq!(url, "https://ca.test/?ca=test");
    assert!(client.send(get("GET", &url)).json()["newOrder"].is_string());
}

#[test]
fn orders_can_be_odd() {
    let world = world(&[]);
    let mut client = world.member();
    let identifiers = support::identifiers(&["*.a.test"]);
    switch(&world, "ok_for_created");
    client.order(json!({ "identifiers": identifiers })).ok(200);
    switch(&world, "capital_identifiers");
    let answer = client.order(json!({ "identifiers": identifiers })).ok(201);
    assert_eq!(answer.json()["identifiers"][0]["value"], "*.A.TEST.");
    let url = answer.location();
    switch(&world, "strip_wildcards");
    assert_eq!(client.read(&url).json()["identifiers"][0]["value"], "a.test");
    switch(&world, "expired_authorizations");
    let authorization = answer.json()["authorizations"][0].as_str().unwrap().to_owned();
    assert_eq!(client.read(&authorization).json()["status"], "expired");
    switch(&world, "refuse_server_members");
    client
        .order(json!({ "identifiers": identifiers, "authorizations": [] }))
        .refused(400, "malformed");
    switch(&world, "refuse_fractions");
    for (text, status) in [("2027-02-01T00:00:00.5Z", 400), ("2027-02-01T00:00:00Z", 201)] {
        client.order(json!({ "identifiers": identifiers, "notAfter": text })).ok(status);
    }
}

#[test]
fn what_is_done_can_look_otherwise() {
    let world = world(&["passed_by_other_challenge", "no_authorizations_when_ready"]);
    let mut client = world.member();
    let order = client.ready_order(&["a.test"]);
    assert_eq!(client.read(&order.url).json().get("authorizations"), None);
    let challenges = client.read(&order.authorizations()[0]).json()["challenges"].clone();
    assert_eq!(challenges.as_array().unwrap().len(), 1);
    assert_eq!(challenges[0]["type"], "dns-01");
    switch(&world, "finalize_answers_pending");
    let payload = csr_payload(&csr(&["a.test"]));
    let answer = client.post(&order.finalize(), payload.clone()).ok(200);
    assert_eq!(answer.json()["status"], "pending");
    assert_eq!(client.read(&order.url).json()["status"], "valid");
    switch(&world, "invalid_after_finalize");
    let order = client.ready_order(&["a.test"]);
    assert_eq!(client.post(&order.finalize(), payload).json()["status"], "processing");
    let order = client.read(&order.url).json();
    assert_eq!((&order["status"], order["error"].is_object()), (&json!("invalid"), true));
}

#[test]
fn a_challenge_that_failed_can_stay_as_it_is() {
    let world = world(&["failed_challenge_stays_processing"]);
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let challenge = client.challenge(&order.authorizations()[0], "http-01");
    let url = challenge["url"].as_str().unwrap();
    client.post(url, Some(json!({}))).ok(200);
    world.settle(|_| Err(Problem::new(400, "connection", "refused")));
    assert_eq!(client.read(url).json()["status"], "processing");
}

#[test]
fn what_is_final_can_ask_for_a_wait() {
    let world = world(&["retry_after_always"]);
    let mut client = world.member();
    let order = client.ready_order(&["a.test"]);
    let mut asked = || client.read(&order.url).header("retry-after").map(str::to_owned);
    assert_eq!(asked().as_deref(), Some("300"));
    switch(&world, "endless_retry_after");
    assert_eq!(asked().as_deref(), Some("18446744073709551615"));
}

#[test]
fn keys_and_requests_can_be_too_much() {
    let world = world(&["rsa_accounts_only"]);
    world.client().register(json!({})).refused(400, "badSignatureAlgorithm");
    world.client_with(Key::rsa()).register(json!({})).ok(201);
    switch(&world, "plain_requests_only");
    let mut client = world.member();
    let order = client.ready_order(&["a.test"]);
    let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    let request = params.serialize_request(&key).unwrap();
    client.post(&order.finalize(), csr_payload(request.der())).refused(400, "badCSR");
    switch(&world, "refuse_account_deactivation");
    let url = client.kid.clone().unwrap();
    client.post(&url, Some(json!({ "status": "deactivated" }))).refused(403, "unauthorized");
}

#[test]
fn serial_numbers_and_renewal_information_can_be_odd() {
    let world = world(&["high_serials"]);
    let mut client = world.member();
    let (_, pem) = client.issue(&["a.test"]);
    let der = support::certificates(&pem).remove(0);
    let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert_eq!((leaf.raw_serial()[0], leaf.raw_serial()[1] & 0x80), (0, 0x80));
    let url = format!("https://ca.test/renewal-info/{}", support::certificate_id(&der));
    let mut ask = || client.send(get("GET", &url));
    assert!(ask().ok(200).header("retry-after").is_some());
    switch(&world, "renewal_info_without_time");
    assert_eq!(ask().ok(200).header("retry-after"), None);
    switch(&world, "past_renewal_windows");
    assert!(ask().ok(200).json()["suggestedWindow"]["end"].as_str().unwrap() < "2027-01-15T08");
    switch(&world, "renewal_info_not_found");
    ask().refused(404, "malformed");
}

#[test]
fn responses_can_be_changed_on_their_way() {
    let builder = TestCa::builder().edit_responses(|request, response| {
        if request.path() == "/directory" {
            response.status = 418;
        }
    });
    let ca = builder.start().unwrap();
    let https = support::https::Https::new(ca.root_pem());
    let answer = https.try_exchange(&get("GET", ca.directory_url())).unwrap();
    assert_eq!(answer.status, 418);
    assert_eq!(ca.requests()[0].status, 418);
}

#[test]
fn a_fault_and_a_switch_go_together() {
    let world = world(&["problems_without_type"]);
    let rule = FaultRule::next(FaultAction::rate_limited(None)).on(RequestKind::NewAccount);
    world.with(|ca| ca.set_faults(Faults::none().with(rule)));
    let mut client: Client<World> = world.client();
    assert_eq!(client.register(json!({})).ok(429).json().get("type"), None);
}
