//! Clean-ups: on every way to the end, within their own time, and never at the cost of a certificate.

use core::time::Duration;

use acme_proto::challenge::Challenge;
use acme_proto::error::{Error, Misuse};
use acme_proto::flow::{Flow, Input, Output};
use acme_proto::http::Response;
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Deactivation, Issuance, IssuanceEvent, Issued};
use acme_proto::notice::Notice;
use acme_proto::session::Session;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, RequestKind};
use acme_tests::canned_server::{
    CannedServer, authorization, challenge, object, oblige, order, problem,
};
use acme_tests::world::{SolverPlan, World, issuance, issue_with};
use serde_json::json;

const NAME: &str = "a.example";
const NAMES: [&str; 3] = ["a.example", "b.example", "*.a.example"];

/// What became of an issuance that is cancelled at its n-th event.
struct Cancelled {
    result: Result<Issued, Error>,
    provisioned: Vec<Challenge>,
    cleaned: Vec<Challenge>,
    asked_after: usize,
    events: usize,
}

fn cancelled_at(n: usize) -> Cancelled {
    let mut script = CannedServer::obliging(&NAMES);
    let mut wildcard = authorization("pending", "*.a.example", 3);
    wildcard["challenges"] = json!([challenge("pending", "dns-01", 3)]);
    script.on("/authz/3", [object(&wildcard)]);
    let mut session = script.session();
    let mut flow = issuance(&NAMES);
    let (mut provisioned, mut cleaned) = (Vec::new(), Vec::new());
    let mut events = 0;
    let mut cancelled = false;
    let result = script.run(&mut session, &mut flow, |flow, session, event| {
        events += 1;
        match &event {
            IssuanceEvent::Provision(challenge) => provisioned.push(challenge.clone()),
            IssuanceEvent::CleanUp(challenge) => cleaned.push(challenge.clone()),
            _ => assert!(!cancelled, "after cancelling there are clean-ups only: {event:?}"),
        }
        if events == n {
            cancelled = true;
            flow.cancel(session);
            if !matches!(event, IssuanceEvent::CleanUp(_) | IssuanceEvent::Provision(_)) {
                return;
            }
        }
        oblige(flow, session, event);
    });
    let asked_after = script.asked.len();
    Cancelled { result, provisioned, cleaned, asked_after, events }
}

#[test]
fn cancelling_at_any_event_cleans_up_and_ends() {
    let whole = cancelled_at(usize::MAX);
    assert!(whole.result.is_ok());
    for n in 1..=whole.events {
        let run = cancelled_at(n);
        let published: Vec<_> = run.provisioned.iter().map(Challenge::id).collect();
        let cleaned: Vec<_> = run.cleaned.iter().map(Challenge::id).collect();
        assert!(published.iter().all(|id| cleaned.contains(id)), "event {n}");
        assert!(matches!(run.result, Err(Error::Cancelled)), "event {n}: {:?}", run.result);
        assert!(run.asked_after <= whole.asked_after);
        // covers 8555-8.3-5
        assert!(published.len() <= cleaned.len(), "event {n}");
    }
}

#[test]
fn a_flow_that_is_cancelled_before_it_begins_sends_nothing() {
    for knows_directory in [false, true] {
        let mut script = CannedServer::obliging(&NAMES);
        let mut session = script.session();
        if knows_directory {
            let first = CannedServer::issue_in(&mut script, &mut session, issuance(&["b.example"]));
            assert!(first.is_err() || first.is_ok());
            script.asked.clear();
        }
        let mut flow = issuance(&NAMES);
        flow.cancel(&mut session);
        let result = script.run(&mut session, &mut flow, |f, s, e| oblige(f, s, e));
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert!(script.asked.is_empty(), "{:?}", script.paths());
    }
}

