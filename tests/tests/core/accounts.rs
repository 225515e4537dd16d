//! Accounts: creating, finding, updating, deactivating (RFC 8555 sections 7.1.2, 7.3 to 7.3.3, 7.3.6).

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput, PeerFault};
use acme_proto::http::Response;
use acme_proto::op::{
    DeactivateAccount, FindAccount, GetAccount, ListOrders, NewAccount, NewOrder, Resource,
    UpdateAccount,
};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_proto::wire::{AccountStatus, ProblemType};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Quirks, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_ORDER, Script, URN, account, account_object, answer,
    directory_with, ed1, payload, payload_object, problem, problem_document, protected, url,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

const TERMS: &str = "https://example.com/terms/2026";

fn agree(flow: &mut Register, _: &mut Session, event: RegisterEvent) {
    match event {
        RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
        other => panic!("{other:?}"),
    }
}

/// Registers with an answer of newAccount.
fn register(answer: Response) -> Result<acme_proto::op::AccountEntry, Error> {
    Script::new().start().post(NEW_ACCOUNT, answer).run(Register::new())
}

fn with_status(status: &Value) -> Value {
    let mut object = account_object();
    object["status"] = status.clone();
    object
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn a_created_and_an_existing_account_are_told_apart() {
    for (status, is_new) in [(201, true), (200, false)] {
        let entry = register(account(status)).expect("an account");
        // covers 8555-7.3-8
        assert_eq!(entry.is_new(), is_new);
        assert_eq!(entry.url().as_str(), ACCOUNT);
        // covers 8555-7.3-9
        assert_eq!(entry.url().as_str(), ACCOUNT);
    }
}

#[test]
fn an_account_without_a_location_is_refused() {
    for status in [200, 201] {
        for bad in [None, Some(""), Some("javascript:1"), Some("http://[::1")] {
            let created = answer(status, &account_object());
            let created = match bad {
                // An empty reference means the request's own URL, which is no account.
                Some("") => continue,
                Some(bad) => created.with_header("Location", bad),
                None => created,
            };
            let error = register(created).expect_err("no URL");
            let Error::Peer(peer) = &error else { panic!("{error}") };
            // covers 8555-7.3-9, fld-hdr-2
            assert_eq!(*peer.fault(), PeerFault::NoLocation, "{bad:?}: {error}");
        }
    }
}

#[test]
fn only_members_that_are_set_are_sent() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    // covers 8555-7.3-2
    assert_eq!(payload(script.posts()[0]), b"{}");
    let mut script = Script::new()
        .get(DIRECTORY, directory_with(&json!({ "meta": { "termsOfService": TERMS } })))
        .nonce("n")
        .post(NEW_ACCOUNT, account(201));
    let contacts = vec!["mailto:a@b.example".into(), "tel:+123".into()];
    let flow = Register::new().with_contacts(contacts).expect("contacts");
    script.run_with(flow, agree).expect("an account");
    let sent = payload_object(script.posts()[0]);
    // covers 8555-7.3-1
    assert_eq!(members(&sent), ["contact", "termsOfServiceAgreed"], "{sent}");
    // covers 8555-7.3-4
    assert_eq!(sent["contact"], json!(["mailto:a@b.example", "tel:+123"]));
}

#[test]
fn a_contact_with_header_fields_or_two_addresses_is_refused_before_anything_is_sent() {
    let refused = |contact: &str| {
        let created = Register::new().with_contacts(vec![contact.into()]);
        let updated = UpdateAccount::contacts(vec![contact.into()]);
        matches!(created, Err(InvalidInput::Contact(_)))
            && matches!(updated, Err(InvalidInput::Contact(_)))
    };
    // covers 8555-7.3-3
    assert!(refused("mailto:a@b.example?cc=c@d.example"));
    assert!(refused("MAILTO:a@b.example?subject=x"));
    // covers 8555-7.3-4
    assert!(refused("mailto:a@b.example,c@d.example"));
    assert!(!refused("mailto:a@b.example"));
}

