//! Each switch of `Quirks`, each `Retry-After` and each fault does what it says.

use crate::support;
use crate::support::world::{START, World};
use crate::support::{Answer, Client, Order, Transport, csr, csr_payload, get};
use acme_testca::{
    CaConfig, CaRequest, Delivery, FaultAction, FaultRule, Faults, Problem, Quirks, RequestKind,
    RetryAfter,
};
use serde_json::{Value, json};

fn world(quirks: Quirks) -> World {
    let mut config = CaConfig::default();
    config.quirks = quirks;
    World::new(config)
}

fn faulty(rule: FaultRule) -> World {
    let world = World::new(CaConfig::default());
    world.with(|ca| ca.set_faults(Faults::none().with(rule)));
    world
}

fn finalize(client: &mut Client<World>, order: &Order) -> Answer {
    client.post(&order.finalize(), csr_payload(&csr(&["a.test"])))
}

#[test]
fn location_can_be_missing_on_finalize_and_on_orders() {
    let mut client = world(Quirks {
        no_location_on_finalize: true,
        no_location_on_order: true,
        ..Quirks::default()
    })
    .member();
    let order = client.ready_order(&["a.test"]);
    assert_eq!(client.read(&order.url).ok(200).header("location"), None);
    assert_eq!(finalize(&mut client, &order).ok(200).header("location"), None);
}

#[test]
fn nonces_can_be_missing_on_errors_and_present_on_the_directory() {
    let mut client =
        world(Quirks { no_nonce_on_errors: true, nonce_on_directory: true, ..Quirks::default() })
            .member();
    let url = client.kid.clone().unwrap();
    let mut header = client.header(&url);
    header["nonce"] = json!("AAAA");
    let answer = client.post_header(&url, header, None);
    answer.refused(400, "badNonce");
    assert_eq!(answer.header("replay-nonce"), None);
    let nonce = client
        .send(get("GET", "https://ca.test/directory"))
        .header("replay-nonce")
        .unwrap()
        .to_owned();
    let mut header = client.header(&url);
    header["nonce"] = json!(nonce);
    client.post_header(&url, header, None).ok(200);
}

#[test]
fn a_failed_challenge_can_stay_pending_and_be_tried_again() {
    let world = world(Quirks { challenge_error_leaves_pending: true, ..Quirks::default() });
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let url =
        client.challenge(&order.authorizations()[0], "http-01")["url"].as_str().unwrap().to_owned();
    client.post(&url, Some(json!({}))).ok(200);
    world.settle(|_| Err(Problem::new(400, "connection", "refused")));
    let challenge = client.read(&url).json();
    assert_eq!(
        (&challenge["status"], challenge["error"]["type"].is_string()),
        (&json!("pending"), true)
    );
    assert_eq!(client.read(&order.url).json()["status"], "pending");
    client.post(&url, Some(json!({}))).ok(200);
    world.settle(|_| Ok(()));
    assert_eq!(client.read(&order.url).json()["status"], "ready");
}

#[test]
fn finalize_can_answer_valid_without_a_certificate() {
    let mut client = world(Quirks {
        finalize_valid_without_certificate: true,
        finalize_created: true,
        ..Quirks::default()
    })
    .member();
    let order = client.ready_order(&["a.test"]);
    let object = finalize(&mut client, &order).ok(201).json();
    assert_eq!((&object["status"], object.get("certificate")), (&json!("valid"), None));
    assert!(client.read(&order.url).json()["certificate"].is_string());
}

#[test]
fn finalize_can_answer_with_the_status_before() {
    let mut client = world(Quirks { finalize_answers_stale: true, ..Quirks::default() }).member();
    let order = client.ready_order(&["a.test"]);
    assert_eq!(finalize(&mut client, &order).ok(200).json()["status"], "ready");
    assert_eq!(client.read(&order.url).json()["status"], "valid");
}

