//! What every request looks like (RFC 8555 sections 5, 6.1 to 6.4).

use std::collections::BTreeSet;

use acme_proto::call::Call;
use acme_proto::error::Report;
use acme_proto::http::{Method, Request};
use acme_proto::op::{
    DeactivateAccount, GetAccount, GetCertificate, KeyChange, ListOrders, NewAuthorization, Revoke,
    UpdateAccount,
};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, Script, account, account_object, answer,
    directory_with, payload, protected, url,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

/// A world in which every kind of request has been made, and the requests.
struct Everything {
    world: World,
    session: Session,
}

impl Everything {
    fn new() -> Self {
        let mut config = CaConfig::default();
        config.new_authz = true;
        let mut world = World::new(config, 1);
        let mut session = world.session();
        let flow = Register::new().with_contacts(vec!["mailto:me@example.org".into()]);
        let flow = flow.expect("a contact");
        world
            .run(&mut session, flow, |flow: &mut Register, _, event| match event {
                RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
                other => panic!("{other:?}"),
            })
            .expect("an account");
        let issued = issue(&mut world, &mut session, &["a.test", "*.a.test"]).expect("issued");
        let mut this = Self { world, session };
        let name = "b.test".parse().expect("a name");
        this.call(Call::new(NewAuthorization::new(name).expect("no wildcard")));
        this.call(Call::new(GetAccount));
        this.call(Call::new(ListOrders::first()));
        this.call(Call::new(GetCertificate(issued.certificate_url().clone())));
        this.call(Call::new(Revoke::new(issued.chain().leaf())));
        this.call(Call::new(UpdateAccount::contacts(vec![]).expect("no contacts")));
        this.call(Call::new(KeyChange::new(this.world.other_key.public_key())));
        this.call(Call::new(DeactivateAccount));
        this
    }

    fn call<O: acme_proto::op::Operation>(&mut self, call: Call<O>) {
        let result = self.world.run(&mut self.session, call, |_, _, never| match never {});
        assert!(result.is_ok(), "{:?}", result.err());
    }

    fn requests(&self) -> impl Iterator<Item = (RequestKind, &Request)> {
        self.world.transcript.iter().map(|exchange| (exchange.kind, &exchange.request))
    }

    fn posts(&self) -> impl Iterator<Item = (RequestKind, &Request, Value)> {
        let signed = self.requests().filter(|(_, request)| request.method() == Method::Post);
        signed.map(|(kind, request)| (kind, request, protected(request)))
    }

    fn all(&self, holds: impl Fn(RequestKind, &Request, &Value) -> bool) -> bool {
        self.posts().all(|(kind, request, header)| holds(kind, request, &header))
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body()).expect("JSON")
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn every_post_is_a_flattened_jws_and_nothing_else() {
    let everything = Everything::new();
    let three = BTreeSet::from(["protected", "payload", "signature"]);
    let holds = |request: &Request| members(&body(request)) == three;
    // covers 8555-6.2-1, 8555-6.2-3
    assert!(everything.all(|_, request, _| holds(request)));
    // covers 8555-6.2-4
    assert!(everything.all(|_, request, _| body(request).get("signatures").is_none()));
    // covers 8555-6.2-6
    assert!(everything.all(|_, request, _| body(request).get("header").is_none()));
    let has_payload = |request: &Request| body(request)["payload"].is_string();
    // covers 8555-6.2-7
    assert!(everything.all(|_, request, _| has_payload(request)));
}

#[test]
fn only_the_directory_and_new_nonce_are_asked_without_a_signature() {
    let everything = Everything::new();
    let unsigned: BTreeSet<_> = everything
        .requests()
        .filter(|(_, request)| request.method() != Method::Post)
        .map(|(kind, request)| (kind.as_str(), request.method().as_str()))
        .collect();
    let expected = BTreeSet::from([("directory", "GET"), ("newNonce", "HEAD")]);
    // covers 8555-6.3-1
    assert_eq!(unsigned, expected);
    // covers 8555-6.3-4
    assert!(unsigned.contains(&("directory", "GET")), "{unsigned:?}");
    let kinds: BTreeSet<_> = everything.posts().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds.len(), 12, "{kinds:?}");
}