#[test]
fn the_terms_are_shown_and_agreed_to_by_the_user() {
    let mut script = Script::new()
        .get(DIRECTORY, directory_with(&json!({ "meta": { "termsOfService": TERMS } })))
        .nonce("n")
        .post(NEW_ACCOUNT, account(201));
    let mut shown = Vec::new();
    let flow = Register::new();
    script
        .run_with(flow, |flow, _, event| {
            let RegisterEvent::AgreeToTerms(terms) = event else { panic!("{event:?}") };
            shown.push(terms.as_str().to_owned());
            flow.agree().expect("asked");
        })
        .expect("an account");
    // covers 8555-7.3-5
    assert_eq!(shown, [TERMS]);
    // covers 8555-7.3-6
    assert!(payload_object(script.posts()[0])["termsOfServiceAgreed"] == true);
    // covers 8555-7.1.1-6
    assert_eq!(shown, [TERMS]);
}

#[test]
fn without_agreement_nothing_is_sent() {
    let mut script = Script::new()
        .get(DIRECTORY, directory_with(&json!({ "meta": { "termsOfService": TERMS } })));
    let error = script
        .run_with(Register::new(), |flow, _, _| flow.decline().expect("asked"))
        .expect_err("declined");
    let typed = matches!(&error, Error::Input(InvalidInput::TermsNotAgreed(_)));
    // covers 8555-7.3-7
    assert!(typed, "{error}");
    assert!(script.posts().is_empty(), "{error}");
    assert!(error.to_string().contains(TERMS), "{error}");
}

#[test]
fn a_ca_without_terms_asks_for_no_consent_and_gets_no_flag() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    let sent = payload_object(script.posts()[0]);
    // covers 8555-7.3-7
    assert!(sent.get("termsOfServiceAgreed").is_none(), "{sent}");
}

#[test]
fn consent_given_beforehand_is_sent_whether_the_directory_names_terms_or_not() {
    for meta in
        [json!({}), json!({ "termsOfService": "see our site" }), json!({ "termsOfService": TERMS })]
    {
        let mut script = Script::new()
            .get(DIRECTORY, directory_with(&json!({ "meta": meta })))
            .nonce("n")
            .post(NEW_ACCOUNT, account(201));
        let flow = Register::new().with_terms_of_service_agreed();
        script.run_with(flow, |_, _, event| panic!("{event:?}")).expect("an account");
        let sent = payload_object(script.posts()[0]);
        assert_eq!(sent["termsOfServiceAgreed"], true, "{sent}");
    }
}

#[test]
fn the_single_operation_agrees_to_nothing_by_itself() {
    let mut config = CaConfig::default();
    config.terms_of_service = Some("https://ca.test/terms".into());
    config.terms_required = true;
    let mut world = World::new(config, 1);
    let mut session = world.session();
    let result = world.run(&mut session, Call::new(NewAccount::new()), |_, _, _| ());
    let error = result.expect_err("not agreed");
    // covers 8555-7.3-5
    assert_eq!(error.problem_type(), Some(&ProblemType::UserActionRequired));
    let agreed = NewAccount::new().with_terms_of_service_agreed(true);
    world.run(&mut session, Call::new(agreed), |_, _, _| ()).expect("an account");
}

#[test]
fn an_account_is_restored_from_its_url_and_key_without_a_request() {
    let mut script =
        Script::new().known_account().start().post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    // covers 8555-7.3-10
    assert_eq!(protected(script.posts()[0])["kid"], ACCOUNT);
    assert_eq!(script.session.account_key(), Some(&ed1().public_key()));
}

#[test]
fn an_account_is_found_by_its_key_and_none_is_created() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    let none = world.run(&mut session, Call::new(FindAccount), |_, _, _| ());
    // covers 8555-7.3.1-2
    assert!(matches!(none, Ok(None)), "{none:?}");
    let created = world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let mut session = world.session();
    let found = world.run(&mut session, Call::new(FindAccount), |_, _, _| ());
    let found = found.expect("an answer").expect("an account");
    // covers 8555-7.3.1-1
    assert_eq!(found.url(), created.url());
    assert!(!found.is_new());
    assert_eq!(session.account_url(), Some(created.url()));
}

