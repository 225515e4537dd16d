//! Rate limits, `Retry-After` and servers that are unavailable (RFC 8555 section 6.6, RFC 9110 section 10.2.3).

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::Error;
use acme_proto::http::{Method, Response};
use acme_proto::notice::Notice;
use acme_proto::op::{FindAccount, GetAccount, GetDirectory, NewOrder};
use acme_proto::policy::{Rate, Rates, ResourceClass};
use acme_proto::register::Register;
use acme_proto::time::Timestamp;
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, RequestKind};
use acme_tests::script::{
    ACCOUNT, BEGINNING, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, NEW_ORDER, Script, URN, account,
    account_object, answer, directory, problem, problem_document,
};
use acme_tests::world::{World, issue};
use serde_json::json;

/// A moment two minutes after a script has begun, in the three forms of RFC 9110 section 5.6.7.
const LATER: [&str; 3] =
    ["Mon, 21 Sep 2026 14:15:20 GMT", "Monday, 21-Sep-26 14:15:20 GMT", "Mon Sep 21 14:15:20 2026"];
const LATER_SECONDS: i64 = BEGINNING + 120;

fn unavailable(retry_after: &str) -> Response {
    Response::new(503).with_header("Retry-After", retry_after)
}

fn rate_limited(status: u16, retry_after: &str) -> Response {
    problem(status, "rateLimited").with_header("Retry-After", retry_after)
}

/// Reads the directory after one answer, and returns how long that took.
fn directory_after(first: Response) -> Duration {
    let mut script = Script::new().get(DIRECTORY, first).get(DIRECTORY, directory());
    let begin = script.now();
    script
        .run(Call::new(GetDirectory).with_time_limit(Duration::from_secs(900)))
        .expect("a directory");
    script.now().saturating_duration_since(begin)
}

#[test]
fn retry_after_in_seconds_is_waited_for() {
    for (value, seconds) in [("120", 120), (" 120 ", 120), ("1", 1)] {
        let waited = directory_after(unavailable(value));
        // covers 8555-6.6-2, 9110-10.2.3-1
        assert_eq!(waited, Duration::from_secs(seconds), "{value:?}: {waited:?}");
        // covers 8555-6.6-3
        assert!(waited >= Duration::from_secs(seconds));
    }
}

#[test]
fn retry_after_as_a_date_is_waited_for_in_all_three_forms() {
    for date in LATER {
        let waited = directory_after(unavailable(date));
        // covers 9110-5.6.7-1, 8555-6.6-2
        assert_eq!(waited, Duration::from_secs(120), "{date}: {waited:?}");
        // covers fld-hdr-3
        assert_eq!(waited, Duration::from_secs(120));
    }
}

#[test]
fn a_two_digit_year_far_ahead_means_the_past() {
    // 94 would be 2094, more than fifty years ahead.
    let waited = directory_after(unavailable("Sunday, 06-Nov-94 08:49:37 GMT"));
    // covers 9110-5.6.7-2
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[test]
fn a_retry_after_that_is_none_leaves_it_to_the_backoff() {
    for nonsense in ["soon", "-1", "1.5", "", "0x10", "1e3"] {
        let waited = directory_after(unavailable(nonsense));
        let backoff = Duration::from_millis(375)..=Duration::from_millis(500);
        // covers 8555-6.6-5, 9110-10.2.3-1
        assert!(backoff.contains(&waited), "{nonsense}: {waited:?}");
        // covers fld-hdr-3
        assert!(backoff.contains(&waited), "{backoff:?}");
    }
}

#[test]
fn a_time_that_has_come_is_no_reason_to_hurry() {
    for past in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let waited = directory_after(unavailable(past));
        // covers 9110-10.2.3-2
        assert!(waited < Duration::from_secs(1), "{past}: {waited:?}");
        // covers 8555-6.6-6
        assert!(waited >= Duration::from_millis(375), "{past}: {waited:?}");
    }
}

