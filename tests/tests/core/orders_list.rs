//! The account's whole list of orders, page after page (RFC 8555 section 7.1.2.1).

use acme_proto::call::Call;
use acme_proto::error::{Error, Unsupported};
use acme_proto::http::Response;
use acme_proto::op::{GetOrder, ListAllOrders, NewOrder, Page, Resource};
use acme_proto::register::Register;
use acme_testca::{CaConfig, Quirks};
use acme_tests::script::{
    ACCOUNT, NEW_ACCOUNT, Script, account, account_object, answer, problem, url,
};
use acme_tests::world::World;
use serde_json::json;

const ORDERS: &str = "https://example.com/acme/acct/evOfKhNU60wg/orders";

fn page(numbers: &[u32], next: Option<&str>) -> Response {
    let orders: Vec<_> =
        numbers.iter().map(|n| format!("https://example.com/acme/order/{n}")).collect();
    let page = answer(200, &json!({ "orders": orders }));
    match next {
        Some(next) => page.with_header("Link", &format!("<{next}>;rel=\"next\"")),
        None => page,
    }
}

fn script() -> Script {
    Script::new().known_account().start().post(ACCOUNT, answer(200, &account_object()))
}

fn numbers(page: &Page) -> Vec<&str> {
    page.orders().iter().filter_map(|url| url.as_str().rsplit('/').next()).collect()
}

#[test]
fn every_page_is_read_and_every_order_is_listed_once() {
    let second = format!("{ORDERS}?cursor=2");
    let mut script =
        script().post(ORDERS, page(&[1, 2], Some(&second))).post(&second, page(&[2, 3], None));
    let all = script.run(Call::new(ListAllOrders::new())).expect("a list");
    // covers 8555-7.1.2.1-2
    assert_eq!(numbers(&all), ["1", "2", "3"], "{all:?}");
    assert_eq!(all.next(), None);
}

#[test]
fn pages_that_lead_in_a_circle_end_the_list() {
    let second = format!("{ORDERS}?cursor=2");
    let mut script =
        script().post(ORDERS, page(&[1], Some(&second))).post(&second, page(&[2], Some(ORDERS)));
    let all = script.run(Call::new(ListAllOrders::new())).expect("a list");
    // covers 8555-7.1.2.1-2
    assert_eq!(numbers(&all), ["1", "2"], "{all:?}");
    assert_eq!(all.next(), None, "there is no rest");
}

#[test]
fn pages_that_lead_back_to_a_list_that_the_session_knew_end_it() {
    let second = format!("{ORDERS}?cursor=2");
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    script.run_once(Register::new()).expect("an account");
    script = script.post(ACCOUNT, Response::new(405));
    script = script.post(ORDERS, page(&[1], Some(&second)));
    script = script.post(&second, page(&[2], Some(ORDERS)));
    let all = script.run(Call::new(ListAllOrders::new())).expect("a list");
    assert_eq!(numbers(&all), ["1", "2"], "{all:?}");
    assert_eq!(all.next(), None, "there is no rest");
}

#[test]
fn a_list_without_an_end_is_cut_off_and_says_where() {
    let most = ListAllOrders::MOST_PAGES;
    let place = |n: usize| if n == 0 { ORDERS.to_owned() } else { format!("{ORDERS}?cursor={n}") };
    let script = script().policy(|policy| policy.rates = acme_proto::policy::Rates::unlimited());
    let mut script = (0..most)
        .fold(script, |script, n| script.post(&place(n), page(&[n as u32], Some(&place(n + 1)))));
    let all = script.run(Call::new(ListAllOrders::new())).expect("a list");
    assert_eq!(all.orders().len(), most);
    assert_eq!(all.next(), Some(&url(&place(most))));
}

#[test]
fn no_page_is_read_beyond_the_most_orders() {
    let numbers: Vec<u32> = (0..ListAllOrders::MOST_ORDERS as u32).collect();
    let second = format!("{ORDERS}?cursor=2");
    let mut script = script().post(ORDERS, page(&numbers, Some(&second)));
    let all = script.run(Call::new(ListAllOrders::new())).expect("a list");
    assert_eq!(all.orders().len(), ListAllOrders::MOST_ORDERS);
    assert_eq!(all.next(), Some(&url(&second)));
}

#[test]
fn a_page_that_is_refused_is_the_error_of_the_list() {
    let second = format!("{ORDERS}?cursor=2");
    let mut script = script()
        .post(ORDERS, page(&[1], Some(&second)))
        .post(&second, problem(403, "unauthorized"));
    let error = script.run(Call::new(ListAllOrders::new())).expect_err("refused");
    assert_eq!(error.url(), Some(&url(&second)), "{error}");
}

#[test]
fn an_account_that_names_no_list_is_an_unsupported_operation() {
    let mut world = World::new(CaConfig::default(), 1);
    world.ca.set_quirks(Quirks { no_orders_url: true, ..Quirks::default() });
    let mut session = world.registered();
    let error = world.run(&mut session, Call::new(ListAllOrders::new()), |_, _, _| ());
    let error = error.expect_err("no list");
    assert!(
        matches!(error, Error::Unsupported(Unsupported::Operation(Resource::Orders))),
        "{error}"
    );
}

#[test]
fn where_the_account_cannot_be_read_the_list_that_newaccount_named_is() {
    let mut script = Script::new().start();
    script = script.post(NEW_ACCOUNT, account(201));
    script.run_once(Register::new()).expect("an account");
    script = script.post(ACCOUNT, Response::new(405)).post(ORDERS, page(&[7], None));
    let all = script.run(Call::new(ListAllOrders::new())).expect("a list");
    assert_eq!(numbers(&all), ["7"]);
}

#[test]
fn an_order_that_is_not_on_the_list_is_an_order_all_the_same() {
    let mut script = script().post(ORDERS, page(&[], None));
    let order = "https://example.com/acme/order/1";
    let object = json!({
        "status": "pending",
        "identifiers": [{ "type": "dns", "value": "a.example" }],
        "authorizations": ["https://example.com/acme/authz/1"],
        "finalize": "https://example.com/acme/order/1/finalize",
    });
    script = script
        .post(acme_tests::script::NEW_ORDER, answer(201, &object).with_header("Location", order))
        .post(order, answer(200, &object));
    let all = script.run_once(Call::new(ListAllOrders::new())).expect("a list");
    let request = NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
    let made = script.run_once(Call::new(request)).expect("an order");
    let read = script.run(Call::new(GetOrder(made.url().clone())));
    // covers 8555-7.1.2.1-3
    assert!(all.orders().is_empty(), "{read:?}");
    assert!(read.is_ok(), "{read:?}");
}
