//! Authorizations and pre-authorization (RFC 8555 sections 7.1.4, 7.4.1, 7.5), by canned answers and by the CA.

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput, PeerFault, Report};
use acme_proto::http::Response;
use acme_proto::issuance::{IssuanceEvent, Issued};
use acme_proto::op::{DeactivateAuthorization, GetAuthorization, NewAuthorization, NewOrder};
use acme_proto::wire::{AuthorizationStatus, ChallengeKind};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Problem, RequestKind};
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, created, object, order, problem,
};
use acme_tests::world::{SolverPlan, World, issuance, issue, issue_with};
use serde_json::{Value, json};

const NAME: &str = "a.example";

fn url(path: &str) -> acme_proto::url::Url {
    format!("{BASE}{path}").parse().expect("a URL")
}

fn fault(error: &Error) -> &PeerFault {
    match error {
        Error::Peer(peer) => peer.fault(),
        other => panic!("{other}"),
    }
}

fn provisions(events: &[IssuanceEvent]) -> Vec<(String, bool, ChallengeKind)> {
    let provision = |event: &IssuanceEvent| match event {
        IssuanceEvent::Provision(c) => {
            Some((c.identifier().value(), c.is_wildcard(), c.kind().clone()))
        }
        _ => None,
    };
    events.iter().filter_map(provision).collect()
}

/// Runs an issuance for [`NAME`] whose authorization is this one.
fn issue_by(authorization: &Value) -> (CannedServer, Result<Issued, Error>) {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/authz/1", [object(authorization)]);
    let issued = script.issue(issuance(&[NAME]));
    (script, issued)
}

#[test]
fn each_authorization_is_read_by_post_as_get() {
    let mut script = CannedServer::obliging(&[NAME, "b.example"]);
    script.issue(issuance(&[NAME, "b.example"])).expect("a certificate");
    let asked = [script.at("/authz/1"), script.at("/authz/2")];
    let good = asked.iter().all(|asked| asked.len() == 1 && asked[0].payload().is_empty());
    // covers 8555-7.5-1
    assert!(good);
    assert_eq!(asked[0][0].request.method().as_str(), "POST");
}

#[test]
fn a_challenge_is_answered_at_its_own_url_with_an_empty_object() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let answers = script.at("/challenge/1");
    // covers 8555-7.5.1-1
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].payload(), "{}");
    let body: Value = serde_json::from_slice(answers[0].request.body()).expect("JSON");
    // covers 8555-7.5.1-2
    assert_eq!(body["payload"], "e30");
    // covers 8555-7.5.1-4
    assert!(!answers[0].payload().contains("keyAuthorization"));
    // covers 8555-8.3-9
    assert_eq!(answers[0].payload(), "{}");
}

#[test]
fn every_status_in_the_answer_to_a_challenge_is_taken() {
    for (status, ends_well) in
        [("pending", true), ("processing", true), ("valid", true), ("invalid", false)]
    {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut answered = challenge(status, "http-01", 1);
        let invalid = status == "invalid";
        if invalid {
            answered["error"] = json!({ "detail": "nobody there" });
            let mut failed = authorization("invalid", NAME, 1);
            failed["challenges"] = json!([answered]);
            let pending = authorization("pending", NAME, 1);
            script.on("/authz/1", [object(&pending), object(&failed)]);
            script.on("/order/1", [object(&order("invalid", &[NAME]))]);
        }
        script.on("/challenge/1", [object(&answered)]);
        let issued = script.issue(issuance(&[NAME]));
        // covers 8555-7.5.1-5
        assert_eq!(issued.is_ok(), ends_well, "{status}: {issued:?}");
        if let Err(error) = issued {
            // covers 8555-7.5.1-11
            assert!(error.to_string().contains("nobody there"), "{error}");
        }
    }
}

#[test]
fn only_one_challenge_of_an_authorization_is_answered() {
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"] = json!([
        challenge("pending", "http-01", 1),
        challenge("pending", "dns-01", 2),
        challenge("pending", "tls-alpn-01", 3)
    ]);
    let (script, issued) = issue_by(&pending);
    issued.expect("a certificate");
    // covers 8555-7.1.4-6
    assert_eq!(script.count("/challenge/1"), 1, "{:?}", script.paths());
    assert!(!script.paths().iter().any(|path| path.ends_with("enge/2")));
}

