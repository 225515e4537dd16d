//! Certificates from the test CA, through every ready-made solver.

use super::ca::{Broken, Notes, Zone, builder, certificate_key, client};
use acme_proto::error::{Error as Acme, InvalidInput};
use acme_proto::policy::{Policy, Rates};
use acme_testca::{FaultAction, FaultRule, Faults, Quirks, RequestKind, TestCa};
use core::time::Duration;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, Mutex};

use super::adapter::{
    self, BoxError, ChallengeKind, Csr, Deactivation, Dns01Solver, Error, Http01Handler,
    Http01Listener, Identifier, Issued, ProviderKey, Snapshot, Store, TlsAlpn01Listener,
    TlsAlpn01Resolver,
};

pub(crate) async fn http01(ca: &TestCa) -> Http01Listener {
    let listener = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_http_port(listener.local_addr().port());
    listener
}

pub(crate) fn names(issued: &Issued) -> Vec<&str> {
    let leaf = issued.chain().leaf();
    leaf.dns_names().iter().map(AsRef::as_ref).collect()
}

fn csr_for(key: &ProviderKey, names: &[&str]) -> Csr {
    let names: Vec<Identifier> = names.iter().map(|n| (*n).try_into().expect("a name")).collect();
    acme_adapter::keys::make_csr(key, &names).expect("a CSR")
}

#[tokio::test]
async fn http_01_issues_a_certificate_for_the_names_and_key() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let key = certificate_key();
    let issued = client
        .issue(["example.test", "www.example.test"])
        .key(&key)
        .solver(&http)
        .run()
        .await
        .expect("a certificate");
    assert_eq!(names(&issued), ["example.test", "www.example.test"]);
    assert_eq!(issued.chain().leaf().public_key().expect("a key"), *key.public_key());
    assert!(issued.not_cleaned().is_empty());
    assert_eq!(ca.certificates_issued(), 1);
}

#[tokio::test]
async fn dns_01_issues_for_a_wildcard_and_its_base_and_leaves_no_record() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let dns = Notes::of(Dns01Solver::new(Zone(ca.clone())));
    let issued = client
        .issue(["example.test", "*.example.test"])
        .key(&certificate_key())
        .solver(&dns)
        .run()
        .await
        .expect("a certificate");
    assert_eq!(names(&issued).len(), 2);
    assert!(ca.published_txt().values().all(Vec::is_empty));
    // Both challenges are for one record: their calls follow each other.
    let calls = dns.calls();
    let presents: Vec<_> = calls.iter().filter(|c| c.starts_with("present")).collect();
    assert_eq!(presents, [&"present", &"presented", &"present", &"presented"]);
}

#[tokio::test]
async fn tls_alpn_01_issues_for_a_name_and_an_address() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let tls = TlsAlpn01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_tls_port(tls.local_addr().port());
    let issued = client
        .issue(["example.test", "127.0.0.1"])
        .key(&certificate_key())
        .solver(&tls)
        .run()
        .await
        .expect("a certificate");
    assert_eq!(names(&issued), ["example.test"]);
    assert_eq!(issued.chain().leaf().ip_addresses().len(), 1);
}

#[tokio::test]
async fn half_of_all_nonces_refused_is_no_obstacle() {
    let ca = TestCa::builder().bad_nonce_percent(50).start().expect("a CA");
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.run().await.expect("a certificate");
}

#[tokio::test]
async fn a_csr_of_the_users_own_is_used() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let key = certificate_key();
    let csr = csr_for(&key, &["example.test"]);
    client.issue(["example.test"]).csr(csr).solver(&http).run().await.expect("a certificate");
}

#[tokio::test]
async fn a_csr_with_other_names_fails_before_anything_is_ordered() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let before = ca.requests().len();
    let csr = csr_for(&certificate_key(), &["example.test"]);
    let result =
        client.issue(["example.test", "www.example.test"]).csr(csr).solver(&http).run().await;
    let error = result.expect_err("the CSR lacks a name").to_string();
    assert!(error.contains("www.example.test"), "{error}");
    assert_eq!(ca.requests().len(), before);
}

