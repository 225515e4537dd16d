//! `Link` headers (RFC 8288) and what hangs on them: rate-limit pages, terms, pages of orders.

use std::sync::Arc;

use acme_proto::call::Call;
use acme_proto::error::{Error, PeerFault, ServerProblem};
use acme_proto::http::Response;
use acme_proto::op::{GetAccount, ListOrders, NewOrder, Page, RespondChallenge};
use acme_proto::register::Register;
use acme_testca::{CaConfig, Quirks};
use acme_tests::script::{
    ACCOUNT, NEW_ORDER, Script, account_object, answer, payload, problem, url,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

const ORDERS: &str = "https://example.com/acme/acct/evOfKhNU60wg/orders";

/// Gives these `Link` lines with an error, and returns the targets of `rel=help`.
fn help(lines: &[&str]) -> Vec<String> {
    let problem = refused(lines);
    problem.help().iter().map(|url| url.as_str().to_owned()).collect()
}

fn refused(lines: &[&str]) -> Arc<ServerProblem> {
    let refusal = problem(403, "rejectedIdentifier");
    let refusal = lines.iter().fold(refusal, |refusal, line| refusal.with_header("link", line));
    let order = NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
    let mut script = Script::new().known_account().start().post(NEW_ORDER, refusal);
    match script.run(Call::new(order)).expect_err("refused") {
        Error::Problem(problem) => problem,
        other => panic!("{other}"),
    }
}

/// Reads the first page of orders with this answer.
fn page_of(answer_of_list: Response) -> (Result<Page, Error>, Script) {
    let mut script = Script::new()
        .known_account()
        .start()
        .post(ACCOUNT, answer(200, &account_object()))
        .post(ORDERS, answer_of_list);
    script.run_once(Call::new(GetAccount)).expect("the account");
    let page = script.run(Call::new(ListOrders::first()));
    (page, script)
}

fn list(orders: &Value) -> Response {
    answer(200, &json!({ "orders": orders }))
}

#[test]
fn a_parameter_may_be_a_token_or_a_quoted_string() {
    for line in ["<https://h.example/a>;rel=help", "<https://h.example/a> ; rel = \"help\""] {
        // covers 8288-3-1
        assert_eq!(help(&[line]), ["https://h.example/a"], "{line}");
    }
    // covers 8288-3-1
    assert_eq!(help(&[r#"<https://h.example/a>; rel="\help""#]).len(), 1);
}

#[test]
fn links_may_share_a_line_and_commas_inside_do_not_split() {
    let found = help(&[
        "<https://h.example/a,b>;rel=help, <https://h.example/c>;title=\"x, <y>;rel=help\";rel=help",
        "<https://h.example/d>;rel=\"help\"",
    ]);
    let expected = ["https://h.example/a,b", "https://h.example/c", "https://h.example/d"];
    // covers 8288-3-2
    assert_eq!(found, expected);
    // covers http-hdr-1
    assert_eq!(found.len(), 3);
}

#[test]
fn a_relative_target_is_resolved_against_the_request() {
    let found = help(&["</limits>;rel=help", "<limits?x=1>;rel=help"]);
    let expected = ["https://example.com/limits", "https://example.com/acme/limits?x=1"];
    // covers 8288-3.1-1, 8555-6.4-6
    assert_eq!(found, expected);
}

#[test]
fn a_link_about_something_else_is_not_ours() {
    let found = help(&["<https://h.example/a>;rel=help;anchor=\"https://other.example/\""]);
    // covers 8288-3.2-1
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn only_the_first_rel_counts_and_it_may_name_several_types() {
    // covers 8288-3.3-1
    assert!(help(&["<https://h.example/a>;rel=up;rel=help"]).is_empty());
    assert_eq!(help(&["<https://h.example/a>;rel=help;rel=up"]).len(), 1);
    // covers 8288-3.3-2
    assert_eq!(help(&["<https://h.example/a>;rel=\"up help  index\""]).len(), 1);
}

#[test]
fn relation_types_compare_without_case() {
    // covers 8288-2.1.1-1
    assert_eq!(help(&["<https://h.example/a>;REL=\"Help\""]).len(), 1);
}

#[test]
fn a_malformed_link_is_skipped_and_the_others_stay() {
    for broken in
        ["<", "nonsense", "<https://h.example/x", "<http://[>;rel=help", ";;;", "<>;", "\""]
    {
        let found = help(&[broken, "<https://h.example/a>;rel=help"]);
        // covers 8288-B-1, fld-hdr-8
        assert!(found.contains(&"https://h.example/a".to_owned()), "{broken}");
    }
}

#[test]
fn the_terms_in_a_refusal_are_found_by_their_relation() {
    let problem = refused(&[
        "<https://example.com/acme/directory>;rel=\"index\"",
        "<https://example.com/terms>;rel=\"terms-of-service\"",
    ]);
    let terms = problem.terms_of_service().map(|url| url.as_str());
    // covers 8555-7.1-1
    assert_eq!(terms, Some("https://example.com/terms"));
    let none = refused(&["<https://[bad>;rel=\"terms-of-service\""]);
    // covers fld-hdr-9
    assert!(none.terms_of_service().is_none());
}

#[test]
fn everything_works_without_any_link() {
    let mut world = World::new(CaConfig::default(), 1);
    world.ca.set_quirks(Quirks { no_link_up: true, ..Quirks::default() });
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let issued = issue(&mut world, &mut session, &["a.test", "b.test"]);
    // covers 8555-7.1-2, fld-hdr-5
    assert!(issued.is_ok(), "{issued:?}");
}

#[test]
fn relative_and_joined_links_work_through_a_whole_issuance() {
    for (relative_urls, joined_links) in [(true, false), (false, true), (true, true)] {
        let mut config = CaConfig::default();
        config.alternate_chains = 2;
        let mut world = World::new(config, 1);
        world.ca.set_quirks(Quirks { relative_urls, joined_links, ..Quirks::default() });
        let mut session = world.session();
        world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
        let issued = issue(&mut world, &mut session, &["a.test"]).expect("issued");
        // covers 8555-6.4-6
        assert!(issued.alternates().iter().all(acme_proto::url::Url::is_https));
        // covers fld-hdr-6
        assert_eq!(issued.alternates().len(), 2, "{:?}", issued.alternates());
        // covers 8288-3-2
        assert_eq!(issued.alternates().len(), 2);
    }
}

#[test]
fn the_up_link_of_a_challenge_is_not_followed() {
    let challenge = "https://example.com/acme/chall/1";
    let object = json!({ "type": "http-01", "url": challenge, "status": "processing",
        "token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0" });
    let said =
        answer(200, &object).with_header("Link", "<https://evil.example/authz/1>;rel=\"up\"");
    let mut script = Script::new().known_account().start().post(challenge, said);
    script.run(Call::new(RespondChallenge::new(url(challenge)))).expect("a challenge");
    let foreign = script.lines().iter().any(|line| line.contains("evil.example"));
    // covers 8555-7.1-3
    assert!(!foreign, "{:?}", script.lines());
    // covers fld-hdr-5
    assert!(!foreign);
}

#[test]
fn the_list_of_orders_is_read_by_post_as_get() {
    let orders = json!(["https://example.com/acme/order/1", "https://example.com/acme/order/2"]);
    let (page, script) = page_of(list(&orders));
    let page = page.expect("a page");
    // covers 8555-7.1.2.1-1
    assert_eq!(page.orders().len(), 2);
    // covers 8555-6.3-1
    assert!(payload(script.posts()[1]).is_empty());
    // covers fld-hdr-7
    assert!(page.next().is_none());
    // covers fld-acct-7
    assert_eq!(page.orders()[1].as_str(), "https://example.com/acme/order/2");
}

#[test]
fn the_next_page_is_followed_until_there_is_none() {
    let mut config = CaConfig::default();
    config.orders_page_size = 2;
    let mut world = World::new(config, 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    for name in ["a.test", "b.test", "c.test", "d.test", "e.test"] {
        let order = NewOrder::new([name.parse().expect("a name")]).expect("a name");
        world.run(&mut session, Call::new(order), |_, _, _| ()).expect("an order");
    }
    let mut found = Vec::new();
    let mut next = Some(ListOrders::first());
    while let Some(list) = next {
        let page = world.run(&mut session, Call::new(list), |_, _, _| ()).expect("a page");
        found.extend(page.orders().to_vec());
        next = page.next().cloned().map(ListOrders::page);
    }
    found.sort();
    found.dedup();
    // covers 8555-7.1.2.1-2
    assert_eq!(found.len(), 5, "{found:?} {:?}", world.lines());
    // covers fld-hdr-7
    assert_eq!(found.len(), 5);
}

#[test]
fn a_page_that_names_itself_as_the_next_is_the_last() {
    let itself = list(&json!([])).with_header("Link", &format!("<{ORDERS}>;rel=next"));
    let (page, _) = page_of(itself);
    // covers 8555-7.1.2.1-2
    assert!(page.expect("a page").next().is_none());
}

#[test]
fn a_malformed_next_link_means_the_last_page() {
    for line in
        ["<http://[>;rel=next", "rel=next", "<https://example.com/2", "<javascript:1>;rel=next"]
    {
        let (page, _) = page_of(list(&json!([])).with_header("Link", line));
        // covers fld-hdr-7
        assert!(page.expect("a page").next().is_none(), "{line}");
    }
}

#[test]
fn a_list_of_orders_without_an_array_is_an_error_of_that_call() {
    for body in [json!({}), json!({ "orders": null }), json!({ "orders": "x" })] {
        let (page, mut script) = page_of(answer(200, &body));
        let error = page.expect_err("no list");
        let Error::Peer(peer) = &error else { panic!("{error}") };
        let typed = matches!(peer.fault(), PeerFault::Object { .. });
        // covers fld-acct-7
        assert!(typed, "{error}");
        assert_eq!(error.url(), Some(&url(ORDERS)), "{error}");
        script = script.post(ACCOUNT, answer(200, &account_object()));
        script.run(Call::new(GetAccount)).expect("the account is as before");
    }
}

#[test]
fn an_account_without_a_list_of_orders_says_so() {
    let mut world = World::new(CaConfig::default(), 1);
    world.ca.set_quirks(Quirks { no_orders_url: true, ..Quirks::default() });
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let error = world.run(&mut session, Call::new(ListOrders::first()), |_, _, _| ());
    let error = error.expect_err("no list");
    // covers fld-acct-5
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
}