#[test]
fn challenges_of_unknown_kinds_are_passed_over() {
    let mut pending = authorization("pending", NAME, 1);
    let mut pigeon = challenge("pending", "pigeon-07", 1);
    pigeon["url"] = json!(format!("{BASE}/pigeon"));
    pending["challenges"] = json!([pigeon, challenge("pending", "http-01", 1)]);
    let (script, issued) = issue_by(&pending);
    // covers 8555-7.1.4-7
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 1, "{issued:?}");
    // covers fld-ch-1
    assert!(!script.paths().contains(&"/pigeon"));

    // dns-persist-01 has no token, and sectigo-email-01 is a type that no client knows.
    let mut pending = authorization("pending", NAME, 1);
    let odd = |kind| json!({ "type": kind, "url": format!("{BASE}/{kind}"), "status": "pending" });
    pending["challenges"] = json!([odd("dns-persist-01"), odd("sectigo-email-01"), odd("http-01")]);
    let (_, issued) = issue_by(&pending);
    let error = issued.expect_err("nothing usable").to_string();
    let listed = error.contains("dns-persist-01") && error.contains("sectigo-email-01");
    // covers 8555-7.1.4-7
    assert!(listed, "{error}");
    // covers fld-ch-6
    assert!(error.contains("http-01"), "{error}");
}

#[test]
fn a_broken_challenge_does_not_fail_its_siblings() {
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"] = json!([
        { "type": "http-01", "token": "x" },
        { "url": format!("{BASE}/untyped"), "token": "x" },
        7,
        challenge("pending", "http-01", 1)
    ]);
    let (script, issued) = issue_by(&pending);
    // covers fld-az-4
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 1, "{issued:?}");
    // covers fld-ch-2
    assert!(script.deviations().iter().any(|d| d.starts_with("challenges[0].url")));
}

#[test]
fn a_kind_that_the_user_does_not_have_is_not_used() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan = SolverPlan::only(ChallengeKind::TlsAlpn01);
    let issued = issue_with(&mut world, &mut session, vec![issuance(&[NAME])], &plan);
    assert!(issued[0].is_ok());
    let events: Vec<_> = world.events.iter().map(|(_, event)| event.clone()).collect();
    let kinds = provisions(&events);
    let alpn = [(NAME.to_owned(), false, ChallengeKind::TlsAlpn01)];
    // covers 8555-7.1.4-8
    assert_eq!(kinds, alpn);
}

#[test]
fn only_dns_proves_a_wildcard() {
    let mut pending = authorization("pending", "*.a.example", 1);
    pending["challenges"] = json!([
        challenge("pending", "http-01", 3),
        challenge("pending", "tls-alpn-01", 2),
        challenge("pending", "dns-01", 1)
    ]);
    let mut script = CannedServer::obliging(&["*.a.example"]);
    script.on("/authz/1", [object(&pending)]);
    script.issue(issuance(&["*.a.example"])).expect("a certificate");
    let used = provisions(&script.events);
    let dns = [(NAME.to_owned(), true, ChallengeKind::Dns01)];
    // covers 8555-7.1.4-8, 8555-8.3-8
    assert_eq!(used, dns);
    // covers 8737-3-11
    assert_eq!(used, dns);
    // covers 8555-7.1.4-3
    assert!(used[0].1, "{used:?}");
    assert!(!used[0].0.contains('*'), "{used:?}");
}