#[test]
fn a_resumed_flow_that_is_cancelled_at_once_only_cleans_up() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan = SolverPlan { keeps: Some("later".into()), ..SolverPlan::default() };
    let flows = vec![issuance(&["a.example"]).durable()];
    let _ = issue_with(&mut world, &mut session, flows, &plan);
    let snapshot = world.snapshots.last().expect("a snapshot").clone();
    world.transcript.clear();

    let mut flow = Issuance::resume(snapshot);
    flow.cancel(&mut session);
    let now = world.now();
    let Output::Event(IssuanceEvent::CleanUp(challenge)) = flow.poll_output(&mut session, now)
    else {
        panic!("the challenge is to be cleaned up")
    };
    let waiting = flow.poll_output(&mut session, now);
    assert!(matches!(waiting, Output::Timeout(_)), "{waiting:?}");
    flow.cleaned(&challenge.id()).expect("in time");
    let end = flow.poll_output(&mut session, now);
    assert!(matches!(end, Output::Done(Err(Error::Cancelled))), "{end:?}");
}

#[test]
fn after_the_end_there_is_nothing_left_to_say() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut session = script.session();
    let mut flow = issuance(&["a.example"]);
    script.run(&mut session, &mut flow, |f, s, e| oblige(f, s, e)).expect("a certificate");
    flow.cancel(&mut session);
    let after = flow.poll_output(&mut session, script.now());
    assert!(matches!(after, Output::Done(Err(Error::Misuse(Misuse::Finished)))), "{after:?}");
    let csr = acme_tests::world::csr(&["a.example".parse().expect("a name")]);
    assert!(matches!(flow.finalize(csr), Err(Error::Misuse(Misuse::Finished))));
}

#[test]
fn a_flow_belongs_to_the_session_of_its_first_poll() {
    let script = CannedServer::obliging(&["a.example"]);
    let (mut one, mut other) = (script.session(), script.session());
    let mut flow = issuance(&["a.example"]);
    let _ = flow.poll_output(&mut one, script.now());
    let output = flow.poll_output(&mut other, script.now());
    assert!(matches!(output, Output::Done(Err(Error::Misuse(Misuse::WrongSession)))), "{output:?}");
}

#[test]
fn challenges_are_cleaned_up_when_they_are_valid_and_when_they_are_invalid() {
    for kind in [ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01] {
        for forgets in [false, true] {
            let mut world = World::new(CaConfig::default(), 1);
            let mut session = world.registered();
            let plan = SolverPlan { forgets, ..SolverPlan::only(kind.clone()) };
            let flows = vec![issuance(&["a.example", "b.example"])];
            let result = issue_with(&mut world, &mut session, flows, &plan).pop();
            assert_eq!(result.expect("a result").is_ok(), !forgets);
            let (mut provisioned, mut cleaned) = (0, 0);
            for (_, event) in &world.events {
                match event {
                    IssuanceEvent::Provision(_) => provisioned += 1,
                    IssuanceEvent::CleanUp(_) => cleaned += 1,
                    _ => {}
                }
            }
            // covers 8555-8.3-5, 8555-8.4-5, 8737-3-12
            assert_eq!((provisioned, cleaned), (2, 2), "{provisioned} {cleaned}");
        }
    }
}

#[test]
fn what_is_proved_is_cleaned_up_before_the_certificate_is_there() {
    let mut config = CaConfig::default();
    config.processing_polls = 3;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let flows = vec![issuance(&["a.example"])];
    issue_with(&mut world, &mut session, flows, &SolverPlan::default());
    let cleaned = world.events.iter().position(|(_, e)| matches!(e, IssuanceEvent::CleanUp(_)));
    let asked = world.events.iter().position(|(_, e)| matches!(e, IssuanceEvent::Finalize(_)));
    let cleaned = world.events[cleaned.expect("cleaned")].0;
    let downloaded = world.transcript.last().expect("asked");
    assert!(asked.is_some() && downloaded.kind == RequestKind::Certificate);
    assert!(cleaned < downloaded.millis, "{cleaned} {}", downloaded.millis);
}

#[test]
fn a_failed_clean_up_is_listed_and_costs_no_certificate() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan = SolverPlan { keeps: Some("the DNS is down".into()), ..SolverPlan::default() };
    let flows = vec![issuance(&["a.example"]).durable()];
    let issued = issue_with(&mut world, &mut session, flows, &plan).pop().expect("a result");
    let issued = issued.expect("a certificate");
    assert_eq!(issued.not_cleaned().len(), 1);
    assert_eq!(issued.not_cleaned()[0].1, "the DNS is down");
    assert_eq!(told(&world), [(&Identifier::dns("a.example").expect("a name"), "the DNS is down")]);
    let kept = world.snapshots.last().expect("a snapshot").challenges().len();
    assert_eq!(kept, 1, "the snapshot still lists it");
}

