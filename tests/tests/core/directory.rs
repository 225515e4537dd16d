//! The directory (RFC 8555 section 7.1.1).

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, PeerFault, Report, Unsupported};
use acme_proto::http::{Method, Response};
use acme_proto::op::{
    FindAccount, GetAccount, GetDirectory, GetRenewalInfo, NewAuthorization, NewOrder, Operation,
    Resource, Revoke,
};
use acme_proto::register::Register;
use acme_proto::wire::Directory;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Quirks, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, NEW_ORDER, Script, account, account_object, answer,
    directory, directory_object, directory_with, problem,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

fn read(body: &Value) -> (Result<Directory, Error>, Script) {
    let mut script = Script::new().get(DIRECTORY, answer(200, body));
    let result = script.run(Call::new(GetDirectory));
    (result, script)
}

fn without(name: &str) -> Response {
    let mut object = directory_object();
    object.as_object_mut().expect("an object").remove(name);
    answer(200, &object)
}

fn with_meta(meta: &Value) -> Directory {
    let mut object = directory_object();
    object["meta"] = meta.clone();
    read(&object).0.expect("a directory")
}

/// Runs an operation that the directory does not offer, and returns its error.
fn not_offered<O: Operation>(directory: Response, operation: O) -> Error {
    let mut script = Script::new().known_account().get(DIRECTORY, directory);
    let result = script.run_once(Call::new(operation));
    assert!(script.posts().is_empty(), "{:?}", script.lines());
    result.err().expect("not offered")
}

fn order() -> NewOrder {
    NewOrder::new(["a.example".parse().expect("a name")]).expect("a name")
}

#[test]
fn the_example_of_the_rfc_is_read_through_a_call() {
    let example = json!({
        "newNonce": "https://example.com/acme/new-nonce",
        "newAccount": "https://example.com/acme/new-account",
        "newOrder": "https://example.com/acme/new-order",
        "newAuthz": "https://example.com/acme/new-authz",
        "revokeCert": "https://example.com/acme/revoke-cert",
        "keyChange": "https://example.com/acme/key-change",
        "meta": {
            "termsOfService": "https://example.com/acme/terms/2017-5-30",
            "website": "https://www.example.com/",
            "caaIdentities": ["example.com"],
            "externalAccountRequired": false,
        },
    });
    let (directory, script) = read(&example);
    let directory = directory.expect("a directory");
    // covers 8555-7.1.1-2
    assert_eq!(directory.new_order().map(|url| url.as_str()), Some(NEW_ORDER));
    let meta = directory.meta();
    // covers 8555-7.1.1-6
    assert_eq!(meta.caa_identities(), ["example.com"]);
    let page = |url: Option<&acme_proto::url::Url>| url.map(|url| url.as_str().to_owned());
    // covers fld-dir-10
    assert_eq!(page(meta.website()).as_deref(), Some("https://www.example.com/"));
    let terms = "https://example.com/acme/terms/2017-5-30";
    // covers fld-dir-9
    assert_eq!(meta.terms_of_service(), Some(terms));
    assert!(script.notices.is_empty());
}

#[test]
fn the_session_keeps_the_directory_for_the_next_flow() {
    let mut script = Script::new()
        .known_account()
        .start()
        .post(ACCOUNT, answer(200, &account_object()))
        .post(ACCOUNT, answer(200, &account_object()));
    script.run_once(Call::new(GetAccount)).expect("the account");
    script.run(Call::new(GetAccount)).expect("the account");
    let fetched = script.lines().iter().filter(|line| line.contains("directory")).count();
    assert_eq!(fetched, 1);
}

#[test]
fn a_minimal_directory_is_enough_for_what_it_offers() {
    let minimal =
        json!({ "newNonce": NEW_NONCE, "newAccount": NEW_ACCOUNT, "newOrder": NEW_ORDER });
    let mut script = Script::new()
        .get(DIRECTORY, answer(200, &minimal))
        .nonce("n")
        .post(NEW_ACCOUNT, account(201));
    let result = script.run(Register::new());
    // covers 8555-7.1.1-4, fld-dir-8
    assert!(result.is_ok(), "{result:?}");
    let missing = script.deviations();
    assert_eq!(missing, ["revokeCert: missing", "keyChange: missing"]);
}

