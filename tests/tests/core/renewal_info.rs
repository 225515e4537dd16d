//! Renewal information and the schedule that is made of it (RFC 9773).

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Unsupported};
use acme_proto::flow::Lost;
use acme_proto::http::{Method, Response};
use acme_proto::notice::Notice;
use acme_proto::op::{GetRenewalInfo, RenewalInfoEntry, Resource};
use acme_proto::policy::Schedule;
use acme_proto::renewal::{RenewalPolicy, RenewalSchedule, RenewalStep};
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::wire::{Context, RenewalInfo};
use acme_proto::x509::{Certificate, CertificateChain};
use acme_tests::script::{DIRECTORY, Script, answer, directory, directory_with, problem, url};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const INFO: &str = "https://acme.example.com/renewal-info";
/// The examples of RFC 9773 section 4.1 and Appendix A.
const ID: &str = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
const EXAMPLE: &str = "-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

/// A certificate that is valid for so many days.
fn leaf(days: u64) -> Certificate {
    let mut config = acme_testca::CaConfig::default();
    config.certificate_lifetime = days * DAY * 1000;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &["a.example"]).expect("a certificate");
    issued.chain().leaf().clone()
}

/// The schedule of a certificate of 90 days, and the moment of its issue.
fn fresh() -> (RenewalSchedule, Timestamp) {
    let leaf = leaf(90);
    let now = leaf.not_before().saturating_add(Duration::from_secs(HOUR));
    (RenewalSchedule::new(&leaf, 5), now)
}

fn after(time: Timestamp, seconds: u64) -> Timestamp {
    time.saturating_add(Duration::from_secs(seconds))
}

fn example_id() -> GetRenewalInfo {
    let chain = CertificateChain::parse_pem(EXAMPLE.as_bytes()).expect("a certificate");
    GetRenewalInfo::of(chain.leaf()).expect("an authority key identifier")
}

fn window(start: Timestamp, end: Timestamp) -> Value {
    json!({ "suggestedWindow": { "start": start, "end": end } })
}

fn read(body: &Value) -> RenewalInfo {
    let context = Context { url: &url(INFO), allow_http: false };
    RenewalInfo::parse(body.to_string().as_bytes(), context).expect("renewal information").value
}

fn entry(start: Timestamp, end: Timestamp, retry_after: Option<Timestamp>) -> RenewalInfoEntry {
    RenewalInfoEntry::new(read(&window(start, end)), retry_after)
}

/// A script that asks about the example certificate and gives this answer, without an account or a key.
fn script() -> Script {
    let known = json!({ "renewalInfo": INFO });
    Script::new()
        .session(|_| Session::new(url(DIRECTORY), 7))
        .policy(|policy| policy.tries = 1)
        .get(DIRECTORY, directory_with(&known))
}

fn ask(answer: Response) -> Result<RenewalInfoEntry, Error> {
    script().get(&format!("{INFO}/{ID}"), answer).run(Call::new(example_id()))
}

fn lost(lost: Lost) -> Error {
    let mut script = script().lost(Method::Get, &format!("{INFO}/{ID}"), lost);
    script.run(Call::new(example_id())).expect_err("no answer")
}

