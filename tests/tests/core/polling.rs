//! When an issuance asks again, how long it waits, and when it gives up.

use core::time::Duration;

use acme_proto::error::{Error, Report};
use acme_proto::flow::{Flow, Input, Output};
use acme_proto::http::Response;
use acme_proto::notice::Notice;
use acme_proto::op::Resource;
use acme_proto::policy::{Policy, Schedule};
use acme_proto::session::Session;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, RequestKind, RetryAfter};
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, object, oblige, order, problem,
};
use acme_tests::world::{World, issuance, issue};
use serde_json::json;

const NAME: &str = "a.example";

/// When the order was polled, in milliseconds after the challenge was answered.
fn polls(script: &CannedServer) -> Vec<u64> {
    let told = script.at("/challenge/1")[0].millis;
    script.at("/order/1").iter().map(|asked| asked.millis - told).collect()
}

fn policy(session: &mut Session, change: impl FnOnce(&mut Policy)) {
    let mut policy = session.policy().clone();
    change(&mut policy);
    session.set_policy(policy);
}

/// Splits gaps from the times of polls.
fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Returns a server whose order 1 is pending, or processing, for so long, and the times of its polls.
fn polls_of_a_wait(session: &mut Session, status: &str, millis: i64) -> Vec<u64> {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut flow = issuance(&[NAME]);
    if status == "processing" {
        script.on("/finalize/1", [object(&order(status, &[NAME]))]);
    }
    let begins = if status == "processing" { "/finalize/1" } else { "/challenge/1" };
    let mut over = None;
    let result = loop {
        let (done, now) = (over.is_some_and(|at| at <= script.now()), script.now());
        let shown = match (status, over) {
            ("processing", None) => "ready",
            ("processing", _) if done => "valid",
            _ if done => "ready",
            _ => status,
        };
        script.on("/order/1", [object(&order(shown, &[NAME]))]);
        let input = match flow.poll_output(session, now) {
            Output::Transmit(transmit) => {
                let starts = transmit.request.url().as_str().ends_with(begins);
                let response = script.respond(transmit.request).expect("a response");
                if starts {
                    let wait = Duration::from_millis(millis as u64);
                    over = Some(script.now().saturating_add(wait));
                }
                Input::Response(transmit.id, response)
            }
            Output::Sign(sign) => Input::Signature(sign.id, script.key.sign(&sign.message)),
            Output::Event(event) => {
                oblige(&mut flow, session, event);
                continue;
            }
            Output::Timeout(at) => {
                script.sleep_until(at);
                continue;
            }
            Output::Done(result) => break result,
            _ => continue,
        };
        flow.handle_input(session, input, script.now()).expect("a known id");
    };
    assert!(result.is_ok(), "{result:?}");
    let began = script.at(begins)[0].millis + 1;
    let all = script.at("/order/1").into_iter().filter(|asked| asked.millis >= began);
    all.map(|asked| asked.millis - began).collect()
}

#[test]
fn the_first_poll_goes_out_at_once_and_each_further_one_half_as_late_again() {
    let mut session = CannedServer::new().session();
    let times = polls_of_a_wait(&mut session, "pending", 9_000);
    let expected = [0, 450, 700, 1_100, 1_720, 2_690, 4_200, 6_550, 10_200];
    assert_eq!(times.len(), expected.len(), "{times:?}");
    for (n, (time, expected)) in times.iter().zip(expected).enumerate() {
        // The jitter takes off an eighth of a wait at most.
        assert!((expected * 7 / 8..=expected + 5).contains(time), "poll {n}: {times:?}");
    }
}

#[test]
fn twelve_polls_are_enough_for_half_a_minute_and_twenty_five_for_five_minutes() {
    for (status, millis, most) in [("pending", 30_000, 12), ("processing", 30_000, 12)] {
        let times = polls_of_a_wait(&mut CannedServer::new().session(), status, millis);
        assert!(times.len() <= most, "{status}: {times:?}");
    }
    let mut session = CannedServer::new().session();
    policy(&mut session, |policy| policy.issuance_time_limit = Duration::from_secs(400));
    let times = polls_of_a_wait(&mut session, "processing", 299_000);
    assert!(times.len() <= 25, "{times:?}");
}

