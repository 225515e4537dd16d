//! Many names and many orders at once: how many requests, how many in flight, how deep.

use acme_proto::issuance::IssuanceEvent;
use acme_proto::policy::{Policy, Rate, Rates, ResourceClass};
use acme_proto::session::Session;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, RequestKind, RequestLimits};
use acme_tests::polite;
use acme_tests::world::{FaultPlan, SolverPlan, World, issuance, issue, issue_with};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}.example")).collect()
}

fn set(session: &mut Session, change: impl FnOnce(&mut Policy)) {
    let mut policy = session.policy().clone();
    change(&mut policy);
    session.set_policy(policy);
}

fn published_limits() -> CaConfig {
    let mut config = CaConfig::default();
    config.request_limits = Some(RequestLimits::lets_encrypt());
    config
}

/// What it took to issue for so many names.
struct Cost {
    requests: usize,
    most: usize,
    millis: u64,
}

fn cost(count: usize, width: usize) -> Cost {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let (before, asked) = (world.now(), world.transcript.len());
    // 50 ms each way.
    world.faults = FaultPlan { latency: (50, 50), ..FaultPlan::none() };
    world.max_in_flight = 0;
    set(&mut session, |policy| {
        policy.max_in_flight = width;
        policy.max_nonces = policy.max_nonces.max(width);
        policy.rates = Rates::unlimited();
    });
    let all = names(count);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let issued = issue(&mut world, &mut session, &all).expect("a certificate");
    assert_eq!(issued.chain().leaf().dns_names().len(), count);
    assert!(world.published.is_empty());
    Cost {
        requests: world.transcript.len() - asked,
        most: world.max_in_flight,
        millis: world.now().saturating_duration_since(before).as_millis() as u64,
    }
}

#[test]
fn a_hundred_names_take_about_ten_round_trips() {
    let cost = cost(100, 100);
    println!("100 names: {} requests, {} in flight, {} ms", cost.requests, cost.most, cost.millis);
    assert!(cost.requests <= 3 * 100 + 7, "{} requests", cost.requests);
    assert_eq!(cost.most, 100);
    assert!(cost.millis <= 1000, "{} ms of 100 ms round trips", cost.millis);
}

#[test]
fn a_hundred_names_by_default_are_within_the_published_limits_and_close_to_the_bound_that_these_set()
 {
    for round_trip in [20, 100] {
        let mut world = World::new(published_limits(), 1);
        world.faults = FaultPlan { latency: (round_trip / 2, round_trip / 2), ..FaultPlan::none() };
        let mut session = world.registered();
        let before = world.now();
        let all = names(100);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        issue(&mut world, &mut session, &all).expect("a certificate");
        let took = world.now().saturating_duration_since(before).as_secs_f64();
        let bound = polite::bound(100, round_trip as f64 / 1000.0);
        println!("100 names, {round_trip} ms: {took:.3} s, at least {bound:.3} s");
        assert!(took <= 1.25 * bound, "{round_trip} ms: {took} s, at least {bound} s");
        let refused = world.transcript.iter().find(|exchange| exchange.status == 429);
        assert!(refused.is_none(), "{round_trip} ms: {refused:?}");
    }
}

#[test]
fn the_published_limits_hold_though_requests_overtake_each_other() {
    for seed in 1..=8 {
        let mut world = World::new(published_limits(), seed);
        // Some arrive at once, and some as late as those that open a connection of their own.
        world.faults = FaultPlan { latency: (1, 400), ..FaultPlan::none() };
        let mut session = world.registered();
        let all = names(100);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        issue(&mut world, &mut session, &all).expect("a certificate");
        let refused = world.transcript.iter().find(|exchange| exchange.status == 429);
        assert!(refused.is_none(), "seed {seed}: {refused:?}");
    }
}