#[test]
fn without_a_certificate_what_stays_published_is_named() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_faults(
        Faults::none()
            .with(FaultRule::next(FaultAction::Problem(refusal())).on(RequestKind::Finalize)),
    );
    let plan = SolverPlan { keeps: Some("the DNS is down".into()), ..SolverPlan::default() };
    let flows = vec![issuance(&["a.example"])];
    let result = issue_with(&mut world, &mut session, flows, &plan).pop().expect("a result");
    result.expect_err("no certificate");
    assert_eq!(told(&world), [(&Identifier::dns("a.example").expect("a name"), "the DNS is down")]);
}

/// Returns what notices name as published still, and why.
fn told(world: &World) -> Vec<(&Identifier, &str)> {
    let told = world.notices.iter().filter_map(|notice| match notice {
        Notice::NotCleaned { challenge, reason } => Some((challenge.identifier(), &**reason)),
        _ => None,
    });
    told.collect()
}

/// A CSR refused for good.
fn refusal() -> acme_testca::Problem {
    acme_testca::Problem::new(400, "badCSR", "this key is on a list")
}

#[test]
fn clean_ups_that_nobody_answers_are_waited_for_within_a_limit() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut session = script.session();
    let mut flow = issuance(&["a.example"]);
    let issued = script.run(&mut session, &mut flow, |flow, session, event| {
        if !matches!(event, IssuanceEvent::CleanUp(_)) {
            oblige(flow, session, event);
        }
    });
    let issued = issued.expect("a certificate");
    assert_eq!(issued.not_cleaned().len(), 1);
    let waited = script.now().unix_seconds() - 1_790_000_000;
    assert!((150..152).contains(&waited), "{waited} seconds");
}

#[test]
fn the_deadline_cleans_up_what_is_published() {
    let mut script = CannedServer::obliging(&["a.example"]);
    script.on("/order/1", [object(&order("pending", &["a.example"]))]);
    let flow = issuance(&["a.example"]).with_time_limit(Duration::from_secs(40));
    let error = script.issue(flow).expect_err("too late");
    assert!(matches!(error, Error::Deadline(_)), "{error}");
    assert!(matches!(script.events.last(), Some(IssuanceEvent::CleanUp(_))));
    assert_eq!(script.now().unix_seconds() - 1_790_000_000, 40, "the end is the deadline");
}

#[test]
fn the_deadline_ends_an_issuance_whose_user_never_answers() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut session = script.session();
    let mut flow = issuance(&["a.example"]).with_time_limit(Duration::from_secs(40));
    let mut events = 0;
    let error = script
        .run(&mut session, &mut flow, |_, _, _| events += 1)
        .expect_err("nobody chose a challenge");
    assert!(matches!(error, Error::Deadline(_)) && events == 1, "{error}");
    assert_eq!(script.now().unix_seconds() - 1_790_000_000, 40);
}

#[test]
fn a_delay_beyond_the_deadline_ends_at_the_deadline() {
    let mut script = CannedServer::obliging(&["a.example"]);
    let mut session = script.session();
    let mut flow = issuance(&["a.example"]).with_time_limit(Duration::from_secs(40));
    let result = script.run(&mut session, &mut flow, |flow, session, event| match event {
        IssuanceEvent::Provision(challenge) => {
            flow.ready_after(&challenge.id(), Duration::from_secs(100)).expect("handed out");
        }
        other => oblige(flow, session, other),
    });
    assert!(matches!(result, Err(Error::Deadline(_))), "{result:?}");
    assert_eq!(script.count("/challenge/1"), 0);
}