#[test]
fn reading_has_an_empty_payload_and_is_signed_like_any_post() {
    let everything = Everything::new();
    use RequestKind::{Authorization, Certificate, Order, Orders};
    let reads = [Order, Orders, Authorization, Certificate];
    let read = |kind| reads.contains(&kind);
    // covers 8555-6.3-2
    assert!(everything.all(|kind, request, _| !read(kind) || body(request)["payload"] == ""));
    let signed = |header: &Value| {
        header["nonce"].is_string() && header["kid"].is_string() && header["url"].is_string()
    };
    // covers 8555-6.3-3
    assert!(everything.all(|kind, _, header| !read(kind) || signed(header)));
}

#[test]
fn the_protected_header_has_the_four_members_and_no_more() {
    let everything = Everything::new();
    let key = |header: &Value| if header.get("jwk").is_some() { "jwk" } else { "kid" };
    // covers 8555-6.2-12
    assert!(everything.all(|_, _, header| {
        members(header) == BTreeSet::from(["alg", "nonce", "url", key(header)])
    }));
    // covers 8555-6.2-8
    assert!(everything.all(|_, _, header| header["alg"] == "EdDSA"));
    // covers 8555-6.2-10
    assert!(everything.all(|_, _, header| header["nonce"].is_string()));
    // covers 8555-6.2-5
    assert!(
        everything.all(|_, _, header| header.get("b64").is_none() && header.get("crit").is_none())
    );
    // covers 7515-4.1.11-1
    assert!(everything.all(|_, _, header| header.get("crit").is_none()));
}

#[test]
fn the_url_in_the_header_is_the_url_of_the_request() {
    let everything = Everything::new();
    let same = |request: &Request, header: &Value| header["url"] == request.url().as_str();
    // covers 8555-6.2-11
    assert!(everything.all(|_, request, header| same(request, header)));
    // covers 8555-6.4-3
    assert!(everything.all(|_, _, header| header["url"].is_string()));
}

#[test]
fn new_account_names_the_key_and_everything_else_the_account() {
    let everything = Everything::new();
    let account = everything.session.account_url().expect("an account").as_str().to_owned();
    let by_key = |kind| kind == RequestKind::NewAccount;
    // covers 8555-6.2-13
    assert!(everything.all(|kind, _, header| !by_key(kind) || header["jwk"].is_object()));
    // covers 8555-6.2-16
    assert!(everything.all(|kind, _, header| by_key(kind) || header["kid"] == *account));
    let public = BTreeSet::from(["crv", "kty", "x"]);
    // covers 8555-6.2-15
    assert!(everything.all(|kind, _, header| !by_key(kind) || members(&header["jwk"]) == public));
    // covers 7517-9.2-1
    assert!(everything.all(|_, _, header| header["jwk"].get("d").is_none()));
    // covers 7515-4.1.3-1
    assert!(everything.all(|kind, _, h| !by_key(kind) || h["jwk"].is_object()));
}

#[test]
fn member_names_of_a_header_are_unique() {
    let everything = Everything::new();
    let once = |request: &Request| {
        let text = serde_json::from_slice::<Value>(request.body()).expect("JSON");
        let header = acme_proto::jose::base64url::decode(text["protected"].as_str().expect("text"));
        let header = String::from_utf8(header.expect("base64url")).expect("UTF-8");
        ["\"alg\"", "\"nonce\"", "\"url\""].iter().all(|name| header.matches(name).count() == 1)
    };
    // covers 8555-6.2-23, 7515-4-1
    assert!(everything.all(|_, request, _| once(request)));
}