#[tokio::test]
async fn an_issuance_without_csr_and_key_says_so() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let result = client.issue(["example.test"]).solver(&http).run().await;
    assert!(matches!(result, Err(Error::NoCsr)));
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_is_sent() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let before = ca.requests().len();
    let result = client.issue(["exa mple.test"]).key(&certificate_key()).run().await;
    assert!(matches!(result, Err(Error::Acme(Acme::Input(_)))), "{result:?}");
    assert_eq!(ca.requests().len(), before);
}

#[tokio::test]
async fn when_one_solver_fails_the_next_kind_is_tried() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issued = client
        .issue(["example.test"])
        .key(&certificate_key())
        .solver(Broken(ChallengeKind::Dns01))
        .solver(&http)
        .run()
        .await
        .expect("a certificate");
    let not_cleaned = issued.not_cleaned();
    assert_eq!(not_cleaned.len(), 1);
    assert_eq!(not_cleaned[0].1, "the zone is locked still");
}

/// A zone that takes records and publishes none.
struct Silent;

impl adapter::Dns01 for Silent {
    async fn set_txt(&self, _: &str, _: &str) -> Result<(), BoxError> {
        Ok(())
    }

    async fn remove_txt(&self, _: &str, _: &str) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Issues by records that nobody publishes from a CA that offers both kinds of challenge for them; returns the number of
/// orders and the error.
async fn by_no_record(tries_both: bool) -> (usize, String) {
    use acme_testca::{ChallengeKind as Kind, RequestKind};
    let kinds = [Kind::Dns01, Kind::DnsAccount01];
    let ca = TestCa::builder().challenges(kinds).start().expect("a CA");
    let client = client(&ca).await;
    let issue = client.issue(["example.test"]).key(&certificate_key());
    let issue = issue.solver(Dns01Solver::new(Silent));
    let issue = if tries_both { issue.try_both_dns_kinds() } else { issue };
    let error = issue.run().await.expect_err("no record").to_string();
    let orders = ca.requests().iter().filter(|r| r.kind == RequestKind::NewOrder).count();
    (orders, error)
}

#[tokio::test]
async fn a_failed_dns_01_costs_one_validation_unless_the_user_asks_for_both_kinds() {
    let (orders, error) = by_no_record(false).await;
    assert_eq!(orders, 1, "{error}");
    assert!(error.contains("dns-01 failed"), "{error}");
    assert!(!error.contains("dns-account-01"), "{error}");
    let (orders, error) = by_no_record(true).await;
    assert_eq!(orders, 2, "{error}");
    assert!(error.contains(", then dns-account-01 failed"), "{error}");
}

#[tokio::test]
async fn the_error_says_what_the_last_solver_said() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let broken = Broken(ChallengeKind::Dns01);
    let result = client.issue(["example.test"]).key(&certificate_key()).solver(broken).run().await;
    let error = result.expect_err("no solver works").to_string();
    assert!(error.contains("the zone is locked"), "{error}");
}

#[tokio::test]
async fn an_order_that_no_solver_can_prove_is_not_sent() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let key = certificate_key();
    let wildcard = client.issue(["a.test", "*.a.test"]).key(&key).solver(&http).run().await;
    let without = client.issue(["a.test"]).key(&key).run().await;
    for (result, name, kind) in
        [(wildcard, "*.a.test", "one for dns-01"), (without, "a.test", "one for http-01")]
    {
        let error = result.expect_err("no solver suits");
        let input = matches!(error, Error::Acme(Acme::Input(InvalidInput::NoSolver { .. })));
        let text = error.to_string();
        assert!(input && text.contains(name) && text.contains(kind), "{text}");
    }
    let orders = ca.requests().into_iter().filter(|r| r.kind == RequestKind::NewOrder);
    assert_eq!(orders.count(), 0);
}