#[test]
fn repetitions_can_be_refused() {
    let mut client = world(Quirks {
        refuse_repeated_finalize: true,
        refuse_settled_challenge: true,
        ..Quirks::default()
    })
    .member();
    let order = client.ready_order(&["a.test"]);
    let challenge =
        client.challenge(&order.authorizations()[0], "http-01")["url"].as_str().unwrap().to_owned();
    client.post(&challenge, Some(json!({}))).refused(400, "malformed");
    client.read(&challenge).ok(200);
    finalize(&mut client, &order).ok(200);
    finalize(&mut client, &order).refused(403, "orderNotReady");
}

#[test]
fn errors_can_be_html_or_plain_json() {
    let world = world(Quirks { html_errors: true, ..Quirks::default() });
    let mut client = world.member();
    let answer = client.read("https://ca.test/order/9").ok(404);
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert!(answer.text().starts_with("<html>"));
    world.with(|ca| ca.set_quirks(Quirks { problem_as_json: true, ..Quirks::default() }));
    let answer = client.read("https://ca.test/order/9").ok(404);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    world.with(|ca| ca.set_quirks(Quirks { content_type_parameters: true, ..Quirks::default() }));
    let answer = client.read("https://ca.test/order/9").ok(404);
    assert_eq!(answer.header("content-type"), Some("application/problem+json; charset=utf-8"));
}

#[test]
fn dates_can_be_missing_or_very_exact() {
    let world = world(Quirks { no_expires: true, ..Quirks::default() });
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    assert!(order.object.get("expires").is_none());
    assert!(client.read(&order.authorizations()[0]).json().get("expires").is_none());
    world.with(|ca| ca.set_quirks(Quirks { nanosecond_dates: true, ..Quirks::default() }));
    assert_eq!(client.read(&order.url).json()["expires"], "2027-01-22T08:00:00.000333334Z");
}

#[test]
fn odd_challenges_can_be_offered() {
    let world =
        world(Quirks { offer_dns_persist: true, unknown_challenge: true, ..Quirks::default() });
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let url = order.authorizations()[0].clone();
    let object = client.read(&url).json();
    let types: Vec<&Value> =
        object["challenges"].as_array().unwrap().iter().map(|c| &c["type"]).collect();
    assert_eq!(types, ["http-01", "dns-01", "tls-alpn-01", "dns-persist-01", "carrier-pigeon-07"]);
    assert!(object["challenges"][3].get("token").is_none());
    client
        .post(object["challenges"][3]["url"].as_str().unwrap(), Some(json!({})))
        .refused(404, "malformed");
    world.with(|ca| ca.set_quirks(Quirks { shuffle_challenges: true, ..Quirks::default() }));
    let orders: std::collections::BTreeSet<String> =
        (0..50).map(|_| client.read(&url).json()["challenges"].to_string()).collect();
    assert_eq!(orders.len(), 6);
    world.with(|ca| ca.set_quirks(Quirks { only_passed_challenge: true, ..Quirks::default() }));
    client.authorize(&order);
    assert_eq!(client.read(&url).json()["challenges"].as_array().unwrap().len(), 1);
}

#[test]
fn members_can_be_unknown_null_or_empty() {
    let world = world(Quirks { unknown_members: true, null_members: true, ..Quirks::default() });
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    assert!(order.object["x-unknown"].is_object());
    for name in ["certificate", "error", "notBefore", "profile"] {
        assert_eq!(order.object.get(name), Some(&Value::Null), "{name}");
    }
    world.with(|ca| ca.set_quirks(Quirks { empty_error_object: true, ..Quirks::default() }));
    assert_eq!(client.challenge(&order.authorizations()[0], "http-01")["error"], json!({}));
}

