//! Certificates from Let's Encrypt's Pebble, validated for real, by both adapters.

use std::sync::Arc;

use acme_proto::policy::{Policy, Rates};
use acme_tests::servers::{Pebble, PebbleOptions};

/// The policy for a server on loopback.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy
}

/// The zone of Pebble's DNS server.
struct Zone(Arc<Pebble>);

impl acme_tokio::Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), acme_tokio::BoxError> {
        self.0.challtestsrv().present(name, value).map_err(Into::into)
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), acme_tokio::BoxError> {
        self.0.challtestsrv().cleanup(name, value).map_err(Into::into)
    }
}

/// Issues once by each kind of challenge and returns how many certificates came.
async fn by_tokio(pebble: &Arc<Pebble>) -> usize {
    use acme_tokio::{AccountKey, Client, Http01Listener, KeyKind, ProviderKey, Roots};
    let client = Client::builder(pebble.directory_url())
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .roots(Roots::Pem(pebble.root_pem().into()))
        .policy(policy())
        .connect()
        .await
        .expect("a client");
    let terms = std::sync::Mutex::new(None);
    let register = client.register().contact("mailto:me@example.org").agree_to_terms(|url| {
        *terms.lock().expect("no panic") = Some(url.to_string());
        true
    });
    register.await.expect("an account");
    assert!(terms.into_inner().expect("no panic").is_some(), "Pebble has terms");
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let http = Http01Listener::bind(("127.0.0.1", pebble.http_port())).await.expect("the port");
    let tls = acme_tokio::TlsAlpn01Listener::bind(("127.0.0.1", pebble.tls_port())).await;
    let tls = tls.expect("the port");
    let dns = acme_tokio::Dns01Solver::new(Zone(Arc::clone(pebble)));
    let names = |issued: acme_tokio::Issued| issued.chain().leaf().dns_names().len();
    let by_http = client.issue(["one.example.test", "two.example.test"]).key(&key).solver(&http);
    assert_eq!(by_http.await.map(names).expect("by http-01"), 2);
    let by_dns = client.issue(["*.example.test", "example.test"]).key(&key).solver(&dns);
    assert_eq!(by_dns.await.map(names).expect("by dns-01"), 2);
    let by_tls = client.issue(["alpn.example.test"]).key(&key).solver(&tls);
    assert_eq!(by_tls.await.map(names).expect("by tls-alpn-01"), 1);
    assert_eq!(pebble.published_txt(), [], "every record was removed");
    3
}

impl acme_blocking::Dns01 for Zone {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), acme_blocking::BoxError> {
        self.0.challtestsrv().present(name, value).map_err(Into::into)
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), acme_blocking::BoxError> {
        self.0.challtestsrv().cleanup(name, value).map_err(Into::into)
    }
}

/// The same with the other adapter.
fn by_blocking(pebble: &Arc<Pebble>) -> usize {
    use acme_blocking::{AccountKey, Client, Http01Listener, KeyKind, ProviderKey, Roots};
    let client = Client::builder(pebble.directory_url())
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .roots(Roots::Pem(pebble.root_pem().into()))
        .policy(policy())
        .connect()
        .expect("a client");
    let register = client.register().contact("mailto:me@example.org").agree_to_terms(|_| true);
    register.run().expect("an account");
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let http = Http01Listener::bind(("127.0.0.1", pebble.http_port())).expect("the port");
    let tls = acme_blocking::TlsAlpn01Listener::bind(("127.0.0.1", pebble.tls_port()));
    let tls = tls.expect("the port");
    let dns = acme_blocking::Dns01Solver::new(Zone(Arc::clone(pebble)));
    let names = |issued: acme_blocking::Issued| issued.chain().leaf().dns_names().len();
    let by_http = client.issue(["one.example.test", "two.example.test"]).key(&key).solver(&http);
    assert_eq!(by_http.run().map(names).expect("by http-01"), 2);
    let by_dns = client.issue(["*.example.test", "example.test"]).key(&key).solver(&dns);
    assert_eq!(by_dns.run().map(names).expect("by dns-01"), 2);
    let by_tls = client.issue(["alpn.example.test"]).key(&key).solver(&tls);
    assert_eq!(by_tls.run().map(names).expect("by tls-alpn-01"), 1);
    assert_eq!(pebble.published_txt(), [], "every record was removed");
    3
}

#[tokio::test]
async fn pebble_issues_by_every_kind_of_challenge() {
    let pebble = Arc::new(Pebble::start(PebbleOptions::default()));
    assert_eq!(by_tokio(&pebble).await, 3);
}

#[test]
fn pebble_issues_by_every_kind_of_challenge_to_the_blocking_adapter() {
    let pebble = Arc::new(Pebble::start(PebbleOptions::default()));
    assert_eq!(by_blocking(&pebble), 3);
}

#[tokio::test]
async fn with_half_of_the_nonces_refused_twenty_one_times() {
    let pebble = Arc::new(Pebble::start(PebbleOptions::default().nonce_reject(50)));
    let mut issued = 0;
    for _ in 0..7 {
        issued += by_tokio(&pebble).await;
    }
    assert_eq!(issued, 21);
}

#[test]
fn with_half_of_the_nonces_refused_twenty_one_times_to_the_blocking_adapter() {
    let pebble = Arc::new(Pebble::start(PebbleOptions::default().nonce_reject(50)));
    assert_eq!((0..7).map(|_| by_blocking(&pebble)).sum::<usize>(), 21);
}
