//! Durable issuances: what is saved before what, and going on after the process died at any point.

use acme_proto::error::{Error, InvalidInput};
use acme_proto::issuance::{Issuance, IssuanceEvent, Issued};
use acme_proto::notice::Notice;
use acme_proto::op::KeyChange;
use acme_proto::session::Session;
use acme_proto::snapshot::Snapshot;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, Quirks, RequestKind};
use acme_tests::canned_server::{CannedServer, certificate, chain, object, oblige, order, problem};
use acme_tests::world::{Kill, SolverPlan, World, issuance, issue_with};

const NAMES: [&str; 2] = ["a.example", "*.a.example"];

fn config() -> CaConfig {
    let mut config = CaConfig::default();
    config.processing_polls = 1;
    config.ready_delay_polls = 1;
    config
}

/// Stores a snapshot and reads it back, as another process would.
fn stored(snapshot: &Snapshot) -> Snapshot {
    let text = serde_json::to_string(snapshot).expect("JSON");
    serde_json::from_str(&text).expect("a snapshot")
}

fn orders(world: &World) -> usize {
    world.transcript.iter().filter(|e| e.kind == RequestKind::NewOrder && e.status < 300).count()
}

/// Goes on in a new process with what was stored.
fn go_on(world: &mut World, plan: &SolverPlan) -> Option<Result<Issued, Error>> {
    let flow = match world.snapshots.last() {
        Some(snapshot) => Issuance::resume(stored(snapshot)),
        None => issuance(&NAMES),
    };
    let mut session = world.session();
    issue_with(world, &mut session, vec![flow.durable()], plan).pop()
}

#[test]
fn a_process_that_dies_at_any_output_is_gone_on_from() {
    let plan = SolverPlan { slowest: 5, ..SolverPlan::default() };
    let mut deaths = 0;
    for requests_arrive in [false, true] {
        for outputs in 1.. {
            let mut world = World::new(config(), outputs as u64);
            let mut session = world.registered();
            world.kill = Some(Kill { outputs, requests_arrive });
            let flows = vec![issuance(&NAMES).durable()];
            let first = issue_with(&mut world, &mut session, flows, &plan).pop();
            world.kill = None;
            if first.is_some() {
                break;
            }
            deaths += 1;
            let second = go_on(&mut world, &plan).expect("a result");
            let issued = second.unwrap_or_else(|error| {
                panic!("died at output {outputs}: {error}\n{:#?}", world.lines())
            });
            assert_eq!(issued.chain().leaf().dns_names().len(), 2);
            assert_eq!(world.ca.certificates_issued(), 1, "died at output {outputs}");
            assert!(world.published.is_empty(), "died at output {outputs}");
            assert!(orders(&world) <= 2, "died at output {outputs}");
        }
    }
    assert!(deaths > 60, "{deaths} deaths");
}

#[test]
fn a_process_may_die_again_and_again() {
    let plan = SolverPlan { slowest: 5, ..SolverPlan::default() };
    for seed in 0..40 {
        let mut world = World::new(config(), seed);
        let mut session = world.registered();
        let outputs = 3 + (seed as usize * 7) % 23;
        let kill = |n: usize| Some(Kill { outputs: outputs + n, requests_arrive: seed % 2 == 0 });
        world.kill = kill(0);
        let flows = vec![issuance(&NAMES).durable()];
        let mut result = issue_with(&mut world, &mut session, flows, &plan).pop();
        let mut lives = 1;
        while result.is_none() {
            // A process that comes further each time.
            world.kill = kill(lives * 4);
            result = go_on(&mut world, &plan);
            lives += 1;
            assert!(lives < 40, "seed {seed}");
        }
        let issued = result.expect("a result");
        assert!(issued.is_ok(), "seed {seed}: {issued:?}");
        assert!(world.published.is_empty(), "seed {seed}");
    }
}