#[test]
fn an_authorization_is_a_wildcard_only_if_it_says_so() {
    for (wildcard, is_wildcard) in
        [(json!(true), true), (json!(false), false), (Value::Null, false)]
    {
        let mut script = CannedServer::new();
        let mut answer = authorization("pending", NAME, 1);
        answer["wildcard"] = wildcard;
        script.on("/authz/1", [object(&answer)]);
        let read = script.call(GetAuthorization(url("/authz/1"))).expect("an authorization");
        // covers 8555-7.1.4-5, fld-az-5
        assert_eq!(read.is_wildcard(), is_wildcard);
    }
    let mut odd = authorization("pending", NAME, 1);
    odd["wildcard"] = json!("no");
    let (script, issued) = issue_by(&odd);
    // covers fld-az-5
    assert!(issued.is_err(), "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 0, "{issued:?}");
}

#[test]
fn a_star_in_an_authorization_is_reported_and_taken_off() {
    // ACME-Server-ADCS before 2.1.4 kept the `*.` in the identifier of a wildcard authorization.
    let mut pending = authorization("pending", "*.a.example", 1);
    pending["identifier"]["value"] = json!("*.a.example");
    pending["challenges"] = json!([challenge("pending", "dns-01", 1)]);
    let mut script = CannedServer::obliging(&["*.a.example"]);
    script.on("/authz/1", [object(&pending)]);
    script.issue(issuance(&["*.a.example"])).expect("a certificate");
    let name = script.events.iter().find_map(|event| match event {
        IssuanceEvent::Provision(c) => c.dns_01().map(|txt| txt.name),
        _ => None,
    });
    // covers 8555-8.4-2
    assert_eq!(name.as_deref(), Some("_acme-challenge.a.example"), "{name:?}");
    assert!(script.deviations()[0].starts_with("identifier.value"), "{:?}", script.deviations());
}

#[test]
fn an_authorization_for_another_name_provisions_nothing() {
    for foreign in ["evil.example", "b.a.example", "example"] {
        let (script, issued) = issue_by(&authorization("pending", foreign, 1));
        let error = issued.expect_err("foreign");
        let named =
            matches!(fault(&error), PeerFault::ForeignAuthorization(name) if name == foreign);
        // covers 8555-7.5-2
        assert!(named, "{error}");
        assert!(script.events.is_empty(), "{error}");
    }
}

#[test]
fn a_wildcard_authorization_that_forgets_its_flag_is_proved_as_a_wildcard() {
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"] =
        json!([challenge("pending", "http-01", 2), challenge("pending", "dns-01", 1)]);
    let mut script = CannedServer::obliging(&["*.a.example"]);
    script.on("/authz/1", [object(&pending)]);
    script.issue(issuance(&["*.a.example"])).expect("a certificate");
    assert_eq!(provisions(&script.events), [(NAME.to_owned(), true, ChallengeKind::Dns01)]);
}

#[test]
fn a_final_authorization_may_list_only_what_was_tried() {
    // Some CAs list only the challenge that was validated, of another type than the one responded to.
    let mut script = CannedServer::obliging(&[NAME]);
    let mut valid = authorization("valid", NAME, 1);
    valid["challenges"] = json!([challenge("valid", "dns-01", 9)]);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&valid)]);
    let pending = object(&order("pending", &[NAME]));
    let mut polls = vec![pending; 4];
    polls.push(object(&order("ready", &[NAME])));
    script.on("/order/1", polls);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-7.1.4-9
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/authz/1"), 2, "{issued:?}");
    // covers 8555-7.5.1-12
    assert!(issued.is_ok(), "{issued:?}");
}

#[test]
fn a_valid_authorization_without_expires_goes_on() {
    let mut valid = authorization("valid", NAME, 1);
    valid.as_object_mut().expect("an object").remove("expires");
    let (script, issued) = issue_by(&valid);
    // covers 8555-7.1.4-10
    assert!(issued.is_ok(), "{issued:?}");
    // covers fld-az-3
    assert!(script.deviations().contains(&"expires: missing".to_owned()));
}

#[test]
fn an_authorization_without_its_necessary_members_is_refused() {
    // covers fld-az-2, fld-az-4
    for member in ["status", "challenges"] {
        let mut pending = authorization("pending", NAME, 1);
        pending.as_object_mut().expect("an object").remove(member);
        let (_, issued) = issue_by(&pending);
        let error = issued.expect_err("unusable");
        let named = Report::new(&error).to_string().contains(member);
        assert!(matches!(fault(&error), PeerFault::Object { .. }), "{error}");
        assert!(named, "{error}");
    }
}

