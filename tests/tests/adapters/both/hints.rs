//! What a user learns of a wait or a failure, and what a failure costs.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use acme_proto::notice::Notice;
use acme_proto::policy::{Policy, Rates, Schedule};
use acme_proto::time::Timestamp;
use acme_testca::{FaultAction, FaultRule, Faults, Quirks, RequestKind, TestCa};

use super::adapter::{BoxError, Client, ClientBuilder, Dns01, Dns01Solver};
use super::ca::{builder, certificate_key, client};
use super::issue::http01;

/// What a client's observer saw.
type Seen = Arc<Mutex<Vec<Notice>>>;

fn watched(builder: ClientBuilder) -> (ClientBuilder, Seen) {
    let seen = Seen::default();
    let sink = Arc::clone(&seen);
    let builder = builder.notices(move |notice| {
        sink.lock().expect("no panic").push(notice.clone());
    });
    (builder, seen)
}

async fn registered(builder: ClientBuilder) -> Client {
    let client = builder.connect().await.expect("a client");
    client.register().contact("mailto:me@example.org").run().await.expect("an account");
    client
}

fn count(ca: &TestCa, kind: RequestKind) -> usize {
    ca.requests().iter().filter(|request| request.kind == kind).count()
}

#[tokio::test]
async fn a_wait_that_the_ca_asks_for_is_reported_with_its_end() {
    let ca = TestCa::start();
    let (builder, seen) = watched(builder(&ca));
    let (client, http) = (registered(builder).await, http01(&ca).await);
    let away = FaultAction::unavailable(Some("2"));
    ca.set_faults(Faults::none().with(FaultRule::next(away).on(RequestKind::NewOrder)));
    let before = acme_adapter::clock::wall();
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.run().await.expect("a certificate");
    let seen = seen.lock().expect("no panic");
    let ends: Vec<Timestamp> = seen
        .iter()
        .filter_map(|notice| match notice {
            Notice::Retry { at, .. } => Some(*at),
            _ => None,
        })
        .collect();
    let [end] = ends[..] else { panic!("{seen:?}") };
    let wait = end.saturating_duration_since(before);
    assert!((2..60).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn an_account_without_a_list_of_orders_is_no_news() {
    let ca = TestCa::builder().quirks(Quirks { no_orders_url: true, ..Quirks::default() });
    let ca = ca.start().expect("a CA");
    let (builder, seen) = watched(builder(&ca));
    registered(builder).await;
    let seen = seen.lock().expect("no panic");
    let news = |notice: &&Notice| match notice {
        Notice::Deviation { deviation, .. } => !deviation.is_routine(),
        _ => false,
    };
    assert!(seen.iter().any(|notice| matches!(notice, Notice::Deviation { .. })), "{seen:?}");
    assert_eq!(seen.iter().filter(news).count(), 0, "{seen:?}");
}

/// A zone that takes records and goes on with an old one.
struct Stale(Arc<TestCa>);

impl Dns01 for Stale {
    async fn set_txt(&self, name: &str, _: &str) -> Result<(), BoxError> {
        self.0.set_txt(name, "of another order");
        Ok(())
    }

    async fn remove_txt(&self, _: &str, _: &str) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_record_that_has_not_reached_the_ca_is_what_the_hint_is_about() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let issue = client.issue(["example.test"]).key(&certificate_key());
    let error =
        issue.solver(Dns01Solver::new(Stale(ca.clone()))).run().await.expect_err("no record");
    let text = error.to_string();
    let hint = "make sure that the TXT record is there and has reached all name servers";
    assert!(text.contains("example.test: dns-01 failed: "), "{text}");
    assert!(text.contains(hint), "{text}");
    assert_eq!(count(&ca, RequestKind::Challenge), 1, "{text}");
}

#[tokio::test]
async fn a_limit_is_told_with_its_time_once_and_without_fractions() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let limited = FaultAction::Respond {
        status: 429,
        headers: vec![
            ("Content-Type".into(), "application/problem+json".into()),
            ("Retry-After".into(), "86400".into()),
        ],
        body: "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}"
            .into(),
    };
    ca.set_faults(Faults::none().with(FaultRule::next(limited).on(RequestKind::NewOrder)));
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    let text = issue.run().await.expect_err("a limit").to_string();
    assert_eq!(text.matches("wait until 20").count(), 1, "{text}");
    let time = text.split("wait until ").nth(1).unwrap_or_default();
    let time = time.split('Z').next().unwrap_or_default();
    assert!(time.len() == "2026-11-30T08:00:00".len() && !time.contains('.'), "{text}");
    assert_eq!(count(&ca, RequestKind::NewOrder), 1, "it is not tried again");
}

#[tokio::test]
async fn each_authorization_is_read_once_where_the_order_tells_the_rest() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let names: Vec<String> = (0..20).map(|n| format!("n{n}.example.test")).collect();
    let before = count(&ca, RequestKind::Authorization);
    let issue = client.issue(names.iter().map(String::as_str)).key(&certificate_key());
    issue.solver(&http).run().await.expect("a certificate");
    let read = count(&ca, RequestKind::Authorization) - before;
    // A slow validation may have a few looked at while the order is pending.
    assert!((20..=24).contains(&read), "{read} requests for 20 authorizations");
}

#[tokio::test]
async fn names_that_are_refused_again_and_again_cost_their_nonces_once() {
    let ca = TestCa::builder().block_name("a.test").block_name("b.test").block_name("c.test");
    let ca = ca.start().expect("a CA");
    let (client, http) = (client(&ca).await, http01(&ca).await);
    for _ in 0..5 {
        let issue = client.issue(["a.test", "b.test", "c.test"]).key(&certificate_key());
        issue.solver(&http).run().await.expect_err("blocked names");
    }
    // One for the account, and those that were fetched ahead for the first order.
    let nonces = count(&ca, RequestKind::NewNonce);
    assert!(nonces <= 3, "{nonces}");
}

#[tokio::test]
async fn a_validation_that_fails_at_the_ca_itself_is_tried_again_by_the_same_kind() {
    let ca = TestCa::builder().configure(|config| config.validations_away = 1);
    let ca = ca.start().expect("a CA");
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    let short = Duration::from_millis(20);
    policy.backoff = Schedule::new(short, 1.0, short);
    let (builder, seen) = watched(builder(&ca).policy(policy));
    let (client, http) = (registered(builder).await, http01(&ca).await);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.run().await.expect("a certificate");
    assert_eq!(count(&ca, RequestKind::NewOrder), 2);
    let seen = seen.lock().expect("no panic");
    assert!(seen.iter().any(|notice| notice.to_string().contains("http-01 failed")), "{seen:?}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_reported() {
    let ca = TestCa::builder().certificate_lifetime(Duration::ZERO).start().expect("a CA");
    let (builder, seen) = watched(builder(&ca));
    let (client, http) = (registered(builder).await, http01(&ca).await);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.run().await.expect("a certificate");
    let seen = seen.lock().expect("no panic");
    assert!(seen.iter().any(|notice| matches!(notice, Notice::NotValidNow { .. })), "{seen:?}");
}
