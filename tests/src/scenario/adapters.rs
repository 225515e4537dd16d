//! The two adapters as drivers, over TLS to a CA that listens on loopback.

use std::sync::Arc;

use acme_proto::issuance::Issued;
use acme_proto::wire::ChallengeKind;
use acme_testca::TestCa;
use acme_tokio::acme_adapter::error_chain;

use super::{Run, SEED, Scenario, Wish, policy};

/// Runs a scenario with `acme-tokio`.
///
/// # Panics
/// If the CA does not start or the account cannot be made, which no scenario is about.
pub fn run_tokio(scenario: &Scenario, max_in_flight: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ca = Arc::new(start(scenario));
    let outcome = runtime.expect("a runtime").block_on(async {
        use acme_tokio::{AccountKey, Client, KeyKind, Roots};
        let key = AccountKey::generate(KeyKind::Es256).expect("a key");
        let client = Client::builder(ca.directory_url())
            .key(key)
            .roots(Roots::Pem(ca.root_pem().into()))
            .policy(policy(max_in_flight))
            .connect()
            .await
            .map_err(|error| error_chain(&error))?;
        client.register().await.expect("an account");
        let mut predecessor = None;
        if scenario.wish == Wish::Renewal {
            let issued = issue_tokio(&ca, &client, scenario, None).await;
            predecessor = Some(issued.expect("a certificate to be replaced"));
        }
        ca.set_faults((scenario.faults)());
        let result = issue_tokio(&ca, &client, scenario, predecessor.as_ref()).await;
        result.map(|issued| shown(&issued)).map_err(|error| error_chain(&error))
    });
    finish(scenario, &ca, outcome)
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

/// Runs a scenario with `acme-blocking`.
///
/// # Panics
/// If the CA does not start or the account cannot be made, which no scenario is about.
pub fn run_blocking(scenario: &Scenario, max_in_flight: usize) -> Run {
    use acme_blocking::{AccountKey, Client, KeyKind, Roots};
    let ca = Arc::new(start(scenario));
    let connected = Client::builder(ca.directory_url())
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy(max_in_flight))
        .connect();
    let client = match connected {
        Ok(client) => client,
        Err(error) => return finish(scenario, &ca, Err(error_chain(&error))),
    };
    client.register().run().expect("an account");
    let predecessor = (scenario.wish == Wish::Renewal).then(|| {
        let issued = issue_blocking(&ca, &client, scenario, None);
        issued.expect("a certificate to be replaced")
    });
    ca.set_faults((scenario.faults)());
    let result = issue_blocking(&ca, &client, scenario, predecessor.as_ref());
    let outcome = result.map(|issued| shown(&issued)).map_err(|error| error_chain(&error));
    finish(scenario, &ca, outcome)
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

/// Returns every name and address of a certificate, sorted, then its profile and whether it replaces another.
pub(super) fn shown(issued: &Issued) -> Vec<String> {
    let leaf = issued.chain().leaf();
    let mut shown: Vec<String> = leaf.identifiers().iter().map(|i| i.value()).collect();
    shown.sort();
    shown.extend(issued.profile().map(|name| format!("profile {name}")));
    shown.extend(issued.replaces().map(|_| "replaces another".to_owned()));
    shown
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
