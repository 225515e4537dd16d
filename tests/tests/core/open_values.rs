//! Values of open registries: what is unknown is kept and can be read (RFC 8555 section 9.7).

use acme_proto::error::{Error, InvalidInput};
use acme_proto::identifier::Identifier;
use acme_proto::op::{GetAuthorization, GetOrder};
use acme_proto::register::{Register, RegisterEvent};
use acme_tests::canned_server::{BASE, CannedServer, authorization, object, order};
use acme_tests::script::{self, DIRECTORY, directory_with};
use acme_tests::world::issuance;
use serde_json::json;

const NAME: &str = "a.example";

#[test]
fn unknown_types_methods_and_members_are_kept() {
    let mut script = CannedServer::new();
    let mut pending = authorization("pending", NAME, 1);
    pending["identifier"] = json!({ "type": "pigeon", "value": "x", "ring": 7 });
    pending["challenges"][0]["type"] = json!("loft-01");
    pending["challenges"][0]["error"] = json!({ "type": "urn:example:odd", "depth": 3 });
    script.on("/authz/1", [object(&pending)]);
    let url = format!("{BASE}/authz/1").parse().expect("a URL");
    let read = script.call(GetAuthorization(url)).expect("an authorization");
    // covers 8555-9.7-1
    assert_eq!(read.identifier().expect("one").kind(), "pigeon", "{read:?}");
    assert_eq!(read.extra()["identifier"], json!({ "ring": 7 }), "{read:?}");
    let challenge = &read.challenges()[0];
    let error = challenge.error().expect("an error");
    // covers 8555-9.7-1
    assert_eq!(challenge.kind().as_str(), "loft-01");
    assert_eq!(error.extra()["depth"], 3);
    assert_eq!(error.kind().as_str(), "urn:example:odd");
}

#[test]
fn unknown_members_of_the_identifiers_of_an_order_are_kept() {
    let mut script = CannedServer::new();
    let mut ready = order("ready", &[NAME, "b.example"]);
    ready["identifiers"][1]["ring"] = json!(7);
    script.on("/order/1", [object(&ready)]);
    let url = format!("{BASE}/order/1").parse().expect("a URL");
    let read = script.call(GetOrder(url)).expect("an order");
    // covers fld-gen-1
    assert_eq!(read.extra()["identifiers"], json!([{}, { "ring": 7 }]), "{read:?}");
}

#[test]
fn insecure_methods_of_old_are_never_offered() {
    for kind in ["tls-sni-01", "tls-sni-02"] {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut pending = authorization("pending", NAME, 1);
        pending["challenges"][0]["type"] = json!(kind);
        script.on("/authz/1", [object(&pending)]);
        let error = script.issue(issuance(&[NAME])).expect_err("nothing that we can do");
        // covers 8555-9.7-2
        assert!(script.events.is_empty(), "{error}");
    }
}

#[test]
fn consent_is_asked_of_the_user_and_a_refusal_sends_nothing() {
    let terms = directory_with(&json!({ "meta": { "termsOfService": "https://a.example/t" } }));
    let mut script = script::Script::new().get(DIRECTORY, terms);
    let mut asked = 0;
    let result = script.run_with(Register::new(), |flow, _, event| {
        assert!(matches!(event, RegisterEvent::AgreeToTerms(_)), "{event:?}");
        asked += 1;
        flow.decline().expect("it asked");
    });
    let refused = matches!(result, Err(Error::Input(InvalidInput::TermsNotAgreed(_))));
    // covers 8555-10.5-1
    assert!(refused);
    assert_eq!(asked, 1);
    assert!(script.posts().is_empty());
}

#[test]
fn a_name_with_letters_beyond_ascii_is_never_sent_as_it_is() {
    let ready = |name: &str| name.parse::<Identifier>().map(|name| name.value());
    let sent = ready("b\u{fc}cher.example");
    // covers 8555-5-3
    assert!(sent.as_ref().ok().is_none_or(|name| name == "xn--bcher-kva.example"), "{sent:?}");
    assert!(ready("xn--bcher-kva.example").is_ok_and(|n| n == "xn--bcher-kva.example"));
}