#[test]
fn everything_is_saved_before_what_depends_on_it() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut session = script.session();
    let mut flow = issuance(&["a.example"]).durable();
    script.run(&mut session, &mut flow, |f, s, e| oblige(f, s, e)).expect("a certificate");
    let with_order = script.snapshots.iter().position(|s| s.order_url().is_some());
    let with_challenge = script.snapshots.iter().position(|s| !s.challenges().is_empty());
    assert!(with_order.is_some() && with_order <= with_challenge);
    let last = script.snapshots.last().expect("a snapshot");
    assert!(last.challenges().is_empty(), "only cleaned forgets a challenge");
    let text = serde_json::to_string(last).expect("JSON");
    assert!(text.contains("\"csr\""), "the CSR is kept");
    assert!(!text.contains("nonce") && !text.contains("\"d\""), "no secrets: {text}");
}

#[test]
fn nothing_is_provisioned_or_finalized_that_is_not_stored() {
    for room in 0..6 {
        let mut script = CannedServer::obliging(&["a.example"]);
        script.room_for_snapshots = room;
        let result = script.issue(issuance(&["a.example"]).durable());
        let provisioned: Vec<_> = script
            .events
            .iter()
            .filter_map(|event| match event {
                IssuanceEvent::Provision(challenge) => Some(challenge),
                _ => None,
            })
            .collect();
        let stored = &script.snapshots[..script.snapshots.len().min(room)];
        let known = |c: &acme_proto::challenge::Challenge| {
            stored.iter().any(|s| s.challenges().contains(c))
        };
        assert!(provisioned.iter().all(|challenge| known(challenge)), "room for {room}");
        let has_csr = |s: &Snapshot| serde_json::to_string(s).expect("JSON").contains("\"csr\"");
        let finalized = script.count("/finalize/1") > 0;
        assert!(!finalized || stored.iter().any(has_csr), "room for {room}");
        if let Err(error) = &result {
            assert!(matches!(error, Error::Storage(why) if why.contains("disk")), "{error}");
            let cleaned =
                script.events.iter().filter(|e| matches!(e, IssuanceEvent::CleanUp(_))).count();
            assert!(cleaned >= provisioned.len(), "room for {room}");
        }
    }
}

#[test]
fn a_flow_that_is_not_durable_never_saves() {
    let mut script = CannedServer::obliging(&["a.example"]);
    script.issue(issuance(&["a.example"])).expect("a certificate");
    assert!(script.snapshots.is_empty());
}

#[test]
fn a_snapshot_of_another_directory_is_refused_without_a_word_to_the_server() {
    let snapshot = half_way();
    let mut script = CannedServer::obliging(&["a.example"]);
    let elsewhere = "https://other.test/directory".parse().expect("a URL");
    let mut session = Session::new(elsewhere, 1).with_account_key(script.key.public_key());
    let mut flow = Issuance::resume(snapshot);
    let result = script.run(&mut session, &mut flow, |_, _, event| panic!("{event:?}"));
    assert!(matches!(result, Err(Error::Input(InvalidInput::ForeignSnapshot(_)))), "{result:?}");
    assert!(script.asked.is_empty());
    assert_eq!(left_published(&script), ["https://ca.test/directory"]);
}

/// Returns what each notice of a challenge that may still be published says of the order that it is left to.
fn left_published(script: &CannedServer) -> Vec<&str> {
    let left = script.notices.iter().filter_map(|notice| match notice {
        Notice::NotCleaned { reason, .. } => reason.strip_prefix("the saved order belongs to "),
        _ => None,
    });
    left.collect()
}

#[test]
fn a_snapshot_of_another_account_is_refused_and_its_order_not_touched() {
    let snapshot = half_way();
    let url = |text: &str| text.parse().expect("a URL");
    for knows_account in [true, false] {
        let mut script = CannedServer::obliging(&["a.example"]);
        let found = object(&serde_json::json!({ "status": "valid" }))
            .with_header("location", "https://ca.test/account/2");
        script.on("/newAccount", [found]);
        let mut session = Session::new(url("https://ca.test/directory"), 1)
            .with_account_key(script.key.public_key());
        if knows_account {
            session = session.with_account_url(url("https://ca.test/account/2"));
        }
        let mut flow = Issuance::resume(snapshot.clone());
        let result = script.run(&mut session, &mut flow, |_, _, event| panic!("{event:?}"));
        let refused = matches!(result, Err(Error::Input(InvalidInput::ForeignSnapshot(_))));
        assert!(refused, "{result:?}");
        assert_eq!(script.count("/order/1"), 0, "knows its account: {knows_account}");
        assert_eq!(left_published(&script), ["https://ca.test/account/1"]);
    }
}

