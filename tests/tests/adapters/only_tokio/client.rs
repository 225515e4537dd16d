//! Connecting and registering, and what a user can replace: signer, transport, clock.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use crate::both::on_tokio::ca::{builder, client};
use crate::both::on_tokio::client::{Down, account_key, connecting_fails};
use acme_testca::TestCa;
use acme_tests::balancer::{Balancer, FoundBy};
use acme_tokio::{
    AccountKey, Client, ClientBuilder, DynTransport, HyperTransport, KeyKind, Policy, Roots,
};

#[tokio::test(start_paused = true)]
async fn a_ca_that_cannot_be_reached_is_named_with_cause_and_remedy() {
    let error = connecting_fails("https://127.0.0.1:1/directory").await;
    for words in ["https://127.0.0.1:1/directory", "connection refused", "check the URL"] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn registering_twice_finds_the_account() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().await.expect("a client");
    let (first, second) = tokio::join!(client.register().run(), client.register().run());
    let (first, second) = (first.expect("an account"), second.expect("an account"));
    assert!(first.is_new() && !second.is_new());
    assert_eq!(first.url(), second.url());
    assert_eq!(client.account_url().as_ref(), Some(first.url()));
}

#[tokio::test(start_paused = true)]
async fn retries_wait_by_tokios_clock_so_that_a_test_can_pause_it() {
    let (real, virtual_) = (Instant::now(), tokio::time::Instant::now());
    let down = Arc::new(Down::default());
    let error = Client::builder("https://acme.example.org/directory")
        .key(account_key())
        .transport(down.clone() as Arc<dyn DynTransport>)
        .connect()
        .await
        .expect_err("the network is down")
        .to_string();
    assert!(error.contains("the network is down"), "{error}");
    assert_eq!(down.seen().len(), Policy::default().tries as usize);
    assert!(virtual_.elapsed() > Duration::from_secs(1), "{:?}", virtual_.elapsed());
    assert!(real.elapsed() < virtual_.elapsed(), "{:?}", real.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_user_agent_names_application_adapter_transport_and_core() {
    let down = Arc::new(Down::default());
    let builder = Client::builder("https://acme.example.org/directory").key(account_key());
    let builder = builder.transport(down.clone()).user_agent("shop/1.2");
    builder.connect().await.expect_err("the network is down");
    let seen = down.seen();
    assert!(seen[0].starts_with("shop/1.2 acme-tokio/0.1.0 down/0 acme-proto/"), "{}", seen[0]);
}

fn behind(balancer: &Balancer) -> ClientBuilder {
    let account = balancer.account_url().parse().expect("a URL");
    Client::builder(balancer.directory_url())
        .key(account_key())
        .account_url(account)
        .roots(Roots::Pem(balancer.root_pem().into()))
}

#[tokio::test]
async fn nonces_that_hold_on_one_connection_are_used_there() {
    let balancer = Balancer::start(FoundBy::Connection);
    let client = behind(&balancer).connect().await.expect("a client");
    let mut requests = tokio::task::JoinSet::new();
    for client in vec![client.clone(); 8] {
        requests.spawn(async move { client.account().await });
    }
    for result in requests.join_all().await {
        result.expect("an account");
    }
    assert!(balancer.machines() > 1, "{} connections", balancer.machines());
    let before = balancer.refused();
    for _ in 0..20 {
        client.account().await.expect("an account");
    }
    // The newest nonce of the first may be that of another connection.
    let refused = balancer.refused() - before;
    assert!(refused <= 2, "{refused} of 20");
}

#[tokio::test]
async fn the_cookie_of_a_balancer_leads_to_the_machine_that_gave_the_nonce() {
    let balancer = Balancer::start(FoundBy::Cookie);
    let client = behind(&balancer).connect().await.expect("a client");
    for _ in 0..5 {
        client.account().await.expect("an account");
    }
    assert_eq!((balancer.refused(), balancer.machines()), (0, 1));
    let (provider, roots) = (client.provider(), Roots::Pem(balancer.root_pem().into()));
    let transport = HyperTransport::new(provider, &roots).expect("a root").keep_cookies(false);
    let mut policy = Policy::default();
    policy.bad_nonce_tries = 3;
    let without = behind(&balancer).transport(transport).policy(policy).connect().await;
    let error = without.expect("a client").account().await.expect_err("another machine each time");
    assert!(error.to_string().contains("refused account (400 "), "{error}");
}

#[tokio::test]
async fn a_function_that_stores_a_key_change_may_use_the_client() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let new = || AccountKey::generate(KeyKind::Es256).expect("a key");
    let same = client.clone();
    let change = client.change_key(new()).store(move |_| async move {
        same.change_key(new()).await.expect("changed");
        Ok(())
    });
    let error = change.await.expect_err("another change came first").to_string();
    assert!(error.contains("the account key was changed"), "{error}");
    client.account().await.expect("the key of the inner change");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_gives_consent_may_use_the_client() {
    let ca = TestCa::builder().terms_of_service("https://ca.test/terms").start().expect("a CA");
    let client = builder(&ca).connect().await.expect("a client");
    let same = client.clone();
    let register = client.register().contact("mailto:me@example.org");
    let register = register.agree_to_terms(move |_| {
        let inner = same.register().contact("mailto:me@example.org").agree_to_terms(|_| true);
        let handle = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| handle.block_on(inner.run())).is_ok()
    });
    register.run().await.expect("an account");
    assert!(client.account_url().is_some());
}
