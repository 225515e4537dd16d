//! Solvers, stores and signers of the user that panic, or do not return.

use core::time::Duration;
use std::sync::Arc;

use acme_proto::error::Error as Acme;
use acme_proto::flow::{SignFailed, SignRequest};
use acme_proto::jose::{Jwk, Signature};
use acme_proto::policy::{Policy, Rates};
use acme_testca::{RequestKind, TestCa};

use super::adapter::{
    self, BoxError, Challenge, ChallengeKind, ChallengeResponse, Client, Dns01, Dns01Solver,
    DnsUpdate, Error, ProviderKey, Roots, Signer, Snapshot, Solver, Store, TsigAlgorithm, TsigKey,
};
use super::ca::{Zone, builder, certificate_key, client};
use super::issue::http01;

/// Publishes a record, and then panics.
struct Panics(Zone);

impl Dns01 for Panics {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.set_txt(name, value).await?;
        panic!("on purpose");
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.remove_txt(name, value).await
    }
}

#[tokio::test]
async fn a_solver_that_panics_has_failed_and_what_it_published_is_cleaned_up() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let dns = Dns01Solver::new(Panics(Zone(ca.clone())));
    let issue = client.issue(["a.test", "*.a.test"]).key(&certificate_key()).solver(dns);
    let error = issue.run().await.expect_err("no solver works").to_string();
    let named = "dns-01 was not provisioned: the solver's `present` panicked: on purpose";
    assert!(error.contains(named) && error.contains("a.test"), "{error}");
    assert!(ca.published_txt().values().all(Vec::is_empty));
}

/// A store that cannot be relied on.
struct PanickingStore;

impl Store for PanickingStore {
    async fn save(&self, _: &Snapshot) -> Result<(), BoxError> {
        panic!("the disk is gone");
    }
}

#[tokio::test]
async fn a_store_that_panics_has_failed_and_nothing_is_published() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issue = client.issue(["a.test"]).key(&certificate_key()).solver(&http);
    let error = issue.durable(PanickingStore).run().await.expect_err("no store").to_string();
    assert!(error.contains("the store panicked: the disk is gone"), "{error}");
}

/// A signer that cannot be relied on.
struct PanickingSigner(ProviderKey);

impl Signer for PanickingSigner {
    fn account_key(&self) -> Jwk {
        self.0.public_key().clone()
    }

    async fn sign(&self, _: &SignRequest) -> Result<Signature, SignFailed> {
        panic!("the device is gone");
    }
}

#[tokio::test]
async fn a_signer_that_panics_has_failed() {
    let ca = TestCa::start();
    let signer = PanickingSigner(certificate_key());
    let client = Client::builder(ca.directory_url()).signer(signer);
    let client = client.roots(Roots::Pem(ca.root_pem().into())).connect().await.expect("a client");
    let error = client.register().run().await.expect_err("no signature");
    assert!(matches!(error, Error::Acme(Acme::Signer(_))), "{error}");
    let text = error.to_string();
    assert!(text.contains("the signer panicked: the device is gone"), "{text}");
}

/// Returns from one of its calls only after an hour.
struct Stuck {
    zone: Dns01Solver<Zone>,
    waits: bool,
}

impl Solver for Stuck {
    fn kinds(&self) -> &[ChallengeKind] {
        self.zone.kinds()
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        let response = self.zone.present(challenge).await;
        if !self.waits {
            adapter::sleep(Duration::from_secs(3600)).await;
        }
        response
    }

    async fn wait(&self, _: &Challenge) -> Result<(), BoxError> {
        adapter::sleep(Duration::from_secs(3600)).await;
        Ok(())
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.zone.clean_up(challenge).await
    }
}

/// A client whose issuances have little time for clean-ups.
async fn hasty(ca: &TestCa) -> Client {
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.clean_up_time_limit = Duration::from_secs(2);
    let client = builder(ca).policy(policy).connect().await.expect("a client");
    client.register().contact("mailto:me@example.org").run().await.expect("an account");
    client
}

#[tokio::test]
async fn a_solver_that_never_returns_does_not_hold_an_issuance_and_is_named() {
    let ca = Arc::new(TestCa::start());
    let client = hasty(&ca).await;
    for (waits, method) in [(false, "present"), (true, "wait")] {
        let zone = Dns01Solver::new(Zone(ca.clone()));
        let name = format!("{method}.test");
        let issue = client.issue([name.as_str()]).key(&certificate_key());
        let issue = issue.solver(Stuck { zone, waits }).time_limit(Duration::from_secs(3));
        let start = std::time::Instant::now();
        let error = issue.run().await.expect_err("it never returns");
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        let text = error.to_string();
        let named = format!("the solver of dns-01 has not returned from `{method}` for {name}");
        assert!(text.contains(&named), "{text}");
        assert!(matches!(error, Error::SolverStuck { .. }), "{text}");
        assert!(matches!(error.acme(), Some(Acme::Deadline(_))), "{text}");
    }
    let left = ca.published_txt();
    assert!(left.iter().all(|(name, values)| values.is_empty() || name.contains("present")));
}

#[tokio::test]
async fn an_update_at_a_silent_dns_server_ends_with_the_issuance() {
    let ca = Arc::new(TestCa::start());
    let client = hasty(&ca).await;
    // Nobody accepts what connects to it.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = silent.local_addr().expect("an address");
    let key = TsigKey::new("key.test", TsigAlgorithm::HmacSha256, "c2VjcmV0").expect("a key");
    let issue = client.issue(["a.test"]).key(&certificate_key());
    let issue =
        issue.solver(DnsUpdate::new([server.into()], key)).time_limit(Duration::from_secs(3));
    let start = std::time::Instant::now();
    let error = issue.run().await.expect_err("it never answers");
    assert!(matches!(error, Error::Acme(Acme::Deadline(_))), "{error}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_consent_that_panics_is_none() {
    let ca = TestCa::builder().terms_of_service("https://ca.test/terms").start().expect("a CA");
    let client = builder(&ca).connect().await.expect("a client");
    let register = client.register().contact("mailto:me@example.org");
    let register = register.agree_to_terms(|_| panic!("on purpose"));
    register.run().await.expect_err("nobody agreed");
    assert_eq!(ca.requests().iter().filter(|r| r.kind == RequestKind::NewAccount).count(), 0);
}
