//! Ten simulated years of a certificate, against CAs and clocks of every kind.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Unsupported};
use acme_proto::flow::{Lost, SignFailed};
use acme_proto::http::Method;
use acme_proto::op::{GetDirectory, RenewalInfoEntry, Resource};
use acme_proto::renewal::{Lifecycle, LifecycleEvent, LifecycleStep};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::wire::{ChallengeKind, Context, RenewalInfo};
use acme_proto::x509::Certificate;
use acme_tests::script::{DIRECTORY, Script, url};
use acme_tests::world::{SolverPlan, World, issuance, issue_with};
use serde_json::json;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;
/// When the simulation starts.
const START: i64 = 1_800_000_000;

/// What a CA does at a time.
type At<T> = fn(u64) -> T;
type Window = fn(issued: u64, now: u64, lifetime: u64) -> Option<(i64, i64)>;

/// A CA of the simulation. Times are seconds since [`START`], by the true clock.
struct Ca {
    lifetime: At<u64>,
    backdated: u64,
    /// The window that is suggested at a time for a certificate that was issued at a time.
    window: Window,
    is_up: At<bool>,
}

impl Ca {
    fn of(lifetime: At<u64>) -> Self {
        Self { lifetime, backdated: HOUR, window: third, is_up: |_| true }
    }
}

/// The window of a CA that follows RFC 9773: the last third begins in it.
fn third(issued: u64, _now: u64, lifetime: u64) -> Option<(i64, i64)> {
    let start = (issued + lifetime / 3 * 2) as i64;
    Some((start, start + (lifetime / 50).max(1) as i64))
}

/// A certificate and the times of its validity, in seconds since [`START`].
struct Held {
    issued: u64,
    not_after: u64,
    lifetime: u64,
}

/// What became of ten years.
#[derive(Debug, Default)]
struct Outcome {
    orders: u32,
    failures: u32,
    questions: u32,
    registrations: u32,
    /// The longest time without a valid certificate, in seconds, and when it began.
    gap: (u64, u64),
    events: Vec<LifecycleEvent>,
}

/// A lifecycle, its CAs, and a machine whose clock may be wrong.
struct Simulation {
    life: Lifecycle,
    cas: Vec<Ca>,
    /// What the clock of the machine is ahead of the true time, in seconds.
    clock: At<i64>,
    maker: Maker,
    network: Error,
    held: Option<Held>,
}

/// Makes certificates quickly: one key for all.
struct Maker {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    key: rcgen::KeyPair,
}

impl Maker {
    fn new() -> Self {
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = rcgen::Issuer::new(authority, rcgen::KeyPair::generate().expect("a key"));
        Self { issuer, key: rcgen::KeyPair::generate().expect("a key") }
    }

    fn certificate(&self, not_before: i64, not_after: i64) -> Certificate {
        let mut leaf = rcgen::CertificateParams::new(["a.example".to_owned()]).expect("a name");
        leaf.use_authority_key_identifier_extension = true;
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        leaf.not_before = epoch + Duration::from_secs(not_before as u64);
        leaf.not_after = epoch + Duration::from_secs(not_after as u64);
        let signed = leaf.signed_by(&self.key, &self.issuer).expect("a certificate");
        Certificate::parse(signed.der().to_vec()).expect("a certificate")
    }
}

impl Simulation {
    fn new(cas: Vec<Ca>) -> Self {
        let directories = (0..cas.len()).map(directory);
        Self {
            life: Lifecycle::new(directories, 7),
            cas,
            clock: |_| 0,
            maker: Maker::new(),
            network: network_error(),
            held: None,
        }
    }

    fn one(ca: Ca) -> Self {
        Self::new(vec![ca])
    }

    /// Lives ten years.
    fn run(&mut self) -> Outcome {
        self.run_until(10 * YEAR)
    }