#[test]
fn urls_can_be_relative_and_links_joined_or_missing() {
    let world = world(Quirks { relative_urls: true, ..Quirks::default() });
    let mut client = world.client();
    let answer = client.register(json!({})).ok(201);
    assert_eq!(answer.header("location"), Some("/account/1"));
    assert_eq!(answer.link("index").as_deref(), Some("/directory"));
    client.kid = Some("https://ca.test/account/1".to_owned());
    world.with(|ca| ca.set_quirks(Quirks { joined_links: true, ..Quirks::default() }));
    let order = client.order_for(&["a.test"]);
    let challenge =
        client.challenge(&order.authorizations()[0], "http-01")["url"].as_str().unwrap().to_owned();
    let links = client.read(&challenge);
    assert_eq!(
        links.all("link"),
        ["<https://ca.test/authz/1>;rel=\"up\", <https://ca.test/directory>;rel=\"index\""]
    );
    world.with(|ca| {
        ca.set_quirks(Quirks { no_link_up: true, challenge_accepted: true, ..Quirks::default() })
    });
    assert_eq!(client.post(&challenge, Some(json!({}))).ok(202).link("up"), None);
}

#[test]
fn the_directory_can_be_poor_or_strange() {
    let quirks = Quirks {
        no_meta: true,
        no_key_change: true,
        no_revoke_cert: true,
        random_directory_key: true,
        ..Quirks::default()
    };
    let mut client = world(quirks).member();
    for name in ["meta", "keyChange", "revokeCert"] {
        assert!(client.directory.get(name).is_none(), "{name}");
    }
    assert_eq!(client.directory.as_object().unwrap().len(), 5);
    client.post("https://ca.test/key-change", Some(json!({}))).refused(404, "malformed");
    client.post("https://ca.test/revoke-cert", Some(json!({}))).refused(404, "malformed");
}

#[test]
fn new_nonce_can_answer_head_without_content() {
    let mut world = world(Quirks { head_nonce_no_content: true, ..Quirks::default() });
    world.exchange(get("HEAD", "https://ca.test/new-nonce")).ok(204);
}

#[test]
fn identifiers_can_be_bent() {
    let mut client = world(Quirks {
        keep_wildcard_prefix: true,
        reverse_identifiers: true,
        ..Quirks::default()
    })
    .member();
    let order = client.order_for(&["a.test", "*.b.test"]);
    assert_eq!(order.object["identifiers"], support::identifiers(&["*.b.test", "a.test"]));
    let object = client.read(&order.authorizations()[0]).json();
    assert_eq!(
        (&object["identifier"]["value"], &object["wildcard"]),
        (&json!("*.b.test"), &json!(true))
    );
}

#[test]
fn wishes_can_be_refused() {
    let quirks = Quirks {
        refuse_deactivation: true,
        refuse_server_members: true,
        refuse_validity: true,
        ..Quirks::default()
    };
    let mut client = world(quirks).member();
    let order = client.order_for(&["a.test"]);
    client
        .post(&order.authorizations()[0], Some(json!({ "status": "deactivated" })))
        .refused(400, "malformed");
    let identifiers = support::identifiers(&["a.test"]);
    client
        .order(json!({ "identifiers": identifiers, "status": "pending" }))
        .refused(400, "malformed");
    client
        .order(json!({ "identifiers": identifiers, "notAfter": "2027-02-01T00:00:00Z" }))
        .refused(400, "malformed");
}

#[test]
fn a_chain_can_have_text_in_it() {
    let (_, pem) =
        world(Quirks { text_in_chain: true, ..Quirks::default() }).member().issue(&["a.test"]);
    assert!(
        pem.contains("-----END CERTIFICATE-----\nissued for a test\n-----BEGIN CERTIFICATE-----")
    );
}