#[test]
fn a_wait_beyond_the_cap_ends_the_flow_and_tells_when_to_come_back() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, rate_limited(429, "601"));
    let long = Duration::from_secs(3600);
    let error = script.run(Register::new().with_time_limit(long)).expect_err("too long");
    let until = Timestamp::from_unix_seconds(BEGINNING + 601);
    // covers 8555-6.6-2
    assert_eq!(error.retry_at(), Some(until), "{error}");
    // covers 8555-6.6-1
    assert_eq!(error.problem_type(), Some(&ProblemType::RateLimited));
    // covers 8555-6.6-3
    assert_eq!(script.posts().len(), 1);
    assert!(script.waits.is_empty(), "{:?}", script.waits);
    assert!(error.to_string().contains("2026-09-21T14:23:21Z"), "{error}");
}

#[test]
fn a_wait_beyond_the_deadline_ends_the_flow_at_once() {
    let mut script = Script::new().get(DIRECTORY, unavailable("119"));
    let error = script.run(Call::new(GetDirectory).with_time_limit(Duration::from_secs(100)));
    let error = error.expect_err("too long");
    // covers 8555-6.6-2
    assert!(error.retry_at().is_some(), "{error}");
    assert!(script.waits.is_empty(), "{error}");
}

#[test]
fn a_huge_retry_after_saturates() {
    for huge in ["18446744073709551615", "99999999999999999999", "9223372036854775807"] {
        let mut script = Script::new().get(DIRECTORY, unavailable(huge));
        let error = script.run(Call::new(GetDirectory)).expect_err("too long");
        let far = error.retry_at().is_some_and(|at| at.unix_seconds() > BEGINNING + (1 << 40));
        // covers 9110-10.2.3-2
        assert!(far, "{huge}: {error}");
        assert_eq!(script.requests.len(), 1, "{huge}: {error}");
        // covers 8555-6.6-5
        assert!(far, "{error:?}");
    }
}

#[test]
fn a_wait_that_is_too_long_for_one_flow_does_not_block_the_session() {
    // Such limits are about one name or one account, and a hostile one would block everything.
    let mut script = Script::new().known_account().start();
    let object = || answer(200, &account_object());
    script = script.post(ACCOUNT, rate_limited(429, "18446744073709551615"));
    script.run(Call::new(GetAccount)).expect_err("too long");
    script = script.post(ACCOUNT, object());
    let read = script.run(Call::new(GetAccount));
    // covers 8555-6.6-6
    assert!(read.is_ok(), "{:?}", read.as_ref().err());
    assert!(script.waits.is_empty(), "{:?}", read.as_ref().err());
}

#[test]
fn rate_limited_is_known_by_its_type_whatever_the_status() {
    for status in [400, 403, 429, 503] {
        let mut script = Script::new().start().post(NEW_ACCOUNT, rate_limited(status, "3600"));
        let error = script.run(Register::new()).expect_err("limited");
        // covers 8555-6.6-1
        assert_eq!(error.problem_type(), Some(&ProblemType::RateLimited), "{error}");
        assert!(matches!(&error, Error::Problem(p) if p.status() == status), "{error}");
    }
}

#[test]
fn rate_limited_with_a_short_time_is_waited_for() {
    for status in [403, 429, 503] {
        let mut script = Script::new()
            .start()
            .post(NEW_ACCOUNT, rate_limited(status, "30"))
            .post(NEW_ACCOUNT, account(201));
        script.run(Register::new()).expect("an account");
        let waited = script.waits.iter().sum::<Duration>();
        // covers 8555-6.6-3
        assert_eq!(waited, Duration::from_secs(30), "{status}: {waited:?}");
    }
}

#[test]
fn rate_limited_without_a_time_is_not_tried_again() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, problem(403, "rateLimited"));
    let error = script.run(Register::new()).expect_err("limited");
    // covers 8555-6.6-6
    assert_eq!(script.posts().len(), 1, "{error}");
    assert!(error.retry_at().is_none(), "{error}");
    // covers 8555-6.6-1
    assert!(error.to_string().contains("wait, then try again"), "{error}");
}

