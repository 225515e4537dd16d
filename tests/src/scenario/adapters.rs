//! The two adapters as drivers, over TLS to a CA that listens on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;

use acme_proto::issuance::Issued;
use acme_proto::op::Operation;
use acme_proto::policy::Policy;
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind;
use acme_testca::{Faults, TestCa};
use acme_tokio::acme_adapter::error_chain;

use super::driver::{self, Driver};
use super::{Run, SEED, Scenario, Wish};

/// Runs a scenario with `acme-tokio`.
///
/// # Panics
/// If the CA does not start.
pub fn run_tokio(scenario: &Scenario, max_in_flight: usize) -> Run {
    let (ca, policy) = (start(scenario), scenario.policy(max_in_flight));
    driver::run(scenario, Tokio::at(ca, policy))
}

/// Runs a scenario with `acme-blocking`.
///
/// # Panics
/// If the CA does not start.
pub fn run_blocking(scenario: &Scenario, max_in_flight: usize) -> Run {
    let (ca, policy) = (start(scenario), scenario.policy(max_in_flight));
    driver::run(scenario, Blocking::at(ca, policy))
}

pub(super) struct Tokio {
    ca: Arc<TestCa>,
    policy: Policy,
    client: Option<acme_tokio::Client>,
    runtime: tokio::runtime::Runtime,
}

pub(super) struct Blocking {
    ca: Arc<TestCa>,
    policy: Policy,
    client: Option<acme_blocking::Client>,
}

impl Tokio {
    /// Creates a driver for a CA.
    pub(super) fn at(ca: Arc<TestCa>, policy: Policy) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { ca, policy, client: None, runtime: runtime.expect("a runtime") }
    }

    fn client(&self) -> acme_tokio::Client {
        self.client.clone().expect("it is connected")
    }
}

impl Driver for Tokio {
    fn connect(&mut self) -> Result<(), String> {
        use acme_tokio::{AccountKey, Client, KeyKind, Roots};
        let builder = Client::builder(self.ca.directory_url())
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .roots(Roots::Pem(self.ca.root_pem().into()))
            .policy(self.policy.clone());
        let client = self.runtime.block_on(builder.connect());
        self.client = Some(client.map_err(|error| error_chain(&error))?);
        Ok(())
    }

    fn register(&mut self) -> Result<(), String> {
        let account = self.runtime.block_on(self.client().register().run());
        account.map(drop).map_err(|error| error_chain(&error))
    }

    fn set_faults(&mut self, faults: Faults) {
        self.ca.set_faults(faults);
    }

    fn issue(
        &mut self,
        scenario: &Scenario,
        predecessor: Option<&Issued>,
    ) -> Result<Issued, String> {
        let issued =
            self.runtime.block_on(issue_tokio(&self.ca, &self.client(), scenario, predecessor));
        issued.map_err(|error| error_chain(&error))
    }

    fn call<O: Operation>(&mut self, operation: O) -> Result<O::Response, String> {
        let response = self.runtime.block_on(self.client().call(operation));
        response.map_err(|error| error_chain(&error))
    }

    fn change_key(&mut self) -> Result<(), String> {
        use acme_tokio::{AccountKey, KeyKind};
        let key = AccountKey::generate(KeyKind::Es256).expect("a key");
        let changed = self.runtime.block_on(self.client().change_key(key).run());
        changed.map(drop).map_err(|error| error_chain(&error))
    }

    fn lines(&self) -> Vec<String> {
        lines(&self.ca)
    }

    fn txt(&self) -> BTreeMap<String, Vec<String>> {
        self.ca.published_txt()
    }
}

async fn issue_tokio(
    ca: &Arc<TestCa>,
    client: &acme_tokio::Client,
    scenario: &Scenario,
    predecessor: Option<&Issued>,
) -> Result<Issued, acme_tokio::Error> {
    use acme_tokio::{Http01Listener, KeyKind, ProviderKey, TlsAlpn01Listener};
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let issue = client.issue(scenario.names.iter().copied()).key(&key);
    let issue = match (scenario.wish, predecessor) {
        (Wish::Profile(name), _) => issue.profile(name),
        (Wish::PreferredProfiles(names), _) => issue.preferred_profiles(names.iter().copied()),
        (Wish::PrivateProfile(name), _) => issue.private_profile(name),
        (Wish::Validity, _) => {
            issue.not_after(super::day_after_tomorrow(Timestamp::from_unix_seconds(now())))
        }
        (_, Some(predecessor)) => issue.replaces(predecessor.chain().leaf()),
        (Wish::Nothing | Wish::Renewal, None) => issue,
    };
    match scenario.kind {
        ChallengeKind::Http01 => {
            let listener = Http01Listener::bind("127.0.0.1:0").await.expect("a port");
            ca.set_http_port(listener.local_addr().port());
            issue.solver(&listener).await
        }
        ChallengeKind::TlsAlpn01 => {
            let listener = TlsAlpn01Listener::bind("127.0.0.1:0").await.expect("a port");
            ca.set_tls_port(listener.local_addr().port());
            issue.solver(&listener).await
        }
        ChallengeKind::DnsPersist01 => {
            let solver = acme_tokio::DnsPersist01Solver::new(Zone(ca.clone()));
            issue.solver(solver.options(scenario.persist())).await
        }
        _ => issue.solver(acme_tokio::Dns01Solver::new(Zone(ca.clone()))).await,
    }
}