#[test]
fn a_chain_can_have_another_block_in_it() {
    let (_, pem) = world(Quirks { foreign_block_in_chain: true, ..Quirks::default() })
        .member()
        .issue(&["a.test"]);
    assert!(pem.contains("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn a_certificate_can_lack_a_name_have_one_more_or_be_for_another_key() {
    let world = world(Quirks { omit_last_name: true, ..Quirks::default() });
    let mut client = world.member();
    let names = |pem: &str| {
        let der = support::certificates(pem).remove(0);
        let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
        leaf.subject_alternative_name().unwrap().map_or(0, |san| san.value.general_names.len())
    };
    assert_eq!(names(&client.issue(&["a.test", "b.test"]).1), 1);
    assert_eq!(names(&client.issue(&["a.test"]).1), 0);
    world.with(|ca| ca.set_quirks(Quirks { add_name: true, ..Quirks::default() }));
    assert_eq!(names(&client.issue(&["a.test"]).1), 2);
    world.with(|ca| ca.set_quirks(Quirks { certify_other_key: true, ..Quirks::default() }));
    let key = rcgen::KeyPair::generate().unwrap();
    let (_, pem) = client.issue_csr(&["a.test"], &support::csr_with(&["a.test"], &key));
    let der = support::certificates(&pem).remove(0);
    let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert_ne!(leaf.public_key().raw, rcgen::PublicKeyData::subject_public_key_info(&key));
}

#[test]
fn tokens_identifiers_and_urls_can_be_hostile() {
    let quirks = Quirks {
        bad_token: true,
        foreign_identifier: true,
        null_contacts: true,
        ..Quirks::default()
    };
    let world = world(quirks);
    let mut client = world.client();
    let account = client.register(json!({ "contact": ["mailto:a@b.test"] })).ok(201).json();
    assert_eq!(account["contact"], json!([null]));
    let order = client.order_for(&["a.test"]);
    let object = client.read(&order.authorizations()[0]).json();
    assert_eq!(object["identifier"]["value"], "somebody-else.test");
    assert!(object["challenges"][0]["token"].as_str().unwrap().starts_with("../../"));
    world.with(|ca| ca.set_quirks(Quirks { plain_http_urls: true, ..Quirks::default() }));
    let directory = client.send(get("GET", "https://ca.test/directory")).json();
    assert_eq!(directory["newNonce"], "http://ca.test/new-nonce");
}

#[test]
fn a_deactivation_can_show_in_the_order_or_be_ignored() {
    let world = world(Quirks { ignore_deactivation: true, ..Quirks::default() });
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let url = order.authorizations()[0].clone();
    let wish = || Some(json!({ "status": "deactivated" }));
    assert_eq!(client.post(&url, wish()).ok(200).json()["status"], "pending");
    world.with(|ca| ca.set_quirks(Quirks { order_deactivated: true, ..Quirks::default() }));
    client.post(&url, wish()).ok(200);
    assert_eq!(client.read(&order.url).json()["status"], "deactivated");
}

#[test]
fn retry_after_comes_where_something_is_waited_for() {
    let mut config = CaConfig::default();
    config.retry_after_authorization = Some(RetryAfter::Seconds(3));
    config.retry_after_order = Some(RetryAfter::Date(5));
    config.retry_after_finalize = Some(RetryAfter::Text("soon".to_owned()));
    config.processing_polls = 1;
    config.ready_delay_polls = 1;
    let world = World::new(config);
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "http-01")["url"].as_str().unwrap().to_owned();
    let retry_after = |answer: &Answer| answer.header("retry-after").map(str::to_owned);
    assert_eq!(retry_after(&client.read(&authorization)).as_deref(), Some("3"));
    assert_eq!(retry_after(&client.post(&challenge, Some(json!({})))).as_deref(), Some("3"));
    assert_eq!(retry_after(&client.read(&order.url)), None);
    world.settle(|_| Ok(()));
    assert_eq!(retry_after(&client.read(&authorization)), None);
    assert_eq!(
        retry_after(&client.read(&order.url)).as_deref(),
        Some("Fri, 15 Jan 2027 08:00:05 GMT")
    );
    assert_eq!(retry_after(&client.read(&order.url)), None);
    assert_eq!(retry_after(&finalize(&mut client, &order).ok(200)).as_deref(), Some("soon"));
    assert!(retry_after(&client.read(&order.url)).is_some());
    assert_eq!(retry_after(&client.read(&order.url)), None);
    world.with(|ca| ca.set_quirks(Quirks { retry_after_always: true, ..Quirks::default() }));
    assert_eq!(retry_after(&client.read(&authorization)).as_deref(), Some("3"));
}

#[test]
fn a_fault_hits_the_requests_that_it_is_for() {
    let rule = FaultRule::next(FaultAction::unavailable(Some("7")))
        .on(RequestKind::NewOrder)
        .after(1)
        .times(2);
    let mut client = faulty(rule).member();
    client.order_for(&["a.test"]);
    let payload = json!({ "identifiers": support::identifiers(&["a.test"]) });
    for _ in 0..2 {
        let answer = client.order(payload.clone()).ok(503);
        assert_eq!(
            (answer.header("retry-after"), answer.header("replay-nonce")),
            (Some("7"), None)
        );
    }
    client.order(payload).ok(201);
}

#[test]
fn a_proxy_fault_does_not_use_the_nonce_up_and_a_problem_fault_does() {
    let mut client =
        faulty(FaultRule::next(FaultAction::unavailable(None)).on(RequestKind::Account)).member();
    let url = client.kid.clone().unwrap();
    let header = client.header(&url);
    client.post_header(&url, header.clone(), None).ok(503);
    client.post_header(&url, header, None).ok(200);
    let rule = FaultRule::next(FaultAction::rate_limited(Some("9"))).on(RequestKind::Account);
    client.transport.with(|ca| ca.set_faults(Faults::none().with(rule)));
    let header = client.header(&url);
    let answer = client.post_header(&url, header.clone(), None);
    answer.refused(429, "rateLimited");
    assert_eq!(answer.header("retry-after"), Some("9"));
    assert!(answer.header("replay-nonce").is_some());
    client.post_header(&url, header, None).refused(400, "badNonce");
}

#[test]
fn terms_that_changed_ask_the_user_to_act() {
    let action =
        FaultAction::user_action_required("https://ca.test/agree", "https://ca.test/terms/2");
    let mut client = faulty(FaultRule::next(action).on(RequestKind::NewOrder)).member();
    let answer = client.order(json!({ "identifiers": support::identifiers(&["a.test"]) }));
    answer.refused(403, "userActionRequired");
    assert_eq!(answer.json()["instance"], "https://ca.test/agree");
    assert_eq!(answer.link("terms-of-service").as_deref(), Some("https://ca.test/terms/2"));
}

#[test]
fn a_lost_answer_was_processed_and_a_lost_request_was_not() {
    for (action, orders) in [(FaultAction::DropAfter, 1), (FaultAction::DropBefore, 0)] {
        let world = faulty(FaultRule::next(action).on(RequestKind::NewOrder));
        let mut client = world.member();
        let url = client.at("newOrder");
        let header = client.header(&url);
        let payload =
            json!({ "identifiers": support::identifiers(&["a.test"]) }).to_string().into_bytes();
        let body = support::Jws { header, payload }.sign(&client.key);
        let response = world.with(|ca| ca.handle(&support::post(&url, &body), START));
        assert_eq!(response.delivery, Delivery::Drop);
        let list = client.read(&format!("{}/orders", client.kid.clone().unwrap())).json();
        assert_eq!(list["orders"].as_array().unwrap().len(), orders);
    }
}

#[test]
fn a_delay_is_passed_on() {
    let world = faulty(FaultRule::next(FaultAction::Delay(250)));
    let request = CaRequest::new("GET", "https://ca.test/directory").with_header("User-Agent", "x");
    let response = world.with(|ca| ca.handle(&request, START));
    assert_eq!(
        (response.status, response.delay_millis, response.kind),
        (200, 250, RequestKind::Directory)
    );
}