#[test]
fn a_directory_without_new_nonce_is_refused() {
    for bad in [json!(null), json!(5), json!("/new-nonce"), json!(""), json!("javascript:1")] {
        let mut object = directory_object();
        object["newNonce"] = bad.clone();
        let error = read(&object).0.expect_err("no newNonce");
        let Error::Peer(peer) = &error else { panic!("{error}") };
        let typed = matches!(peer.fault(), PeerFault::Object { .. });
        // covers fld-dir-1
        assert!(typed, "{bad}: {error}");
        assert!(Report::new(&error).to_string().contains("newNonce"), "{bad}: {error}");
        // covers fld-gen-8
        assert!(typed, "{bad}: {error}");
        // covers fld-gen-2
        assert!(typed, "{bad}");
    }
    let mut script = Script::new().get(DIRECTORY, without("newNonce"));
    let error = script.run(Call::new(GetDirectory)).expect_err("no newNonce");
    // covers fld-dir-1
    assert!(Report::new(&error).to_string().contains("\"newNonce\" is missing"), "{error}");
}

#[test]
fn an_absent_entry_fails_its_operation_and_no_other() {
    let named = |error: &Error, name: Resource| matches!(error, Error::Unsupported(Unsupported::Operation(n)) if *n == name);
    let error = not_offered(without("newOrder"), order());
    // covers fld-dir-3
    assert!(named(&error, Resource::NewOrder), "{error}");
    let mut script = Script::new().get(DIRECTORY, without("newAccount"));
    let error = script.run(Register::new()).expect_err("not offered");
    // covers fld-dir-2
    assert!(named(&error, Resource::NewAccount), "{error}");
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let issued = issue(&mut world, &mut session, &["a.test"]).expect("issued");
    let error = not_offered(without("revokeCert"), Revoke::new(issued.chain().leaf()));
    // covers fld-dir-5
    assert!(named(&error, Resource::RevokeCert), "{error}");
    // covers 8555-7.1.1-4
    assert!(error.to_string().contains("does not offer revokeCert"), "{error}");
    let info = || GetRenewalInfo::of(issued.chain().leaf()).expect("an authority key id");
    for entry in [json!(null), json!(5), json!("http://example.com/ari")] {
        let error = not_offered(directory_with(&json!({ "renewalInfo": entry })), info());
        // covers fld-dir-7
        assert!(named(&error, Resource::RenewalInfo), "{error}");
    }
}

#[test]
fn without_new_authz_there_is_no_pre_authorization() {
    for entry in [json!(null), json!(7), json!("http://example.com/new-authz")] {
        let directory = directory_with(&json!({ "newAuthz": entry }));
        let name = "a.example".parse().expect("a name");
        let error = not_offered(directory, NewAuthorization::new(name).expect("no wildcard"));
        let typed =
            matches!(&error, Error::Unsupported(Unsupported::Operation(Resource::NewAuthz)));
        // covers 8555-7.1.1-3, fld-dir-4
        assert!(typed, "{error}");
    }
}

#[test]
fn unknown_members_are_ignored_whatever_they_are() {
    let mut object = directory_object();
    object["DYxLRZrAVv0"] = json!("https://community.example/t/adding-random-entries/33417");
    object["number"] = json!(5);
    object["nothing"] = json!(null);
    object["list"] = json!([[[]], {}]);
    object["meta"] = json!({ "unheard-of": { "a": [1, 2] }, "shout": true });
    let (directory, script) = read(&object);
    let directory = directory.expect("a directory");
    // covers 8555-7.1.1-5
    assert!(script.notices.is_empty(), "{:?}", script.notices);
    assert_eq!(directory.extra()["number"], 5);
    // covers fld-dir-18
    assert!(directory.extra().contains_key("DYxLRZrAVv0"));
    // covers fld-gen-1
    assert!(directory.meta().extra()["shout"] == true);
}