#[test]
fn an_authorization_without_an_identifier_is_for_the_only_name_there_is() {
    let mut nameless = authorization("pending", NAME, 1);
    nameless.as_object_mut().expect("an object").remove("identifier");
    let (script, issued) = issue_by(&nameless);
    // covers fld-az-1
    assert!(issued.is_ok(), "{issued:?}");
    assert!(script.deviations().contains(&"identifier: missing".to_owned()));

    let names = [NAME, "b.example"];
    let mut script = CannedServer::obliging(&names);
    script.on("/authz/1", [object(&nameless)]);
    let error = script.issue(issuance(&names)).expect_err("it may be for either");
    // covers fld-az-1
    assert_eq!(*fault(&error), PeerFault::NamelessAuthorization, "{error}");
}

#[test]
fn an_authorization_that_is_read_again_may_leave_its_identifier_out() {
    let names = [NAME, "b.example"];
    let mut script = CannedServer::obliging(&names);
    let mut later = authorization("valid", NAME, 1);
    later.as_object_mut().expect("an object").remove("identifier");
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&later)]);
    script.on("/challenge/1", [object(&challenge("processing", "http-01", 1))]);
    let mut polls = vec![object(&order("pending", &names)); 4];
    polls.push(object(&order("ready", &names)));
    script.on("/order/1", polls);
    script.issue(issuance(&names)).expect("a certificate");
    assert_eq!(script.count("/authz/1"), 2);
}

#[test]
fn every_final_status_but_valid_loses_the_order() {
    for status in ["invalid", "deactivated", "expired", "revoked"] {
        let (script, issued) = issue_by(&authorization(status, NAME, 1));
        let error = issued.expect_err("lost");
        let Error::Order(failed) = &error else { panic!("{error}") };
        let told = failed.failures()[0].status() == Some(&AuthorizationStatus::from(status));
        // covers 8555-7.5.1-9
        assert!(told, "{error}");
        assert_eq!(script.count("/challenge/1"), 0, "{error}");
        let shown = status == "invalid" || error.to_string().contains(status);
        // covers 8555-7.1.6-1
        assert!(shown, "{error}");
    }
    let (_, issued) = issue_by(&authorization("valid", NAME, 1));
    // covers 8555-7.5.1-9
    assert!(issued.is_ok(), "{issued:?}");
}

#[test]
fn an_unknown_status_of_an_authorization_is_an_error_that_shows_it() {
    // covers 8555-7.1.6-6, 8555-7.1.6-7, fld-az-2
    for status in ["weird", "Valid", "on hold"] {
        let (_, issued) = issue_by(&authorization(status, NAME, 1));
        let error = issued.expect_err("unknown");
        assert_eq!(*fault(&error), PeerFault::UnknownStatus(status.into()), "{error}");
    }
}

#[test]
fn an_authorization_that_was_deactivated_meanwhile_ends_the_order() {
    let mut script = CannedServer::obliging(&[NAME]);
    let gone = authorization("deactivated", NAME, 1);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&gone)]);
    script.on("/order/1", [object(&order("pending", &[NAME]))]);
    let error = script.issue(issuance(&[NAME])).expect_err("deactivated");
    let seconds = script.asked.last().expect("a request").millis / 1000;
    // covers 8555-7.5.1-9
    assert!(error.to_string().contains("deactivated"), "{error}");
    assert!(seconds < 20, "noticed after {seconds} seconds");
}

#[test]
fn all_names_that_failed_are_listed_each_with_its_reason() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let forgets_names = vec!["b.example".to_owned(), "c.example".to_owned()];
    let plan = SolverPlan { forgets_names, ..SolverPlan::default() };
    let flows = vec![issuance(&[NAME, "b.example", "c.example", "d.example"])];
    let result = issue_with(&mut world, &mut session, flows, &plan).pop().expect("a result");
    let error = result.expect_err("two names fail");
    let Error::Order(failed) = &error else { panic!("{error}") };
    let failures: Vec<_> = failed
        .failures()
        .iter()
        .map(|f| (f.identifier().to_string(), f.problem().map(|p| p.kind().to_string())))
        .collect();
    let connection =
        |name: &str| (name.to_owned(), Some("urn:ietf:params:acme:error:connection".to_owned()));
    let both = failures == [connection("b.example"), connection("c.example")];
    // covers 8555-7.4-15
    assert!(both, "{failures:?}");
    // covers 8555-7.5.1-11
    assert!(both, "{error}");
    assert!(error.to_string().contains("nothing is published"), "{error}");
    assert!(world.published.is_empty(), "everything was cleaned up");
}

