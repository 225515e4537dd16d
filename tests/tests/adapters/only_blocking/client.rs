//! Connecting and registering, and what a user can replace: signer, transport, clock.

use core::time::Duration;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::both::on_blocking::adapter::transport;
use crate::both::on_blocking::ca::{builder, certificate_key, client};
use crate::both::on_blocking::client::{Down, account_key, connecting_fails};
use acme_blocking::{
    AccountKey, Cancel, Client, ClientBuilder, Error, Http01Handler, KeyKind, Policy, Roots,
    Transport, UreqTransport,
};
use acme_proto::error::Error as Acme;
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;
use acme_proto::policy::Schedule;
use acme_testca::TestCa;
use acme_tests::balancer::{Balancer, FoundBy};

#[test]
fn a_ca_that_cannot_be_reached_is_named_with_cause_and_remedy() {
    let error = connecting_fails("https://127.0.0.1:1/directory");
    for words in ["https://127.0.0.1:1/directory", "connection refused", "check the URL"] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn registering_twice_finds_the_account() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().expect("a client");
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| client.register().run());
        let second = scope.spawn(|| client.register().run());
        (first.join().expect("no panic"), second.join().expect("no panic"))
    });
    let (first, second) = (first.expect("an account"), second.expect("an account"));
    assert!(first.is_new() != second.is_new());
    assert_eq!(first.url(), second.url());
    assert_eq!(client.account_url().as_ref(), Some(first.url()));
}

#[test]
fn a_network_that_is_down_is_tried_as_often_as_the_policy_says() {
    let down = Arc::new(Down::default());
    let mut policy = Policy::default();
    policy.backoff = Schedule::new(Duration::from_millis(10), 1.0, Duration::from_millis(10));
    let error = Client::builder("https://acme.example.org/directory")
        .key(account_key())
        .transport(down.clone() as Arc<dyn Transport>)
        .policy(policy)
        .connect()
        .expect_err("the network is down")
        .to_string();
    assert!(error.contains("the network is down"), "{error}");
    assert_eq!(down.seen().len(), Policy::default().tries as usize);
}

#[test]
fn the_user_agent_names_application_adapter_transport_and_core() {
    let down = Arc::new(Down::default());
    let builder = Client::builder("https://acme.example.org/directory").key(account_key());
    let builder = builder.transport(down.clone()).user_agent("shop/1.2");
    builder.connect().expect_err("the network is down");
    let seen = down.seen();
    assert!(seen[0].starts_with("shop/1.2 acme-blocking/0.1.0 down/0 acme-proto/"), "{}", seen[0]);
}

/// A network in which every order hangs, which is when somebody wants to cancel.
struct Hangs {
    transport: UreqTransport,
    cancel: Cancel,
}

impl Transport for Hangs {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        if transmit.request.url().as_str().contains("order") {
            self.cancel.cancel();
            thread::sleep(Duration::from_secs(20));
        }
        self.transport.exchange(transmit)
    }

    fn product(&self) -> &str {
        "hangs/0"
    }
}

#[test]
fn cancelling_does_not_wait_for_an_exchange_that_hangs() {
    let ca = TestCa::start();
    let transport = transport(ca.root_pem());
    let cancel = Cancel::new();
    let hangs = Hangs { transport, cancel: cancel.clone() };
    let client = builder(&ca).transport(hangs).connect().expect("a client");
    client.register().run().expect("an account");
    let start = Instant::now();
    let key = certificate_key();
    let solver = Http01Handler::default();
    let issue = client.issue(["example.test"]).key(&key).solver(solver).cancel_on(&cancel);
    let result = issue.run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

fn behind(balancer: &Balancer) -> ClientBuilder {
    let account = balancer.account_url().parse().expect("a URL");
    Client::builder(balancer.directory_url())
        .key(account_key())
        .account_url(account)
        .roots(Roots::Pem(balancer.root_pem().into()))
}

#[test]
fn nonces_that_hold_on_one_connection_are_used_there() {
    let balancer = Balancer::start(FoundBy::Connection);
    let client = behind(&balancer).connect().expect("a client");
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| client.account())).collect();
        for thread in threads {
            thread.join().expect("no panic").expect("an account");
        }
    });
    assert!(balancer.machines() > 1, "{} connections", balancer.machines());
    let before = balancer.refused();
    for _ in 0..20 {
        client.account().expect("an account");
    }
    // The newest nonce of the first may be that of another connection.
    let refused = balancer.refused() - before;
    assert!(refused <= 2, "{refused} of 20");
}

#[test]
fn the_cookie_of_a_balancer_leads_to_the_machine_that_gave_the_nonce() {
    let balancer = Balancer::start(FoundBy::Cookie);
    let client = behind(&balancer).connect().expect("a client");
    for _ in 0..5 {
        client.account().expect("an account");
    }
    assert_eq!((balancer.refused(), balancer.machines()), (0, 1));
    let (provider, roots) = (client.provider(), Roots::Pem(balancer.root_pem().into()));
    let transport = UreqTransport::new(provider, &roots).expect("a root").keep_cookies(false);
    let mut policy = Policy::default();
    policy.bad_nonce_tries = 3;
    let without = behind(&balancer).transport(transport).policy(policy).connect();
    let error = without.expect("a client").account().expect_err("another machine each time");
    assert!(error.to_string().contains("refused account (400 "), "{error}");
}

#[test]
fn a_function_that_gives_consent_may_use_the_client() {
    let ca = TestCa::builder().terms_of_service("https://ca.test/terms").start().expect("a CA");
    let client = builder(&ca).connect().expect("a client");
    let same = client.clone();
    let register = client.register().contact("mailto:me@example.org");
    let account = register.agree_to_terms(|_| {
        same.register().contact("mailto:me@example.org").agree_to_terms(|_| true).run().is_ok()
    });
    account.run().expect("an account");
    assert!(client.account_url().is_some());
}

#[test]
fn a_function_that_stores_a_key_change_may_use_the_client() {
    let ca = TestCa::start();
    let client = client(&ca);
    let new = || AccountKey::generate(KeyKind::Es256).expect("a key");
    let same = client.clone();
    let change = client.change_key(new());
    change.store(move |_| same.account().map(drop).map_err(Into::into)).run().expect("changed");
    client.account().expect("the new key");

    // A change within a change comes first, and the other one does not go on.
    let same = client.clone();
    let change = client.change_key(new()).store(move |_| {
        same.change_key(new()).run().expect("changed");
        Ok(())
    });
    let error = change.run().expect_err("another change came first").to_string();
    assert!(error.contains("the account key was changed"), "{error}");
    client.account().expect("the key of the inner change");
}
