//! Challenges (RFC 8555 section 7.5.1): when the server is answered, and what it answers.

use core::time::Duration;

use acme_proto::error::Error;
use acme_proto::issuance::IssuanceEvent;
use acme_proto::notice::{Notice, Progress};
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Problem, Quirks, RequestKind};
use acme_tests::canned_server::{
    CannedServer, authorization, challenge, object, oblige, order, problem,
};
use acme_tests::world::{SolverPlan, World, issuance, issue};
use serde_json::json;

use crate::challenges::{offered, world_of};

const NAME: &str = "a.example";

#[test]
fn the_server_is_told_only_after_the_user_says_that_it_is_published() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = script.session();
    let mut flow = issuance(&[NAME]);
    let mut told_at = None;
    let begin = script.now();
    let issued = script.run(&mut session, &mut flow, |flow, session, event| match event {
        IssuanceEvent::Provision(challenge) => {
            told_at = Some(challenge.id());
            let delay = Duration::from_secs(30);
            flow.ready_after(&challenge.id(), delay).expect("handed out");
        }
        other => oblige(flow, session, other),
    });
    assert!(issued.is_ok() && told_at.is_some() && begin < script.now());
    let sent = script.at("/challenge/1")[0].millis;
    // covers 8555-8.2-1
    assert!((30_000..31_000).contains(&sent), "{sent} ms");
}

#[test]
fn an_error_in_a_challenge_that_is_still_processing_is_no_failure() {
    let mut failing = challenge("processing", "http-01", 1);
    failing["error"] = json!({ "detail": "not yet" });
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/challenge/1", [object(&failing)]);
    let mut looked = authorization("pending", NAME, 1);
    looked["challenges"] = json!([failing]);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&looked)]);
    let mut polls = vec![object(&order("pending", &[NAME])); 7];
    polls.push(object(&order("ready", &[NAME])));
    script.on("/order/1", polls);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-8-2
    assert!(issued.is_ok(), "{issued:?}");
    assert!(script.count("/authz/1") > 1, "{issued:?}");
    // covers 8555-7.1.6-4
    assert_eq!(script.count("/challenge/1"), 1, "it is not answered again");
    // covers 8555-8.2-4
    assert_eq!(script.count("/challenge/1"), 1);
}