#[test]
fn a_snapshot_that_a_newer_version_wrote_or_whose_csr_is_damaged_is_no_snapshot() {
    let whole = serde_json::to_value(half_way()).expect("JSON");
    let with = |member: &str, value: serde_json::Value| {
        let mut changed = whole.clone();
        changed[member] = value;
        serde_json::from_value::<Snapshot>(changed)
    };
    let newer = with("version", (whole["version"].as_u64().expect("a number") + 1).into());
    assert!(newer.expect_err("another form").to_string().contains("a newer version"));
    for csr in ["", "AAAA", "!", "MIHlMIGMAgEAMAAw"] {
        let error = with("csr", csr.into()).expect_err("no CSR").to_string();
        assert!(error.contains("the snapshot's CSR cannot be read"), "{csr}: {error}");
    }
    assert_eq!(with("csr", serde_json::Value::Null).expect("a snapshot"), half_way());
}

/// A snapshot with an order and a challenge, of account 1.
fn half_way() -> Snapshot {
    let mut script = CannedServer::obliging(&["a.example"]);
    script.on("/order/1", [problem(403, "unauthorized")]);
    let _ = script.issue(issuance(&["a.example"]).durable());
    let held = script.snapshots.iter().find(|snapshot| !snapshot.challenges().is_empty());
    stored(held.expect("a snapshot with a challenge"))
}

#[test]
fn a_published_challenge_is_provisioned_again_and_not_offered_anew() {
    let mut script = CannedServer::obliging(&["a.example"]);
    script.on(
        "/order/1",
        [object(&order("pending", &["a.example"])), object(&order("ready", &["a.example"]))],
    );
    let snapshot = half_way();
    let challenge = snapshot.challenges()[0].clone();
    script.issue(Issuance::resume(snapshot)).expect("a certificate");
    let again = matches!(&script.events[0], IssuanceEvent::Provision(c) if *c == challenge);
    assert!(again, "{:?}", script.events[0]);
    assert!(!script.events.iter().any(|e| matches!(e, IssuanceEvent::Authorize(_))));
    assert_eq!(script.count("/newOrder"), 0);
}

#[test]
fn a_processing_challenge_is_provisioned_again_too() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut processing = acme_tests::canned_server::authorization("pending", "a.example", 1);
    processing["challenges"][0]["status"] = serde_json::json!("processing");
    script.on("/authz/1", [object(&processing)]);
    script.on(
        "/order/1",
        [object(&order("pending", &["a.example"])), object(&order("ready", &["a.example"]))],
    );
    script.issue(Issuance::resume(half_way())).expect("a certificate");
    assert!(matches!(script.events[0], IssuanceEvent::Provision(_)), "{:?}", script.events[0]);
}

#[test]
fn an_order_that_went_on_meanwhile_is_cleaned_up_and_finished() {
    for status in ["ready", "processing", "valid"] {
        let mut script = CannedServer::obliging(&["a.example"]);
        script.on(
            "/order/1",
            [object(&order(status, &["a.example"])), object(&order("valid", &["a.example"]))],
        );
        let issued = script.issue(Issuance::resume(half_way()));
        assert!(issued.is_ok(), "{status}: {issued:?}");
        let cleaned = script.events.iter().any(|e| matches!(e, IssuanceEvent::CleanUp(_)));
        assert!(cleaned, "{:?}", script.events);
        assert_eq!((script.count("/newOrder"), script.count("/authz/1")), (0, 0), "{status}");
    }
}