#[test]
fn the_published_limits_refuse_an_order_that_goes_as_wide_as_it_can() {
    let mut world = World::new(published_limits(), 1);
    world.faults = FaultPlan { latency: (10, 10), ..FaultPlan::none() };
    let mut session = world.registered();
    set(&mut session, |policy| policy.rates = Rates::unlimited());
    let all = names(100);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    // The refusals cost time, and nothing else.
    issue(&mut world, &mut session, &all).expect("a certificate");
    let mut refused = world.transcript.iter().filter(|exchange| exchange.status == 429);
    let first = refused.next().expect("a refusal");
    assert_eq!(
        (first.kind, first.problem.as_deref()),
        (RequestKind::NewNonce, Some("rateLimited"))
    );
    assert!(refused.count() > 50);
}

#[test]
fn one_name_is_no_deeper_than_a_hundred() {
    let cost = cost(1, 100);
    println!("1 name: {} requests, {} in flight, {} ms", cost.requests, cost.most, cost.millis);
    assert!(cost.requests <= 7 && cost.millis <= 1000, "{} {}", cost.requests, cost.millis);
}

#[test]
fn never_more_requests_are_in_flight_than_the_policy_allows() {
    for width in [1, 2, 7, 16] {
        let cost = cost(40, width);
        println!("40 names, {width} wide: {} requests, {} ms", cost.requests, cost.millis);
        assert_eq!(cost.most, width);
        assert!(cost.requests <= 3 * 40 + 7, "{width} wide: {} requests", cost.requests);
        // A few exchanges one after the other, and each of the names' in turns.
        let rounds = 8 + 3 * 40_u64.div_ceil(width as u64);
        assert!(cost.millis <= rounds * 100, "{width} wide: {} ms", cost.millis);
    }
}

#[test]
fn a_narrow_order_asks_for_no_more_nonces_than_it_has_requests_in_flight() {
    // As over HTTP/1.1, with the rates that public CAs allow: most nonces come after the order's authorizations are known.
    for width in [4, 16, 32] {
        let mut world = World::new(CaConfig::default(), 1);
        let mut session = world.registered();
        let before = world.transcript.len();
        world.faults = FaultPlan { latency: (50, 50), ..FaultPlan::none() };
        set(&mut session, |policy| policy.max_in_flight = width);
        let all = names(100);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        issue(&mut world, &mut session, &all).expect("a certificate");
        let asked = world.transcript[before..].iter();
        let asked = asked.filter(|exchange| exchange.kind == RequestKind::NewNonce).count();
        println!("100 names, {width} wide: {asked} requests for nonces");
        assert!(asked <= width, "{width} wide: {asked} requests for nonces");
    }
}

#[test]
fn all_names_are_offered_before_any_is_answered() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let all = names(10);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let plan = SolverPlan { slowest: 60_000, ..SolverPlan::default() };
    let issued = issue_with(&mut world, &mut session, vec![issuance(&all)], &plan);
    assert!(issued[0].is_ok(), "{issued:?}");
    let offered = world
        .events
        .iter()
        .filter(|(_, event)| matches!(event, IssuanceEvent::Authorize(_)))
        .map(|(at, _)| *at);
    let first_answer = world.transcript.iter().find(|e| e.kind == RequestKind::Challenge);
    let last_offer = offered.max().expect("offers");
    assert!(last_offer <= first_answer.expect("an answer").millis);
    // One that is published is answered without waiting for the others.
    let answers: Vec<u64> = world
        .transcript
        .iter()
        .filter(|e| e.kind == RequestKind::Challenge)
        .map(|e| e.millis)
        .collect();
    let spread = answers[9] - answers[0];
    assert!(answers.len() == 10 && spread > 20_000, "{answers:?}");
    // The order is polled only when all were answered.
    let polled = world.transcript.iter().find(|e| e.kind == RequestKind::Order);
    assert!(polled.expect("a poll").millis >= answers[9]);
    // covers 8555-8.2-1
    assert!(answers[0] >= last_offer);
}

#[test]
fn many_issuances_of_one_session_do_not_starve_each_other() {
    let mut config = CaConfig::default();
    config.bad_nonce_percent = 5;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    world.faults = FaultPlan { latency: (1, 90), ..FaultPlan::none() };
    let flows = (0..20)
        .map(|n| {
            let names = [format!("n{n}.example"), format!("*.n{n}.example")];
            issuance(&[&names[0], &names[1]])
        })
        .collect();
    let issued = issue_with(&mut world, &mut session, flows, &SolverPlan::default());
    let failed: Vec<_> = issued.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(world.ca.certificates_issued(), 20);
    assert!(world.published.is_empty());
}