    /// Lives, and looks at the clock at least once an hour, as drivers do.
    fn run_until(&mut self, end: u64) -> Outcome {
        let mut outcome = Outcome::default();
        let mut true_now = 0;
        while true_now < end {
            let now = self.clock_at(true_now);
            match self.life.next(now) {
                LifecycleStep::Wait(until) => {
                    assert!(until > now, "a wait of no time");
                    let wait = until.saturating_duration_since(now).as_secs_f64().ceil() as u64;
                    true_now += wait.min(HOUR);
                }
                LifecycleStep::Register { directory } => {
                    outcome.registrations += 1;
                    self.life.on_registered(&directory);
                }
                LifecycleStep::FetchInfo { directory, .. } => {
                    outcome.questions += 1;
                    let ca = &self.cas[number(&directory)];
                    let held = self.held.as_ref().expect("a question about a certificate");
                    let window = (ca.window)(held.issued, true_now, held.lifetime);
                    match window.filter(|_| (ca.is_up)(true_now)) {
                        Some(window) => self.life.on_info(&entry(window), now),
                        None => self.life.on_info_failed(&self.network, now),
                    };
                }
                LifecycleStep::Order { directory, replaces } => {
                    assert!(replaces.is_none() || self.held.is_some());
                    self.order(&directory, true_now, &mut outcome);
                }
                other => panic!("{other:?}"),
            }
            while let Some(event) = self.life.poll_event() {
                outcome.events.push(event);
            }
        }
        let valid_until = self.held.as_ref().expect("a certificate").not_after;
        outcome.gap = outcome.gap.max((true_now.saturating_sub(valid_until), valid_until));
        println!(
            "orders {}, failed {}, questions {}, longest gap {} s",
            outcome.orders, outcome.failures, outcome.questions, outcome.gap.0
        );
        outcome
    }

    fn order(&mut self, directory: &Url, true_now: u64, outcome: &mut Outcome) {
        let (ca, now) = (&self.cas[number(directory)], self.clock_at(true_now));
        if !(ca.is_up)(true_now) {
            outcome.failures += 1;
            self.life.on_failed(directory, &self.network, now);
            return;
        }
        outcome.orders += 1;
        let lifetime = (ca.lifetime)(true_now);
        let not_before = START + true_now as i64 - ca.backdated as i64;
        let not_after = not_before + lifetime as i64;
        let valid_until = self.held.as_ref().map_or(0, |held| held.not_after);
        outcome.gap = outcome.gap.max((true_now.saturating_sub(valid_until), valid_until));
        let certificate = self.maker.certificate(not_before, not_after);
        let not_after = (not_after - START) as u64;
        self.held = Some(Held { issued: true_now, not_after, lifetime });
        self.life.on_issued(directory, &certificate, now);
        // A stored lifecycle goes on as the same.
        let text = serde_json::to_string(&self.life).expect("JSON");
        while let Some(event) = self.life.poll_event() {
            outcome.events.push(event);
        }
        self.life = serde_json::from_str(&text).expect("a lifecycle");
    }

    fn clock_at(&self, true_now: u64) -> Timestamp {
        Timestamp::from_unix_seconds(START + true_now as i64 + (self.clock)(true_now))
    }
}

fn directory(number: usize) -> Url {
    url(&format!("https://ca{number}.example/directory"))
}

fn number(directory: &Url) -> usize {
    directory
        .host()
        .trim_start_matches("ca")
        .trim_end_matches(".example")
        .parse()
        .expect("a number")
}

fn entry((start, end): (i64, i64)) -> RenewalInfoEntry {
    let at = |seconds: i64| Timestamp::from_unix_seconds(START + seconds);
    let body = json!({ "suggestedWindow": { "start": at(start), "end": at(end) } });
    let context = Context { url: &url("https://ca.example/info"), allow_http: false };
    let info = RenewalInfo::parse(body.to_string().as_bytes(), context).expect("a window").value;
    RenewalInfoEntry::new(info, None)
}

fn network_error() -> Error {
    let mut script = Script::new().policy(|policy| policy.tries = 1);
    script = script.lost(Method::Get, DIRECTORY, Lost::NotSent("refused".into()));
    script.run(Call::new(GetDirectory)).expect_err("a network error")
}

