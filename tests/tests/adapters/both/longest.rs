//! The longest duration that there is, wherever one can be set.

use core::time::Duration;
use std::sync::Arc;

use acme_proto::policy::{Policy, Rates, Schedule};
use acme_testca::{RequestKind, TestCa};
use acme_tests::name_servers::{NameServers, Records};

use super::adapter::{
    self, AccountKey, Dns01, DnsServer, DnsUpdate, HookCommand, KeyKind, PropagationCheck,
    TsigAlgorithm, TsigKey,
};
use super::ca::{builder, certificate_key, client};
use super::client::{Down, Service, account_key};
use super::issue::http01;

const MAX: Duration = Duration::MAX;
const NAME: &str = "_acme-challenge.example.test";

type Set = fn(&mut Policy);

#[tokio::test]
async fn no_duration_of_a_policy_is_too_long() {
    let setters: [(&str, Set); 8] = [
        ("retry_after_cap", |policy| policy.retry_after_cap = MAX),
        ("replica_lag", |policy| policy.replica_lag = MAX),
        ("request_time_limit", |policy| policy.request_time_limit = MAX),
        ("call_time_limit", |policy| policy.call_time_limit = MAX),
        ("issuance_time_limit", |policy| policy.issuance_time_limit = MAX),
        ("clean_up_time_limit", |policy| policy.clean_up_time_limit = MAX),
        ("directory_max_age", |policy| policy.directory_max_age = MAX),
        ("nonce_max_age", |policy| policy.nonce_max_age = MAX),
    ];
    let ca = TestCa::start();
    let http = http01(&ca).await;
    for (name, set) in setters {
        let mut policy = Policy::default();
        policy.rates = Rates::unlimited();
        set(&mut policy);
        let client = builder(&ca).policy(policy).connect().await.expect(name);
        client.register().contact("mailto:me@example.org").run().await.expect(name);
        let issue = client.issue(["a.test"]).key(&certificate_key()).solver(&http);
        issue.run().await.expect(name);
    }
}

#[tokio::test]
async fn no_wait_between_retries_is_too_long() {
    let mut policy = Policy::default();
    policy.backoff = Schedule::new(MAX, 1.0, MAX);
    policy.call_time_limit = Duration::from_millis(100);
    let builder = adapter::Client::builder("https://acme.example.org/directory").key(account_key());
    let builder = builder.transport(Arc::new(Down::default())).policy(policy);
    builder.connect().await.expect_err("the network is down");
}

#[tokio::test]
async fn no_time_limit_of_a_request_is_too_long() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    client.register().time_limit(MAX).run().await.expect("an account");
    let issue = client.issue(["a.test"]).key(&certificate_key()).solver(&http);
    issue.time_limit(MAX).run().await.expect("a certificate");
    let key = AccountKey::generate(KeyKind::Es256).expect("a key");
    client.change_key(key).time_limit(MAX).run().await.expect("another key");
}

#[tokio::test]
async fn no_time_limit_of_a_signature_is_too_long() {
    let ca = TestCa::start();
    let mut policy = Policy::default();
    (policy.sign_time_limit, policy.call_time_limit) = (MAX, MAX);
    let client = adapter::Client::builder(ca.directory_url())
        .signer(Service::new(Duration::ZERO))
        .roots(adapter::Roots::Pem(ca.root_pem().into()))
        .policy(policy);
    let client = client.connect().await.expect("a client");
    client.register().time_limit(MAX).run().await.expect("an account");
}

#[tokio::test]
async fn no_time_limit_of_a_dynamic_update_is_too_long() {
    // Whoever connects is hung up on.
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address");
    std::thread::spawn(move || server.incoming().for_each(drop));
    let named = format!("localhost:{}", address.port()).parse().expect("a server");
    for server in [DnsServer::from(address), named] {
        let key = TsigKey::new("key.test", TsigAlgorithm::HmacSha256, "c2VjcmV0").expect("a key");
        let update = DnsUpdate::new([server], key).time_limit(MAX);
        update.set_txt(NAME, "v").await.expect_err("no answer");
    }
}

#[tokio::test]
async fn no_duration_of_a_propagation_check_is_too_long() {
    let records = Records::default();
    records.set(NAME, "v");
    let servers = NameServers::start(&[("example.test", &[1])], vec![records.server(0)]);
    let check =
        PropagationCheck::new([servers.resolver()]).authoritative_port(servers.server(1).port());
    // The other limits end it where a query is lost on a busy machine.
    for check in [
        check.clone().pauses(MAX, MAX),
        check.clone().query_limit(MAX).time_limit(Duration::from_secs(120)),
        check.time_limit(MAX),
    ] {
        adapter::propagated(&check, NAME, "v").await.expect("it is there");
    }
}

#[tokio::test]
async fn no_time_limit_of_a_hook_is_too_long() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let hook = HookCommand::new("true").time_limit(MAX);
    let issue = client.issue(["a.test"]).key(&certificate_key()).solver(&hook);
    let error = issue.run().await.expect_err("it publishes nothing");
    assert!(!error.to_string().contains("panicked"), "{error}");
    let responses = ca.requests().iter().filter(|r| r.kind == RequestKind::Challenge).count();
    assert_eq!(responses, 1);
}
