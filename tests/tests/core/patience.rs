//! Issuances that wait, are cancelled, retried, resumed or late: nothing is hurried, repeated without end, or lost.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, Output};
use acme_proto::http::Response;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::{KeyChange, NewOrder};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::signer::Ed25519Key;
use acme_proto::snapshot::Snapshot;
use acme_testca::CaConfig;
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, object, oblige, order, problem,
};
use acme_tests::world::{Due, SolverPlan, World, issuance, issue_with};
use serde_json::json;

const NAME: &str = "a.example";

fn obliging() -> CannedServer {
    CannedServer::obliging(&[NAME])
}

/// Returns the first snapshot of a durable issuance that has published a challenge.
fn published() -> Snapshot {
    let mut script = obliging();
    script.issue(issuance(&[NAME]).durable()).expect("a certificate");
    let published = |s: &Snapshot| !s.challenges().is_empty();
    script.snapshots.into_iter().find(published).expect("one was published")
}

#[test]
fn a_delay_counts_from_when_the_challenge_was_published() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let begin = world.now();
    let result = world.run_all(
        &mut session,
        vec![issuance(&[NAME])],
        |world, schedule, index, flow, session, event| match event {
            IssuanceEvent::Provision(challenge) => {
                world.publish(&challenge).expect("published");
                let ready = move |flow: &mut Issuance, _: &mut _| {
                    flow.ready_after(&challenge.id(), Duration::from_secs(30)).expect("known");
                };
                world.schedule(schedule, 60_000, index, Due::Act(Box::new(ready)));
            }
            event => oblige(flow, session, event),
        },
    );
    assert!(result[0].is_ok(), "{result:?}");
    let took = world.now().saturating_duration_since(begin);
    assert!(took >= Duration::from_secs(90), "{took:?}");
}

#[test]
fn a_flow_that_is_cancelled_while_it_sleeps_still_waits_for_its_clean_ups() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let mut result = world.run_all(
        &mut session,
        vec![issuance(&[NAME])],
        |world, schedule, index, flow, session, event| match event {
            IssuanceEvent::Provision(challenge) => {
                world.publish(&challenge).expect("published");
                let cancel = |flow: &mut Issuance, session: &mut _| flow.cancel(session);
                world.schedule(schedule, 120_000, index, Due::Act(Box::new(cancel)));
            }
            IssuanceEvent::CleanUp(challenge) => {
                world.published.clear();
                let cleaned = move |flow: &mut Issuance, _: &mut _| {
                    flow.cleaned(&challenge.id()).expect("known");
                    assert!(flow.snapshot().is_some_and(|s| s.challenges().is_empty()));
                };
                world.schedule(schedule, 20_000, index, Due::Act(Box::new(cleaned)));
            }
            event => oblige(flow, session, event),
        },
    );
    let begin = world.now();
    assert!(matches!(result.pop(), Some(Err(Error::Cancelled))));
    let since = begin.unix_seconds() - 1_790_000_000;
    assert!(since >= 140, "done after {since} s, before the clean-up");
}

#[test]
fn a_resumed_flow_that_is_cancelled_at_once_waits_for_its_clean_ups() {
    let script = obliging();
    let mut session = script.session();
    let mut flow = Issuance::resume(published());
    flow.cancel(&mut session);
    let Output::Event(IssuanceEvent::CleanUp(challenge)) =
        flow.poll_output(&mut session, script.now())
    else {
        panic!("no clean-up")
    };
    let output = flow.poll_output(&mut session, script.now());
    assert!(matches!(output, Output::Timeout(_)), "{output:?}");
    flow.cleaned(&challenge.id()).expect("known");
    let output = flow.poll_output(&mut session, script.now());
    assert!(matches!(output, Output::Done(Err(Error::Cancelled))), "{output:?}");
}

#[test]
fn a_retry_after_that_has_come_does_not_hurry_polls() {
    for past in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let mut script = obliging();
        let processing = object(&order("processing", &[NAME])).with_header("retry-after", past);
        script.on("/order/1", [object(&order("ready", &[NAME])), processing]);
        script.on("/finalize/1", [object(&order("processing", &[NAME]))]);
        let error = script.issue(issuance(&[NAME])).expect_err("it never ends");
        assert!(matches!(error, Error::Deadline(_)), "{error}");
        assert!(script.count("/order/1") < 60, "{}", script.count("/order/1"));
    }
}

#[test]
fn a_finalize_that_always_fails_is_not_sent_for_ever() {
    let mut script = obliging();
    script.on("/finalize/1", [Response::new(500)]);
    let error = script.issue(issuance(&[NAME])).expect_err("500");
    assert!(matches!(error, Error::Problem(_)), "{error}");
    assert_eq!(script.count("/finalize/1"), 4);
}

#[test]
fn a_challenge_that_always_fails_is_not_answered_for_ever() {
    let mut script = obliging();
    let pending = || object(&challenge("pending", "http-01", 1));
    script.on("/challenge/1", (0..200).flat_map(|_| [Response::new(500), pending()]));
    let error = script.issue(issuance(&[NAME])).expect_err("500");
    assert!(matches!(error, Error::Order(_)), "{error}");
    assert_eq!(script.count("/challenge/1"), 7, "4 answers, 3 looks between them");
}