#[test]
fn the_strict_ca_verifies_every_signature_over_what_was_sent() {
    // The CA refuses a signature that does not verify over the transmitted octets, and every POST here was accepted.
    let everything = Everything::new();
    let accepted = everything.world.transcript.iter().all(|e| (200..300).contains(&e.status));
    // covers 8555-6.2-22
    assert!(accepted, "{:?}", everything.world.lines());
    // covers 8555-6.2-2, 8555-6.2-18
    assert!(accepted);
}

#[test]
fn text_in_a_payload_is_utf_8() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    let contacts = vec!["mailto:grüße@example.org".into()];
    script.run(Register::new().with_contacts(contacts).expect("a contact")).expect("an account");
    let sent = String::from_utf8(payload(script.posts()[0])).expect("UTF-8");
    // covers 8555-5-1
    assert_eq!(sent, r#"{"contact":["mailto:grüße@example.org"]}"#);
}

#[test]
fn base64url_has_neither_padding_nor_white_space() {
    let everything = Everything::new();
    let plain =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    // covers 8555-6.1-7
    assert!(everything.all(|_, request, _| {
        body(request)
            .as_object()
            .expect("an object")
            .values()
            .all(|v| plain(v.as_str().expect("a string")))
    }));
    let finalize = everything.posts().find(|(kind, ..)| *kind == RequestKind::Finalize);
    let payload: Value =
        serde_json::from_slice(&payload(finalize.expect("finalize").1)).expect("JSON");
    // covers 7515-2-1
    assert!(plain(payload["csr"].as_str().expect("text")));
}

#[test]
fn every_request_says_who_asks_and_in_which_language() {
    let everything = Everything::new();
    let product = concat!("acme-proto/", env!("CARGO_PKG_VERSION"));
    let first = |request: &Request, name: &str| request.headers().first(name).map(str::to_owned);
    // covers 8555-6.1-4
    assert!(everything.requests().all(|(_, r)| first(r, "user-agent").as_deref() == Some(product)));
    // covers 8555-6.1-6
    assert!(
        everything.requests().all(|(_, r)| first(r, "accept-language").as_deref() == Some("en"))
    );
    // covers 8555-6.5.1-2
    assert!(everything.requests().all(|(_, r)| first(r, "replay-nonce").is_none()));
    // covers 8555-6.2-21
    assert!(everything.requests().all(|(_, r)| {
        let all: Vec<_> = r.headers().all("content-type").collect();
        if r.method() == Method::Post { all == ["application/jose+json"] } else { all.is_empty() }
    }));
}

#[test]
fn the_user_puts_a_product_and_a_language_into_every_request() {
    let mut script = Script::new()
        .session(|session| {
            session.with_product("shop/1.2\r\nevil: x").with_accept_language("de, en;q=0.5")
        })
        .start()
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    let product = concat!("shop/1.2evil: x acme-proto/", env!("CARGO_PKG_VERSION"));
    for request in &script.requests {
        let first = |name| request.headers().first(name);
        // covers 8555-6.1-5
        assert_eq!(first("user-agent"), Some(product));
        // covers 8555-6.1-6
        assert_eq!(first("accept-language"), Some("de, en;q=0.5"));
    }
}

#[test]
fn a_product_of_nothing_leaves_the_user_agent_alone() {
    let session = Script::new().session(|session| session.with_product("\u{7}")).session;
    assert_eq!(session.user_agent(), concat!("acme-proto/", env!("CARGO_PKG_VERSION")));
}