#[test]
fn a_ca_with_a_random_key_and_unknown_members_issues() {
    let mut world = World::new(CaConfig::default(), 1);
    world.ca.set_quirks(Quirks {
        random_directory_key: true,
        unknown_members: true,
        null_members: true,
        no_meta: true,
        ..Quirks::default()
    });
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let issued = issue(&mut world, &mut session, &["a.test"]);
    // covers 8555-7.1.1-5, fld-gen-2
    assert!(issued.is_ok(), "{issued:?}");
    // covers fld-dir-8
    assert!(issued.is_ok(), "{issued:?}");
}

#[test]
fn meta_of_another_type_counts_as_absent() {
    for meta in [json!("x"), json!([]), json!(7), json!(true)] {
        let mut object = directory_object();
        object["meta"] = meta.clone();
        let (directory, script) = read(&object);
        let directory = directory.expect("a directory");
        let defaults = directory.meta().terms_of_service().is_none();
        // covers fld-dir-8
        assert!(defaults, "{meta}");
        assert_eq!(script.deviations().len(), 1, "{meta}");
    }
}

#[test]
fn members_of_meta_of_another_type_count_as_absent() {
    let meta = with_meta(&json!({
        "termsOfService": 5, "website": ["x"], "caaIdentities": ["a.example", 7, null, "b.example"],
        "externalAccountRequired": "true", "profiles": { "good": "text", "bad": 5 },
        "auto-renewal": "x", "subdomainAuthAllowed": 1,
    }));
    let meta = meta.meta();
    // covers fld-dir-9
    assert!(meta.terms_of_service().is_none());
    // covers fld-dir-10
    assert!(meta.website().is_none());
    // covers fld-dir-11
    assert_eq!(meta.caa_identities(), ["a.example", "b.example"]);
    // covers fld-dir-12
    assert!(!meta.external_account_required());
    // covers fld-dir-13
    assert_eq!(meta.profiles().keys().collect::<Vec<_>>(), ["good"]);
    // covers fld-dir-14
    assert!(meta.auto_renewal().is_none());
    // covers fld-dir-16
    assert!(!meta.subdomain_auth_allowed());
}

#[test]
fn absent_members_of_meta_have_their_defaults() {
    let directory = with_meta(&json!({}));
    let meta = directory.meta();
    // covers fld-dir-9
    assert!(meta.terms_of_service().is_none());
    // covers fld-dir-11
    assert!(meta.caa_identities().is_empty());
    // covers fld-dir-12
    assert!(!meta.external_account_required());
    // covers fld-dir-13
    assert!(meta.profiles().is_empty());
    // covers fld-dir-16
    assert!(!meta.subdomain_auth_allowed());
}

#[test]
fn caa_identities_are_shown_exactly() {
    let directory = with_meta(&json!({ "caaIdentities": ["CA.example", "ca.example"] }));
    // covers 8555-7.1.1-8
    assert_eq!(directory.meta().caa_identities(), ["CA.example", "ca.example"]);
}

#[test]
fn what_extensions_say_in_meta_is_reachable() {
    let directory = with_meta(&json!({
        "auto-renewal": { "min-lifetime": 86400 }, "subdomainAuthAllowed": true,
        "delegation-enabled": true, "onionCAARequired": true,
    }));
    let meta = directory.meta();
    // covers fld-dir-14
    assert!(meta.auto_renewal().is_some_and(|m| m["min-lifetime"] == 86400));
    // covers fld-dir-16
    assert!(meta.subdomain_auth_allowed());
    // covers fld-dir-15
    assert!(meta.extra()["delegation-enabled"] == true);
    // covers fld-dir-17
    assert!(meta.extra()["onionCAARequired"] == true);
}

#[test]
fn a_directory_that_is_no_object_is_refused() {
    for body in [r#"["newNonce"]"#, "\"x\"", "5", "null", "true", "", "{", "{\"newNonce\":"] {
        let mut script = Script::new().get(DIRECTORY, Response::new(200).with_body(body));
        let error = script.run(Call::new(GetDirectory)).expect_err(body);
        let Error::Peer(peer) = &error else { panic!("{error}") };
        // covers fld-gen-4
        assert!(matches!(peer.fault(), PeerFault::Object { .. }), "{body}: {error}");
    }
}