#[tokio::test]
async fn without_an_account_an_issuance_fails_and_registers_none() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().await.expect("a client");
    let http = http01(&ca).await;
    let result = client.issue(["example.test"]).key(&certificate_key()).solver(&http).run().await;
    assert!(matches!(result, Err(Error::Acme(Acme::NoAccount { .. }))), "{result:?}");
}

/// Keeps the latest snapshot in memory.
#[derive(Default)]
pub(crate) struct Memory(pub(crate) Mutex<Option<Snapshot>>);

impl Store for Memory {
    async fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        *self.0.lock().expect("no panic") = Some(snapshot.clone());
        Ok(())
    }
}

#[tokio::test]
async fn a_handler_in_the_users_own_server_answers_by_host_and_path() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let handler = Http01Handler::new();
    let port = adapter::own_server(handler.clone()).await;
    ca.set_http_port(port);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&handler);
    issue.run().await.expect("a certificate");
}

#[tokio::test]
async fn a_resolver_in_the_users_own_rustls_server_answers_validations_only() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let resolver = TlsAlpn01Resolver::new(&provider).around(Arc::new(NoCertificate));
    ca.set_tls_port(adapter::own_tls_server(resolver.clone()).await);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&resolver);
    issue.run().await.expect("a certificate");
    assert!(resolver.is_empty());
}

/// The user's own resolver, which has nothing yet.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

#[tokio::test]
async fn a_name_that_the_ca_refuses_is_named_in_the_error() {
    let ca = TestCa::builder().block_name("evil.test").start().expect("a CA");
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issue = client.issue(["good.test", "evil.test"]).key(&certificate_key()).solver(&http);
    let error = issue.run().await.expect_err("a blocked name").to_string();
    assert!(error.contains("evil.test"), "{error}");
}

#[tokio::test]
async fn a_listener_that_is_dropped_frees_its_port_at_once() {
    let http = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    let address = http.local_addr();
    drop(http);
    // No runtime gets a turn in between.
    drop(std::net::TcpListener::bind(address).expect("the port is free"));
    let tls = TlsAlpn01Listener::bind("127.0.0.1:0").await.expect("a free port");
    let address = tls.local_addr();
    drop(tls);
    drop(std::net::TcpListener::bind(address).expect("the port is free"));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    let error = Http01Listener::bind(first.local_addr()).await.expect_err("in use").to_string();
    assert!(error.contains(&format!("port {} is in use", first.local_addr().port())), "{error}");
    let error = TlsAlpn01Listener::bind(first.local_addr()).await.expect_err("in use");
    assert!(matches!(error, Error::Listen { .. }));
}

#[tokio::test]
async fn a_wide_policy_opens_sixteen_connections_of_http1_and_at_most_thirty_two_if_it_may() {
    let latency = Duration::from_millis(40);
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.max_in_flight = 1000;
    for (connections, expected) in [(None, 16), (Some(1000), 32)] {
        let ca = TestCa::builder().latency(latency).http2(false).start().expect("a CA");
        let wide = builder(&ca).policy(policy.clone());
        let wide = connections.into_iter().fold(wide, |wide, most| wide.connections(most));
        let client = wide.connect().await.expect("a client");
        client.register().run().await.expect("an account");
        let http = http01(&ca).await;
        let all: Vec<String> = (0..100).map(|n| format!("n{n}.example.test")).collect();
        let issued = client.issue(all).key(&certificate_key()).solver(&http).run().await;
        issued.expect("a certificate");
        let opened = ca.connections();
        assert!(opened > expected / 2 && opened <= expected, "{opened} connections");
    }
}