#[test]
fn a_session_that_knows_how_long_the_ca_takes_asks_when_that_time_is_over() {
    for status in ["pending", "processing"] {
        let mut session = CannedServer::new().session();
        let first = polls_of_a_wait(&mut session, status, 3_000);
        for _ in 0..4 {
            polls_of_a_wait(&mut session, status, 3_000);
        }
        let times = polls_of_a_wait(&mut session, status, 3_000);
        assert!(times.len() < first.len(), "{status}: {times:?} after {first:?}");
        assert!(times[0] > 2_000, "{status}: the first goes out late: {times:?}");
        let last = *times.last().expect("a poll");
        assert!(last < 3_300, "{status}: {times:?}");
        // A CA that takes longer than ever is waited for, and one that is quick is learnt from.
        assert!(polls_of_a_wait(&mut session, status, 29_000).len() <= 12);
        for _ in 0..12 {
            polls_of_a_wait(&mut session, status, 0);
        }
        let times = polls_of_a_wait(&mut session, status, 0);
        assert!(times[0] < 100, "{status}: {times:?}");
    }
}

#[test]
fn a_retry_after_comes_before_what_the_session_remembers() {
    let mut session = CannedServer::new().session();
    for _ in 0..4 {
        polls_of_a_wait(&mut session, "pending", 9_000);
    }
    let mut script = CannedServer::obliging(&[NAME]);
    let processing = object(&challenge("processing", "http-01", 1));
    script.on("/challenge/1", [processing.with_header("retry-after", "2")]);
    script.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    let times = polls(&script);
    assert!((2_000..2_050).contains(&times[0]), "{times:?}");
}

#[test]
fn polls_follow_the_schedule_of_the_policy() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut answers = vec![object(&order("pending", &[NAME])); 4];
    answers.push(object(&order("ready", &[NAME])));
    script.on("/order/1", answers);
    let mut session = script.session();
    policy(&mut session, |policy| {
        policy.poll = Some(Schedule::new(Duration::from_secs(8), 1.0, Duration::from_secs(8)));
    });
    script.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
    let gaps = gaps(&polls(&script));
    assert!(gaps.iter().all(|gap| (6_000..8_100).contains(gap)), "{gaps:?}");
}

#[test]
fn retry_after_is_honoured_as_seconds_and_as_a_date() {
    let mut script = CannedServer::obliging(&[NAME]);
    let pending = object(&order("pending", &[NAME]));
    // The script begins at 14:13:20.
    script.on(
        "/order/1",
        [
            pending.clone().with_header("retry-after", "30"),
            pending.clone().with_header("retry-after", "Mon, 21 Sep 2026 14:14:20 GMT"),
            pending.with_header("retry-after", "Monday, 21-Sep-26 14:15:20 GMT"),
            object(&order("ready", &[NAME])),
        ],
    );
    script.issue(issuance(&[NAME])).expect("a certificate");
    let at: Vec<u64> = script.at("/order/1").iter().map(|asked| asked.millis / 1000).collect();
    // covers 9110-10.2.3-1
    assert_eq!(at[1], 30, "{at:?}");
    // covers 8555-7.4-18
    assert_eq!(at, [0, 30, 60, 120]);
    let told = script
        .notices
        .iter()
        .filter(|n| matches!(n, Notice::Waiting { asked_by_server: true, .. }))
        .count();
    assert_eq!(told, 3);
}

#[test]
fn an_unreadable_retry_after_is_as_none() {
    // Some CAs send a Retry-After that is neither seconds nor a date.
    for text in ["soon", "-5", "", "1.5"] {
        let mut script = CannedServer::obliging(&[NAME]);
        let pending = object(&order("pending", &[NAME])).with_header("retry-after", text);
        script.on("/order/1", [pending, object(&order("ready", &[NAME]))]);
        script.issue(issuance(&[NAME])).expect("a certificate");
        let gap = gaps(&polls(&script))[0];
        assert!(gap < 500, "{text:?}: {gap} ms");
    }
}

