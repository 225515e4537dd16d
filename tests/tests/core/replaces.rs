//! Orders that replace a certificate (RFC 9773 section 5).

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput};
use acme_proto::http::Response;
use acme_proto::issuance::{Issuance, Issued};
use acme_proto::notice::{NotReplacing, Notice};
use acme_proto::op::NewOrder;
use acme_proto::wire::ProblemType;
use acme_tests::canned_server::{BASE, CannedServer, created, object, order, problem};
use acme_tests::script::{DIRECTORY, NEW_ORDER, Script, answer, directory_with, payload_object};
use acme_tests::world::{SolverPlan, World, issue, issue_with};
use serde_json::{Value, json};

const NAME: &str = "acme.example.com";
/// The certificate of RFC 9773 section 4.1.
const ID: &str = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";

fn request() -> NewOrder {
    NewOrder::new([NAME.parse().expect("a name")]).expect("a name").with_replaces(ID)
}

/// A script whose directory has renewalInfo, and that answers newOrder like this.
fn script(answers: impl IntoIterator<Item = Response>) -> CannedServer {
    let mut script = CannedServer::obliging(&[NAME]);
    let entries = ["newNonce", "newAccount", "newOrder", "renewalInfo"];
    let directory: serde_json::Map<String, Value> = entries
        .map(|name| (name.to_owned(), json!(format!("{BASE}/{name}"))))
        .into_iter()
        .collect();
    script.on("/directory", [object(&Value::Object(directory))]);
    let answers: Vec<Response> = answers.into_iter().collect();
    script.on("/newOrder", answers);
    script
}

fn shown() -> Response {
    let mut pending = order("pending", &[NAME]);
    pending["replaces"] = json!(ID);
    created(&pending)
}

fn not_replacing(script: &CannedServer) -> Vec<&NotReplacing> {
    let reasons = script.notices.iter().filter_map(|notice| match notice {
        Notice::NotReplacing { certificate_id, reason } => {
            assert_eq!(certificate_id, ID);
            Some(reason)
        }
        _ => None,
    });
    reasons.collect()
}

/// Returns whether each newOrder named the certificate.
fn named(script: &CannedServer) -> Vec<bool> {
    script.at("/newOrder").iter().map(|asked| asked.payload().contains(ID)).collect()
}

#[test]
fn the_request_of_the_rfc_names_the_predecessor() {
    let directory = directory_with(&json!({ "renewalInfo": "https://example.com/acme/ari" }));
    let pending = answer(201, &order("pending", &[NAME])).with_header("Location", NEW_ORDER);
    let mut script = Script::new().known_account().get(DIRECTORY, directory).nonce("first");
    script = script.post(NEW_ORDER, pending);
    script.run(Call::new(request())).expect("an order");
    let expected = json!({
        "identifiers": [{ "type": "dns", "value": "acme.example.com" }],
        "replaces": "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
    });
    let sent = payload_object(script.posts()[0]);
    // covers 9773-5-1
    assert_eq!(sent, expected);
}

#[test]
fn a_single_order_does_not_name_it_where_that_means_nothing() {
    let pending = answer(201, &order("pending", &[NAME])).with_header("Location", NEW_ORDER);
    let mut script = Script::new().known_account().start().post(NEW_ORDER, pending);
    script.run(Call::new(request())).expect("an order");
    let sent = payload_object(script.posts()[0]);
    // covers 9773-5-2
    assert!(sent.get("replaces").is_none(), "{sent}");
    let told = script.notices.iter().any(|notice| {
        matches!(notice, Notice::NotReplacing { reason: NotReplacing::NotOffered, .. })
    });
    assert!(told, "{:?}", script.notices);
}

#[test]
fn a_renewal_shows_what_it_replaces() {
    let mut world = World::new(acme_testca::CaConfig::default(), 3);
    let mut session = world.registered();
    let first = issue(&mut world, &mut session, &["a.example", "b.example"]).expect("one");
    let leaf = first.chain().leaf();
    let names = ["b.example", "c.example"].map(|name| name.parse().expect("a name"));
    let order =
        NewOrder::new(names).expect("names").with_replaced_certificate(leaf).expect("shared");
    let flows = vec![Issuance::for_order(order)];
    let issued = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).remove(0);
    let issued: Issued = issued.expect("a certificate");
    // covers 9773-5-1
    assert_eq!(issued.replaces(), leaf.renewal_id().as_deref());
    // covers fld-ord-11
    assert!(issued.replaces().is_some());
    assert_eq!(first.replaces(), None);
}

