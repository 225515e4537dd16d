//! Orders (RFC 8555 sections 7.1.3 and 7.4), by canned answers.

use acme_proto::error::{Error, InvalidInput, PeerFault};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::{Finalize, GetOrder, NewOrder, Resource};
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::time::Timestamp;
use acme_proto::wire::OrderStatus;
use acme_proto::x509::{Csr, CsrBuilder};
use acme_testca::CaConfig;
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, created, object, oblige, order, problem,
};
use acme_tests::world::{World, csr, issuance, issue};
use serde_json::{Value, json};

const NAME: &str = "a.example";

/// A script in which everything goes well for [`NAME`]: change it where it should not.
fn obliging() -> CannedServer {
    CannedServer::obliging(&[NAME])
}

fn fault(error: &Error) -> &PeerFault {
    match error {
        Error::Peer(peer) => peer.fault(),
        other => panic!("{other}"),
    }
}

fn payload(script: &CannedServer, path: &str) -> Value {
    serde_json::from_str(&script.at(path)[0].payload()).expect("JSON")
}

#[test]
fn an_order_sends_its_names_and_nothing_that_was_not_asked_for() {
    let mut script = obliging();
    let names = ["a.example", "A.EXAMPLE", "*.a.example", "a.example"];
    let _ = script.issue(issuance(&names));
    let sent = payload(&script, "/newOrder");
    let plain =
        json!([{ "type": "dns", "value": "a.example" }, { "type": "dns", "value": "*.a.example" }]);
    // covers 8555-7.4-1
    assert_eq!(sent, json!({ "identifiers": plain }));
    // covers 8555-7.1.3-1
    assert_eq!(sent["identifiers"][1]["value"], "*.a.example");
    // covers 8555-7.1.3-11
    assert_eq!(sent["identifiers"], plain, "{sent}");
}

#[test]
fn an_order_without_names_is_refused_before_anything_is_sent() {
    let error = Issuance::new([]).expect_err("no names");
    // covers 8555-7.4-1
    assert_eq!(error, InvalidInput::NoIdentifiers);
    let bad = ["*", "*foo.example", "a.*.example", "*.*.example", "**.example"];
    let refused = bad.iter().all(|name| name.parse::<Identifier>().is_err());
    // covers 8555-7.1.3-2
    assert!(refused);
}

#[test]
fn validity_dates_are_sent_as_rfc_3339() {
    let mut script = obliging();
    let request = NewOrder::new(["a.example".parse().expect("a name")])
        .expect("a name")
        .with_not_before(Timestamp::from_unix_millis(1_790_000_000_123))
        .with_not_after(Timestamp::from_unix_millis(1_790_086_400_000));
    script.issue(Issuance::for_order(request)).expect("a certificate");
    let sent = payload(&script, "/newOrder");
    // covers 8555-7.4-2
    assert_eq!(sent["notBefore"], "2026-09-21T14:13:20Z", "{sent}");
    assert_eq!(sent["notAfter"], "2026-09-22T14:13:20Z", "{sent}");
}

#[test]
fn validity_dates_come_back_in_any_offset() {
    let mut script = obliging();
    let mut answer = order("pending", &[NAME]);
    answer["notBefore"] = json!("2026-01-01T04:00:00+04:00");
    script.on("/order/1", [object(&answer)]);
    let url = format!("{BASE}/order/1").parse().expect("a URL");
    let read = script.call(GetOrder(url)).expect("an order");
    let same = Timestamp::from_unix_millis(1_767_225_600_000);
    // covers 8555-7.4-23
    assert_eq!(read.not_before(), Some(same));
    assert!(read.not_after().is_none());
}

#[test]
fn a_new_order_without_location_is_fatal() {
    let mut script = obliging();
    script.on("/newOrder", [object(&order("pending", &[NAME]))]);
    let error = script.issue(issuance(&[NAME])).expect_err("no URL");
    // covers 8555-7.4-3
    assert_eq!(*fault(&error), PeerFault::NoLocation, "{error}");
}

