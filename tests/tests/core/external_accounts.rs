//! External account binding (RFC 8555 section 7.3.4).

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput};
use acme_proto::flow::{KeyRole, SignatureAlgorithm};
use acme_proto::http::Request;
use acme_proto::jose::{MacAlgorithm, MacKey, base64url};
use acme_proto::op::{FindAccount, GetAccount, UpdateAccount};
use acme_proto::register::Register;
use acme_proto::session::ExternalAccount;
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::script::{
    DIRECTORY, NEW_ACCOUNT, Script, account, account_object, answer, directory, directory_with,
    payload_object, problem, protected,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

const MAC_KEY: [u8; 64] = [7; 64];

fn external() -> ExternalAccount {
    ExternalAccount::new("kid-1").expect("ASCII")
}

fn with_key(mut script: Script) -> Script {
    let key = MacKey::from_bytes(MAC_KEY.to_vec()).expect("a key");
    script.mac_keys.insert("kid-1".into(), key);
    script
}

/// Returns the binding in a newAccount request, and its protected header.
fn binding(request: &Request) -> (Value, Value) {
    let binding = payload_object(request)["externalAccountBinding"].clone();
    let header = base64url::decode(binding["protected"].as_str().expect("text"));
    let header = serde_json::from_slice(&header.expect("base64url")).expect("JSON");
    (binding, header)
}

/// A CA that wants a binding, with the MAC key of `kid-1`.
fn strict_world() -> World {
    let mut config = CaConfig::default();
    config.eab_required = true;
    config.eab_keys.insert("kid-1".into(), MAC_KEY.to_vec());
    let mut world = World::new(config, 1);
    let key = MacKey::from_bytes(MAC_KEY.to_vec()).expect("a key");
    world.mac_keys.insert("kid-1".into(), key);
    world
}

#[test]
fn a_ca_that_wants_a_binding_accepts_ours() {
    let mut world = strict_world();
    let mut session = world.session();
    let flow = Register::new().with_external_account(Some(external()));
    let entry = world.run(&mut session, flow, |_, _, _| ()).expect("an account");
    // covers 8555-7.3.4-1, fld-acct-4
    assert!(entry.account().has_external_account_binding());
}

#[test]
fn the_inner_header_has_alg_kid_and_url_and_no_more() {
    let mut script = with_key(Script::new().start().post(NEW_ACCOUNT, account(201)));
    script.run(Register::new().with_external_account(Some(external()))).expect("an account");
    let (binding, header) = binding(script.posts()[0]);
    let names: Vec<_> = header.as_object().expect("an object").keys().collect();
    // covers 8555-7.3.4-4
    assert_eq!(names, ["alg", "kid", "url"], "{header}");
    // covers 8555-7.3.4-6
    assert!(header.get("jwk").is_none());
    // covers 8555-7.3.4-5
    assert_eq!(header["url"], protected(script.posts()[0])["url"]);
    // covers 8555-7.3.4-3
    assert_eq!(header["kid"], "kid-1");
    let jwk = base64url::decode(binding["payload"].as_str().expect("text")).expect("base64url");
    let jwk: Value = serde_json::from_slice(&jwk).expect("JSON");
    // covers 8555-7.3.4-1
    assert_eq!(jwk, protected(script.posts()[0])["jwk"]);
}

#[test]
fn the_mac_is_one_of_three_and_asked_for_by_kid() {
    for (algorithm, name) in [
        (MacAlgorithm::Hs256, "HS256"),
        (MacAlgorithm::Hs384, "HS384"),
        (MacAlgorithm::Hs512, "HS512"),
    ] {
        let mut script = with_key(Script::new().start().post(NEW_ACCOUNT, account(201)));
        let external = external().with_algorithm(algorithm);
        script.run(Register::new().with_external_account(Some(external))).expect("an account");
        // covers 8555-7.3.4-2
        assert_eq!(binding(script.posts()[0]).1["alg"], name);
        let inner = &script.signatures[0];
        assert_eq!(inner.key, KeyRole::ExternalAccount("kid-1".into()));
        assert_eq!(inner.algorithm, SignatureAlgorithm::Mac(algorithm));
        // covers 8555-6.2-9
        assert_eq!(protected(script.posts()[0])["alg"], "EdDSA");
    }
}

#[test]
fn a_ca_that_wants_a_binding_gets_no_request_without_one() {
    let required = json!({ "meta": { "externalAccountRequired": true } });
    let mut script = Script::new().get(DIRECTORY, directory_with(&required));
    let error = script.run(Register::new()).expect_err("refused");
    let typed = matches!(&error, Error::Input(InvalidInput::ExternalAccountRequired));
    // covers 8555-7.1.1-7
    assert!(typed, "{error}");
    assert!(script.posts().is_empty(), "{error}");
    // covers 8555-7.3.4-9
    assert!(typed, "{error}");
    assert!(error.to_string().contains("get a key identifier"), "{error}");
}

#[test]
fn a_ca_that_says_so_only_in_its_refusal_gives_the_same_error() {
    let refusal = problem(403, "externalAccountRequired");
    let mut script = Script::new().start().post(NEW_ACCOUNT, refusal);
    let error = script.run(Register::new()).expect_err("refused");
    let typed = matches!(&error, Error::Input(InvalidInput::ExternalAccountRequired));
    // covers 8555-7.3.4-9
    assert!(typed, "{error}");
}

#[test]
fn a_binding_that_is_refused_points_at_the_mac_key() {
    let mut world = strict_world();
    let wrong = MacKey::from_bytes(vec![8; 32]).expect("a key");
    world.mac_keys.insert("kid-1".into(), wrong);
    let mut session = world.session();
    let flow = Register::new().with_external_account(Some(external()));
    let error = world.run(&mut session, flow, |_, _, _| ()).expect_err("refused");
    let typed = error.problem_type() == Some(&ProblemType::Unauthorized);
    // covers 8555-7.3.4-7
    assert!(typed, "{error}");
    assert!(error.to_string().contains("MAC key"), "{error}");
}

#[test]
fn a_kid_that_is_not_ascii_is_refused() {
    for bad in ["", "kid-ü", "a\nb"] {
        let refused = ExternalAccount::new(bad) == Err(InvalidInput::ExternalAccountKid);
        // covers 8555-7.3.4-3
        assert!(refused, "{bad:?}");
    }
}

#[test]
fn the_binding_goes_into_new_account_only() {
    let mut world = strict_world();
    let mut session = world.session();
    let flow = Register::new().with_external_account(Some(external()));
    world.run(&mut session, flow, |_, _, _| ()).expect("an account");
    issue(&mut world, &mut session, &["a.test"]).expect("issued");
    let update = UpdateAccount::contacts(vec![]).expect("none");
    world.run(&mut session, Call::new(update), |_, _, _| ()).expect("the account");
    world.run(&mut session, Call::new(GetAccount), |_, _, _| ()).expect("the account");
    let with_binding: Vec<_> = world
        .transcript
        .iter()
        .filter(|e| e.payload().is_some_and(|p| contains(&p, "externalAccountBinding")))
        .map(|e| e.kind)
        .collect();
    // covers 8555-7.3.4-8, 8555-7.1.2-2
    assert_eq!(with_binding, [RequestKind::NewAccount]);
}

fn contains(octets: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(octets).contains(text)
}

#[test]
fn after_a_bad_nonce_the_binding_is_the_same_and_signed_once() {
    let refusal = problem(400, "badNonce").with_header("Replay-Nonce", "second");
    let script = Script::new().start().post(NEW_ACCOUNT, refusal).post(NEW_ACCOUNT, account(201));
    let mut script = with_key(script);
    script.run(Register::new().with_external_account(Some(external()))).expect("an account");
    let [first, second] = script.posts()[..] else { panic!("two requests") };
    // covers 8555-7.3.4-10
    assert_eq!(binding(first).0, binding(second).0);
    assert_eq!(protected(second)["nonce"], "second");
    let macs =
        script.signatures.iter().filter(|s| matches!(s.algorithm, SignatureAlgorithm::Mac(_)));
    assert_eq!(macs.count(), 1);
}

#[test]
fn a_binding_is_made_anew_when_new_account_has_moved() {
    let script = Script::new().start().post(NEW_ACCOUNT, account(201));
    let mut script = with_key(script);
    script.run(Register::new()).expect("an account");
    let moved = "https://example.com/acme/v2/new-account";
    let mut script = script
        .post(NEW_ACCOUNT, answer(404, &json!({})))
        .get(DIRECTORY, directory_with(&json!({ "newAccount": moved })))
        .post(moved, account(200));
    script.run(Register::new().with_external_account(Some(external()))).expect("an account");
    let last = script.posts()[2];
    // covers 8555-7.3.4-10
    assert_eq!(binding(last).1["url"], moved, "{}", binding(last).1);
    // covers 8555-7.3.4-5
    assert_eq!(binding(last).1["url"], protected(last)["url"]);
}

#[test]
fn a_binding_that_the_server_does_not_show_is_reported() {
    let mut script = with_key(Script::new().start().post(NEW_ACCOUNT, account(201)));
    let flow = Register::new().with_external_account(Some(external()));
    let entry = script.run(flow).expect("an account");
    let reported = script.deviations() == ["externalAccountBinding: missing"];
    // covers 8555-7.3-11
    assert!(reported, "{:?}", script.deviations());
    // covers fld-acct-4
    assert!(reported);
    assert!(!entry.account().has_external_account_binding());
    let mut object = account_object();
    object["externalAccountBinding"] = json!({ "protected": "", "payload": "", "signature": "" });
    let shown = answer(201, &object).with_header("Location", acme_tests::script::ACCOUNT);
    let mut script =
        with_key(Script::new().get(DIRECTORY, directory()).nonce("n").post(NEW_ACCOUNT, shown));
    script.run(Register::new().with_external_account(Some(external()))).expect("an account");
    // covers 8555-7.3-11
    assert!(script.deviations().is_empty(), "{:?}", script.deviations());
}

#[test]
fn a_mac_key_that_the_signer_does_not_hold_ends_the_flow() {
    let mut script = Script::new().start();
    let error = script
        .run_once(Register::new().with_external_account(Some(external())))
        .expect_err("no key");
    assert!(matches!(&error, Error::Signer(_)), "{error}");
    assert!(script.posts().is_empty());
}

#[test]
fn a_mac_key_is_base64url_text_and_nonsense_is_named() {
    let accepts = |key: &str| MacKey::from_base64(key).is_ok();
    // covers 8555-7.3.4-7
    assert!(accepts("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"));
    for bad in ["", "not base64!", "AAEC\u{fc}"] {
        let error = MacKey::from_base64(bad).expect_err(bad).to_string();
        // covers 8555-7.3.4-7
        assert!(!error.is_empty(), "{error}");
        assert!(!error.contains("not base64!"), "{error}");
    }
}

#[test]
fn a_lookup_shows_the_binding_where_the_ca_demands_it_even_there() {
    let required = || problem(403, "externalAccountRequired");
    let script = Script::new()
        .session(|session| session.with_external_account(external()))
        .start()
        .post(NEW_ACCOUNT, required())
        .post(NEW_ACCOUNT, account(200));
    let mut script = with_key(script);
    let found = script.run(Call::new(FindAccount)).expect("an answer");
    let sent = payload_object(script.posts()[1]);
    // covers 8555-7.3.4-1
    assert!(found.is_some(), "{sent}");
    assert!(sent["externalAccountBinding"].is_object(), "{sent}");
    // covers 8555-7.3.1-1
    assert!(sent["onlyReturnExisting"] == true, "{sent}");
    assert!(payload_object(script.posts()[0]).get("externalAccountBinding").is_none());
    // Once is enough.
    let script = Script::new()
        .session(|session| session.with_external_account(external()))
        .start()
        .post(NEW_ACCOUNT, required())
        .post(NEW_ACCOUNT, required());
    let error = with_key(script).run(Call::new(FindAccount)).expect_err("refused twice");
    assert_eq!(error.problem_type(), Some(&ProblemType::ExternalAccountRequired));
}

#[test]
fn after_registering_with_a_binding_lookups_have_it_too() {
    let script = Script::new()
        .start()
        .post(NEW_ACCOUNT, account(201))
        .post(NEW_ACCOUNT, problem(403, "externalAccountRequired"))
        .post(NEW_ACCOUNT, account(200));
    let mut script = with_key(script);
    script.run_once(Register::new().with_external_account(Some(external()))).expect("an account");
    script.run(Call::new(FindAccount)).expect("an answer").expect("an account");
    // covers 8555-7.3.4-1
    assert!(payload_object(script.posts()[2])["externalAccountBinding"].is_object());
}