#[test]
fn the_answer_to_a_challenge_may_ask_to_wait() {
    let mut script = CannedServer::obliging(&[NAME]);
    let waits = object(&challenge("processing", "http-01", 1)).with_header("retry-after", "15");
    script.on("/challenge/1", [waits]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let told = script.at("/challenge/1")[0].millis;
    let wait = script.at("/order/1")[0].millis - told;
    // covers 8555-8.2-3
    assert!((15_000..16_000).contains(&wait), "{wait} ms");
}

#[test]
fn a_challenge_left_pending_with_an_error_is_answered_again_and_then_given_up() {
    // step-ca and Caddy: the challenge, the authorization and the order stay pending forever. Four validations may fail.
    let quirks = Quirks { challenge_error_leaves_pending: true, ..Quirks::default() };
    let plan = SolverPlan { forgets: true, ..SolverPlan::default() };
    let (world, result) = world_of(&plan, &[NAME], quirks);
    let error = result.expect_err("nothing is published");
    let told = matches!(&error, Error::Order(o) if o.failures()[0].problem().is_some());
    // covers 8555-8.2-2
    assert!(told, "{error}");
    assert!(error.to_string().contains("nothing is published"), "{error}");
    let answers = world.transcript.iter().filter(|e| e.kind == RequestKind::Challenge).count();
    // covers 8555-8.2-4
    assert_eq!(answers, 4);
    let seconds =
        (world.transcript.last().expect("asked").millis - world.transcript[0].millis) / 1000;
    assert!(seconds < 60, "{seconds} seconds");
    assert_eq!(offered(&world).iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    assert!(world.published.is_empty());
}

#[test]
fn a_second_try_succeeds_where_the_server_leaves_the_challenge_pending() {
    let quirks = Quirks { challenge_error_leaves_pending: true, ..Quirks::default() };
    let plan = SolverPlan { forgets_kinds: vec![ChallengeKind::Http01], ..SolverPlan::default() };
    let (world, result) = world_of(&plan, &[NAME], quirks);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(offered(&world).len(), 2, "the second kind proves it");
}

#[test]
fn an_error_answer_to_a_challenge_undoes_it_and_offers_the_other_kinds() {
    // serles
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let refusal = FaultAction::Problem(Problem::new(400, "incorrectResponse", "the wrong content"));
    let rule = FaultRule::next(refusal).on(RequestKind::Challenge);
    world.ca.set_faults(Faults::none().with(rule));
    let result = issue(&mut world, &mut session, &[NAME]);
    assert!(result.is_ok(), "{result:?}");
    let offers = offered(&world);
    // covers 8555-7.1.4-6
    assert_eq!(offers.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    let cleaned = world.events.iter().position(|(_, e)| matches!(e, IssuanceEvent::CleanUp(_)));
    let again = world.events.iter().rposition(|(_, e)| matches!(e, IssuanceEvent::Provision(_)));
    // covers 8555-7.5.1-6
    assert!(cleaned < again, "the first one is cleaned up before the end");
    let kept = world.notices.iter().any(|notice| {
        matches!(notice, Notice::Progress(Progress::ChallengeFailed(_, ChallengeKind::Http01, Some(p)))
            if p.detail() == Some("the wrong content"))
    });
    assert!(kept, "{:?}", world.notices);
}

#[test]
fn a_malformed_answer_to_a_challenge_that_stays_pending_does_not_hang() {
    // SSL.com sends `malformed` for a challenge that is no longer pending; other CAs send it for anything.
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let refusal = FaultAction::Problem(Problem::new(400, "malformed", "the wrong content"));
    let rule = FaultRule::next(refusal).on(RequestKind::Challenge);
    world.ca.set_faults(Faults::none().with(rule));
    let result = issue(&mut world, &mut session, &[NAME]);
    assert!(result.is_ok(), "{result:?}");
    let seconds =
        (world.transcript.last().expect("asked").millis - world.transcript[0].millis) / 1000;
    assert!(seconds < 30, "{seconds} seconds");
}

#[test]
fn a_challenge_that_is_no_longer_pending_is_read_and_goes_on() {
    // The first response was lost, or another client was faster.
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/challenge/1", [problem(400, "malformed")]);
    let valid = authorization("valid", NAME, 1);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&valid)]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-8.2-2
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/authz/1"), 2, "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 1);
}

#[test]
fn after_a_lost_answer_the_challenge_is_read_before_it_is_answered_again() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.lose("/challenge/1");
    script.issue(issuance(&[NAME])).expect("a certificate");
    let sent: Vec<String> = script.at("/challenge/1").iter().map(|a| a.payload()).collect();
    // covers 8555-8.2-4
    assert_eq!(sent, ["{}", ""]);

    let mut script = CannedServer::obliging(&[NAME]);
    let pending = object(&challenge("pending", "http-01", 1));
    script.on("/challenge/1", [pending, object(&challenge("processing", "http-01", 1))]);
    script.lose("/challenge/1");
    script.issue(issuance(&[NAME])).expect("a certificate");
    let sent: Vec<String> = script.at("/challenge/1").iter().map(|a| a.payload()).collect();
    // covers 8555-8.2-2
    assert_eq!(sent, ["{}", "", "{}"]);
    let nonces: std::collections::BTreeSet<String> =
        script.at("/challenge/1").iter().map(|a| a.protected()["nonce"].to_string()).collect();
    // covers 8555-8.2-2
    assert_eq!(nonces.len(), 3);
}