#[test]
fn an_order_that_is_already_ready_or_known_goes_straight_to_finalize() {
    // Let's Encrypt returns an existing order with 200; DigiCert's orders have nothing to validate.
    for status in [200, 201] {
        let mut script = obliging();
        let reply = acme_proto::http::Response::new(status)
            .with_header("content-type", "application/json")
            .with_header("location", &format!("{BASE}/order/1"))
            .with_body(order("ready", &[NAME]).to_string());
        script.on("/newOrder", [reply]);
        let issued = script.issue(issuance(&[NAME]));
        // covers 8555-7.4-4
        assert!(issued.is_ok(), "{issued:?}");
        // covers 8555-7.1.3-5
        assert_eq!(script.paths()[1..], ["/newOrder", "/finalize/1", "/cert/1"]);
        // covers 8555-7.4-17
        assert_eq!(script.count("/finalize/1"), 1);
        // covers 8555-7.4-19
        assert_eq!(script.count("/cert/1"), 1);
    }
}

#[test]
fn a_valid_authorization_of_a_pending_order_is_not_proved_again() {
    let mut script = obliging();
    script.on("/authz/1", [object(&authorization("valid", NAME, 1))]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.1.3-5
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 0, "{issued:?}");
}

#[test]
fn there_may_be_fewer_authorizations_than_names() {
    let names = [NAME, "b.example"];
    let mut script = CannedServer::obliging(&names);
    let fewer = |status| {
        let mut order = order(status, &names);
        order["authorizations"] = json!([format!("{BASE}/authz/1")]);
        order
    };
    script.on("/newOrder", [created(&fewer("pending"))]);
    script.on("/order/1", [object(&fewer("ready"))]);
    script.on("/finalize/1", [object(&fewer("valid"))]);
    let issued = script.issue(issuance(&names));
    // covers 8555-7.1.3-6
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/authz/2"), 0, "{issued:?}");

    let mut script = obliging();
    let mut none = order("pending", &[NAME]);
    none["authorizations"] = json!([]);
    script.on("/newOrder", [created(&none)]);
    none["status"] = json!("ready");
    script.on("/order/1", [object(&none)]);
    let mut valid = order("valid", &[NAME]);
    valid["authorizations"] = json!([]);
    script.on("/finalize/1", [object(&valid)]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.1.3-6
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/authz/1"), 0, "{issued:?}");
}

#[test]
fn other_authorizations_than_before_end_the_order() {
    let mut script = obliging();
    let mut changed = order("ready", &[NAME]);
    changed["authorizations"] = json!([format!("{BASE}/authz/7")]);
    script.on("/order/1", [object(&changed)]);
    let error = script.issue(issuance(&[NAME])).expect_err("changed");
    // covers 8555-7.1.3-3
    assert_eq!(*fault(&error), PeerFault::OrderChanged, "{error}");
    assert_eq!(script.count("/finalize/1"), 0);
}

#[test]
fn other_names_than_before_end_the_order() {
    let mut script = obliging();
    let mut changed = order("ready", &[NAME]);
    changed["identifiers"] = json!([{ "type": "dns", "value": "evil.example" }]);
    script.on("/order/1", [object(&changed)]);
    let error = script.issue(issuance(&[NAME])).expect_err("changed");
    // covers 8555-7.1.3-3
    assert_eq!(*fault(&error), PeerFault::OtherIdentifiers("evil.example".into()), "{error}");
    assert_eq!(script.count("/finalize/1"), 0);
}

#[test]
fn lists_in_another_order_or_spelling_are_the_same_lists() {
    let names = [NAME, "b.example"];
    let mut script = CannedServer::obliging(&names);
    let mut pending = order("pending", &names);
    pending["authorizations"] = json!([format!("{BASE}/authz/2"), format!("{BASE}/authz/1")]);
    script.on("/newOrder", [created(&pending)]);
    let mut ready = order("ready", &["B.example", NAME]);
    ready["authorizations"] = json!([format!("{BASE}/authz/1"), format!("{BASE}/authz/2")]);
    script.on("/order/1", [object(&ready)]);
    let issued = script.issue(issuance(&names));
    // covers 8555-7.1.3-4
    assert!(issued.is_ok(), "{issued:?}");
    // Authorization 2 is listed first, but is for the second name.
    let provisioned: Vec<_> = script
        .events
        .iter()
        .filter_map(|event| match event {
            IssuanceEvent::Provision(c) => Some((c.identifier().value(), c.url().to_string())),
            _ => None,
        })
        .collect();
    let right = [(NAME, "challenge/1"), ("b.example", "challenge/2")]
        .map(|(name, path)| provisioned.contains(&(name.to_owned(), format!("{BASE}/{path}"))));
    // covers 8555-7.4-5, 8555-7.4-6
    assert_eq!(right, [true, true], "{provisioned:?}");
}

#[test]
fn an_order_without_expires_goes_on() {
    // GoDaddy and Keyfactor send pending orders without `expires`.
    let mut script = obliging();
    let mut pending = order("pending", &[NAME]);
    pending.as_object_mut().expect("an object").remove("expires");
    script.on("/newOrder", [created(&pending)]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.1.3-7
    assert!(issued.is_ok(), "{issued:?}");
    // covers fld-ord-2
    assert_eq!(script.deviations(), ["expires: missing"]);
}

#[test]
fn a_pending_order_is_over_once_it_has_expired() {
    let mut script = obliging();
    let mut pending = order("pending", &[NAME]);
    // Ten seconds after the script begins.
    pending["expires"] = json!("2026-09-21T14:13:30Z");
    script.on("/newOrder", [created(&pending)]);
    script.on("/order/1", [object(&pending)]);
    let error = script.issue(issuance(&[NAME])).expect_err("expired");
    // covers 8555-7.4-7
    assert!(matches!(&error, Error::Order(o) if o.is_expired()), "{error}");
    let seconds = script.asked.last().expect("a request").millis / 1000;
    assert!(seconds <= 10, "{seconds}");
}

#[test]
fn a_clock_that_runs_ahead_does_not_make_orders_expire() {
    let mut script = obliging();
    let mut pending = order("pending", &[NAME]);
    pending["expires"] = json!("2020-01-01T00:00:00Z");
    script.on("/newOrder", [created(&pending)]);
    script.issue(issuance(&[NAME])).expect("a certificate");
}

#[test]
fn a_valid_order_without_certificate_is_read_again_and_then_refused() {
    let mut valid = order("valid", &[NAME]);
    valid.as_object_mut().expect("an object").remove("certificate");
    // acmev2: finalize says valid, reading the order shows the certificate.
    let mut script = obliging();
    script.on("/finalize/1", [object(&valid)]);
    script.on("/order/1", [object(&order("ready", &[NAME])), object(&order("valid", &[NAME]))]);
    script.issue(issuance(&[NAME])).expect("a certificate");

    let mut script = obliging();
    script.on("/finalize/1", [object(&valid)]);
    script.on("/order/1", [object(&order("ready", &[NAME])), object(&valid)]);
    let error = script.issue(issuance(&[NAME])).expect_err("no certificate");
    // covers 8555-7.1.3-8, fld-ord-10
    assert_eq!(*fault(&error), PeerFault::NoCertificateUrl, "{error}");
}

#[test]
fn polls_of_a_processing_order_do_not_count_against_a_certificate_url_that_comes_late() {
    let [processing, mut valid] = ["processing", "valid"].map(|status| order(status, &[NAME]));
    let complete = object(&valid);
    valid.as_object_mut().expect("an object").remove("certificate");
    let mut script = obliging();
    script.on("/finalize/1", [object(&processing)]);
    let mut reads = vec![object(&order("ready", &[NAME]))];
    reads.extend(vec![object(&processing); 5]);
    reads.extend([object(&valid), complete]);
    script.on("/order/1", reads);
    script.issue(issuance(&[NAME])).expect("a certificate");
}

#[test]
fn the_finalize_url_is_that_of_the_latest_answer() {
    let mut script = obliging();
    let mut ready = order("ready", &[NAME]);
    ready["finalize"] = json!(format!("{BASE}/finalize/late"));
    script.on("/order/1", [object(&ready)]);
    script.on("/finalize/late", [object(&order("valid", &[NAME]))]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    // covers 8555-7.1.3-9
    assert_eq!(script.count("/finalize/late"), 1);
    assert_eq!(script.count("/finalize/1"), 0);
}

#[test]
fn the_error_of_an_invalid_order_is_shown_and_the_order_not_asked_again() {
    let mut script = obliging();
    let mut invalid = order("invalid", &[NAME]);
    invalid["error"] = json!({ "type": "urn:ietf:params:acme:error:caa", "detail": "CAA says no" });
    script.on("/order/1", [object(&invalid)]);
    let error = script.issue(issuance(&[NAME])).expect_err("invalid");
    let Error::Order(failed) = &error else { panic!("{error}") };
    let told = failed.problem().and_then(|p| p.detail());
    // covers 8555-7.1.3-10
    assert_eq!(told, Some("CAA says no"), "{error}");
    // covers 8555-7.4-15
    assert_eq!(script.count("/order/1"), 1);
    assert_eq!(script.count("/finalize/1"), 0);
    // covers fld-ord-7
    assert!(error.to_string().contains("CAA says no"), "{error}");
}

#[test]
fn an_unreadable_error_of_an_order_is_reported_and_survived() {
    let mut script = obliging();
    let mut ready = order("ready", &[NAME]);
    ready["error"] = json!(7);
    script.on("/order/1", [object(&ready)]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    // covers fld-ord-7
    assert_eq!(script.deviations(), ["error: malformed, ignored"]);
}

#[test]
fn errors_of_new_order_are_shown_whole() {
    let mut config = CaConfig::default();
    config.blocked_names = ["b.example", "c.example"].map(String::from).into();
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let error =
        issue(&mut world, &mut session, &[NAME, "b.example", "*.c.example"]).expect_err("blocked");
    let Error::Problem(refused) = &error else { panic!("{error}") };
    let problem = refused.problem().expect("a problem document");
    let names: Vec<_> = problem
        .subproblems()
        .iter()
        .map(|s| s.identifier().map(ToString::to_string).unwrap_or_default())
        .collect();
    // covers 8555-7.4-22
    assert_eq!(names, ["b.example", "*.c.example"], "{error:?}");
    assert!(names.iter().all(|name| error.to_string().contains(name)), "{error}");
}

#[test]
fn a_csr_is_sent_as_der_in_base64url() {
    let mut script = obliging();
    script.issue(issuance(&[NAME])).expect("a certificate");
    let sent = payload(&script, "/finalize/1");
    let expected = csr(&[NAME.parse().expect("a name")]);
    let der = acme_proto::jose::base64url::encode(expected.as_der());
    // covers 8555-7.4-8
    assert_eq!(sent, json!({ "csr": der }));
    assert!(Csr::from_der(expected.to_pem().into_bytes()).is_err());
}

#[test]
fn a_csr_for_other_names_is_refused_and_another_may_follow() {
    let mut script = obliging();
    let mut session = script.session();
    let mut refused = 0;
    let mut flow = issuance(&[NAME]);
    let issued = script.run(&mut session, &mut flow, |flow, session, event| {
        if matches!(event, IssuanceEvent::Finalize(_)) {
            for names in [&["b.example"][..], &[NAME, "b.example"], &["*.a.example"]] {
                let names: Vec<Identifier> =
                    names.iter().map(|name| name.parse().expect("a name")).collect();
                let error = flow.finalize(csr(&names)).expect_err("other names");
                assert!(matches!(error, Error::Input(InvalidInput::CsrNames(_))), "{error}");
                refused += 1;
            }
        }
        oblige(flow, session, event);
    });
    // covers 8555-7.4-9
    assert_eq!(refused, 3, "{issued:?}");
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/finalize/1"), 1);
    let other = csr(&["b.example".parse().expect("a name")]);
    assert!(matches!(issuance(&[NAME]).with_csr(other), Err(InvalidInput::CsrNames(_))));
}

#[test]
fn a_csr_names_every_identifier_in_its_san() {
    let names = ["a.example", "*.a.example", "192.0.2.1", "2001:db8::1"];
    let names: Vec<Identifier> = names.iter().map(|name| name.parse().expect("a name")).collect();
    let made = csr(&names);
    // covers 8555-7.4-10
    assert_eq!(made.identifiers(), names);
    // covers 8555-7.4-11
    assert!(made.identifiers().iter().any(|i| i.value() == "*.a.example"));
    let addresses = made.identifiers().iter().filter(|i| matches!(i, Identifier::Ip(_))).count();
    // covers 8738-3-4
    assert_eq!(addresses, 2);
}

#[test]
fn a_csr_with_the_account_key_never_leaves() {
    let mut script = obliging();
    let key = Ed25519Key::from_scalar(&[1; 32]).expect("a key");
    let names: [Identifier; 1] = [NAME.parse().expect("a name")];
    let builder = CsrBuilder::new(&key.public_key(), &names);
    let signature = key.sign(&builder.to_be_signed());
    let csr = builder.finish(&signature).expect("a CSR");
    let flow = issuance(&[NAME]).with_csr(csr.clone()).expect("names");
    let error = script.issue(flow).expect_err("the account key");
    let refused = matches!(error, Error::Input(InvalidInput::CsrUsesAccountKey));
    // covers 8555-11.1-2
    assert!(refused, "{error}");
    // covers 8555-11.1-5
    assert_eq!(script.count("/finalize/1"), 0);
    let [order, finalize] = ["order", "finalize"].map(|name| format!("{BASE}/{name}/1"));
    let alone = Finalize::new(order.parse().expect("a URL"), finalize.parse().expect("a URL"), csr);
    let error = script.call(alone).expect_err("the account key");
    let refused = matches!(error, Error::Input(InvalidInput::CsrUsesAccountKey));
    // covers 8555-11.1-2
    assert!(refused, "{error}");
    assert_eq!(script.count("/finalize/1"), 0, "{error}");
}

#[test]
fn finalize_waits_until_the_order_is_ready() {
    let mut script = obliging();
    let pending = || object(&order("pending", &[NAME]));
    script.on("/order/1", [pending(), pending(), object(&order("ready", &[NAME]))]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let paths = script.paths();
    let finalize = paths.iter().position(|path| *path == "/finalize/1").expect("finalized");
    let polls = paths[..finalize].iter().filter(|path| **path == "/order/1").count();
    // covers 8555-7.4-12, 8555-7.1.6-5
    assert_eq!(polls, 3, "{paths:?}");
}

#[test]
fn after_order_not_ready_the_order_is_read_and_acted_on() {
    // Pebble: a second finalize is 403 although the order is valid.
    let mut script = obliging();
    script.on("/finalize/1", [problem(403, "orderNotReady")]);
    script.on("/order/1", [object(&order("ready", &[NAME])), object(&order("valid", &[NAME]))]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.4-12
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/finalize/1"), 1, "{issued:?}");

    // Dogtag's order lags behind its authorizations, and finalize is not ready yet.
    let mut script = obliging();
    let refusal = problem(403, "orderNotReady");
    script.on("/finalize/1", [refusal, object(&order("valid", &[NAME]))]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.4-12
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/finalize/1"), 2, "{issued:?}");
}

#[test]
fn a_refused_csr_ends_the_flow_and_an_amended_one_may_follow_on_the_same_order() {
    let mut script = obliging();
    script.on("/finalize/1", [problem(400, "badCSR"), object(&order("valid", &[NAME]))]);
    let mut session = script.session();
    let mut flow = issuance(&[NAME]);
    let error = script.run(&mut session, &mut flow, |f, s, e| oblige(f, s, e)).expect_err("badCSR");
    assert!(matches!(&error, Error::Problem(p) if p.resource() == Resource::Finalize), "{error}");

    let snapshot = flow.snapshot().expect("a snapshot");
    let other = Es256Key::from_scalar(&[3; 32]).expect("a scalar");
    let names: [Identifier; 1] = [NAME.parse().expect("a name")];
    let builder = CsrBuilder::new(&other.public_key(), &names);
    let amended =
        builder.finish(&other.sign(&CsrBuilder::new(&other.public_key(), &names).to_be_signed()));
    let again = Issuance::resume(snapshot).with_csr(amended.expect("a CSR")).expect("names");
    let issued = script.issue(again);
    // covers 8555-7.4-13
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/newOrder"), 1, "{issued:?}");
    assert_eq!(script.count("/finalize/1"), 2);
}

#[test]
fn every_answer_to_finalize_is_acted_on() {
    for (status, reads, ends_well) in
        [("valid", 0, true), ("processing", 1, true), ("pending", 1, true), ("invalid", 0, false)]
    {
        let mut script = obliging();
        script.on("/order/1", [object(&order("ready", &[NAME])), object(&order("valid", &[NAME]))]);
        script.on("/finalize/1", [object(&order(status, &[NAME]))]);
        let issued = script.issue(issuance(&[NAME]));
        let polls = script.count("/order/1") - 1;
        // covers 8555-7.4-14
        assert_eq!(issued.is_ok(), ends_well, "{status} {issued:?}");
        assert_eq!(polls, reads, "{status} {issued:?}");
        // covers 8555-7.4-20
        assert_eq!(script.count("/finalize/1"), 1, "{status}");
    }
}

#[test]
fn a_finalize_that_is_answered_ready_is_not_repeated_without_pause() {
    let mut script = obliging();
    script.on("/finalize/1", [object(&order("ready", &[NAME]))]);
    let error = script.issue(issuance(&[NAME])).expect_err("never taken");
    assert!(matches!(error, Error::Deadline(_)), "{error}");
    let sent = script.count("/finalize/1");
    // covers 8555-7.1.6-3
    assert!(sent <= 60, "{sent} times in five minutes");
}

#[test]
fn after_a_lost_answer_to_finalize_the_order_is_read_first() {
    let mut script = obliging();
    script.lose("/finalize/1");
    script.on("/order/1", [object(&order("ready", &[NAME])), object(&order("valid", &[NAME]))]);
    let issued = script.issue(issuance(&[NAME]));
    let paths = script.paths();
    let lost = paths.iter().position(|path| *path == "/finalize/1").expect("sent");
    // covers 8555-7.4-20
    assert_eq!(paths[lost + 1..], ["/order/1", "/cert/1"], "{paths:?}");
    assert!(issued.is_ok(), "{issued:?}");
}

#[test]
fn a_processing_order_is_polled_at_its_own_url_after_the_time_it_asks_for() {
    let mut script = obliging();
    let processing = object(&order("processing", &[NAME])).with_header("retry-after", "20");
    script.on("/finalize/1", [processing.clone()]);
    script.on(
        "/order/1",
        [object(&order("ready", &[NAME])), processing, object(&order("valid", &[NAME]))],
    );
    script.issue(issuance(&[NAME])).expect("a certificate");
    let finalized = script.at("/finalize/1")[0].millis;
    let polls: Vec<u64> = script.at("/order/1")[1..].iter().map(|a| a.millis - finalized).collect();
    let good = polls[0] >= 20_000 && polls[0] < 21_000 && polls[1] >= 40_000 && polls[1] < 42_000;
    // covers 8555-7.4-18
    assert!(good, "{polls:?}");
    assert_eq!(script.count("/finalize/1"), 1);
    assert_eq!(script.at("/order/1")[1].payload(), "");
}

#[test]
fn an_order_that_is_pending_again_has_its_authorizations_read() {
    // 7.4: pending after finalize means that authorizations are lacking.
    let mut script = obliging();
    script.on("/order/1", [object(&order("pending", &[NAME])), object(&order("pending", &[NAME]))]);
    script.on("/order/1", {
        let mut answers = vec![object(&order("pending", &[NAME])); 4];
        answers.push(object(&order("ready", &[NAME])));
        answers
    });
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.4-16
    assert!(issued.is_ok(), "{:?}", script.paths());
    assert_eq!(script.count("/authz/1"), 2, "{:?}", script.paths());
}

#[test]
fn an_unknown_status_of_an_order_is_an_error_that_shows_it() {
    // covers 8555-7.1.6-6, 8555-7.1.6-7, fld-ord-1
    for status in ["weird", "Ready", "on hold"] {
        let mut script = obliging();
        script.on("/order/1", [object(&order(status, &[NAME]))]);
        let error = script.issue(issuance(&[NAME])).expect_err("unknown");
        let shown = *fault(&error) == PeerFault::UnknownStatus(status.into());
        assert!(shown, "{error}");
        assert_eq!(script.count("/order/1"), 1, "{error}");
        assert_eq!(OrderStatus::from(status).as_str(), status);
    }
}
