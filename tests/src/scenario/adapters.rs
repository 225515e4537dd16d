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
            _ => issue.solver(acme_tokio::Dns01Solver::new(Zone(ca.clone()))).await,
        };
        result.map(|issued| names_of(issued.chain().leaf())).map_err(|e| e.to_string())
    });
    finish(&ca, outcome)
}

fn start(scenario: &Scenario) -> TestCa {
    let configure = scenario.configure;
    let builder = TestCa::builder().seed(SEED).configure(configure);
    builder.start().expect("a CA")
}

fn finish(ca: &TestCa, outcome: Result<Vec<String>, String>) -> Run {
    assert!(ca.published_txt().values().all(Vec::is_empty), "no record stays published");
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
}
