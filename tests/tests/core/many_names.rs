//! Orders of many names: the core's work grows with the names and not with their square, and snapshots come in batches.

use acme_cost::counting::{Counting, counts};
use acme_cost::many_names::{Cost, ManyNames};
use acme_proto::error::{Error, InvalidInput};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::Issuance;
use acme_proto::x509::Certificate;
use acme_tests::canned_server::{BASE, CannedServer, created, order};
use acme_tests::world::issuance;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an order took, with the allocations and the octets allocated.
fn measured(order: ManyNames) -> (Cost, u64, u64) {
    let server = order.prepare();
    let before = counts();
    let cost = server.issue();
    (cost, counts().allocations - before.allocations, counts().octets - before.octets)
}

/// Ten times the names may take eleven times the work.
fn assert_linear(what: &str, hundred: u64, thousand: u64) {
    println!("{what}: {hundred} for 100 names, {thousand} for 1000");
    assert!(thousand <= 11 * hundred, "{what}: {hundred} for 100 names, {thousand} for 1000");
}

#[test]
fn ten_times_the_names_take_at_most_eleven_times_the_work() {
    for durable in [false, true] {
        let run = |names| measured(ManyNames { durable, ..ManyNames::new(names) });
        let (hundred, thousand) = (run(100), run(1000));
        assert_linear("allocations", hundred.1, thousand.1);
        assert_linear("octets allocated", hundred.2, thousand.2);
        assert_linear("inputs", hundred.0.inputs as u64, thousand.0.inputs as u64);
        assert_linear("requests", hundred.0.requests as u64, thousand.0.requests as u64);
    }
}

#[test]
fn a_thousand_requests_in_flight_cost_no_more_than_sixteen() {
    let narrow = measured(ManyNames::new(1000));
    let wide = measured(ManyNames { width: 1000, ..ManyNames::new(1000) });
    println!("allocations: {} with 16 in flight, {} with 1000", narrow.1, wide.1);
    assert!(wide.1 <= narrow.1 * 11 / 10, "{} {}", narrow.1, wide.1);
}

#[test]
fn a_request_takes_at_most_two_hundred_allocations() {
    let cost = ManyNames::new(100).run();
    let requests = cost.requests as u64;
    let (each, octets) = (cost.allocations / requests, cost.allocated / requests);
    println!("{each} allocations, {octets} octets a request");
    assert!(each <= 200, "{each} allocations a request");
}

#[test]
fn a_flow_that_waits_for_its_validation_takes_at_most_4096_octets() {
    const FLOWS: usize = 100;
    let mut server = ManyNames::new(1).prepare();
    let mut session = server.session();
    let mut flows = Vec::with_capacity(FLOWS);
    drop(server.wait(&mut session)); // which fetches the directory
    let before = counts().in_use;
    for _ in 0..FLOWS {
        flows.push(server.wait(&mut session));
    }
    let heap = (counts().in_use - before) as usize / FLOWS;
    let own = size_of::<Issuance>();
    println!("{own} octets of struct, {heap} of heap");
    assert!(own + heap <= 4096, "{own} octets of struct, {heap} of heap");
}

#[test]
fn a_thousand_selections_take_a_dozen_snapshots() {
    let hundred = ManyNames { durable: true, ..ManyNames::new(100) }.run();
    let thousand = ManyNames { durable: true, ..ManyNames::new(1000) }.run();
    println!("{} snapshots, {} octets", thousand.saves, thousand.saved_octets);
    assert!(thousand.saves <= 20, "{} snapshots", thousand.saves);
    assert!(thousand.saved_challenges <= 4 * 1000, "{} challenges", thousand.saved_challenges);
    // Each snapshot has the order's names, so that the octets are n log n.
    assert!(thousand.saved_octets <= 15 * hundred.saved_octets, "{hundred:?} {thousand:?}");
}

#[test]
fn an_order_has_no_more_names_than_the_policy_allows() {
    let names = |count: usize| (0..count).map(|n| format!("n{n}.example"));
    let issuance_of = |count| {
        let identifiers = names(count).map(|name| Identifier::dns(&name).expect("a name"));
        Issuance::new(identifiers).expect("names")
    };
    let mut script = CannedServer::new();
    let mut session = script.session();
    let error = script.issue_in(&mut session, issuance_of(1001)).expect_err("too many");
    assert_eq!(error.to_string(), "too many names: 1001, at most 1000");
    assert_eq!(script.count("/newOrder"), 0);
    let mut policy = session.policy().clone();
    policy.max_identifiers = 3;
    session.set_policy(policy);
    let error = script.issue_in(&mut session, issuance_of(4)).expect_err("too many");
    let is_told =
        matches!(error, Error::Input(InvalidInput::TooManyIdentifiers { count: 4, most: 3 }));
    assert!(is_told, "{error}");
}

#[test]
fn an_order_has_no_more_names_than_a_certificate_may_have() {
    let names = |count: usize| (0..count).map(|n| format!("n{n}.example"));
    let identifiers = names(Certificate::MAX_NAMES + 1);
    let identifiers = identifiers.map(|name| Identifier::dns(&name).expect("a name"));
    let mut script = CannedServer::new();
    let mut session = script.session();
    let mut policy = session.policy().clone();
    policy.max_identifiers = usize::MAX;
    session.set_policy(policy);
    let flow = Issuance::new(identifiers).expect("names");
    let error = script.issue_in(&mut session, flow).expect_err("too many");
    assert_eq!(error.to_string(), "too many names: 20001, at most 20000");
    assert_eq!(script.count("/newOrder"), 0);
}

#[test]
fn an_order_with_surplus_authorizations_is_refused_before_any_is_read() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut surplus = order("pending", &["a.example"]);
    let urls: Vec<String> = (1..=1000).map(|n| format!("{BASE}/authz/{n}")).collect();
    surplus["authorizations"] = urls.into();
    script.on("/newOrder", [created(&surplus)]);
    let error = script.issue(issuance(&["a.example"])).expect_err("too many authorizations");
    assert!(error.to_string().contains("1000 authorizations"), "{error}");
    assert_eq!(script.paths(), ["/directory", "/newOrder"]);
    assert!(script.events.is_empty(), "{:?}", script.events);
}