#[test]
fn an_order_that_does_not_show_it_is_noted() {
    let mut silent = script([created(&order("pending", &[NAME]))]);
    let issued = silent.issue(Issuance::for_order(request())).expect("a certificate");
    let reasons = not_replacing(&silent);
    let noted = matches!(reasons[..], [NotReplacing::NotShown]);
    // covers 9773-5-3
    assert!(noted, "{reasons:?}");
    assert!(issued.replaces().is_none(), "{reasons:?}");
    // covers fld-ord-11
    assert!(noted);
    let mut good = script([shown()]);
    good.issue(Issuance::for_order(request())).expect("a certificate");
    // covers 9773-5-3
    assert!(not_replacing(&good).is_empty(), "{:?}", good.notices);
}

#[test]
fn a_predecessor_that_is_refused_is_left_out_of_the_next_order() {
    let plain = |status: u16| {
        Response::new(status).with_header("content-type", "text/plain").with_body("no")
    };
    for refusal in [
        // covers 9773-5-4
        problem(409, "alreadyReplaced"),
        // covers 9773-5-5
        problem(400, "malformed"),
        problem(404, "malformed"),
        plain(404),
        plain(401),
        problem(401, "unauthorized"),
        other_account(),
    ] {
        let mut script = script([refusal.clone(), created(&order("pending", &[NAME]))]);
        let issued = script.issue(Issuance::for_order(request()));
        let again = named(&script) == [true, false];
        let reasons = not_replacing(&script);
        let told = matches!(reasons[..], [NotReplacing::Refused(_)]);
        assert!(issued.is_ok(), "{refusal:?}: {issued:?} {reasons:?}");
        assert!(again, "{refusal:?}: {issued:?} {reasons:?}");
        assert!(told, "{refusal:?}: {issued:?} {reasons:?}");
    }
}

/// A refusal that speaks of the certificate in its own words.
fn other_account() -> Response {
    let body = json!({
        "type": "urn:ietf:params:acme:error:unauthorized",
        "detail": "The certificate to be replaced belongs to another account",
    });
    Response::new(403)
        .with_header("content-type", "application/problem+json")
        .with_body(body.to_string())
}

#[test]
fn a_refusal_that_is_about_something_else_ends_the_order() {
    for kind in ["unauthorized", "rejectedIdentifier", "userActionRequired"] {
        let mut script = script([problem(403, kind)]);
        let error = script.issue(Issuance::for_order(request())).expect_err(kind);
        assert_eq!(named(&script), [true], "{error}");
    }
    let mut twice = script([problem(400, "malformed")]);
    let error = twice.issue(Issuance::for_order(request())).expect_err("malformed");
    assert_eq!(error.problem_type(), Some(&ProblemType::Malformed));
    assert_eq!(named(&twice), [true, false]);
}

#[test]
fn already_replaced_is_a_type_of_its_own() {
    let directory = directory_with(&json!({ "renewalInfo": "https://example.com/acme/ari" }));
    let refusal = acme_tests::script::problem(409, "alreadyReplaced");
    let mut script = Script::new().known_account().get(DIRECTORY, directory).nonce("first");
    script = script.post(NEW_ORDER, refusal);
    let error = script.run(Call::new(request())).expect_err("replaced");
    let typed = error.problem_type() == Some(&ProblemType::AlreadyReplaced);
    // covers 9773-5-4
    assert!(typed, "{error}");
    assert!(error.to_string().contains("without naming"), "{error}");
}

#[test]
fn a_certificate_without_a_common_name_with_the_order_is_not_replaced() {
    let mut world = World::new(acme_testca::CaConfig::default(), 3);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &["a.example"]).expect("a certificate");
    let leaf = issued.chain().leaf();
    let refused = NewOrder::new([NAME.parse().expect("a name")])
        .expect("a name")
        .with_replaced_certificate(leaf)
        .map(drop);
    // covers 9773-5-5
    assert_eq!(refused, Err(InvalidInput::ReplacesOtherNames));
    assert!(Error::from(InvalidInput::ReplacesOtherNames).to_string().contains("names"));
}