#[test]
fn a_wait_beyond_the_cap_ends_the_flow_and_the_order_can_be_resumed() {
    let mut script = CannedServer::obliging(&[NAME]);
    let processing = object(&order("processing", &[NAME]));
    script.on("/finalize/1", [processing.with_header("retry-after", "86400")]);
    let mut session = script.session();
    let mut flow = issuance(&[NAME]);
    let error = script.run(&mut session, &mut flow, |f, s, e| oblige(f, s, e)).expect_err("a day");
    let Error::RetryLater { url, until } = &error else { panic!("{error}") };
    let wait = until.saturating_duration_since(script.now()).as_secs();
    // covers 8555-6.6-2
    assert!((86_000..=86_400).contains(&wait), "{error}");
    assert_eq!(error.retry_at(), Some(*until));
    assert_eq!(url.as_str(), format!("{BASE}/order/1"));

    let snapshot = flow.snapshot().expect("a snapshot");
    script.on("/order/1", [object(&order("valid", &[NAME]))]);
    script.issue(acme_proto::issuance::Issuance::resume(snapshot)).expect("a certificate");
    assert_eq!((script.count("/newOrder"), script.count("/finalize/1")), (1, 1));
}

#[test]
fn a_huge_retry_after_breaks_nothing() {
    for text in ["18446744073709551615", "99999999999999999999999999"] {
        let mut script = CannedServer::obliging(&[NAME]);
        let pending = object(&order("pending", &[NAME])).with_header("retry-after", text);
        script.on("/order/1", [pending]);
        let error = script.issue(issuance(&[NAME])).expect_err("for ever");
        assert!(matches!(error, Error::RetryLater { .. }), "{error}");
    }
}

#[test]
fn a_retry_after_beyond_the_cap_on_a_challenge_delays_the_next_read_by_the_cap() {
    let mut script = CannedServer::obliging(&[NAME]);
    let challenge = object(&challenge("processing", "http-01", 1));
    script.on("/challenge/1", [challenge.with_header("retry-after", "86400")]);
    script.issue(issuance(&[NAME]).with_time_limit(Duration::from_secs(3_600))).expect("in time");
    let responded = script.at("/challenge/1")[0].millis;
    let read = script.at("/order/1")[0].millis;
    assert_eq!((read - responded) / 1000, 600, "{responded} {read}");
}

#[test]
fn no_sleep_goes_past_the_deadline_without_a_last_look() {
    let mut script = CannedServer::obliging(&[NAME]);
    let pending = object(&order("pending", &[NAME])).with_header("retry-after", "100");
    script.on("/order/1", [pending]);
    let flow = issuance(&[NAME]).with_time_limit(Duration::from_secs(60));
    let error = script.issue(flow).expect_err("too late");
    assert!(matches!(error, Error::Deadline(_)), "{error}");
    let last = script.at("/order/1").last().expect("a poll").millis;
    assert!((55_000..60_000).contains(&last), "the last look was at {last} ms");
}

#[test]
fn a_last_look_that_finds_the_order_ready_still_saves_it() {
    let mut script = CannedServer::obliging(&[NAME]);
    let pending = object(&order("pending", &[NAME])).with_header("retry-after", "100");
    script.on("/order/1", [pending, object(&order("ready", &[NAME]))]);
    let flow = issuance(&[NAME]).with_time_limit(Duration::from_secs(60));
    script.issue(flow).expect("a certificate in the last seconds");
}

#[test]
fn the_deadline_says_what_was_waited_for() {
    for (status, waited_for) in
        [("pending", Resource::Authorization), ("processing", Resource::Certificate)]
    {
        let mut script = CannedServer::obliging(&[NAME]);
        script.on("/order/1", [object(&order(status, &[NAME]))]);
        let flow = issuance(&[NAME]).with_time_limit(Duration::from_secs(20));
        let error = script.issue(flow).expect_err("too late");
        let Error::Deadline(late) = &error else { panic!("{error}") };
        assert_eq!(late.waiting_for(), waited_for);
        assert_eq!(error.url().map(ToString::to_string), Some(format!("{BASE}/order/1")));
        let ended = script.asked.last().expect("a request").millis;
        assert!(ended <= 20_000, "{ended}");
    }
}

