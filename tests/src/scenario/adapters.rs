//! The two adapters as drivers, over TLS to a CA that listens on loopback.

use std::sync::Arc;

use acme_proto::wire::ChallengeKind;
use acme_proto::x509::Certificate;
use acme_testca::TestCa;

use super::{Run, SEED, Scenario, policy};

/// Runs a scenario with `acme-tokio`.
///
/// # Panics
/// If the CA does not start or the account cannot be made, which no scenario is about.
pub fn run_tokio(scenario: &Scenario, max_in_flight: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ca = Arc::new(start(scenario));
    let outcome = runtime.expect("a runtime").block_on(async {
        use acme_tokio::{AccountKey, Client, Http01Listener, KeyKind, Roots, TlsAlpn01Listener};
        let key = AccountKey::generate(KeyKind::Es256).expect("a key");
        let client = Client::builder(ca.directory_url())
            .key(key)
            .roots(Roots::Pem(ca.root_pem().into()))
            .policy(policy(max_in_flight))
            .connect()
            .await
            .expect("a client");
        client.register().await.expect("an account");
        ca.set_faults((scenario.faults)());
        let key = acme_tokio::ProviderKey::generate(KeyKind::Es256).expect("a key");
        let issue = client.issue(scenario.names.iter().copied()).key(&key);
        let result = match scenario.kind {
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
        };
        result.map(|issued| names_of(issued.chain().leaf())).map_err(|e| e.to_string())
    });
    finish(scenario, &ca, outcome)
}

/// Runs a scenario with `acme-blocking`.
///
/// # Panics
/// If the CA does not start or the account cannot be made, which no scenario is about.
pub fn run_blocking(scenario: &Scenario, max_in_flight: usize) -> Run {
    use acme_blocking::{AccountKey, Client, Http01Listener, KeyKind, Roots, TlsAlpn01Listener};
    let ca = Arc::new(start(scenario));
    let client = Client::builder(ca.directory_url())
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy(max_in_flight))
        .connect()
        .expect("a client");
    client.register().run().expect("an account");
    ca.set_faults((scenario.faults)());
    let key = acme_blocking::ProviderKey::generate(KeyKind::Es256).expect("a key");
    let issue = client.issue(scenario.names.iter().copied()).key(&key);
    let result = match scenario.kind {
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
    };
    let outcome = result.map(|issued| names_of(issued.chain().leaf())).map_err(|e| e.to_string());
    finish(scenario, &ca, outcome)
}

fn start(scenario: &Scenario) -> TestCa {
    let configure = scenario.configure;
    let builder = TestCa::builder().seed(SEED).configure(configure);
    builder.start().expect("a CA")
}

fn finish(scenario: &Scenario, ca: &TestCa, outcome: Result<Vec<String>, String>) -> Run {
    scenario.check_leftovers(&ca.published_txt(), outcome.is_ok());
    let line = |r: &acme_testca::ExchangeRecord| {
        let problem = r.problem.as_ref().map(|p| format!(" {p}")).unwrap_or_default();
        format!("{} {} {}{problem}", r.method, r.kind, r.status)
    };
    Run::new(ca.requests().iter().map(line), outcome)
}

/// Returns every name and address of a certificate, sorted.
pub(super) fn names_of(leaf: &Certificate) -> Vec<String> {
    let mut names: Vec<String> = leaf.identifiers().iter().map(|i| i.value()).collect();
    names.sort();
    names
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