#[test]
fn json_under_another_media_type_is_accepted() {
    for media_type in ["application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", ""] {
        let body = directory_object().to_string();
        let answer =
            Response::new(200).with_header("Content-Type", media_type).with_body(body.clone());
        let result = Script::new().get(DIRECTORY, answer).run(Call::new(GetDirectory));
        // covers fld-gen-5
        assert!(result.is_ok(), "{media_type}");
        let bare = Response::new(200).with_body(body);
        let result = Script::new().get(DIRECTORY, bare).run(Call::new(GetDirectory));
        // covers fld-hdr-10
        assert!(result.is_ok(), "{result:?}");
    }
}

#[test]
fn a_page_of_html_is_a_typed_error_that_shows_what_came() {
    let page = "<!DOCTYPE html>\n<title>Sign\u{7} in</title>\u{202e}<script>alert(1)</script>";
    let answer =
        Response::new(200).with_header("Content-Type", "text/html; charset=utf-8").with_body(page);
    let mut script = Script::new().get(DIRECTORY, answer);
    let error = script.run(Call::new(GetDirectory)).expect_err("HTML");
    let shown = Report::new(&error).to_string();
    // covers fld-gen-5
    assert!(shown.contains("200, text/html"), "{shown}");
    // covers 8555-6.7-5
    assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
    assert!(shown.contains("<title>Sign\\u{7} in</title>"), "{shown}");
    assert!(shown.contains(DIRECTORY) && shown.contains("check that the URL"), "{shown}");
}

#[test]
fn duplicate_members_are_taken_the_same_way_everywhere() {
    let twice = r#"{"newNonce":"https://example.com/1","newNonce":"https://example.com/2"}"#;
    let mut script = Script::new().get(DIRECTORY, Response::new(200).with_body(twice));
    let directory = script.run(Call::new(GetDirectory)).expect("a directory");
    // covers fld-gen-3
    assert_eq!(directory.new_nonce().as_str(), "https://example.com/2");
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"newNonce":"{NEW_NONCE}","deep":{deep}}}"#);
    let mut script = Script::new().get(DIRECTORY, Response::new(200).with_body(body));
    // Refused or cut, but no overflow of the stack.
    let result = script.run(Call::new(GetDirectory));
    let reported = script.deviations().iter().any(|d| d.contains("more than"));
    // covers fld-gen-6
    assert!(result.is_err() || reported);
}