#[test]
fn rate_limited_with_429_and_no_time_is_tried_four_times_with_growing_waits() {
    let mut script = Script::new().start();
    for _ in 0..4 {
        script = script.post(NEW_ACCOUNT, problem(429, "rateLimited"));
    }
    let error = script.run(Register::new()).expect_err("limited");
    // covers 8555-6.6-6
    assert_eq!(error.problem_type(), Some(&ProblemType::RateLimited), "{error}");
    assert!(script.waits.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", script.waits);
}

#[test]
fn every_help_link_is_shown() {
    let limited = rate_limited(429, "3600")
        .with_header("Link", "<https://example.com/rate-limits>;rel=\"help\", </more>; rel=help")
        .with_header("Link", "<https://example.com/acme/directory>;rel=\"index\"");
    let mut script = Script::new().start().post(NEW_ACCOUNT, limited);
    let error = script.run(Register::new()).expect_err("limited");
    let Error::Problem(problem) = &error else { panic!("{error}") };
    let help: Vec<_> = problem.help().iter().map(|url| url.as_str()).collect();
    let both = help == ["https://example.com/rate-limits", "https://example.com/more"];
    // covers 8555-6.6-4
    assert!(both, "{help:?}");
    // covers fld-hdr-8
    assert!(both);
    assert!(error.to_string().contains("see https://example.com/more"));
}

#[test]
fn a_rate_limit_leaves_the_account_alone() {
    let mut script = Script::new().known_account().start().post(ACCOUNT, rate_limited(429, "3600"));
    script.run(Call::new(GetAccount)).expect_err("limited");
    // covers 8555-6.6-6
    assert_eq!(script.session.account_url().map(|url| url.as_str()), Some(ACCOUNT));
}

#[test]
fn an_order_that_was_rate_limited_goes_on() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let limit = |kind| FaultRule::next(FaultAction::rate_limited(Some("20"))).on(kind);
    let kinds = [RequestKind::NewOrder, RequestKind::Authorization, RequestKind::Finalize];
    let faults = kinds.into_iter().fold(Faults::none(), |faults, kind| faults.with(limit(kind)));
    world.ca.set_faults(faults);
    let issued = issue(&mut world, &mut session, &["a.test"]);
    let orders = world.transcript.iter().filter(|e| e.kind == RequestKind::NewOrder).count();
    // covers 8555-6.6-6
    assert!(issued.is_ok(), "{:?}", world.lines());
    assert_eq!(orders, 2, "{:?}", world.lines());
    for (n, exchange) in world.transcript.iter().enumerate() {
        let again = world.transcript[n + 1..].iter().find(|e| e.kind == exchange.kind);
        if exchange.problem.is_some() {
            let apart = again.expect("sent again").millis - exchange.millis;
            // covers 8555-6.6-3
            assert!(apart >= 20_000, "{apart} ms");
        }
    }
}

#[test]
fn an_unavailable_server_is_asked_four_times_with_growing_waits() {
    let mut script = Script::new();
    for _ in 0..4 {
        script = script.get(DIRECTORY, Response::new(502));
    }
    let error = script.run(Call::new(GetDirectory)).expect_err("down");
    let growing = script.waits.windows(2).all(|pair| pair[0] < pair[1]);
    // covers 8555-6.6-5
    assert!(growing, "{:?}", script.waits);
    assert_eq!(script.waits.len(), 3, "{:?}", script.waits);
    assert!(matches!(&error, Error::Problem(p) if p.status() == 502), "{error}");
    let retries = script.notices.iter().filter(|n| matches!(n, Notice::Retry { .. })).count();
    assert_eq!(retries, 3);
}

#[test]
fn what_a_server_will_never_do_is_not_tried_again() {
    for status in [400, 404, 405, 415, 501, 505] {
        let mut script = Script::new().get(DIRECTORY, Response::new(status));
        script.run(Call::new(GetDirectory)).expect_err("refused");
        assert!(script.waits.is_empty(), "{status}");
    }
}

#[test]
fn one_429_holds_the_other_flows_of_the_session_too() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, rate_limited(429, "60"));
    let flow = Call::new(FindAccount).with_time_limit(Duration::from_secs(30));
    script.run(flow).expect_err("too long for this one");
    script = script.post(NEW_ACCOUNT, account(200));
    let begin = script.now();
    script.run(Call::new(FindAccount)).expect("an answer");
    let waited = script.now().saturating_duration_since(begin);
    // covers 8555-6.6-3
    assert!(waited >= Duration::from_secs(59), "{waited:?}");
}