/// The error of an order whose only validation failed.
fn validation_error() -> Error {
    let mut world = World::new(acme_testca::CaConfig::default(), 1);
    let mut session = world.registered();
    let kinds = vec![ChallengeKind::Http01];
    let plan = SolverPlan { forgets_kinds: kinds.clone(), kinds, ..SolverPlan::default() };
    let flow = issuance(&["a.example"]).with_solver_kinds([ChallengeKind::Http01]);
    let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop();
    result.expect("a result").expect_err("a failed validation")
}

fn count(outcome: &Outcome, is_it: impl Fn(&LifecycleEvent) -> bool) -> usize {
    outcome.events.iter().filter(|event| is_it(event)).count()
}

#[test]
fn each_lifetime_is_renewed_in_time_with_few_orders() {
    // The lifetime in days, and the most orders in ten years.
    let rows: [(At<u64>, u32); 4] =
        [(|_| 6 * DAY, 920), (|_| 47 * DAY, 120), (|_| 90 * DAY, 64), (|_| 10 * YEAR, 3)];
    for (lifetime, most) in rows {
        let outcome = Simulation::one(Ca::of(lifetime)).run();
        assert_eq!(outcome.gap.0, 0);
        assert!(outcome.orders <= most, "{}", outcome.orders);
        assert_eq!(outcome.registrations, 1);
        // One question every six hours, and one after each order.
        assert!(outcome.questions <= 4 * 3650 + 2 * outcome.orders, "{}", outcome.questions);
        assert_eq!(count(&outcome, LifecycleEvent::is_loud), 0);
    }
}

#[test]
fn without_windows_two_thirds_of_the_lifetime_count_or_half_of_a_short_one() {
    for (lifetime, most) in [(90 * DAY, 62), (6 * DAY, 1240)] {
        let mut ca = Ca::of(if lifetime > 10 * DAY { |_| 90 * DAY } else { |_| 6 * DAY });
        ca.window = |_, _, _| None;
        let outcome = Simulation::one(ca).run();
        assert_eq!(outcome.gap.0, 0);
        assert!(outcome.orders <= most, "{}", outcome.orders);
    }
}

#[test]
fn windows_that_are_always_past_cause_no_loop() {
    for lifetime in [|_| 90 * DAY, (|_| 6 * DAY) as At<u64>] {
        let mut ca = Ca::of(lifetime);
        ca.window = |_, now, _| Some((now as i64 - 100, now as i64 - 50));
        let outcome = Simulation::one(ca).run();
        assert_eq!(outcome.gap.0, 0);
        // Each lives for a third of its lifetime on average.
        let most = (10 * YEAR / (lifetime(0) / 3)) as u32 + 5;
        assert!(outcome.orders <= most, "{} orders, at most {most}", outcome.orders);
    }
}

#[test]
fn nonsensical_windows_change_nothing_for_the_worse() {
    let windows: [Window; 4] = [
        // After the expiry, a century wide, moving at each question, before the epoch.
        |issued, _, lifetime| {
            Some(((issued + 2 * lifetime) as i64, (issued + 3 * lifetime) as i64))
        },
        |issued, _, _| Some((issued as i64, (issued + 100 * YEAR) as i64)),
        |_, now, _| Some((now as i64 + HOUR as i64, now as i64 + 2 * HOUR as i64)),
        |_, _, _| Some((-START - 10, -START)),
    ];
    for window in windows {
        let mut ca = Ca::of(|_| 90 * DAY);
        ca.window = window;
        let outcome = Simulation::one(ca).run();
        assert_eq!(outcome.gap.0, 0);
        assert!(outcome.orders <= 126, "{}", outcome.orders);
    }
}

