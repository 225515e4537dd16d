//! What a server may leave out or send besides, and what it may not.

use acme_proto::error::{Error, PeerFault, Report};
use acme_proto::wire::ProblemType;
use acme_tests::canned_server::{CannedServer, created, object, order};
use acme_tests::world::issuance;
use serde_json::json;

const NAME: &str = "a.example";

fn fault(error: &Error) -> &PeerFault {
    match error {
        Error::Peer(peer) => peer.fault(),
        other => panic!("{other}"),
    }
}

#[test]
fn an_order_for_other_names_is_refused_before_a_challenge_is_answered() {
    for names in [&["evil.example"][..], &[NAME, "www.a.example"], &["a.exampl"]] {
        let mut script = CannedServer::obliging(&[NAME]);
        script.on("/newOrder", [created(&order("pending", names))]);
        let error = script.issue(issuance(&[NAME])).expect_err("others");
        assert_eq!(*fault(&error), PeerFault::OtherIdentifiers(names.join(", ")), "{error}");
        assert_eq!(script.count("/challenge/1"), 0);
    }
}

#[test]
fn a_problem_document_in_a_response_of_success_is_told_in_the_words_of_the_ca() {
    let said =
        json!({ "type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not for you" });
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/newOrder", [object(&said)]);
    let error = script.issue(issuance(&[NAME])).expect_err("refused");
    assert!(error.to_string().contains("not for you"), "{error}");
    assert_eq!(error.problem_type(), Some(&ProblemType::RejectedIdentifier), "{error}");
}

#[test]
fn a_ready_order_without_finalize_url_is_refused_unless_it_was_told_before() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut ready = order("ready", &[NAME]);
    for member in ["finalize", "authorizations", "identifiers"] {
        ready.as_object_mut().expect("an object").remove(member);
    }
    script.on("/order/1", [object(&ready)]);
    script.issue(issuance(&[NAME])).expect("it was told before");

    let mut pending = order("pending", &[NAME]);
    pending.as_object_mut().expect("an object").remove("finalize");
    script.on("/newOrder", [created(&pending)]);
    let error = script.issue(issuance(&[NAME])).expect_err("no URL");
    // covers fld-ord-9
    assert_eq!(*fault(&error), PeerFault::NoFinalizeUrl, "{error}");
}

#[test]
fn an_order_without_its_necessary_members_is_refused() {
    // covers fld-ord-1, fld-ord-8
    for (member, is_object) in [("status", true), ("authorizations", false)] {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut pending = order("pending", &[NAME]);
        pending.as_object_mut().expect("an object").remove(member);
        script.on("/newOrder", [created(&pending)]);
        // Its URL is known, so it is read there before it is given up.
        script.on("/order/1", [object(&pending)]);
        let error = script.issue(issuance(&[NAME])).expect_err("unusable");
        let named = Report::new(&error).to_string().contains(member);
        match is_object {
            true => assert!(matches!(fault(&error), PeerFault::Object { .. }), "{error}"),
            // It is read a few times more: some servers tell them later.
            false => assert_eq!(*fault(&error), PeerFault::NoAuthorizations, "{error}"),
        }
        assert!(named, "{error}");
    }
}

#[test]
fn authorizations_may_be_told_later_than_at_first() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut pending = order("pending", &[NAME]);
    pending.as_object_mut().expect("an object").remove("authorizations");
    script.on("/newOrder", [created(&pending)]);
    let [pending, ready] = ["pending", "ready"].map(|status| object(&order(status, &[NAME])));
    script.on("/order/1", [pending, ready]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(script.count("/authz/1"), 1);
}

#[test]
fn types_and_final_dots_may_be_spelled_in_another_way() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut pending = order("pending", &[NAME]);
    pending["identifiers"] = json!([{ "type": "DNS", "value": "A.Example." }]);
    script.on("/newOrder", [created(&pending)]);
    script.issue(issuance(&[NAME])).expect("a certificate");
}