#[test]
fn an_order_stays_pending_only_as_long_as_the_time_limit() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/order/1", [object(&order("pending", &[NAME]))]);
    let error = script.issue(issuance(&[NAME])).expect_err("too late");
    let seconds = script.asked.last().expect("a request").millis / 1000;
    let bounded = matches!(error, Error::Deadline(_)) && (295..=300).contains(&seconds);
    // covers 8555-7.5.1-10
    assert!(bounded, "{error} after {seconds} seconds");
    let polls = script.count("/order/1");
    // covers 8555-7.5.1-10
    assert!(polls < 60, "{polls} polls");
}

#[test]
fn a_pending_authorization_says_when_to_ask_again() {
    let mut script = CannedServer::obliging(&[NAME]);
    let pending = authorization("pending", NAME, 1);
    let waits = object(&pending).with_header("retry-after", "50");
    script.on("/authz/1", [object(&pending), waits]);
    let mut polls = vec![object(&order("pending", &[NAME])); 4];
    polls.push(object(&order("ready", &[NAME])));
    script.on("/order/1", polls);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let read = script.at("/authz/1")[1].millis;
    let next = script.asked.iter().find(|a| a.millis > read && a.path != "/newNonce");
    let wait = next.expect("it went on").millis - read;
    // covers 8555-7.5.1-8
    assert!((50_000..52_000).contains(&wait), "{wait} ms");
}

