//! A client of the test CA, and solvers for it.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use acme_proto::policy::{Policy, Rates};
use acme_testca::TestCa;

use super::adapter::{
    self, AccountKey, BoxError, Challenge, ChallengeKind, ChallengeResponse, Client, ClientBuilder,
    Dns01, KeyKind, ProviderKey, Roots, Solver,
};

/// Starts to make a client that trusts the test CA.
pub(crate) fn builder(ca: &TestCa) -> ClientBuilder {
    let key = AccountKey::generate(KeyKind::Es256).expect("a key");
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    Client::builder(ca.directory_url())
        .key(key)
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy)
}

/// Connects to the test CA, and registers.
pub(crate) async fn client(ca: &TestCa) -> Client {
    let client = builder(ca).connect().await.expect("a client");
    client.register().contact("mailto:me@example.org").run().await.expect("an account");
    client
}

/// Makes a certificate key.
pub(crate) fn certificate_key() -> ProviderKey {
    let pem = AccountKey::generate(KeyKind::Es256).expect("a key").to_pem();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ProviderKey::from_pkcs8_pem(&pem, &provider).expect("a key")
}

/// The zone of the test CA's own resolver.
#[derive(Clone)]
pub(crate) struct Zone(pub(crate) Arc<TestCa>);

impl Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.set_txt(name, value);
        Ok(())
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.clear_txt(name, value);
        Ok(())
    }
}

/// Notes every call, and takes a moment for each.
#[derive(Clone)]
pub(crate) struct Notes<S> {
    pub(crate) inner: S,
    pub(crate) calls: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl<S> Notes<S> {
    pub(crate) fn of(inner: S) -> Self {
        Self { inner, calls: Arc::default() }
    }

    pub(crate) fn names(&self, call: &str) -> Vec<String> {
        let calls = self.calls.lock().expect("no panic");
        calls.iter().filter(|(c, _)| *c == call).map(|(_, name)| name.clone()).collect()
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().expect("no panic").iter().map(|(call, _)| *call).collect()
    }

    fn note(&self, call: &'static str, challenge: &Challenge) {
        let name = challenge.txt_name().unwrap_or_else(|| challenge.identifier().value());
        self.calls.lock().expect("no panic").push((call, name));
    }
}

impl<S: Solver> Solver for Notes<S> {
    fn kinds(&self) -> &[ChallengeKind] {
        self.inner.kinds()
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.note("present", challenge);
        adapter::sleep(Duration::from_millis(10)).await;
        let result = self.inner.present(challenge).await;
        self.note("presented", challenge);
        result
    }

    async fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.note("wait", challenge);
        self.inner.wait(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.note("clean_up", challenge);
        self.inner.clean_up(challenge).await
    }
}

/// Fails at everything, for one kind.
pub(crate) struct Broken(pub(crate) ChallengeKind);

impl Solver for Broken {
    fn kinds(&self) -> &[ChallengeKind] {
        core::slice::from_ref(&self.0)
    }

    async fn present(&self, _: &Challenge) -> Result<ChallengeResponse, BoxError> {
        Err("the zone is locked".into())
    }

    async fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Err("the zone is locked still".into())
    }
}