/// Returns the seconds until the CA is asked again.
fn next_ask(schedule: &RenewalSchedule, now: Timestamp) -> u64 {
    match schedule.next(now) {
        RenewalStep::Wait(at) => at.saturating_duration_since(now).as_secs(),
        RenewalStep::Ask(_) => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_question_of_the_rfc_is_a_plain_get_without_account_or_nonce() {
    let body = json!({
        "suggestedWindow": { "start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z" },
        "explanationURL": "https://acme.example.com/docs/ari",
    });
    let answer = answer(200, &body).with_header("Retry-After", "21600");
    let mut script = script().get(&format!("{INFO}/{ID}"), answer);
    let entry = script.run(Call::new(example_id())).expect("an answer");
    // covers 9773-4.1-5
    assert_eq!(script.lines()[1], format!("GET {INFO}/{ID}"), "{:?}", script.lines());
    let request = &script.requests[1];
    let plain = request.body().is_empty() && script.signatures.is_empty();
    // covers 9773-4.1-6
    assert!(plain, "{:?}", script.lines());
    assert_eq!(script.requests.len(), 2, "{:?}", script.lines());
    assert_eq!(request.headers().first("accept"), Some("application/json"));
    assert_eq!(entry.info().start().to_string(), "2025-01-02T04:00:00Z");
    assert_eq!(entry.retry_after(), Some(after(script.now(), 6 * HOUR)));
}

#[test]
fn the_identifier_of_the_rfc_is_made_of_key_identifier_and_serial_number() {
    let chain = CertificateChain::parse_pem(EXAMPLE.as_bytes()).expect("a certificate");
    let id = chain.leaf().renewal_id().expect("an identifier");
    let (authority, serial) = id.split_once('.').expect("two parts");
    // covers 9773-4.1-1
    assert_eq!(id, ID);
    // covers 9773-4.1-2
    assert_eq!(authority, "aYhba4dGQEHhs3uEe6CuLN4ByNQ");
    // covers 9773-4.1-3
    assert_eq!(serial, "AIdlQyE");
    // covers 9773-4.1-4
    assert!(!id.contains('='), "{id}");
}

/// The directory was fetched long ago, and renewalInfo has moved since.
#[test]
fn a_question_that_finds_nothing_at_a_known_url_is_asked_at_the_new_one() {
    let moved = "https://acme.example.com/ari";
    let body = json!({
        "suggestedWindow": { "start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z" },
    });
    let mut script = script()
        .get(&format!("{INFO}/{ID}"), answer(200, &body))
        .get(&format!("{INFO}/{ID}"), Response::new(404))
        .get(DIRECTORY, directory_with(&json!({ "renewalInfo": moved })))
        .get(&format!("{moved}/{ID}"), answer(200, &body));
    script.run_once(Call::new(example_id())).expect("an answer");
    script.run(Call::new(example_id())).expect("another answer");
}

#[test]
fn a_certificate_that_names_no_issuer_key_is_renewed_without_asking() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("a name");
    let der = params.self_signed(&key).expect("a certificate").der().to_vec();
    let certificate = Certificate::parse(der).expect("a certificate");
    let schedule = RenewalSchedule::new(&certificate, 1);
    let first = after(certificate.not_before(), 1);
    let waits = matches!(schedule.next(first), RenewalStep::Wait(at) if at == schedule.renew_at());
    // covers 9773-4.1-7
    assert!(GetRenewalInfo::of(&certificate).is_none(), "{schedule:?}");
    assert!(waits, "{schedule:?}");
    assert!(matches!(schedule.next(schedule.renew_at()), RenewalStep::Renew));
}

#[test]
fn a_ca_without_renewal_information_is_not_asked_and_two_thirds_of_the_lifetime_count() {
    let mut script = Script::new().get(DIRECTORY, directory());
    let error = script.run(Call::new(example_id())).expect_err("not offered");
    let told = matches!(&error, Error::Unsupported(Unsupported::Operation(Resource::RenewalInfo)));
    // covers 9773-3-1
    assert!(told, "{error}");
    assert_eq!(script.requests.len(), 1, "{error}");
    let (mut schedule, now) = fresh();
    schedule.on_info(&entry(after(now, 80 * DAY), after(now, 81 * DAY), None), now);
    let with_window = schedule.renew_at();
    schedule.on_error(&error, now);
    // covers 9773-3-1
    assert!(schedule.window().is_none());
    assert!(schedule.renew_at() < with_window);
    // Two thirds of a long lifetime, half of a short one.
    for (days, thirds_of_half) in [(90, 4), (6, 3)] {
        let leaf = leaf(days);
        let renew_at = RenewalSchedule::new(&leaf, 1).renew_at();
        let wait = renew_at.saturating_duration_since(leaf.not_before());
        let lifetime = leaf.not_after().saturating_duration_since(leaf.not_before());
        assert_eq!(wait.as_secs(), (lifetime / 6 * thirds_of_half).as_secs(), "{days}");
    }
}

#[test]
fn one_instant_of_the_window_is_kept_until_the_window_changes() {
    let (mut schedule, now) = fresh();
    let (start, end) = (after(now, 50 * DAY), after(now, 52 * DAY));
    assert!(schedule.on_info(&entry(start, end, None), now).is_some());
    let chosen = schedule.renew_at();
    // covers 9773-4.2-1
    assert!((start..=end).contains(&chosen), "{chosen}");
    let told = schedule.on_info(&entry(start, end, None), after(now, DAY));
    // covers 9773-4.2-5
    assert_eq!(schedule.renew_at(), chosen, "{schedule:?}");
    assert!(told.is_none(), "{schedule:?}");
    let (earlier, end) = (after(now, 20 * DAY), after(now, 51 * DAY));
    let told = schedule.on_info(&entry(earlier, end, None), after(now, DAY));
    let again = schedule.renew_at();
    // covers 9773-4.2-5
    assert_ne!(again, chosen);
    assert!((earlier..=end).contains(&again), "{again}");
    assert!(told.is_some_and(|notice| notice.to_string().contains(&earlier.to_string())));
}

#[test]
fn every_part_of_the_window_is_as_likely() {
    let leaf = leaf(90);
    let start = after(leaf.not_before(), 30 * DAY);
    let answer = entry(start, after(start, 10_000), None);
    let mut tenths = [0; 10];
    for seed in 0..4000 {
        let mut schedule = RenewalSchedule::new(&leaf, seed);
        schedule.on_info(&answer, leaf.not_before());
        let offset = schedule.renew_at().saturating_duration_since(start).as_secs();
        assert!(schedule.renew_at() >= start);
        tenths[usize::try_from(offset / 1000).expect("a tenth")] += 1;
    }
    let flat = tenths.iter().all(|count| (320..480).contains(count));
    // covers 9773-4.2-2
    assert!(flat, "{tenths:?}");
}

#[test]
fn an_instant_that_has_passed_means_to_renew_at_once() {
    let (mut schedule, now) = fresh();
    let now = after(now, 10 * DAY);
    let past = entry(after(now, 0).saturating_sub(Duration::from_secs(DAY)), now, None);
    schedule.on_info(&past, now);
    // covers 9773-4.2-3
    assert!(matches!(schedule.next(now), RenewalStep::Renew), "{schedule:?}");
    // covers 9773-6-1
    assert!({
        let slow = now.saturating_sub(Duration::from_secs(2 * DAY));
        !matches!(schedule.next(slow), RenewalStep::Renew)
    });
}

#[test]
fn who_cannot_run_at_the_instant_renews_before_it_or_asks_again() {
    let (mut schedule, now) = fresh();
    let retry_after = Some(after(now, 6 * HOUR));
    schedule.on_info(&entry(after(now, 20 * DAY), after(now, 21 * DAY), retry_after), now);
    let chosen = schedule.renew_at();
    let exactly = matches!(schedule.next(chosen), RenewalStep::Ask(_));
    schedule.on_info(&entry(after(now, 20 * DAY), after(now, 21 * DAY), None), chosen);
    // covers 9773-4.2-4
    assert!(exactly);
    assert!(matches!(schedule.next(chosen), RenewalStep::Renew));
    let hour_before = chosen.saturating_sub(Duration::from_secs(HOUR));
    schedule.on_info(&entry(after(now, 20 * DAY), after(now, 21 * DAY), None), hour_before);
    let late = schedule.next_before(hour_before, after(chosen, 1));
    // covers 9773-4.2-4
    assert!(matches!(late, RenewalStep::Renew), "{late:?}");
    let soon = schedule.next_before(hour_before, chosen);
    // covers 9773-4.2-4
    assert!(matches!(soon, RenewalStep::Wait(_)), "{soon:?}");
    schedule.on_info(&entry(after(now, 20 * DAY), after(now, 21 * DAY), retry_after), now);
    let wait = schedule.next_before(now, after(now, DAY));
    let asks = matches!(wait, RenewalStep::Wait(at) if Some(at) == retry_after);
    // covers 9773-4.2-4
    assert!(asks, "{wait:?}");
}

#[test]
fn a_window_that_does_not_open_is_no_answer() {
    let (mut schedule, now) = fresh();
    schedule.on_info(&entry(after(now, 30 * DAY), after(now, 31 * DAY), None), now);
    let before = schedule.renew_at();
    for end in [DAY, DAY - 1] {
        let body = window(after(now, DAY), after(now, end));
        let error =
            ask(answer(200, &body).with_header("Retry-After", "60")).expect_err("no window");
        schedule.on_error(&error, now);
        let waits = next_ask(&schedule, now) == 6 * HOUR && schedule.renew_at() == before;
        // covers 9773-4.2-6
        assert!(waits, "{error}");
        // covers fld-ari-2
        assert!(matches!(error, Error::Peer(_)), "{error}");
    }
}

#[test]
fn members_that_cannot_be_read_make_an_answer_invalid_or_are_ignored() {
    let good = json!({ "start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z" });
    for body in [
        // covers fld-ari-1
        json!({}),
        json!({ "suggestedWindow": "2025-01-02T04:00:00Z" }),
        // covers fld-ari-2
        json!({ "suggestedWindow": { "start": "2025-01-02T04:00:00Z" } }),
        json!({ "suggestedWindow": { "start": "soon", "end": "later" } }),
    ] {
        let error = ask(answer(200, &body));
        assert!(matches!(error, Err(Error::Peer(_))), "{body}: {error:?}");
    }
    for page in [json!("see our site"), json!(7), Value::Null] {
        let body = json!({ "suggestedWindow": good, "explanationURL": page });
        let read = ask(answer(200, &body)).expect("an answer");
        // covers fld-ari-3
        assert!(read.info().explanation_url().is_none(), "{body}");
    }
}

#[test]
fn failed_attempts_are_backed_off_from_inside_the_window_too_and_outlive_the_process() {
    let (mut schedule, now) = fresh();
    let now = after(now, 10 * DAY);
    let past = now.saturating_sub(Duration::from_secs(DAY));
    schedule.on_info(&entry(past, now, None), now);
    let mut time = now;
    let mut waits = Vec::new();
    for _ in 0..4 {
        assert!(matches!(schedule.next(time), RenewalStep::Renew));
        schedule.on_attempt_failed(None, time);
        let text = serde_json::to_string(&schedule).expect("a schedule can be stored");
        let stored: RenewalSchedule = serde_json::from_str(&text).expect("and read");
        // covers 9773-4.2-9
        assert_eq!(stored, schedule, "{text}");
        assert_eq!(stored.last_failure(), Some(time), "{text}");
        schedule = stored;
        let RenewalStep::Wait(at) = schedule.next_before(time, after(time, DAY)) else {
            panic!("no backoff: {schedule:?}")
        };
        waits.push(at.saturating_duration_since(time).as_secs() / MINUTE);
        time = at;
    }
    // covers 9773-4.2-7
    assert_eq!(waits, [1, 2, 4, 8]);
    // covers 9773-4.2-9
    assert_eq!(schedule.failures(), 4);
    schedule.on_attempt_failed(Some(after(time, HOUR)), time);
    let held = matches!(schedule.next(time), RenewalStep::Wait(at) if at == after(time, HOUR));
    // covers 9773-4.2-7
    assert!(held, "{schedule:?}");
    schedule.on_attempt_failed(Some(Timestamp::MAX), time);
    let soon = schedule.next(after(time, DAY));
    assert!(
        !matches!(soon, RenewalStep::Wait(_)),
        "no error puts an attempt off for ever: {soon:?}"
    );
}

#[test]
fn the_page_that_explains_a_window_is_told() {
    let (mut schedule, now) = fresh();
    let mut body = window(after(now, DAY), after(now, 2 * DAY));
    let bare = schedule.on_info(&RenewalInfoEntry::new(read(&body), None), now);
    assert!(bare.is_some_and(|notice| !notice.to_string().contains("https:")));
    body["explanationURL"] = json!("https://acme.example.com/docs/ari");
    let told = schedule.on_info(&RenewalInfoEntry::new(read(&body), None), now);
    let page = "https://acme.example.com/docs/ari";
    // covers 9773-4.2-8
    assert!(told.is_some_and(|notice| notice.to_string().contains(page)));
    let kept = schedule.window().and_then(|window| window.explanation_url());
    // covers 9773-4.2-8
    assert_eq!(kept, Some(&url(page)));
    assert!(schedule.on_info(&RenewalInfoEntry::new(read(&body), None), now).is_none());
}

#[test]
fn the_ca_is_asked_right_after_issuance_and_not_after_expiry_or_replacement() {
    let (mut schedule, now) = fresh();
    let first = schedule.next(now);
    let id = schedule.certificate_id().expect("an identifier").to_owned();
    let asks = matches!(&first, RenewalStep::Ask(question) if question.certificate_id() == id);
    // covers 9773-4.3-1
    assert!(asks, "{first:?}");
    let expired = schedule.next(after(schedule.not_after(), 1));
    // covers 9773-4.3-2
    assert!(matches!(expired, RenewalStep::Renew), "{expired:?}");
    schedule.replaced();
    let over = [now, schedule.not_after()].map(|time| schedule.next(time));
    let silent = over.iter().all(|step| matches!(step, RenewalStep::Replaced));
    // covers 9773-4.3-3
    assert!(silent, "{over:?}");
}

#[test]
fn retry_after_is_the_wanted_interval_within_a_minute_and_a_day() {
    let (mut schedule, now) = fresh();
    let body = window(after(now, 50 * DAY), after(now, 51 * DAY));
    for (value, expected) in [
        ("0", MINUTE),
        ("59", MINUTE),
        ("60", MINUTE),
        ("61", 61),
        ("21600", 6 * HOUR),
        ("86400", DAY),
        ("86401", DAY),
        ("99999999999", DAY),
        ("Thu, 01 Jan 1970 00:00:00 GMT", MINUTE),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
    ] {
        let mut script = script()
            .get(&format!("{INFO}/{ID}"), answer(200, &body).with_header("Retry-After", value));
        let answer = script.run(Call::new(example_id())).expect("an answer");
        let now = script.now();
        schedule.on_info(&answer, now);
        let wait = next_ask(&schedule, now);
        // covers 9773-4.3.2-2
        assert_eq!(wait, expected, "{value}: {wait}");
        let due = matches!(schedule.next(after(now, expected)), RenewalStep::Ask(_));
        // covers 9773-4.3.2-1
        assert!(due, "{value}");
    }
}

#[test]
fn errors_that_may_pass_are_backed_off_from_and_then_cost_six_hours() {
    let unavailable = ask(Response::new(503)).expect_err("an error");
    let errors = [unavailable, lost(Lost::TimedOut), lost(Lost::NoResponse("reset".into()))];
    for error in errors {
        let (mut schedule, now) = fresh();
        let waits: Vec<u64> = (0..6)
            .map(|_| {
                let notice = schedule.on_error(&error, now);
                assert!(matches!(notice, Some(Notice::NoRenewalInfo { .. })), "{notice:?}");
                next_ask(&schedule, now) / MINUTE
            })
            .collect();
        // covers 9773-4.3.3-1
        assert_eq!(waits[..4], [1, 2, 4, 8], "{error}: {waits:?}");
        // covers 9773-4.3.3-2
        assert_eq!(waits[4..], [360, 1], "{error}: {waits:?}");
    }
    let asked = Response::new(503).with_header("Retry-After", "7200");
    let (mut schedule, now) = fresh();
    let mut script = script().get(&format!("{INFO}/{ID}"), asked);
    let error = script.run(Call::new(example_id())).expect_err("an error");
    schedule.on_error(&error, script.now());
    assert_eq!(next_ask(&schedule, script.now()), 2 * HOUR, "{now}");
}

#[test]
fn errors_that_will_not_pass_cost_six_hours_or_what_is_configured() {
    let (_, now) = fresh();
    let body = window(after(now, 50 * DAY), after(now, 51 * DAY));
    let errors = [
        lost(Lost::NotSent("no such host".into())),
        lost(Lost::NotSent("connection refused".into())),
        ask(answer(200, &json!([]))).expect_err("no object"),
        ask(problem(404, "malformed")).expect_err("Let's Encrypt does not know the certificate"),
        ask(Response::new(401)).expect_err("Sectigo sends no problem document"),
        ask(problem(403, "unauthorized")).expect_err("refused"),
    ];
    for error in errors {
        let (mut schedule, now) = fresh();
        schedule.on_error(&error, now);
        // covers 9773-4.3.3-3
        assert_eq!(next_ask(&schedule, now), 6 * HOUR, "{error}");
    }
    for answer in [answer(200, &body), answer(200, &body).with_header("Retry-After", "tomorrow")] {
        let entry = ask(answer).expect("an answer");
        for (hours, policy) in [(6, RenewalPolicy::default()), (3, hours(3))] {
            let mut schedule = fresh().0.with_policy(policy);
            schedule.on_info(&entry, now);
            // covers 9773-4.3.3-3
            assert_eq!(next_ask(&schedule, now), hours * HOUR);
            let used =
                schedule.window().is_some_and(|window| window.start() == after(now, 50 * DAY));
            // covers 9773-4.3.3-4
            assert!(used);
            assert!(schedule.renew_at() >= after(now, 50 * DAY));
        }
    }
}

fn hours(count: u64) -> RenewalPolicy {
    let mut policy = RenewalPolicy::default();
    policy.ask_otherwise = Duration::from_secs(count * HOUR);
    policy
}

#[test]
fn no_answer_of_the_ca_lets_a_certificate_expire() {
    let (mut schedule, now) = fresh();
    schedule.on_info(&entry(after(now, 300 * DAY), after(now, 400 * DAY), None), now);
    let latest = schedule.latest();
    assert!(schedule.not_after().saturating_duration_since(latest) > Duration::from_secs(4 * DAY));
    assert_eq!(schedule.renew_at(), latest);
    assert!(matches!(schedule.next(latest), RenewalStep::Renew), "{schedule:?}");
    let before = latest.saturating_sub(Duration::from_secs(1));
    assert!(matches!(schedule.next(before), RenewalStep::Ask(_)), "{schedule:?}");
}

#[test]
fn a_clock_that_was_wrong_once_holds_nothing_up() {
    let (mut schedule, now) = fresh();
    let wrong = after(now, 3000 * DAY);
    schedule.on_error(&lost(Lost::TimedOut), wrong);
    assert!(matches!(schedule.next(now), RenewalStep::Ask(_)), "{schedule:?}");
    let past = now.saturating_sub(Duration::from_secs(DAY));
    schedule.on_info(&entry(past, now, None), now);
    schedule.on_attempt_failed(None, wrong);
    assert!(matches!(schedule.next(now), RenewalStep::Renew), "{schedule:?}");
}

#[test]
fn a_policy_of_zeros_does_not_spin() {
    let mut policy = RenewalPolicy::default();
    policy.ask_at_least = Duration::ZERO;
    policy.ask_at_most = Duration::ZERO;
    policy.ask_otherwise = Duration::ZERO;
    policy.ask_backoff = Schedule::new(Duration::ZERO, 1.0, Duration::ZERO);
    policy.renew_backoff = policy.ask_backoff;
    policy.renew_at_most = Duration::ZERO;
    let (schedule, now) = fresh();
    let mut schedule = schedule.with_policy(policy);
    schedule.on_info(&entry(now, after(now, 1), Some(now)), now);
    schedule.on_attempt_failed(Some(now), after(now, 1));
    assert!(matches!(schedule.next(after(now, 1)), RenewalStep::Ask(_) | RenewalStep::Wait(_)));
    schedule.on_error(&lost(Lost::TimedOut), after(now, 1));
    assert!(matches!(schedule.next(after(now, 1)), RenewalStep::Wait(at) if at > after(now, 1)));
}

#[test]
fn a_policy_of_the_longest_durations_renews_in_time() {
    let (schedule, now) = fresh();
    let mut policy = RenewalPolicy::default();
    policy.ask_at_least = Duration::MAX;
    policy.ask_at_most = Duration::MAX;
    policy.ask_otherwise = Duration::MAX;
    policy.ask_backoff = Schedule::new(Duration::MAX, 2.0, Duration::MAX);
    policy.renew_backoff = policy.ask_backoff;
    policy.renew_at_most = Duration::MAX;
    policy.between_certificates = Duration::MAX;
    policy.for_each_failed_validation = Duration::MAX;
    let mut schedule = schedule.with_policy(policy);
    schedule.on_info(&entry(now, after(now, 1), Some(now)), now);
    schedule.on_error(&lost(Lost::TimedOut), now);
    let now = after(now, 1);
    assert!(matches!(schedule.next(now), RenewalStep::Renew), "{schedule:?}");
    schedule.on_attempt_failed(Some(Timestamp::MAX), now);
    assert!(matches!(schedule.next(now), RenewalStep::Wait(at) if at > now), "{schedule:?}");
}

#[test]
fn a_schedule_of_a_newer_version_is_refused() {
    let (schedule, _) = fresh();
    let mut stored = serde_json::to_value(&schedule).expect("a schedule can be stored");
    stored["version"] = json!(2);
    assert!(serde_json::from_value::<RenewalSchedule>(stored).is_err());
}

#[test]
fn asking_can_be_switched_off() {
    let (schedule, now) = fresh();
    let mut policy = RenewalPolicy::default();
    policy.ask = false;
    let schedule = schedule.with_policy(policy);
    assert!(matches!(schedule.next(now), RenewalStep::Wait(at) if at == schedule.renew_at()));
}