#[test]
fn a_valid_authorization_that_says_to_ask_again_is_not_waited_for() {
    // Sectigo sends Retry-After: 300 with an authorization that is valid.
    let mut script = CannedServer::obliging(&[NAME]);
    let valid = object(&authorization("valid", NAME, 1)).with_header("retry-after", "300");
    script.on("/authz/1", [valid]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    assert!(script.asked.last().expect("a request").millis < 1000);
}

#[test]
fn an_authorization_is_deactivated_by_exactly_that_status() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let entry = world
        .run(
            &mut session,
            Call::new(NewOrder::new([NAME.parse().expect("a name")]).expect("a name")),
            |_, _, never| match never {},
        )
        .expect("an order");
    let target = entry.order().authorizations()[0].clone();
    let call = Call::new(DeactivateAuthorization(target.clone()));
    let answer = world.run(&mut session, call, |_, _, never| match never {});
    let sent = world.transcript.last().expect("a request").clone();
    let payload = String::from_utf8(sent.payload().expect("signed")).expect("text");
    // covers 8555-7.5.2-1
    assert_eq!(payload, r#"{"status":"deactivated"}"#);
    assert_eq!(*sent.request.url(), target);
    let status = answer.expect("an authorization").status().clone();
    // covers 8555-7.5.2-2
    assert_eq!(status, AuthorizationStatus::Deactivated);
}

#[test]
fn a_refused_deactivation_is_an_error_of_its_own() {
    // step-ca refuses it: https://github.com/smallstep/certificates/issues/1587
    let mut script = CannedServer::new();
    script.on("/authz/1", [problem(400, "malformed")]);
    let error = script.call(DeactivateAuthorization(url("/authz/1"))).expect_err("refused");
    assert!(matches!(&error, Error::Problem(p) if p.status() == 400), "{error}");
}

#[test]
fn an_identifier_can_be_authorized_before_any_order() {
    let mut script = CannedServer::new();
    for status in ["pending", "valid"] {
        let reply = Response::new(201)
            .with_header("location", &format!("{BASE}/authz/1"))
            .with_body(authorization(status, NAME, 1).to_string());
        script.on("/newAuthz", [reply]);
        let wish = NewAuthorization::new(NAME.parse().expect("a name")).expect("no wildcard");
        let entry = script.call(wish).expect("an authorization");
        let is = entry.authorization().status().as_str() == status;
        // covers 8555-7.4.1-1
        assert!(is);
        assert_eq!(*entry.url(), url("/authz/1"));
    }
    let sent: Value = serde_json::from_str(&script.at("/newAuthz")[0].payload()).expect("JSON");
    let plain = json!({ "identifier": { "type": "dns", "value": NAME } });
    // covers 8555-7.4.1-1
    assert_eq!(sent, plain);
    script.on("/newAuthz", [object(&authorization("pending", NAME, 1))]);
    let wish = NewAuthorization::new(NAME.parse().expect("a name")).expect("no wildcard");
    let error = script.call(wish).expect_err("no URL");
    assert_eq!(*fault(&error), PeerFault::NoLocation);
}

#[test]
fn an_authorization_whose_response_cannot_be_read_is_read_at_its_url() {
    let mut script = CannedServer::new();
    let created = || Response::new(201).with_header("location", &format!("{BASE}/authz/1"));
    for bad in [created().with_body("<html>"), created().with_body("{\"status\":").truncated()] {
        script.on("/newAuthz", [bad]);
        script.on("/authz/1", [object(&authorization("pending", NAME, 1))]);
        let wish = NewAuthorization::new(NAME.parse().expect("a name")).expect("no wildcard");
        let entry = script.call(wish).expect("an authorization");
        assert_eq!(*entry.url(), url("/authz/1"));
        assert_eq!(entry.authorization().status().as_str(), "pending");
    }
    // covers fld-hdr-2
    assert_eq!((script.count("/newAuthz"), script.count("/authz/1")), (2, 2));
}

#[test]
fn a_wildcard_cannot_be_authorized_beforehand() {
    let refused = NewAuthorization::new("*.a.example".parse().expect("a name"));
    let named =
        matches!(&refused, Err(InvalidInput::WildcardPreAuthorization(n)) if n == "*.a.example");
    // covers 8555-7.4.1-2
    assert!(named, "{refused:?}");
}

#[test]
fn a_server_that_will_not_authorize_beforehand_is_quoted() {
    let mut script = CannedServer::new();
    script.on("/newAuthz", [problem(403, "unauthorized")]);
    let wish = NewAuthorization::new(NAME.parse().expect("a name")).expect("no wildcard");
    let error = script.call(wish).expect_err("unwilling");
    let told = matches!(&error, Error::Problem(p) if p.status() == 403 && p.problem().is_some());
    // covers 8555-7.4.1-3
    assert!(told, "{error}");
}

#[test]
fn an_order_finds_what_was_authorized_before() {
    let mut config = CaConfig::default();
    config.reuse_authorizations = true;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    world.transcript.clear();
    issue(&mut world, &mut session, &[NAME]).expect("another certificate");
    let proved = world.transcript.iter().filter(|e| e.kind == RequestKind::Challenge).count();
    // covers 8555-7.4.1-4
    assert_eq!(proved, 0, "{:?}", world.lines());
    // covers 8555-7.1.3-5
    assert!(world.lines().contains(&"POST finalize 200".to_owned()));
}

#[test]
fn an_authorization_that_cannot_be_read_ends_in_the_servers_words() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let refusal = FaultAction::Problem(Problem::new(403, "unauthorized", "not yours"));
    let rule = FaultRule::next(refusal).on(RequestKind::Authorization);
    world.ca.set_faults(Faults::none().with(rule));
    let error = issue(&mut world, &mut session, &[NAME]).expect_err("refused");
    assert!(error.to_string().contains("not yours"), "{error}");
    assert!(world.published.is_empty());
}

#[test]
fn an_order_may_be_created_with_status_200_and_without_content_type() {
    let mut script = CannedServer::obliging(&[NAME]);
    let reply = created(&order("pending", &[NAME]));
    let bare = Response::new(200)
        .with_header("location", &format!("{BASE}/order/1"))
        .with_body(reply.body().to_vec());
    script.on("/newOrder", [bare]);
    script.issue(issuance(&[NAME])).expect("a certificate");
}