#[test]
fn only_return_existing_stands_alone_and_in_no_other_request() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    issue(&mut world, &mut session, &["a.test"]).expect("issued");
    let mut fresh = world.session();
    world.run(&mut fresh, Call::new(GetAccount), |_, _, _| ()).expect("the account");
    let asking: Vec<_> = world
        .transcript
        .iter()
        .filter_map(|exchange| String::from_utf8(exchange.payload()?).ok())
        .filter(|payload| payload.contains("onlyReturnExisting"))
        .collect();
    // covers 8555-7.3.1-4
    assert_eq!(asking, [r#"{"onlyReturnExisting":true}"#]);
}

#[test]
fn the_contacts_of_an_existing_account_are_those_of_the_answer() {
    let flow = Register::new().with_contacts(vec!["mailto:new@example.org".into()]).expect("valid");
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(200));
    let entry = script.run(flow).expect("an account");
    // covers 8555-7.3.1-3
    assert_eq!(entry.account().contact(), ["mailto:admin@example.org"]);
}

#[test]
fn an_issuance_without_an_account_registers_none() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    let error = issue(&mut world, &mut session, &["a.test"]).expect_err("no account");
    assert!(matches!(error, Error::NoAccount { .. }), "{error}");
    let sent = world.transcript.iter().filter(|e| e.kind == RequestKind::NewAccount);
    let payloads: Vec<_> = sent.filter_map(acme_tests::world::Exchange::payload).collect();
    // covers 8555-7.3.1-1
    assert_eq!(payloads, [br#"{"onlyReturnExisting":true}"#]);
}

#[test]
fn an_unsupported_and_an_invalid_contact_are_told_apart() {
    for (kind, expected) in [
        ("unsupportedContact", ProblemType::UnsupportedContact),
        ("invalidContact", ProblemType::InvalidContact),
    ] {
        let error = register(problem(400, kind)).expect_err("refused");
        // covers 8555-7.3-12
        assert_eq!(error.problem_type(), Some(&expected), "{error}");
        assert!(error.to_string().ends_with("give another contact"), "{error}");
    }
}

#[test]
fn an_update_sends_the_contacts_and_nothing_else() {
    for (contacts, expected) in [
        (vec!["mailto:me@example.org".to_owned()], r#"{"contact":["mailto:me@example.org"]}"#),
        (vec![], r#"{"contact":[]}"#),
    ] {
        let mut script =
            Script::new().known_account().start().post(ACCOUNT, answer(200, &account_object()));
        let update = UpdateAccount::contacts(contacts).expect("contacts");
        script.run(Call::new(update)).expect("the account");
        let sent = payload(script.posts()[0]);
        // covers 8555-7.3.2-1, 8555-7.3.2-2
        assert_eq!(sent, expected.as_bytes());
        // covers 8555-7.1.2-2
        assert_eq!(sent, expected.as_bytes());
        assert_eq!(protected(script.posts()[0])["kid"], ACCOUNT);
    }
}

#[test]
fn an_update_that_removes_all_contacts_removes_them() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    let flow = Register::new().with_contacts(vec!["mailto:me@example.org".into()]).expect("valid");
    world.run(&mut session, flow, |_, _, _| ()).expect("an account");
    let update = UpdateAccount::contacts(vec![]).expect("none");
    world.run(&mut session, Call::new(update), |_, _, _| ()).expect("the account");
    let read = world.run(&mut session, Call::new(GetAccount), |_, _, _| ());
    // covers 8555-7.3.2-2
    assert!(read.is_ok_and(|account| account.contact().is_empty()));
}

#[test]
fn a_deactivation_says_so_and_closes_the_account() {
    let mut script = Script::new()
        .known_account()
        .start()
        .post(ACCOUNT, answer(200, &with_status(&json!("deactivated"))));
    script.run(Call::new(DeactivateAccount)).expect("deactivated");
    // covers 8555-7.3.6-1
    assert_eq!(payload(script.posts()[0]), br#"{"status":"deactivated"}"#);
    let before = script.requests.len();
    let order = NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
    for error in [
        script.run(Call::new(GetAccount)).expect_err("closed"),
        script.run(Call::new(order)).expect_err("closed"),
    ] {
        let typed =
            matches!(&error, Error::AccountClosed { status: AccountStatus::Deactivated, .. });
        // covers 8555-7.3.6-2
        assert!(typed, "{error}");
        assert_eq!(script.requests.len(), before, "{error}");
        assert!(error.to_string().contains(ACCOUNT), "{error}");
    }
}

#[test]
fn a_deactivation_that_shows_no_effect_is_an_error() {
    let mut script =
        Script::new().known_account().start().post(ACCOUNT, answer(200, &account_object()));
    let error = script.run(Call::new(DeactivateAccount)).expect_err("not applied");
    assert!(error.to_string().contains("not deactivated"), "{error}");
    let mut script = script.post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("still open");
}

#[test]
fn an_account_that_is_not_valid_stops_further_requests() {
    for status in ["deactivated", "revoked"] {
        let read = answer(200, &with_status(&json!(status)));
        let mut script = Script::new().known_account().start().post(ACCOUNT, read);
        script.run(Call::new(GetAccount)).expect("the account");
        let order = NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
        let error = script.run(Call::new(order)).expect_err("closed");
        let typed = matches!(&error, Error::AccountClosed { .. });
        // covers 8555-7.1.2-1
        assert!(typed, "{error}");
        assert!(error.to_string().contains(status), "{error}");
        let existing = answer(200, &with_status(&json!(status))).with_header("Location", ACCOUNT);
        let error = register(existing).expect_err("closed");
        // covers 8555-7.1.2-1
        assert!(matches!(&error, Error::AccountClosed { .. }), "{error}");
    }
}

#[test]
fn an_unknown_status_of_an_account_is_a_typed_error() {
    for weird in ["weird", "Valid", ""] {
        let existing = answer(200, &with_status(&json!(weird))).with_header("Location", ACCOUNT);
        let error = register(existing).expect_err("unknown");
        let Error::Peer(peer) = &error else { panic!("{error}") };
        // covers fld-acct-1
        assert_eq!(*peer.fault(), PeerFault::UnknownStatus(weird.into()), "{error}");
        // covers 8555-7.1.6-6
        assert_eq!(*peer.fault(), PeerFault::UnknownStatus(weird.into()));
        // covers 8555-7.1.6-7
        assert!(matches!(peer.fault(), PeerFault::UnknownStatus(_)));
    }
}

#[test]
fn an_absent_status_means_valid_and_is_reported() {
    let mut object = account_object();
    object.as_object_mut().expect("an object").remove("status");
    let created = answer(201, &object).with_header("Location", ACCOUNT);
    let mut script = Script::new().start().post(NEW_ACCOUNT, created);
    let entry = script.run(Register::new()).expect("an account");
    let valid = *entry.account().status() == AccountStatus::Valid;
    // covers fld-acct-1
    assert!(valid);
    assert_eq!(script.deviations(), ["status: missing"]);
}

#[test]
fn malformed_members_of_an_account_are_ignored() {
    let object = json!({
        "status": "valid", "contact": null, "termsOfServiceAgreed": "yes", "orders": 5,
        "externalAccountBinding": "x", "initialIp": "192.0.2.1", "createdAt": 7,
        "delegations": "https://example.com/acme/delegations/1",
    });
    let created = answer(201, &object).with_header("Location", ACCOUNT);
    let mut script = Script::new().start().post(NEW_ACCOUNT, created);
    let entry = script.run(Register::new()).expect("an account");
    let account = entry.account();
    // covers fld-acct-2
    assert!(account.contact().is_empty());
    // covers fld-acct-3
    assert!(account.terms_of_service_agreed().is_none());
    // covers fld-acct-4
    assert!(!account.has_external_account_binding());
    // covers fld-gen-1
    assert_eq!(account.extra()["initialIp"], "192.0.2.1");
    // covers fld-acct-6
    assert!(account.extra().contains_key("delegations"));
    let error = script.run(Call::new(ListOrders::first())).expect_err("no list");
    // covers fld-acct-5
    assert!(error.to_string().contains("does not offer orders"), "{error}");
}

#[test]
fn an_account_body_may_be_empty() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    world.ca.set_quirks(Quirks { empty_account_body: true, ..Quirks::default() });
    let mut session = world.session();
    let entry = world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    // covers fld-acct-1
    assert_eq!(*entry.account().status(), AccountStatus::Valid);
    assert!(!entry.is_new());
}

#[test]
fn user_action_required_shows_the_page_and_the_terms_and_visits_neither() {
    let body = json!({
        "type": format!("{URN}userActionRequired"),
        "detail": "Terms of service have changed",
        "instance": "https://example.com/acme/agreement/?token=W8Ih3PswD-8",
    });
    let refusal = || {
        problem_document(403, &body).with_header(
            "Link",
            "<https://example.com/acme/terms/2017-6-02>;rel=\"terms-of-service\"",
        )
    };
    let mut script = Script::new().known_account().start().post(NEW_ORDER, refusal());
    let request = || NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
    let error = script.run(Call::new(request())).expect_err("refused");
    let Error::Problem(problem) = &error else { panic!("{error}") };
    let terms = problem.terms_of_service().map(|url| url.as_str());
    let page = problem.problem().and_then(|p| p.instance());
    let both = terms == Some("https://example.com/acme/terms/2017-6-02")
        && page == Some("https://example.com/acme/agreement/?token=W8Ih3PswD-8");
    // covers 8555-7.3.3-1
    assert!(both, "{error:?}");
    // covers fld-hdr-9
    assert!(both, "{error}");
    assert!(error.to_string().contains("terms/2017-6-02"), "{error}");
    // covers 8555-7.3.3-2
    assert_eq!(script.posts().len(), 1);
    assert!(script.waits.is_empty(), "{:?}", script.waits);
    // covers 8555-7.3.3-3
    assert_eq!(problem.resource(), Resource::NewOrder);
    // covers fld-pb-5
    assert!(error.to_string().contains("agreement/?token=W8Ih3PswD-8"), "{error}");
    // After the human has acted, the same request goes out again.
    let mut script = script.post(NEW_ORDER, refusal());
    script.run(Call::new(request())).expect_err("still refused");
}

#[test]
fn user_action_required_in_an_issuance_ends_it() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let action =
        FaultAction::user_action_required("https://ca.test/agree", "https://ca.test/terms");
    world.ca.set_faults(Faults::none().with(FaultRule::next(action).on(RequestKind::NewOrder)));
    let error = issue(&mut world, &mut session, &["a.test"]).expect_err("refused");
    let typed = error.problem_type() == Some(&ProblemType::UserActionRequired);
    // covers 8555-7.3.3-3
    assert!(typed, "{error}");
    assert!(error.to_string().contains("https://ca.test/agree"), "{error}");
}

#[test]
fn unauthorized_may_mean_that_the_account_is_deactivated_and_says_so() {
    let mut script =
        Script::new().known_account().start().post(ACCOUNT, problem(401, "unauthorized"));
    let error = script.run(Call::new(GetAccount)).expect_err("refused");
    let typed = error.problem_type() == Some(&ProblemType::Unauthorized);
    // covers 8555-7.3.6-3
    assert!(typed, "{error}");
    assert!(error.to_string().contains("may be deactivated"), "{error}");
}

#[test]
fn the_account_url_is_forgotten_when_the_server_does_not_know_it() {
    let mut script =
        Script::new().known_account().start().post(ACCOUNT, problem(400, "accountDoesNotExist"));
    let error = script.run(Call::new(GetAccount)).expect_err("unknown");
    // covers 8555-6.7-8
    assert!(matches!(&error, Error::NoAccount { .. }), "{error}");
    assert_eq!(script.session.account_url(), None);
    assert_eq!(error.url(), Some(&url(DIRECTORY)));
}

#[test]
fn a_conflict_is_an_existing_account_unless_its_problem_is_about_something_else() {
    let conflict = |kind| problem(409, kind).with_header("Location", ACCOUNT);
    assert!(register(conflict("malformed")).is_ok());
    assert!(register(answer(409, &json!({})).with_header("Location", ACCOUNT)).is_ok());
    assert!(register(problem(409, "malformed")).is_err(), "no account is named");
    for kind in ["userActionRequired", "rejectedIdentifier", "unsupportedContact"] {
        let error = register(conflict(kind)).expect_err("a problem");
        let Error::Problem(problem) = &error else { panic!("{error}") };
        assert_eq!(problem.status(), 409, "{error}");
    }
}