#[test]
fn polls_that_fail_for_a_while_do_not_end_the_order() {
    let mut script = CannedServer::obliging(&[NAME]);
    let busy = Response::new(503).with_header("retry-after", "3");
    let busy_without_time = problem(500, "serverInternal");
    script.on("/order/1", [busy, busy_without_time, object(&order("ready", &[NAME]))]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(script.count("/order/1"), 3);
}

#[test]
fn random_statuses_come_to_an_end() {
    let statuses = ["pending", "ready", "processing", "valid", "invalid", "ready", "pending"];
    for seed in 0..300_u64 {
        let mut rng = acme_tests::world::Rng::new(seed);
        let mut pick = |script: &mut CannedServer, path: &str, length: u64| {
            let some = (0..=rng.below(length))
                .map(|_| object(&order(statuses[rng.below(7) as usize], &[NAME])));
            script.on(path, some.collect::<Vec<_>>());
        };
        let mut script = CannedServer::obliging(&[NAME]);
        pick(&mut script, "/order/1", 12);
        pick(&mut script, "/finalize/1", 3);
        let authorizations = ["pending", "valid", "pending", "invalid", "valid"]
            .map(|status| object(&authorization(status, NAME, 1)));
        script.on("/authz/1", authorizations[..1 + seed as usize % 5].to_vec());
        let flow = issuance(&[NAME]).with_time_limit(Duration::from_secs(120));
        let result = script.issue(flow);
        let asked = script.asked.len();
        // covers 8555-7.1.6-3
        assert!(asked < 150, "seed {seed}: {asked} requests, {result:?}");
        let ends = result.as_ref().map_or_else(
            |e| matches!(e, Error::Order(_) | Error::Deadline(_) | Error::Peer(_)),
            |_| true,
        );
        // covers 8555-7.1.6-2
        assert!(ends, "seed {seed}: {result:?}");
    }
}

#[test]
fn every_path_of_the_order_that_skips_states_ends_in_a_certificate() {
    for (read, finalized) in [
        (&["ready"][..], &["valid"][..]),
        (&["pending", "ready"], &["valid"]),
        (&["ready", "valid"], &["processing"]),
        (&["ready", "processing", "valid"], &["processing"]),
        (&["processing", "valid"], &[]),
        (&["valid"], &[]),
    ] {
        let mut script = CannedServer::obliging(&[NAME]);
        let answers = |all: &[&str]| {
            all.iter().map(|status| object(&order(status, &[NAME]))).collect::<Vec<_>>()
        };
        script.on("/order/1", answers(read));
        script.on("/finalize/1", answers(finalized));
        let issued = script.issue(issuance(&[NAME]));
        // covers 8555-7.1.6-2
        assert!(issued.is_ok(), "{read:?} {finalized:?}: {issued:?}");
        // covers 8555-7.1.6-1
        assert_eq!(script.count("/cert/1"), 1);
    }
}

#[test]
fn a_slow_ca_is_waited_for() {
    // Dogtag's orders become ready late, and ZeroSSL's stay in processing for minutes.
    for (ready_delay, processing) in [(5, 0), (0, 6), (4, 4)] {
        let mut config = CaConfig::default();
        config.ready_delay_polls = ready_delay;
        config.processing_polls = processing;
        config.retry_after_order = Some(RetryAfter::Seconds(7));
        let mut world = World::new(config, 1);
        let mut session = world.registered();
        let before = world.now();
        issue(&mut world, &mut session, &[NAME]).expect("a certificate");
        let took = world.now().saturating_duration_since(before).as_secs();
        assert!(took >= 7 * u64::from(ready_delay + processing - 2), "{took} seconds");
        assert!(took <= 7 * u64::from(ready_delay + processing + 2), "{took} seconds");
        let finalized = world.transcript.iter().filter(|e| e.kind == RequestKind::Finalize).count();
        // covers 8555-7.4-20
        assert_eq!(finalized, 1);
    }
}

#[test]
fn the_order_url_is_kept_where_answers_have_no_location() {
    // Buypass sends no Location with finalize, Boulder none with an order, and Telesec answers finalize with 201.
    let quirks = acme_testca::Quirks {
        no_location_on_finalize: true,
        no_location_on_order: true,
        finalize_created: true,
        challenge_accepted: true,
        ..acme_testca::Quirks::default()
    };
    let mut config = CaConfig::default();
    config.processing_polls = 2;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    world.ca.set_quirks(quirks);
    let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    let polled = world.transcript.iter().filter(|e| e.kind == RequestKind::Order);
    assert!(polled.into_iter().all(|e| e.request.url() == issued.order_url()));
}

#[test]
fn a_held_up_answer_is_waited_for_within_the_limit_of_the_request() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let rule = FaultRule::next(FaultAction::DropBefore).on(RequestKind::Order).times(2);
    world.ca.set_faults(Faults::none().with(rule));
    issue(&mut world, &mut session, &[NAME]).expect("a certificate");
}