#[test]
fn errors_of_the_ca_at_any_step_clean_up() {
    for path in ["/order/1", "/finalize/1", "/cert/1", "/challenge/1", "/authz/1", "/authz/2"] {
        let names = ["a.example", "b.example"];
        let mut script = CannedServer::obliging(&names);
        script.on(path, [problem(403, "unauthorized")]);
        let error = script.issue(issuance(&names)).expect_err(path);
        let (mut provisioned, mut cleaned) = (0, 0);
        for event in &script.events {
            match event {
                IssuanceEvent::Provision(_) => provisioned += 1,
                IssuanceEvent::CleanUp(_) => cleaned += 1,
                _ => {}
            }
        }
        assert!(provisioned <= cleaned, "{path}: {provisioned} {cleaned} {error}");
    }
}

#[test]
fn a_challenge_is_cleaned_up_only_when_the_user_is_done_with_publishing_it() {
    type Answer = fn(&mut Issuance, &Challenge) -> Result<(), Misuse>;
    let answers: [Answer; 3] = [
        |flow, challenge| flow.ready(&challenge.id()),
        |flow, challenge| flow.published(&challenge.id()),
        |flow, challenge| flow.failed(&challenge.id(), "no".into()),
    ];
    for answer in answers {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut session = script.session();
        let mut flow = issuance(&[NAME]);
        let challenge = until_provision(&mut script, &mut session, &mut flow);
        flow.cancel(&mut session);
        let waiting = flow.poll_output(&mut session, script.now());
        assert!(matches!(waiting, Output::Timeout(_)), "not cleaned up yet: {waiting:?}");
        assert!(flow.is_wanted(&challenge.id()));
        answer(&mut flow, &challenge).expect("handed out");
        let now = script.now();
        let output = flow.poll_output(&mut session, now);
        assert!(matches!(output, Output::Event(IssuanceEvent::CleanUp(_))), "{output:?}");
        // A late word of the publisher is taken without harm.
        assert!(!flow.is_wanted(&challenge.id()));
        assert_eq!(flow.ready(&challenge.id()), Ok(()));
        flow.cleaned(&challenge.id()).expect("handed out");
        let end = flow.poll_output(&mut session, now);
        assert!(matches!(end, Output::Done(Err(Error::Cancelled))), "{end:?}");
    }
}

#[test]
fn a_solver_that_a_cancellation_stopped_is_used_again_when_the_order_is_resumed() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = script.session();
    let mut flow = issuance(&[NAME]);
    let challenge = until_provision(&mut script, &mut session, &mut flow);
    flow.cancel(&mut session);
    flow.failed(&challenge.id(), "it was stopped".into()).expect("handed out");
    let output = flow.poll_output(&mut session, script.now());
    assert!(matches!(output, Output::Event(IssuanceEvent::CleanUp(_))), "{output:?}");
    flow.cleaned(&challenge.id()).expect("handed out");
    let snapshot = serde_json::to_string(&flow.snapshot().expect("an order")).expect("JSON");
    assert!(!snapshot.contains("it was stopped"), "{snapshot}");
}

/// Runs a flow until it hands a challenge out.
fn until_provision(
    script: &mut CannedServer,
    session: &mut Session,
    flow: &mut Issuance,
) -> Challenge {
    loop {
        let input = match flow.poll_output(session, script.now()) {
            Output::Transmit(transmit) => {
                let response = script.respond(transmit.request).expect("an answer");
                Input::Response(transmit.id, response)
            }
            Output::Sign(request) => {
                Input::Signature(request.id, script.key.sign(&request.message))
            }
            Output::Event(IssuanceEvent::Provision(challenge)) => return challenge,
            Output::Event(event) => {
                oblige(flow, session, event);
                continue;
            }
            Output::Notice(_) => continue,
            other => panic!("{other:?}"),
        };
        flow.handle_input(session, input, script.now()).expect("a known id");
    }
}

#[test]
fn publishing_that_never_ends_is_waited_for_within_the_limit_and_named() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = script.session();
    let mut flow = issuance(&[NAME]).with_time_limit(Duration::from_secs(40));
    let mut cleaned = 0;
    let result = script.run(&mut session, &mut flow, |flow, session, event| match event {
        IssuanceEvent::Provision(_) => {} // it never ends
        IssuanceEvent::CleanUp(_) => cleaned += 1,
        other => oblige(flow, session, other),
    });
    assert!(matches!(result, Err(Error::Deadline(_))), "{result:?}");
    assert_eq!(cleaned, 0);
    let named = script.notices.iter().any(|n| matches!(n, Notice::NotCleaned { .. }));
    assert!(named, "{:?}", script.notices);
    let waited = script.now().unix_seconds() - 1_790_000_000;
    assert_eq!(waited, 40 + 150, "the deadline, and the time for clean-ups");
}

