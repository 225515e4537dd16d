//! Orders of many names: the core's work grows with the names and not with their square, and snapshots come in batches.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use acme_proto::error::{Error, InvalidInput};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::Issuance;
use acme_tests::canned_server::{BASE, CannedServer, created, order};
use acme_tests::many_names::{Cost, ManyNames};
use acme_tests::world::issuance;

/// Counts the allocations of each thread: a measure of work that is the same in every run.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static OCTETS: Cell<u64> = const { Cell::new(0) };
    static IN_USE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

/// Runs `work`, and returns the most octets that were in use at once, beyond those in use before.
///
/// What another thread allocated or frees is not counted right: `work` stays in its thread.
pub(crate) fn peak<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let before = IN_USE.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get() - before)
}

// SAFETY: every call goes to the system's allocator as it is.
#[allow(unsafe_code)] // a global allocator is an unsafe trait
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        OCTETS.set(OCTETS.get() + layout.size() as u64);
        let in_use = IN_USE.get() + layout.size() as i64;
        IN_USE.set(in_use);
        PEAK.set(PEAK.get().max(in_use));
        // SAFETY: the caller's own obligations.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.set(IN_USE.get() - layout.size() as i64);
        // SAFETY: the caller's own obligations.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an order took, with the allocations and the octets allocated.
fn measured(order: ManyNames) -> (Cost, u64, u64) {
    let server = order.prepare();
    let before = (ALLOCATIONS.get(), OCTETS.get());
    let cost = server.issue();
    (cost, ALLOCATIONS.get() - before.0, OCTETS.get() - before.1)
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