#[test]
fn a_class_of_resources_that_is_held_holds_no_other() {
    let order = json!({
        "status": "pending", "identifiers": [{ "type": "dns", "value": "a.example" }],
        "authorizations": [], "finalize": "https://example.com/f",
    });
    let mut script = Script::new().known_account().start();
    script = script.post(NEW_ORDER, rate_limited(429, "100"));
    let request = || NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
    let short = Duration::from_secs(30);
    script.run(Call::new(request()).with_time_limit(short)).expect_err("too long");
    script = script.post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    assert!(script.waits.is_empty(), "{:?}", script.waits);
    let created = answer(201, &order).with_header("Location", "https://example.com/order/1");
    script = script.post(NEW_ORDER, created);
    script.run(Call::new(request())).expect("an order");
    let waited = script.waits.iter().sum::<Duration>();
    // covers 8555-6.6-3
    assert_eq!(waited, Duration::from_secs(100));
}

#[test]
fn a_request_that_would_wait_beyond_its_deadline_says_so_at_once() {
    let mut script = Script::new().known_account().start();
    script = script.post(ACCOUNT, rate_limited(429, "500"));
    let short = Duration::from_secs(30);
    script.run(Call::new(GetAccount).with_time_limit(short)).expect_err("too long");
    let error = script.run(Call::new(GetAccount).with_time_limit(short)).expect_err("held");
    let until = Timestamp::from_unix_seconds(BEGINNING + 500);
    // covers 8555-6.6-2
    assert_eq!(error.retry_at(), Some(until), "{error}");
    assert!(script.waits.is_empty(), "waited for nothing: {:?}", script.waits);
}

#[test]
fn a_slot_that_was_reserved_before_a_429_is_not_used_before_its_time() {
    let rates =
        Rates::unlimited().with_rate(ResourceClass::NewOrder, Rate { per_second: 1, burst: 1 });
    let config = CaConfig::default();
    let mut world = World::new(config, 1);
    let mut policy = world.session().policy().clone();
    policy.rates = rates;
    let mut session = world.session().with_policy(policy);
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let limit = FaultRule::next(FaultAction::rate_limited(Some("30"))).on(RequestKind::NewOrder);
    world.ca.set_faults(Faults::none().with(limit));
    let flow = |n| {
        let name = format!("n{n}.test").parse().expect("a name");
        Call::new(NewOrder::new([name]).expect("a name"))
    };
    let results = world.run_all(&mut session, (0..5).map(flow).collect(), |_, _, _, _, _, _| ());
    assert!(results.iter().all(Result::is_ok), "{:?}", world.lines());
    let orders = world.transcript.iter().filter(|e| e.kind == RequestKind::NewOrder);
    let times: Vec<_> = orders.map(|e| e.millis).collect();
    // covers 8555-6.6-3
    assert!(times[1] - times[0] >= 30_000, "{times:?}");
    // covers 8555-6.6-6
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 999), "{times:?}");
}

#[test]
fn retry_after_of_an_error_without_a_problem_document_counts() {
    let page = Response::new(429)
        .with_header("Retry-After", LATER[0])
        .with_header("Content-Type", "text/html")
        .with_body("<html>slow down</html>");
    let mut script = Script::new()
        .get(DIRECTORY, directory())
        .exact(Method::Head, NEW_NONCE, page)
        .nonce("n")
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new().with_time_limit(Duration::from_secs(400))).expect("an account");
    // covers 8555-6.6-2
    assert_eq!(script.now().unix_seconds(), LATER_SECONDS);
}

#[test]
fn a_sub_problem_may_be_the_one_that_is_rate_limited() {
    let compound = json!({
        "type": format!("{URN}compound"),
        "subproblems": [{ "type": format!("{URN}rateLimited"), "detail": "per name",
            "identifier": { "type": "dns", "value": "a.example" } }],
    });
    let answer = problem_document(403, &compound).with_header("Retry-After", "7200");
    let mut script = Script::new().start().post(NEW_ACCOUNT, answer);
    let error = script.run(Register::new()).expect_err("limited");
    let until = Timestamp::from_unix_seconds(BEGINNING + 7200);
    // covers 8555-6.6-2
    assert_eq!(error.retry_at(), Some(until), "{error}");
    // covers 8555-6.7.1-4
    assert!(error.to_string().contains("a.example: per name"), "{error}");
}