#[test]
fn all_issuances_of_a_session_share_its_rates() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let rate = Rate { per_second: 2, burst: 1 };
    set(&mut session, |policy| {
        policy.rates = Rates::unlimited().with_rate(ResourceClass::NewOrder, rate);
    });
    let flows = (0..10).map(|n| issuance(&[&format!("n{n}.example")])).collect();
    let issued = issue_with(&mut world, &mut session, flows, &SolverPlan::default());
    assert!(issued.iter().all(Result::is_ok), "{issued:?}");
    let orders: Vec<u64> = world
        .transcript
        .iter()
        .filter(|e| e.kind == RequestKind::NewOrder)
        .map(|e| e.millis)
        .collect();
    let took = orders[9] - orders[0];
    assert!((4_000..5_500).contains(&took), "{orders:?}");
}

#[test]
fn one_failing_name_does_not_stop_the_others_from_being_tried() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let all = names(5);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let forgets_names = vec!["n2.example".to_owned()];
    let plan = SolverPlan { forgets_names, ..SolverPlan::only(ChallengeKind::Dns01) };
    let issued = issue_with(&mut world, &mut session, vec![issuance(&all)], &plan);
    let error = issued[0].as_ref().expect_err("one name fails");
    assert!(error.to_string().contains("n2.example"), "{error}");
    assert!(!error.to_string().contains("n1.example"), "{error}");
    let answered = world.transcript.iter().filter(|e| e.kind == RequestKind::Challenge).count();
    assert_eq!(answered, 5);
    assert!(world.published.is_empty());
}

/// Issues for three names of this ending, and returns how many nonces were asked for, and whether there is a certificate.
fn nonces_for(world: &mut World, session: &mut Session, ending: &str) -> (usize, bool) {
    let before = world.transcript.len();
    let all: Vec<String> = ["a", "b", "c"].iter().map(|name| format!("{name}.{ending}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let issued = issue(world, session, &all).is_ok();
    let asked = world.transcript[before..].iter();
    (asked.filter(|exchange| exchange.kind == RequestKind::NewNonce).count(), issued)
}

/// A CA that refuses three names and keeps authorizations, and a session of another process for it, without a nonce.
fn refusing() -> (World, Session) {
    let mut config = CaConfig::default();
    config.blocked_names = ["a", "b", "c"].map(|name| format!("{name}.refused.test")).into();
    config.reuse_authorizations = true;
    let mut world = World::new(config, 1);
    let registered = world.registered();
    let account = registered.account_url().expect("registered").clone();
    let session = world.session().with_account_url(account);
    (world, session)
}

#[test]
fn nonces_that_a_refused_order_did_not_need_are_those_of_the_next_orders() {
    let (mut world, mut session) = refusing();
    // One for newOrder, and two that save a round trip if the CA accepts the order.
    assert_eq!(nonces_for(&mut world, &mut session, "refused.test"), (3, false));
    assert_eq!(nonces_for(&mut world, &mut session, "refused.test"), (0, false));
    assert_eq!(nonces_for(&mut world, &mut session, "example.test"), (0, true));
}

#[test]
fn after_an_order_that_had_nothing_to_prove_no_nonces_are_fetched_ahead() {
    let (mut world, mut session) = refusing();
    assert_eq!(nonces_for(&mut world, &mut session, "example.test"), (3, true));
    assert_eq!(nonces_for(&mut world, &mut session, "example.test"), (0, true), "valid already");
    // All nonces are too old by now.
    world.pass(301_000);
    assert_eq!(nonces_for(&mut world, &mut session, "example.test"), (1, true), "valid already");
    world.pass(301_000);
    assert_eq!(nonces_for(&mut world, &mut session, "refused.test"), (1, false));
    // That guess costs an order with something to prove a round trip, and no nonce.
    world.pass(301_000);
    assert_eq!(nonces_for(&mut world, &mut session, "other.test"), (3, true));
}