#[test]
fn a_revocation_is_followed_within_the_time_of_one_question() {
    let mut ca = Ca::of(|_| 90 * DAY);
    // The CA recalls in the third year whatever it issued before.
    ca.window = |issued, now, lifetime| {
        let recall = 3 * YEAR;
        if issued < recall && now >= recall {
            return Some((recall as i64 - 10, recall as i64));
        }
        third(issued, now, lifetime)
    };
    let mut simulation = Simulation::one(ca);
    let outcome = simulation.run();
    assert_eq!(count(&outcome, |event| matches!(event, LifecycleEvent::ReplaceNow { .. })), 1);
    assert_eq!(outcome.gap.0, 0);
    assert!(outcome.orders <= 65, "{}", outcome.orders);
}

#[test]
fn an_outage_costs_few_attempts_and_is_over_soon_after_it_ends() {
    let mut ca = Ca::of(|_| 90 * DAY);
    // The CA is away for 20 days around each due date, and once for half a year.
    ca.is_up =
        |now| now % (60 * DAY) > 20 * DAY && !(3 * YEAR..3 * YEAR + 183 * DAY).contains(&now);
    ca.window = |_, _, _| None;
    let outcome = Simulation::one(ca).run();
    // 183 days away, 90 of them covered; then the wait of an hour without a certificate, and the
    // outage of 20 days that may follow.
    assert!(outcome.gap.0 < 160 * DAY, "{}", outcome.gap.0 / DAY);
    assert!(outcome.orders < 70, "{}", outcome.orders);
    // At most four a day with a certificate, and 24 without.
    assert!(outcome.failures < 20 * 60 * 5 + 183 * 25, "{}", outcome.failures);
    assert!(count(&outcome, |event| matches!(event, LifecycleEvent::Emergency { .. })) >= 1);
    assert!(count(&outcome, |event| matches!(event, LifecycleEvent::Expired { .. })) >= 1);
}

#[test]
fn a_short_outage_never_costs_a_certificate() {
    let mut ca = Ca::of(|_| 6 * DAY);
    // Two days away of every five.
    ca.is_up = |now| now % (5 * DAY) > 2 * DAY;
    let outcome = Simulation::one(ca).run();
    // The first certificate has to wait for the end of the first outage.
    assert!(outcome.gap.0 <= 2 * DAY + 2 * HOUR, "{:?}", outcome.gap);
    assert_eq!(outcome.gap.1, 0, "{:?}", outcome.gap);
}

#[test]
fn a_clock_that_is_wrong_costs_no_certificate_and_causes_no_loop() {
    let clocks: [(&str, At<i64>); 6] = [
        ("two months slow", |_| -60 * DAY as i64),
        ("ten years slow", |_| -3650 * DAY as i64),
        ("two months fast", |_| 60 * DAY as i64),
        ("ten years fast", |_| 3650 * DAY as i64),
        ("slow, then right", |now| if now < YEAR { -3650 * DAY as i64 } else { 0 }),
        ("fast, then right", |now| if now < YEAR { 3650 * DAY as i64 } else { 0 }),
    ];
    for (name, clock) in clocks {
        let mut simulation = Simulation::one(Ca::of(|_| 90 * DAY));
        simulation.clock = clock;
        let outcome = simulation.run();
        assert_eq!(outcome.gap.0, 0, "{name}");
        // A clock that is two months fast sees a month of each certificate.
        assert!(outcome.orders <= 160, "{name}: {}", outcome.orders);
        let is_reported =
            |event: &LifecycleEvent| matches!(event, LifecycleEvent::ClockLooksWrong { .. });
        // Two months do not contradict a certificate of three.
        assert_eq!(count(&outcome, is_reported) >= 1, name != "two months fast", "{name}");
    }
}

#[test]
fn a_clock_that_jumps_every_week_causes_no_loop() {
    let mut simulation = Simulation::one(Ca::of(|_| 90 * DAY));
    simulation.clock = |now| if (now / (7 * DAY)).is_multiple_of(2) { 0 } else { 40 * DAY as i64 };
    let outcome = simulation.run();
    assert_eq!(outcome.gap.0, 0);
    assert!(outcome.orders <= 250, "{}", outcome.orders);
}