#[tokio::test]
async fn nonces_that_hold_on_their_connection_are_refused_seldom_enough() {
    const NAMES: usize = 30;
    let quirks = Quirks { nonces_by_connection: true, ..Quirks::default() };
    let latency = Duration::from_millis(10);
    let builder = TestCa::builder().latency(latency).http2(false).quirks(quirks);
    let ca = builder.start().expect("a CA");
    let client = client(&ca).await;
    let http = http01(&ca).await;
    let names: Vec<String> = (0..NAMES).map(|n| format!("n{n}.example.test")).collect();
    let issued = client.issue(names).key(&certificate_key()).solver(&http).run().await;
    issued.expect("a certificate");
    assert!(ca.connections() > 4, "{}", ca.connections());
    let requests = ca.requests();
    let posts = requests.iter().filter(|request| request.method == "POST");
    let (refused, accepted): (Vec<_>, Vec<_>) =
        posts.partition(|request| request.problem.as_deref() == Some("badNonce"));
    // More requests than connections: the one that brought a nonce may be in use by another.
    assert!(4 * refused.len() <= accepted.len(), "{} of {}", refused.len(), accepted.len());
    for request in &accepted {
        let tries = refused.iter().filter(|refused| refused.path == request.path).count();
        assert!(tries < 20, "{tries} refusals at {}", request.path);
    }
}

#[tokio::test]
async fn a_validation_without_an_end_is_given_up_when_the_time_is_over() {
    let quirks = Quirks { failed_challenge_stays_processing: true, ..Quirks::default() };
    let builder = TestCa::builder().quirks(quirks).configure(|c| c.validations_away = 1);
    let ca = builder.start().expect("a CA");
    let mut policy = Policy::default();
    policy.issuance_time_limit = Duration::from_secs(2);
    let client = patient(&ca, policy).await;
    let http = http01(&ca).await;
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    let error = issue.run().await.expect_err("no validation");
    assert!(error.to_string().contains("the time limit passed while waiting"), "{error}");
}

#[tokio::test]
async fn a_new_order_that_takes_longer_than_the_time_limit_has_more_time_the_next_time() {
    let slow = FaultRule::next(FaultAction::Delay(1_500)).on(RequestKind::NewOrder).times(9);
    let ca = TestCa::builder().start().expect("a CA");
    let mut policy = Policy::default();
    policy.request_time_limit = Duration::from_secs(1);
    let client = patient(&ca, policy).await;
    ca.set_faults(Faults::none().with(slow));
    let http = http01(&ca).await;
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.run().await.expect("a certificate");
    let orders = ca.requests().iter().filter(|r| r.kind == RequestKind::NewOrder).count();
    assert!((2..5).contains(&orders), "{orders}");
}

#[tokio::test]
async fn one_exchange_at_a_time_is_one_while_authorizations_are_given_up_too() {
    for validations_away in [0, 100] {
        let quirks = Quirks { failed_challenge_stays_processing: true, ..Quirks::default() };
        let builder = TestCa::builder().latency(Duration::from_millis(5));
        let ca = builder
            .quirks(quirks)
            .configure(move |config| config.validations_away = validations_away);
        let ca = ca.start().expect("a CA");
        let mut policy = Policy::default();
        policy.rates = Rates::unlimited();
        policy.max_in_flight = 1;
        policy.issuance_time_limit = Duration::from_secs(3);
        let client = patient(&ca, policy).await;
        let http = http01(&ca).await;
        let issue = client.issue(["a.test", "b.test", "c.test"]).key(&certificate_key());
        let issue = issue.solver(&http).deactivate_authorizations(Deactivation::Always);
        let ended = issue.run().await;
        assert_eq!(ended.is_err(), validations_away > 0, "{ended:?}");
        assert_eq!(ca.max_in_flight(), 1, "{validations_away}");
    }
}

async fn patient(ca: &TestCa, policy: Policy) -> adapter::Client {
    let client = builder(ca).policy(policy).connect().await.expect("a client");
    client.register().run().await.expect("an account");
    client
}