#[test]
fn an_order_that_is_dead_from_the_start_is_explained() {
    let mut failed = acme_tests::canned_server::authorization("invalid", "a.example", 1);
    failed["challenges"][0]["error"] = serde_json::json!({ "detail": "nobody there" });
    for (answer, reason) in [(object(&failed), "nobody there"), (problem(404, "malformed"), "")] {
        let mut script = CannedServer::obliging(&["a.example"]);
        let dead = order("invalid", &["a.example"]);
        script.on("/newOrder", [acme_tests::canned_server::created(&dead)]);
        script.on("/authz/1", [answer]);
        let error = script.issue(issuance(&["a.example"])).expect_err("dead");
        let told = matches!(error, Error::Order(_)) && error.to_string().contains(reason);
        // covers 8555-7.4-15
        assert!(told, "{error}");
        assert_eq!(script.count("/authz/1"), 1, "{error}");
    }
}

#[test]
fn an_order_that_died_meanwhile_is_made_anew() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let dead = object(&order("invalid", &["a.example"]));
    script.on("/order/1", [dead, object(&order("ready", &["a.example"]))]);
    script.issue(Issuance::resume(half_way())).expect("a certificate");
    assert!(matches!(script.events[0], IssuanceEvent::CleanUp(_)), "{:?}", script.events[0]);
    assert_eq!(script.count("/newOrder"), 1);
}

#[test]
fn a_forgotten_order_is_cleaned_up_and_made_anew() {
    // Boulder does not find expired orders.
    for status in [404, 403, 410, 400] {
        let mut script = CannedServer::obliging(&["a.example"]);
        script.on(
            "/order/1",
            [problem(status, "malformed"), object(&order("ready", &["a.example"]))],
        );
        let issued = script.issue(Issuance::resume(half_way()));
        assert!(issued.is_ok(), "{status}: {issued:?}");
        assert!(matches!(script.events[0], IssuanceEvent::CleanUp(_)), "{:?}", script.events[0]);
        assert_eq!(script.count("/newOrder"), 1, "{status}");
    }
}

#[test]
fn what_was_tried_survives_the_process() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_quirks(Quirks { challenge_error_leaves_pending: true, ..Quirks::default() });
    let forgets =
        SolverPlan { forgets_kinds: vec![ChallengeKind::Http01], ..SolverPlan::default() };
    // Dies when the second kind is offered.
    let mut outputs = 1;
    loop {
        let mut session = world.session();
        world.kill = Some(Kill { outputs, requests_arrive: true });
        world.events.clear();
        world.snapshots.clear();
        let flows = vec![issuance(&["a.example"]).durable()];
        let done = issue_with(&mut world, &mut session, flows, &forgets).pop();
        assert!(done.is_none(), "it was to die before");
        let offers = world.events.iter().filter(|(_, e)| matches!(e, IssuanceEvent::Authorize(_)));
        if offers.count() == 2 {
            break;
        }
        outputs += 1;
    }
    world.events.clear();
    let snapshot = stored(world.snapshots.last().expect("a snapshot"));
    let flows = vec![Issuance::resume(snapshot)];
    let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
    assert!(matches!(result, Some(Ok(_))), "{result:?}");
    let offered = world.events.iter().find_map(|(_, event)| match event {
        IssuanceEvent::Authorize(offer) => Some(offer.clone()),
        _ => None,
    });
    let offered = offered.expect("an offer");
    assert!(!offered.kinds().contains(&ChallengeKind::Http01), "{offered:?}");
    assert_eq!(*offered.tried()[0].kind(), ChallengeKind::Http01);
}