#[test]
fn a_certificate_that_arrives_with_the_deadline_is_taken() {
    let plan = SolverPlan::default();
    let run = |flow: Issuance| {
        let mut world = World::new(CaConfig::default(), 1);
        let mut session = world.registered();
        let begin = world.now();
        let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop();
        (result.expect("one"), world.now().saturating_duration_since(begin))
    };
    let (result, took) = run(issuance(&[NAME]));
    assert!(result.is_ok(), "{result:?}");
    let (result, _) = run(issuance(&[NAME]).with_time_limit(took));
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_challenge_for_an_old_key_is_taken_back_before_it_is_offered_again() {
    let snapshot = published();
    let old = snapshot.challenges()[0].clone();
    let mut script = obliging();
    script.key = Ed25519Key::from_scalar(&[9; 32]).expect("32 octets");
    let states = ["pending", "ready"].map(|status| object(&order(status, &[NAME])));
    script.on("/order/1", states);
    script.issue(Issuance::resume(snapshot)).expect("a certificate");
    let mut events = script.events.iter();
    assert!(matches!(events.next(), Some(IssuanceEvent::CleanUp(c)) if *c == old));
    assert!(matches!(events.next(), Some(IssuanceEvent::Authorize(_))));
    let Some(IssuanceEvent::Provision(new)) = events.next() else { panic!("{events:?}") };
    assert_eq!((new.url(), new.token()), (old.url(), old.token()));
    assert_ne!(new.thumbprint(), old.thumbprint());
    assert!(events.any(|event| matches!(event, IssuanceEvent::CleanUp(c) if c == new)));
}

#[test]
fn a_key_change_under_way_offers_challenges_again() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let mut changed = false;
    let result = world.run_all(
        &mut session,
        vec![issuance(&[NAME])],
        |world, _, _, flow, session, event| match event {
            IssuanceEvent::Provision(challenge) => {
                world.publish(&challenge).expect("published");
                if !core::mem::replace(&mut changed, true) {
                    let call = Call::new(KeyChange::new(world.other_key.public_key()));
                    world.run(session, call, |_, _, never| match never {}).expect("changed");
                }
                flow.ready(&challenge.id()).expect("handed out");
            }
            IssuanceEvent::CleanUp(challenge) => {
                world.take_back(&challenge);
                flow.cleaned(&challenge.id()).expect("handed out");
            }
            event => oblige(flow, session, event),
        },
    );
    assert!(result[0].is_ok(), "{:?}", result[0]);
    assert!(world.published.is_empty());
}

#[test]
fn a_registration_goes_on_when_another_flow_has_dropped_the_directory() {
    let mut script = CannedServer::new();
    let mut directory: serde_json::Value = serde_json::from_str("{}").expect("JSON");
    for name in ["newNonce", "newAccount", "newOrder"] {
        directory[name] = json!(format!("{BASE}/{name}"));
    }
    directory["meta"] = json!({ "termsOfService": "https://ca.test/terms" });
    script.on("/directory", [object(&directory)]);
    let account = object(&json!({ "status": "valid" }));
    script.on("/newAccount", [account.with_header("location", "https://ca.test/account/1")]);
    let (mut session, now) = (script.session(), script.now());
    let key = Ed25519Key::from_scalar(&[1; 32]).expect("32 octets");
    let mut flow = Register::new();
    let result = script.run(&mut session, &mut flow, |flow, session, event| {
        let RegisterEvent::AgreeToTerms(_) = event else { panic!("{event:?}") };
        let order = NewOrder::new([NAME.parse().expect("a name")]).expect("one name");
        let mut other = Call::new(order);
        let Output::Sign(sign) = other.poll_output(session, now) else { panic!("no nonce") };
        let signed = Input::Signature(sign.id, key.sign(&sign.message));
        other.handle_input(session, signed, now).expect("known");
        let Output::Transmit(transmit) = other.poll_output(session, now) else { panic!("none") };
        let gone = Input::Response(transmit.id, Response::new(404));
        other.handle_input(session, gone, now).expect("known");
        assert!(session.directory().is_none());
        flow.agree().expect("asked");
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn an_order_that_turns_out_invalid_names_its_reasons() {
    let mut failed = order("invalid", &[NAME]);
    failed["error"] = json!({ "type": "urn:ietf:params:acme:error:connection", "detail": "no" });
    let mut invalid = authorization("invalid", NAME, 1);
    invalid["challenges"][0]["error"] = failed["error"].clone();

    let mut script = obliging();
    script.on("/order/1", [object(&failed)]);
    script.on("/authz/1", [object(&invalid)]);
    let Err(Error::Order(error)) = script.issue(Issuance::resume(published())) else {
        panic!("another end")
    };
    assert_eq!(error.failures().len(), 1, "{error}");

    for last in [problem(404, "malformed"), Response::new(500)] {
        let mut script = obliging();
        script.on("/order/1", [object(&failed)]);
        script.on("/authz/1", [object(&authorization("pending", NAME, 1)), last]);
        let result = script.issue(issuance(&[NAME]));
        let Err(Error::Order(error)) = result else { panic!("another end: {result:?}") };
        assert!(error.problem().is_some(), "{error}");
    }
}

#[test]
fn an_order_is_not_given_up_because_the_account_is_refused() {
    for kind in ["userActionRequired", "badSignatureAlgorithm"] {
        let mut script = obliging();
        script.on("/order/1", [problem(403, kind)]);
        let error = script.issue(Issuance::resume(published())).expect_err(kind);
        assert!(matches!(error, Error::Problem(_)), "{error}");
        assert_eq!(script.count("/newOrder"), 0, "{kind}");
    }
}

#[test]
fn a_retry_after_with_a_valid_challenge_holds_nothing_up() {
    let mut script = obliging();
    let valid = object(&challenge("valid", "http-01", 1)).with_header("retry-after", "250");
    script.on("/challenge/1", [valid]);
    let begin = script.now();
    script.issue(issuance(&[NAME])).expect("a certificate");
    let took = script.now().saturating_duration_since(begin);
    assert!(took < Duration::from_secs(5), "{took:?}");
}