#[test]
fn a_ca_may_shorten_its_lifetimes_and_backdate() {
    let shortened = Ca::of(|now| match now / (2 * YEAR) {
        0 => 398 * DAY,
        1 => 90 * DAY,
        2 => 47 * DAY,
        _ => 6 * DAY,
    });
    let outcome = Simulation::one(shortened).run();
    assert_eq!(outcome.gap.0, 0);
    assert!(outcome.orders <= 500, "{}", outcome.orders);

    for window in [third as Window, |_, _, _| None] {
        let mut backdated = Ca::of(|_| 90 * DAY);
        // Ten days of each certificate are of use.
        (backdated.backdated, backdated.window) = (80 * DAY, window);
        let outcome = Simulation::one(backdated).run();
        assert_eq!(outcome.gap.0, 0);
        assert!(outcome.orders <= 1000, "{}", outcome.orders);
    }
}

#[test]
fn lifetimes_of_no_use_cause_no_loop() {
    for lifetime in [|_| 0, (|_| 1) as At<u64>, |_| 4] {
        let mut ca = Ca::of(lifetime);
        ca.backdated = 0;
        let outcome = Simulation::one(ca).run_until(10 * DAY);
        // One an hour, and the steps to it.
        assert!(outcome.orders <= 10 * 24 + 15, "{}", outcome.orders);
    }
}

#[test]
fn the_second_ca_steps_in_and_the_first_is_back_at_the_next_renewal() {
    let mut first = Ca::of(|_| 90 * DAY);
    first.is_up = |now| !(2 * YEAR..3 * YEAR).contains(&now);
    let mut simulation = Simulation::new(vec![first, Ca::of(|_| 90 * DAY)]);
    let outcome = simulation.run();
    assert_eq!(outcome.gap.0, 0);
    assert_eq!(outcome.registrations, 2);
    let renewed: Vec<usize> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            LifecycleEvent::Renewed { directory, .. } => Some(number(directory)),
            _ => None,
        })
        .collect();
    let second = renewed.iter().filter(|number| **number == 1).count();
    assert!((5..=8).contains(&second), "{renewed:?}");
    assert_eq!(renewed.last(), Some(&0));
    // One attempt at the first CA for each renewal.
    assert!(outcome.failures <= 10, "{}", outcome.failures);
}

#[test]
fn an_account_that_the_ca_has_lost_is_registered_again_once() {
    let mut simulation = Simulation::one(Ca::of(|_| 90 * DAY));
    let (now, ca) = (simulation.clock_at(0), directory(0));
    assert!(matches!(simulation.life.next(now), LifecycleStep::Register { .. }));
    simulation.life.on_registered(&ca);
    assert!(matches!(simulation.life.next(now), LifecycleStep::Order { .. }));
    let lost = Error::NoAccount { directory: ca.clone() };
    simulation.life.on_failed(&ca, &lost, now);
    assert!(matches!(simulation.life.next(now), LifecycleStep::Register { .. }));
    simulation.life.on_registered(&ca);
    assert!(matches!(simulation.life.next(now), LifecycleStep::Order { .. }));
    simulation.life.on_failed(&ca, &lost, now);
    assert!(matches!(simulation.life.next(now), LifecycleStep::Wait(_)));
    assert_eq!(simulation.life.last_failure().expect("a failure").directory(), &ca);
}

#[test]
fn a_failure_of_this_machine_is_not_taken_to_another_ca() {
    let mut simulation = Simulation::new(vec![Ca::of(|_| 90 * DAY), Ca::of(|_| 90 * DAY)]);
    let (now, ca) = (simulation.clock_at(0), directory(0));
    simulation.life.on_failed(&ca, &Error::Signer(SignFailed::UnknownKey), now);
    assert!(matches!(simulation.life.next(now), LifecycleStep::Wait(_)));
    // That of a CA is.
    let mut simulation = Simulation::new(vec![Ca::of(|_| 90 * DAY), Ca::of(|_| 90 * DAY)]);
    simulation.life.on_failed(
        &ca,
        &Error::Unsupported(Unsupported::Operation(Resource::RenewalInfo)),
        now,
    );
    let LifecycleStep::Register { directory: next } = simulation.life.next(now) else { panic!() };
    assert_eq!(next, directory(1));
}