#[test]
fn urls_and_the_account_are_used_character_for_character() {
    const ODD: &str = "https://EXAMPLE.com:443/a/../b/?q=%7e&r=%2F";
    const ODD_ACCOUNT: &str = "https://h.example:443/a%2fb?x=1";
    let created = answer(201, &account_object()).with_header("Location", ODD_ACCOUNT);
    let mut script = Script::new()
        .get(DIRECTORY, directory_with(&json!({ "newAccount": ODD })))
        .nonce("first")
        .post(ODD, created);
    script.run(Register::new()).expect("an account");
    let mut script = script.post(ODD_ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    let (creation, read) = (protected(script.posts()[0]), protected(script.posts()[1]));
    // covers 8555-6.4-1
    assert_eq!(creation["url"], ODD, "{creation}");
    // covers 8555-6.2-17
    assert_eq!(read["kid"], ODD_ACCOUNT, "{read}");
    // covers 8555-6.4-4
    assert_eq!(script.requests.last().map(|r| r.url().as_str()), Some(ODD_ACCOUNT));
}

#[test]
fn a_relative_location_is_resolved_once_and_then_used_unchanged() {
    let created = answer(201, &account_object()).with_header("location", "/acct/1");
    let mut script = Script::new().start().post(NEW_ACCOUNT, created);
    let entry = script.run(Register::new()).expect("an account");
    let resolved = "https://example.com/acct/1";
    let mut script = script.post(resolved, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    let read = protected(script.posts()[1]);
    // covers 8555-6.4-6
    assert_eq!(entry.url().as_str(), resolved, "{read}");
    assert_eq!(read["kid"], resolved, "{read}");
    // covers http-hdr-1
    assert_eq!(entry.url().as_str(), resolved);
}

#[test]
fn a_request_that_is_sent_again_is_signed_again_for_the_same_url() {
    let refused = acme_tests::script::problem(400, "badNonce");
    let mut script =
        Script::new().start().post(NEW_ACCOUNT, refused).post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    let [first, second] = script.posts()[..] else { panic!("two requests") };
    // covers 8555-6.4-5
    assert_eq!(protected(first)["url"], protected(second)["url"]);
    assert_ne!(body(first)["signature"], body(second)["signature"]);
    assert_eq!(payload(first), payload(second));
}

#[test]
fn revoking_by_the_certificates_key_names_that_key() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let issued = issue(&mut world, &mut session, &["a.test"]).expect("issued");
    let key = acme_tests::script::ed2().public_key();
    let revoke = Revoke::new(issued.chain().leaf()).with_certificate_key(key.clone());
    let revoke_url = "https://example.com/acme/revoke-cert";
    let mut script = Script::new().start().post(revoke_url, answer(200, &json!({})));
    script.run(Call::new(revoke)).expect("revoked");
    let header = protected(script.posts()[0]);
    let known: Value = serde_json::from_str(&key.to_json()).expect("JSON");
    // covers 8555-6.2-14
    assert_eq!(header["jwk"], known, "{header}");
    assert!(header.get("kid").is_none(), "{header}");
    // covers 8555-6.2-15
    assert_eq!(header["jwk"], known);
}

#[test]
fn a_get_that_is_refused_as_a_method_is_not_tried_again() {
    let refused = acme_tests::script::problem(405, "malformed");
    let mut script = Script::new().get(DIRECTORY, refused);
    let error = script.run(Register::new()).expect_err("refused");
    // covers 8555-6.3-5
    assert_eq!(script.requests.len(), 1);
    assert!(error.to_string().contains("405"));
}

#[test]
fn an_answer_that_is_not_utf_8_is_a_typed_error() {
    let broken =
        acme_proto::http::Response::new(200).with_body(b"{\"newNonce\":\"\xff\"}".to_vec());
    let mut script = Script::new().get(DIRECTORY, broken);
    let error = script.run(Register::new()).expect_err("unreadable");
    // covers 8555-5-2
    assert!(Report::new(&error).to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn a_session_needs_nothing_but_the_directorys_url_and_a_key() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    let lines = script.lines();
    let expected = [("GET", DIRECTORY), ("HEAD", NEW_NONCE), ("POST", NEW_ACCOUNT)]
        .map(|(method, url)| format!("{method} {url}"));
    // covers 8555-7.1.1-1, 8555-7.2-1
    assert_eq!(lines, expected);
    // covers 8555-6.5-1
    assert_eq!(lines, expected);
    assert_eq!(script.session.account_url(), Some(&url(ACCOUNT)));
}
