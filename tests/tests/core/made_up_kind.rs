//! A kind of challenge that this crate does not know, added by its rules, with members in its response.

use acme_proto::error::{Error, Misuse};
use acme_proto::issuance::{Issuance, IssuanceEvent, Issued};
use acme_proto::session::Session;
use acme_proto::snapshot::Snapshot;
use acme_tests::canned_server::{CannedServer, object, oblige, order};
use acme_tests::made_up_kind::{PAYLOAD, RULES, kind, offered, script, solve};
use acme_tests::world::issuance;
use serde_json::json;

const NAME: &str = "a.example";

fn flow() -> Issuance {
    issuance(&[NAME]).with_kind(kind(), RULES)
}

fn solve_event(flow: &mut Issuance, session: &Session, event: IssuanceEvent) {
    match event {
        IssuanceEvent::Provision(challenge) => {
            flow.ready_with(&challenge.id(), solve(&challenge)).expect("a complete response");
        }
        other => oblige(flow, session, other),
    }
}

fn issue(script: &mut CannedServer, flow: Issuance) -> Result<Issued, Error> {
    let (mut session, mut flow) = (script.session(), flow);
    script.run(&mut session, &mut flow, |flow, session, event| solve_event(flow, session, event))
}

/// Returns the payloads of the requests to the challenge; a reading has none.
fn payloads(script: &CannedServer) -> Vec<String> {
    script.at("/challenge/1").iter().map(|asked| asked.payload()).collect()
}

#[test]
fn the_response_of_an_added_kind_has_its_members() {
    let mut script = script(NAME);
    issue(&mut script, flow()).expect("a certificate");
    assert_eq!(payloads(&script), [PAYLOAD]);
    assert_eq!(script.deviations(), Vec::<String>::new());
}

#[test]
fn a_kind_that_was_not_added_is_not_offered() {
    let mut script = script(NAME);
    let error = script.issue(issuance(&[NAME])).expect_err("nothing to offer");
    assert!(matches!(error, Error::Order(_)), "{error}");
    assert!(script.events.is_empty(), "{:?}", script.events);
}

#[test]
fn an_added_kind_is_not_offered_without_its_members() {
    for nonce in [json!(null), json!(1)] {
        let mut script = script(NAME);
        let mut authorization = acme_tests::canned_server::authorization("pending", NAME, 1);
        authorization["challenges"] = json!([offered("pending")]);
        authorization["challenges"][0]["nonce"] = nonce;
        script.on("/authz/1", [object(&authorization)]);
        let error = issue(&mut script, flow()).expect_err("nothing to offer");
        assert!(matches!(error, Error::Order(_)), "{error}");
        let [deviation] = &script.deviations()[..] else { panic!("{:?}", script.deviations()) };
        assert!(deviation.starts_with("nonce: "), "{deviation}");
    }
}

#[test]
fn a_response_is_sent_again_unchanged_if_its_answer_is_lost() {
    let mut script = script(NAME);
    script.on("/challenge/1", [offered("pending"), offered("processing")].map(|o| object(&o)));
    script.lose("/challenge/1");
    issue(&mut script, flow()).expect("a certificate");
    assert_eq!(payloads(&script), [PAYLOAD, "", PAYLOAD]);
}

#[test]
fn a_response_is_sent_again_unchanged_if_the_challenge_stays_pending_with_an_error() {
    let mut script = script(NAME);
    let mut failed = offered("pending");
    failed["error"] = json!({ "type": "urn:ietf:params:acme:error:dns", "detail": "no record" });
    script.on("/challenge/1", [object(&failed), object(&offered("processing"))]);
    issue(&mut script, flow()).expect("a certificate");
    assert_eq!(payloads(&script), [PAYLOAD, PAYLOAD]);
}

#[test]
fn a_response_without_a_required_member_is_a_misuse_and_nothing_is_sent() {
    let mut script = script(NAME);
    let (mut session, mut flow) = (script.session(), flow());
    let mut misuses = Vec::new();
    let result = script.run(&mut session, &mut flow, |flow, session, event| {
        if let IssuanceEvent::Provision(challenge) = &event {
            misuses.push(flow.ready(&challenge.id()));
            misuses.push(flow.ready_with(&challenge.id(), solve(challenge).with_member("csr", 1)));
        }
        solve_event(flow, session, event);
    });
    result.expect("a certificate");
    assert_eq!(misuses, [Err(Misuse::ResponseMember("csr")), Err(Misuse::ResponseMember("csr"))]);
    assert_eq!(payloads(&script), [PAYLOAD]);
}

#[test]
fn after_a_restart_the_challenge_comes_again_with_its_members() {
    let mut script = script(NAME);
    let (mut session, mut first) = (script.session(), flow().durable());
    let mut provisioned = None;
    // The process dies before its response: the first run ends without one.
    let cancelled = script.run(&mut session, &mut first, |flow, session, event| match event {
        IssuanceEvent::Provision(challenge) => {
            provisioned = Some(challenge);
            flow.cancel(session);
        }
        other => oblige(flow, session, other),
    });
    assert!(matches!(cancelled, Err(Error::Cancelled)), "{cancelled:?}");
    let provisioned = provisioned.expect("a challenge");
    let with_challenge = script.snapshots.iter().rev().find(|s| !s.challenges().is_empty());
    let text = serde_json::to_string(with_challenge.expect("saved before it was handed out"));
    let snapshot: Snapshot = serde_json::from_str(&text.expect("JSON")).expect("a snapshot");
    assert_eq!(snapshot.challenges(), [provisioned]);
    script.on("/order/1", ["pending", "ready"].map(|status| object(&order(status, &[NAME]))));
    let second = Issuance::resume(snapshot).with_kind(kind(), RULES).durable();
    issue(&mut script, second).expect("a certificate");
    assert_eq!(payloads(&script), [PAYLOAD]);
}