#[test]
fn a_dead_account_still_has_its_clean_ups() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan = SolverPlan { keeps: Some("later".into()), ..SolverPlan::default() };
    let flows = vec![issuance(&["a.example"]).durable()];
    let _ = issue_with(&mut world, &mut session, flows, &plan);
    let snapshot = world.snapshots.last().expect("a snapshot").clone();
    assert_eq!(snapshot.challenges().len(), 1);

    // A key that the CA does not know.
    let mut stranger: Session = Session::new(world.ca.directory_url().parse().expect("a URL"), 1)
        .with_account_key(world.other_key.public_key());
    world.events.clear();
    let flows = vec![Issuance::resume(snapshot)];
    let result = issue_with(&mut world, &mut stranger, flows, &SolverPlan::default()).pop();
    assert!(matches!(result, Some(Err(Error::NoAccount { .. }))), "{result:?}");
    assert!(matches!(world.events.last(), Some((_, IssuanceEvent::CleanUp(_)))));
    assert!(world.published.is_empty());
    let registered = world.transcript.iter().filter(|e| e.kind == RequestKind::NewAccount).count();
    assert_eq!(registered, 2, "one registration, one look-up");
}

/// Runs to the end, or cancels when the first challenge is due for publication, and counts deactivations.
fn deactivations(when: Deactivation, cancel: bool) -> (usize, CannedServer, Result<Issued, Error>) {
    let mut script = CannedServer::obliging(&[NAME, "b.example"]);
    for (n, name) in [(1, NAME), (2, "b.example")] {
        let valid = authorization("valid", name, n);
        let gone = authorization("deactivated", name, n);
        script.on(
            &format!("/authz/{n}"),
            [
                object(&if cancel { authorization("pending", name, n) } else { valid }),
                object(&gone),
            ],
        );
    }
    let mut session = script.session();
    let mut flow = issuance(&[NAME, "b.example"]).deactivate_authorizations(when);
    let result = script.run(&mut session, &mut flow, |flow, session, event| {
        if cancel && matches!(event, IssuanceEvent::Provision(_)) {
            flow.cancel(session);
        }
        oblige(flow, session, event);
    });
    let sent = script.asked.iter().filter(|a| a.payload() == r#"{"status":"deactivated"}"#).count();
    (sent, script, result)
}

#[test]
fn authorizations_are_given_up_only_when_that_is_asked_for() {
    for (when, cancel, expected) in [
        (Deactivation::Never, false, 0),
        (Deactivation::Never, true, 0),
        (Deactivation::WithoutCertificate, false, 0),
        (Deactivation::WithoutCertificate, true, 2),
        (Deactivation::Always, false, 2),
        (Deactivation::Always, true, 2),
    ] {
        let (sent, script, result) = deactivations(when, cancel);
        // covers 8555-7.5.2-2
        assert_eq!(sent, expected, "{when:?} {cancel}: {:?}", script.paths());
        assert_eq!(matches!(result, Err(Error::Cancelled)), cancel, "{when:?}: {result:?}");
        assert_eq!(result.is_ok(), !cancel, "{when:?}: {result:?}");
    }
}

#[test]
fn a_ca_that_gives_no_authorization_up_costs_no_certificate() {
    for refusal in [
        problem(403, "malformed"),
        object(&authorization("valid", NAME, 1)),
        Response::new(200).with_body("junk"),
    ] {
        let mut script = CannedServer::obliging(&[NAME]);
        script.on("/authz/1", [object(&authorization("valid", NAME, 1)), refusal]);
        let flow = issuance(&[NAME]).deactivate_authorizations(Deactivation::Always);
        script.issue(flow).expect("a certificate");
        let noticed = script.notices.iter().any(|n| matches!(n, Notice::NotDeactivated { .. }));
        assert!(noticed, "{:?}", script.notices);
    }
}