#[test]
fn after_a_key_change_published_challenges_are_cleaned_up_and_offered_again() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan = SolverPlan { slowest: 0, ..SolverPlan::default() };
    // Dies with a challenge published.
    for outputs in 1.. {
        let mut first = world.session();
        world.kill = Some(Kill { outputs, requests_arrive: false });
        let flows = vec![issuance(&["a.example"]).durable()];
        issue_with(&mut world, &mut first, flows, &plan);
        if !world.published.is_empty() {
            break;
        }
    }
    let snapshot = stored(world.snapshots.last().expect("a snapshot"));
    let old = snapshot.challenges()[0].clone();
    world.kill = None;
    let change = KeyChange::new(world.other_key.public_key());
    let call = acme_proto::call::Call::new(change);
    world.run(&mut session, call, |_, _, never| match never {}).expect("a new key");

    world.events.clear();
    let flows = vec![Issuance::resume(snapshot).durable()];
    let result = issue_with(&mut world, &mut session, flows, &plan).pop();
    assert!(matches!(result, Some(Ok(_))), "{result:?}");
    let cleaned = world
        .events
        .iter()
        .any(|(_, e)| matches!(e, IssuanceEvent::CleanUp(c) if c.thumbprint() == old.thumbprint()));
    let new = world.events.iter().find_map(|(_, event)| match event {
        IssuanceEvent::Provision(challenge) => Some(challenge.clone()),
        _ => None,
    });
    let new = new.expect("provisioned anew");
    let current = *new.thumbprint() == world.other_key.public_key().thumbprint();
    // covers 8555-8.1-5
    assert!(cleaned, "{new:?}");
    assert!(current, "{new:?}");
    // covers 8555-7.3.5-12
    assert!(cleaned);
    assert!(current);
    assert!(world.published.is_empty());
}

#[test]
fn a_snapshot_reads_back_as_it_was_written() {
    let snapshot = half_way();
    assert_eq!(stored(&snapshot), snapshot);
    assert_eq!(
        snapshot.order_url().map(ToString::to_string),
        Some("https://ca.test/order/1".into())
    );
    assert_eq!(
        snapshot.account_url().map(ToString::to_string),
        Some("https://ca.test/account/1".into())
    );
    assert_eq!(snapshot.directory_url().as_str(), "https://ca.test/directory");
    assert_eq!(snapshot.identifiers().len(), 1);
}

#[test]
fn a_resumed_order_with_a_certificate_of_no_use_is_followed_by_another_one() {
    let foreign = certificate(&chain(&["b.example"]));
    let broken = certificate("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
    for useless in [foreign, broken] {
        let mut script = CannedServer::obliging(&["a.example"]);
        script.on("/cert/1", [useless.clone()]);
        let error = script.issue(issuance(&["a.example"]).durable()).expect_err("of no use");
        assert!(matches!(error, Error::Peer(_)), "{error}");
        let snapshot = script.snapshots.last().expect("it was saved").clone();
        script.on(
            "/order/1",
            [object(&order("valid", &["a.example"])), object(&order("ready", &["a.example"]))],
        );
        // It is downloaded twice before it counts.
        script.on("/cert/1", [useless.clone(), useless, certificate(&chain(&["a.example"]))]);
        let before = script.count("/newOrder");
        script.issue(Issuance::resume(snapshot).durable()).expect("a certificate");
        assert_eq!(script.count("/newOrder"), before + 1);
    }
}

#[test]
fn what_fails_after_a_death_at_any_output_is_proved_by_another_kind() {
    let forgets_kinds = vec![ChallengeKind::Http01];
    let plan = SolverPlan { forgets_kinds, ..SolverPlan::default() };
    let equipped = |flow: Issuance| flow.durable().with_solver_kinds(plan.kinds.clone());
    for outputs in 1.. {
        let mut world = World::new(CaConfig::default(), outputs as u64);
        let mut session = world.registered();
        world.kill = Some(Kill { outputs, requests_arrive: false });
        let first = equipped(issuance(&["a.example"]));
        if issue_with(&mut world, &mut session, vec![first], &plan).pop().is_some() {
            assert!(outputs > 30, "{outputs} deaths");
            break;
        }
        world.kill = None;
        let second = world.snapshots.last().map(|snapshot| Issuance::resume(stored(snapshot)));
        let second = equipped(second.unwrap_or_else(|| issuance(&["a.example"])));
        let mut session = world.session();
        let result = issue_with(&mut world, &mut session, vec![second], &plan).pop();
        let issued = result.expect("a result");
        issued.unwrap_or_else(|error| panic!("died at output {outputs}: {error}"));
        assert!(world.published.is_empty(), "died at output {outputs}");
    }
}