impl Blocking {
    /// Creates a driver for a CA.
    pub(super) const fn at(ca: Arc<TestCa>, policy: Policy) -> Self {
        Self { ca, policy, client: None }
    }

    fn client(&self) -> acme_blocking::Client {
        self.client.clone().expect("it is connected")
    }
}

impl Driver for Blocking {
    fn connect(&mut self) -> Result<(), String> {
        use acme_blocking::{AccountKey, Client, KeyKind, Roots};
        let builder = Client::builder(self.ca.directory_url())
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .roots(Roots::Pem(self.ca.root_pem().into()))
            .policy(self.policy.clone());
        let client = builder.connect();
        self.client = Some(client.map_err(|error| error_chain(&error))?);
        Ok(())
    }

    fn register(&mut self) -> Result<(), String> {
        let account = self.client().register().run();
        account.map(drop).map_err(|error| error_chain(&error))
    }

    fn set_faults(&mut self, faults: Faults) {
        self.ca.set_faults(faults);
    }

    fn issue(
        &mut self,
        scenario: &Scenario,
        predecessor: Option<&Issued>,
    ) -> Result<Issued, String> {
        let issued = issue_blocking(&self.ca, &self.client(), scenario, predecessor);
        issued.map_err(|error| error_chain(&error))
    }

    fn call<O: Operation>(&mut self, operation: O) -> Result<O::Response, String> {
        let response = self.client().call(operation);
        response.map_err(|error| error_chain(&error))
    }

    fn change_key(&mut self) -> Result<(), String> {
        use acme_blocking::{AccountKey, KeyKind};
        let key = AccountKey::generate(KeyKind::Es256).expect("a key");
        let changed = self.client().change_key(key).run();
        changed.map(drop).map_err(|error| error_chain(&error))
    }

    fn lines(&self) -> Vec<String> {
        lines(&self.ca)
    }

    fn txt(&self) -> BTreeMap<String, Vec<String>> {
        self.ca.published_txt()
    }
}

fn issue_blocking(
    ca: &Arc<TestCa>,
    client: &acme_blocking::Client,
    scenario: &Scenario,
    predecessor: Option<&Issued>,
) -> Result<Issued, acme_blocking::Error> {
    use acme_blocking::{Http01Listener, KeyKind, ProviderKey, TlsAlpn01Listener};
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let issue = client.issue(scenario.names.iter().copied()).key(&key);
    let issue = match (scenario.wish, predecessor) {
        (Wish::Profile(name), _) => issue.profile(name),
        (Wish::PreferredProfiles(names), _) => issue.preferred_profiles(names.iter().copied()),
        (Wish::PrivateProfile(name), _) => issue.private_profile(name),
        (Wish::Validity, _) => {
            issue.not_after(super::day_after_tomorrow(Timestamp::from_unix_seconds(now())))
        }
        (_, Some(predecessor)) => issue.replaces(predecessor.chain().leaf()),
        (Wish::Nothing | Wish::Renewal, None) => issue,
    };
    match scenario.kind {
        ChallengeKind::Http01 => {
            let listener = Http01Listener::bind("127.0.0.1:0").expect("a port");
            ca.set_http_port(listener.local_addr().port());
            issue.solver(&listener).run()
        }
        ChallengeKind::TlsAlpn01 => {
            let listener = TlsAlpn01Listener::bind("127.0.0.1:0").expect("a port");
            ca.set_tls_port(listener.local_addr().port());
            issue.solver(&listener).run()
        }
        ChallengeKind::DnsPersist01 => {
            let solver = acme_blocking::DnsPersist01Solver::new(Zone(ca.clone()));
            issue.solver(solver.options(scenario.persist())).run()
        }
        _ => issue.solver(acme_blocking::Dns01Solver::new(Zone(ca.clone()))).run(),
    }
}

fn start(scenario: &Scenario) -> Arc<TestCa> {
    let builder = TestCa::builder().seed(SEED).configure(|config| scenario.configure(config));
    Arc::new(builder.start().expect("a CA"))
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs() as i64
}

fn lines(ca: &TestCa) -> Vec<String> {
    let line = |r: &acme_testca::ExchangeRecord| {
        let problem = r.problem.as_ref().map(|p| format!(" {p}")).unwrap_or_default();
        format!("{} {} {}{problem}", r.method, r.kind, r.status)
    };
    ca.requests().iter().map(line).collect()
}

/// The zone of the test CA's own resolver.
struct Zone(Arc<TestCa>);

impl acme_tokio::Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), acme_tokio::BoxError> {
        self.0.set_txt(name, value);
        Ok(())
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), acme_tokio::BoxError> {
        self.0.clear_txt(name, value);
        Ok(())
    }

    async fn existing_txt(&self, name: &str) -> Result<Vec<String>, acme_tokio::BoxError> {
        Ok(self.0.published_txt().remove(name).unwrap_or_default())
    }
}

impl acme_blocking::Dns01 for Zone {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), acme_blocking::BoxError> {
        self.0.set_txt(name, value);
        Ok(())
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), acme_blocking::BoxError> {
        self.0.clear_txt(name, value);
        Ok(())
    }

    fn existing_txt(&self, name: &str) -> Result<Vec<String>, acme_blocking::BoxError> {
        Ok(self.0.published_txt().remove(name).unwrap_or_default())
    }
}
