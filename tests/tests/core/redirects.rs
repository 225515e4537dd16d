//! Redirects and URLs that a server hands out (RFC 8555 section 6.1).

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput, PeerFault, Report, Unsupported};
use acme_proto::http::{Method, Response};
use acme_proto::op::{GetAccount, GetDirectory, ListOrders, NewOrder, Resource};
use acme_proto::register::Register;
use acme_proto::session::Session;
use acme_testca::{CaConfig, Quirks};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, NEW_ORDER, Script, account, account_object, answer,
    directory, directory_with, ed1, url,
};
use acme_tests::world::{World, issue};
use serde_json::json;

fn redirect(status: u16, to: &str) -> Response {
    Response::new(status).with_header("Location", to)
}

fn fault(error: &Error) -> &PeerFault {
    let Error::Peer(peer) = error else { panic!("{error}") };
    peer.fault()
}

#[test]
fn a_redirect_of_the_directory_is_followed() {
    for status in [301, 302, 307, 308] {
        let moved = "https://other.example/directory";
        let mut script =
            Script::new().get(DIRECTORY, redirect(status, moved)).get(moved, directory());
        let result = script.run(Call::new(GetDirectory));
        assert!(result.is_ok(), "{status}: {:?}", result.err());
    }
}

#[test]
fn a_relative_redirect_is_resolved() {
    let mut script = Script::new()
        .get(DIRECTORY, redirect(302, "directory/v2"))
        .get("https://example.com/acme/directory/v2", directory());
    let result = script.run(Call::new(GetDirectory));
    // covers 8555-6.4-6
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn three_redirects_are_followed_and_no_fourth() {
    let chain = |n: usize| {
        let hop = |n: usize| format!("https://example.com/hop/{n}");
        let mut script = Script::new().get(DIRECTORY, redirect(302, &hop(1)));
        for k in 1..n {
            script = script.get(&hop(k), redirect(302, &hop(k + 1)));
        }
        (script, hop(n))
    };
    let (script, last) = chain(3);
    script.get(&last, directory()).run(Call::new(GetDirectory)).expect("a directory");
    let (mut script, last) = chain(4);
    let error = script.run_once(Call::new(GetDirectory)).expect_err("too many");
    assert_eq!(fault(&error), &PeerFault::Redirect(302));
    assert!(!script.lines().contains(&format!("GET {last}")), "{:?}", script.lines());
}

#[test]
fn a_redirect_of_a_signed_request_is_refused() {
    for status in [301, 302, 303, 307, 308] {
        let moved = redirect(status, "https://example.com/elsewhere");
        let mut script = Script::new().start().post(NEW_ACCOUNT, moved);
        let error = script.run(Register::new()).expect_err("refused");
        let typed = *fault(&error) == PeerFault::Redirect(status);
        // covers 8555-6.1-10
        assert!(typed, "{error}");
        assert_eq!(script.posts().len(), 1, "{error}");
        assert_eq!(error.url().map(|url| url.as_str()), Some(NEW_ACCOUNT));
    }
}

#[test]
fn a_redirect_of_new_nonce_is_refused() {
    let moved = redirect(302, "https://example.com/elsewhere").with_header("Replay-Nonce", "n");
    let mut script =
        Script::new().get(DIRECTORY, directory()).exact(Method::Head, NEW_NONCE, moved);
    let error = script.run(Register::new()).expect_err("refused");
    assert_eq!(fault(&error), &PeerFault::Redirect(302));
}

#[test]
fn a_redirect_to_plain_http_is_refused() {
    for target in ["http://example.com/directory", "javascript:alert(1)", "//"] {
        let mut script = Script::new().get(DIRECTORY, redirect(302, target));
        let error = script.run(Call::new(GetDirectory)).expect_err("refused");
        let typed = *fault(&error) == PeerFault::Redirect(302);
        // covers 8555-6.1-2
        assert!(typed, "{target}: {error}");
        assert_eq!(script.requests.len(), 1, "{target}: {error}");
    }
}

#[test]
fn a_redirect_without_a_target_is_refused() {
    for status in [300, 302, 304] {
        let mut script = Script::new().get(DIRECTORY, Response::new(status));
        let error = script.run(Call::new(GetDirectory)).expect_err("refused");
        assert_eq!(fault(&error), &PeerFault::Redirect(status));
    }
}

#[test]
fn a_redirected_directory_keeps_the_url_that_the_user_gave() {
    let moved = "https://other.example/directory";
    let mut script = Script::new().get(DIRECTORY, redirect(301, moved)).get(moved, directory());
    script.run(Call::new(GetDirectory)).expect("a directory");
    assert_eq!(script.session.directory_url().as_str(), DIRECTORY);
}

#[test]
fn a_directory_url_that_is_not_https_is_refused_before_anything_is_sent() {
    let plain = Session::new(url("http://example.com/directory"), 7);
    let mut script = Script::new().session(|_| plain.with_account_key(ed1().public_key()));
    let error = script.run(Call::new(GetDirectory)).expect_err("refused");
    let typed = matches!(&error, Error::Input(InvalidInput::NotHttps(_)));
    // covers 8555-6.1-1
    assert!(typed, "{error}");
    assert!(script.requests.is_empty(), "{error}");
    assert!(error.to_string().contains("http://example.com/directory"), "{error}");
}

#[test]
fn plain_http_works_for_tests_once_it_is_switched_on() {
    let plain = "http://127.0.0.1:14000/dir";
    let mut script = Script::new()
        .session(|_| Session::new(url(plain), 7).allow_http(true))
        .get(plain, directory_with(&json!({ "newNonce": "http://127.0.0.1:14000/nonce" })));
    let directory = script.run(Call::new(GetDirectory)).expect("a directory");
    // covers 8555-6.1-1
    assert!(!directory.new_nonce().is_https());
}

#[test]
fn a_directory_with_a_plain_http_new_nonce_is_refused() {
    let plain = directory_with(&json!({ "newNonce": "http://example.com/nonce" }));
    let mut script = Script::new().get(DIRECTORY, plain);
    let error = script.run(Call::new(GetDirectory)).expect_err("refused");
    // covers 8555-6.1-2
    assert!(
        Report::new(&error).to_string().contains("\"newNonce\" is not an https URL"),
        "{error}"
    );
    // covers fld-dir-1
    assert!(matches!(fault(&error), PeerFault::Object { .. }));
}

#[test]
fn an_unusable_url_in_the_directory_fails_the_operation_that_needs_it() {
    for bad in ["http://example.com/new-order", "/new-order", "javascript:1", ""] {
        let entry = directory_with(&json!({ "newOrder": bad }));
        let mut script =
            Script::new().get(DIRECTORY, entry).nonce("n").post(NEW_ACCOUNT, account(201));
        script.run(Register::new()).expect("an account");
        let order = NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
        let error = script.run(Call::new(order)).expect_err("not offered");
        let typed =
            matches!(&error, Error::Unsupported(Unsupported::Operation(Resource::NewOrder)));
        // covers fld-gen-8
        assert!(typed, "{bad:?}: {error}");
        // covers 8555-6.1-2
        assert_eq!(script.requests.len(), 3, "{bad:?}");
        // covers fld-dir-3
        assert!(typed);
        assert!(!script.lines().contains(&format!("POST {NEW_ORDER}")));
    }
}

#[test]
fn an_account_url_that_is_not_https_is_refused() {
    let created =
        answer(201, &account_object()).with_header("Location", "http://example.com/acct/1");
    let mut script = Script::new().start().post(NEW_ACCOUNT, created);
    let error = script.run(Register::new()).expect_err("refused");
    // covers 8555-6.1-2
    assert!(matches!(fault(&error), PeerFault::NotHttps(_)), "{error}");
    assert_eq!(script.session.account_url(), None);
}

#[test]
fn an_order_whose_urls_are_not_https_is_refused() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    world.ca.set_quirks(Quirks { plain_http_urls: true, ..Quirks::default() });
    let error = issue(&mut world, &mut session, &["a.test"]).expect_err("refused");
    let all_https = world.transcript.iter().all(|e| e.request.url().is_https());
    // covers 8555-6.1-2
    assert!(all_https, "{error}");
    assert!(matches!(error, Error::Peer(_)), "{error}");
}

#[test]
fn a_next_link_that_is_not_https_is_not_followed() {
    let orders = "https://example.com/acme/acct/evOfKhNU60wg/orders";
    let page = answer(200, &json!({ "orders": ["https://example.com/acme/order/1"] }))
        .with_header("Link", "<http://example.com/page/2>; rel=\"next\"");
    let mut script = Script::new()
        .known_account()
        .start()
        .post(ACCOUNT, answer(200, &account_object()))
        .post(orders, page);
    script.run_once(Call::new(GetAccount)).expect("the account");
    let page = script.run(Call::new(ListOrders::first())).expect("a page");
    // covers 8555-6.1-2, fld-hdr-7
    assert!(page.next().is_none());
    assert_eq!(page.orders().len(), 1);
}