#[test]
fn a_time_that_the_ca_names_is_kept_up_to_a_day() {
    let mut simulation = Simulation::one(Ca::of(|_| 90 * DAY));
    let (now, ca) = (simulation.clock_at(0), directory(0));
    let asks = |seconds| Error::RetryLater {
        url: ca.clone(),
        until: now.saturating_add(Duration::from_secs(seconds)),
    };
    let wait = |life: &mut Lifecycle| match life.next(now) {
        LifecycleStep::Wait(until) => until.saturating_duration_since(now).as_secs(),
        other => panic!("{other:?}"),
    };
    simulation.life.on_failed(&ca, &asks(5 * HOUR), now);
    assert_eq!(wait(&mut simulation.life), 5 * HOUR);
    simulation.life.on_failed(&ca, &asks(500 * DAY), now);
    assert_eq!(wait(&mut simulation.life), DAY);
}

#[test]
fn failed_validations_stay_within_the_budget_of_a_ca() {
    let error = validation_error();
    let mut simulation = Simulation::one(Ca::of(|_| 90 * DAY));
    let ca = directory(0);
    let (mut now, mut hours) = (simulation.clock_at(0), vec![0; 48]);
    simulation.life.on_registered(&ca);
    let start = now;
    while now < start.saturating_add(Duration::from_secs(2 * DAY)) {
        match simulation.life.next(now) {
            LifecycleStep::Wait(until) => now = until,
            LifecycleStep::Order { .. } => {
                let hour = now.saturating_duration_since(start).as_secs() / HOUR;
                hours[hour as usize] += 1;
                simulation.life.on_failed(&ca, &error, now);
            }
            other => panic!("{other:?}"),
        }
    }
    // Each attempt has one failed validation; Let's Encrypt allows five an hour.
    assert!(hours.iter().all(|attempts| *attempts <= 5), "{hours:?}");
    assert!(hours.iter().sum::<u32>() >= 24, "{hours:?}");
}

#[test]
fn a_lifecycle_of_a_newer_version_is_refused() {
    let mut stored = serde_json::to_value(Lifecycle::new([directory(0)], 1)).expect("JSON");
    stored["version"] = json!(2);
    let refused = serde_json::from_value::<Lifecycle>(stored).expect_err("a newer version");
    assert!(refused.to_string().contains("newer version"), "{refused}");
}

#[test]
fn a_certificate_of_a_ca_that_is_no_longer_in_use_is_asked_about_nowhere() {
    let maker = Maker::new();
    let certificate = maker.certificate(START, START + 90 * DAY as i64);
    let now = Timestamp::from_unix_seconds(START);
    let mut life = Lifecycle::new([directory(0)], 1);
    life.hold(&directory(0), &certificate, now);
    assert!(matches!(life.next(now), LifecycleStep::FetchInfo { .. }));
    let mut life = life.with_directories([directory(1)]);
    let LifecycleStep::Wait(until) = life.next(now) else { panic!("a step") };
    // Two thirds of its lifetime.
    assert_eq!(until, now.saturating_add(Duration::from_secs(60 * DAY)));
}

#[test]
fn a_clock_that_is_not_set_yet_leaves_no_trace() {
    let maker = Maker::new();
    let certificate = maker.certificate(START, START + 90 * DAY as i64);
    let now = Timestamp::from_unix_seconds(START + 10);
    let mut life = Lifecycle::new([directory(0)], 1);
    life.hold(&directory(0), &certificate, now);
    let due = life.renew_at();
    life.next(Timestamp::UNIX_EPOCH);
    assert_eq!(life.renew_at(), due);
}