#[test]
fn rate_limited_polls_wait_as_long_as_they_are_told() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let limited = FaultAction::rate_limited(Some("40"));
    let rule = FaultRule::next(limited).on(RequestKind::Order);
    world.ca.set_faults(Faults::none().with(rule));
    let before = world.now();
    issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    let took = world.now().saturating_duration_since(before).as_secs();
    // covers 8555-6.6-2
    assert!((40..43).contains(&took), "{took} seconds");
}

#[test]
fn an_old_error_in_the_answer_to_a_second_response_is_no_new_failure() {
    // The first try fails; the answer to the second response still shows that failure, and then it passes.
    let failed = || {
        let mut failed = challenge("pending", "http-01", 1);
        failed["error"] =
            json!({ "type": "urn:ietf:params:acme:error:connection", "detail": "refused" });
        failed
    };
    let mut script = CannedServer::obliging(&[NAME]);
    let mut open = authorization("pending", NAME, 1);
    open["challenges"][0] = failed();
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&open)]);
    script.on("/challenge/1", [object(&failed())]);
    let pending = || object(&order("pending", &[NAME]));
    script.on("/order/1", [pending(), object(&order("ready", &[NAME]))]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    // covers 8555-8-2
    assert_eq!(script.count("/challenge/1"), 2, "{:?}", script.paths());
}

#[test]
fn when_the_time_is_up_the_reason_of_a_challenge_that_was_never_decided_is_told() {
    let mut stuck = challenge("processing", "http-01", 1);
    stuck["error"] = json!({ "type": "urn:ietf:params:acme:error:dns", "detail": "no such name" });
    let mut open = authorization("pending", NAME, 1);
    open["challenges"][0] = stuck.clone();
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&open)]);
    script.on("/challenge/1", [object(&stuck)]);
    script.on("/order/1", [object(&order("pending", &[NAME]))]);
    let error = script.issue(issuance(&[NAME])).expect_err("never decided");
    let Error::Deadline(late) = &error else { panic!("{error}") };
    let told = matches!(late.last_error(), Some(Error::Order(_)));
    // covers 8555-8.2-3
    assert!(told, "{error}");
    assert!(Report::new(&error).to_string().contains("no such name"), "{error}");
}

#[test]
fn an_unreadable_answer_to_a_finalize_that_was_taken_is_survived() {
    for junk in [Response::new(200).with_body("<html>"), object(&json!({})).truncated()] {
        let mut script = CannedServer::obliging(&[NAME]);
        script.on("/finalize/1", [junk.clone()]);
        script.on("/order/1", [object(&order("ready", &[NAME])), object(&order("valid", &[NAME]))]);
        script.issue(issuance(&[NAME])).expect("a certificate");
        // covers 8555-7.4-20
        assert_eq!(script.count("/finalize/1"), 1, "{junk:?}");

        // A server that never answers otherwise, and never takes it, is given up.
        script.on("/order/1", [object(&order("ready", &[NAME]))]);
        script.asked.clear();
        let error = script.issue(issuance(&[NAME])).expect_err("never taken");
        assert!(matches!(error, Error::Peer(_)), "{error}");
        assert_eq!(script.count("/finalize/1"), 4, "{junk:?}");
    }
}

#[test]
fn an_unreadable_answer_to_a_challenge_response_is_survived() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/challenge/1", [Response::new(200).with_body("<html>")]);
    let answers = [authorization("pending", NAME, 1), authorization("valid", NAME, 1)];
    script.on("/authz/1", answers.iter().map(object));
    script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(script.count("/challenge/1"), 1);
}

#[test]
fn a_slow_validation_of_many_names_has_few_authorizations_read_again() {
    let names: Vec<String> = (0..30).map(|number| format!("n{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut script = CannedServer::obliging(&names);
    let mut polls = vec![object(&order("pending", &names)); 3];
    polls.push(object(&order("ready", &names)));
    script.on("/order/1", polls);
    for number in 1..=names.len() {
        let validated = object(&challenge("processing", "http-01", number));
        script.on(&format!("/challenge/{number}"), [validated]);
    }
    script.issue(issuance(&names)).expect("a certificate");
    let reads = script.paths().iter().filter(|path| path.starts_with("/authz/")).count();
    assert_eq!(reads, 30 + 4);
}