#[test]
fn after_a_404_the_directory_is_read_again_and_its_new_urls_are_used() {
    let moved = "https://example.com/acme/v2/new-order";
    let object = json!({
        "status": "pending", "identifiers": [{ "type": "dns", "value": "a.example" }],
        "authorizations": [], "finalize": "https://example.com/f",
    });
    let mut script =
        Script::new().known_account().start().post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    let created = answer(201, &object).with_header("Location", "https://example.com/order/1");
    let mut script = script
        .post(NEW_ORDER, Response::new(404))
        .get(DIRECTORY, directory_with(&json!({ "newOrder": moved })))
        .post(moved, created);
    let result = script.run(Call::new(order()));
    // covers 8555-7.1.1-9
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_404_is_believed_when_the_directory_is_fresh_or_the_problem_is_plain() {
    let mut script = Script::new().known_account().start().post(NEW_ORDER, Response::new(404));
    script.run(Call::new(order())).expect_err("not found");
    let mut script = script.post(NEW_ORDER, problem(404, "rejectedIdentifier"));
    script.run(Call::new(order())).expect_err("rejected");
    let fetched = script.lines().iter().filter(|line| line.contains("directory")).count();
    // covers 8555-7.1.1-9
    assert_eq!(fetched, 1, "{:?}", script.lines());
}

#[test]
fn a_404_after_the_directory_was_read_again_is_the_end() {
    let mut script =
        Script::new().known_account().start().post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    let mut script = script
        .post(NEW_ORDER, Response::new(404))
        .get(DIRECTORY, directory())
        .post(NEW_ORDER, Response::new(404));
    let error = script.run(Call::new(order())).expect_err("not found");
    // covers 8555-7.1.1-9
    assert!(matches!(&error, Error::Problem(p) if p.status() == 404), "{error}");
}

#[test]
fn a_directory_that_is_unavailable_for_a_moment_does_not_fail_an_issuance() {
    let mut world = World::new(CaConfig::default(), 1);
    let down = FaultRule::next(FaultAction::unavailable(Some("2"))).on(RequestKind::Directory);
    world.ca.set_faults(Faults::none().with(down.times(2)));
    let mut session = world.session();
    let result = world.run(&mut session, Register::new(), |_, _, _| ());
    // covers 8555-6.6-3
    assert!(result.is_ok(), "{:?}", world.lines());
}

#[test]
fn answers_of_new_nonce_and_the_directory_may_say_anything_about_caching() {
    let cached = |answer: Response| {
        answer
            .with_header("Cache-Control", "max-age=-1")
            .with_header("Expires", "never")
            .with_header("Link", "<")
    };
    let nonce = cached(Response::new(200).with_header("Replay-Nonce", "n"));
    let mut script = Script::new()
        .get(DIRECTORY, cached(directory()))
        .exact(Method::Head, NEW_NONCE, nonce)
        .post(NEW_ACCOUNT, cached(account(201)));
    let result = script.run(Register::new());
    // covers fld-hdr-12, fld-hdr-4
    assert!(result.is_ok(), "{result:?}");
    // covers 8555-7.1-2
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn the_order_of_members_means_nothing() {
    let forward = directory_object();
    let members: Vec<_> = forward.as_object().expect("an object").iter().collect();
    let text: Vec<_> = members.iter().rev().map(|(k, v)| format!("\"{k}\":{v}")).collect();
    let body = format!("{{{}}}", text.join(","));
    let mut script = Script::new().get(DIRECTORY, Response::new(200).with_body(body));
    let backward = script.run(Call::new(GetDirectory)).expect("a directory");
    // covers fld-gen-7
    assert_eq!(backward, read(&forward).0.expect("a directory"));
}

#[test]
fn a_directory_is_fetched_anew_when_it_has_grown_old() {
    let moved = "https://example.com/acme/v2/new-account";
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    script.pass(86_400);
    let mut script = script.nonce("second").post(NEW_ACCOUNT, account(200));
    script.run(Call::new(FindAccount)).expect("a day is not old");
    script.pass(86_401);
    let mut script = script
        .get(DIRECTORY, directory_with(&json!({ "newAccount": moved })))
        .nonce("third")
        .post(moved, account(200));
    let found = script.run(Call::new(FindAccount)).expect("an answer");
    // covers 8555-7.1.1-9
    assert!(found.is_some(), "{:?}", script.lines());
}

#[test]
fn an_old_directory_serves_on_where_no_new_one_can_be_had() {
    let mut script = Script::new()
        .policy(|policy| {
            policy.directory_max_age = Duration::from_secs(60);
            policy.tries = 1;
        })
        .start()
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    script.pass(61);
    let mut script = script
        .get(DIRECTORY, Response::new(503))
        .post(NEW_ACCOUNT, account(200))
        .post(NEW_ACCOUNT, account(200));
    let found = script.run_once(Call::new(FindAccount)).expect("an answer");
    assert!(found.is_some());
    // It is not asked for again at once.
    let found = script.run(Call::new(FindAccount)).expect("an answer");
    assert!(found.is_some());
}

#[test]
fn nothing_but_a_word_of_the_ca_at_a_url_keeps_the_directory() {
    for status in [404, 405, 410] {
        let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
        script.run(Register::new()).expect("an account");
        let mut script = script
            .post(NEW_ACCOUNT, Response::new(status))
            .get(DIRECTORY, directory())
            .post(NEW_ACCOUNT, Response::new(status));
        let error = script.run(Call::new(FindAccount)).expect_err("not there");
        let told = matches!(&error, Error::Problem(p) if p.status() == status);
        // covers 8555-7.1.1-9
        assert!(told, "{status}: {error}");
    }
}
