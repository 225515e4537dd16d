//! What the daemon does through `acme-blocking`.

use std::net::SocketAddr;
use std::sync::Arc;

use acme_blocking::{
    Certificates, Challenge, ChallengeKind, ChallengeResponse, DnsUpdate, Health, HookCommand,
    Http01Listener, Identifier, Solver, TlsAlpn01Listener,
};
use acme_cli::{Adapter, BoxError, Keeper, Plan, Webroot};

/// The adapter, with a thread for the certificates that have their settings in common.
pub(crate) struct OnThreads;

impl Adapter for OnThreads {
    type Solver = Arc<dyn Solver>;

    fn listen_http(&self, address: SocketAddr) -> Result<(Self::Solver, SocketAddr), BoxError> {
        let listener = Http01Listener::bind(address)?;
        let bound = listener.local_addr();
        Ok((Arc::new(listener), bound))
    }

    fn listen_tls(&self, address: SocketAddr) -> Result<(Self::Solver, SocketAddr), BoxError> {
        let listener = TlsAlpn01Listener::bind(address)?;
        let bound = listener.local_addr();
        Ok((Arc::new(listener), bound))
    }

    fn webroot(&self, webroot: Webroot) -> Self::Solver {
        Arc::new(Files(webroot))
    }

    fn hook(&self, command: HookCommand) -> Self::Solver {
        Arc::new(command)
    }

    fn dns_update(&self, update: DnsUpdate) -> Self::Solver {
        Arc::new(update)
    }

    fn start(&self, plan: Plan, solvers: Vec<Self::Solver>) -> Result<Arc<dyn Keeper>, BoxError> {
        let mut builder = Certificates::in_folder(plan.folder()).key_kind(plan.key_kind());
        for ca in plan.authorities() {
            builder = builder.ca(ca.directory.as_str());
            if let Some((kid, mac_key)) = &ca.external_account {
                builder = builder.external_account(kid, mac_key.as_str());
            }
        }
        for contact in plan.contacts() {
            builder = builder.contact(contact);
        }
        for solver in solvers {
            builder = builder.solver(solver);
        }
        let agrees = plan.agrees_to_terms();
        builder = builder.agree_to_terms(move |_| agrees).on_event(plan.observer());
        let profile = plan.profile();
        builder = builder.issue(move |issue| match &profile {
            Some(profile) => issue.profile(profile),
            None => issue,
        });
        builder = builder.client(move |client| {
            let client = client.user_agent(concat!("issue-daemon/", env!("CARGO_PKG_VERSION")));
            client.roots(plan.roots()).change_policy(Plan::shorten)
        });
        let certificates = builder.start()?;
        Ok(Arc::new(Kept(certificates)))
    }
}

/// Certificates that a thread keeps.
struct Kept(Certificates);

impl Keeper for Kept {
    fn add(&self, names: Vec<Identifier>) -> Result<(), BoxError> {
        Ok(self.0.add(names)?)
    }

    fn remove(&self, name: &str) {
        self.0.remove(name);
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    fn shutdown(&self) {
        self.0.shutdown();
    }
}

/// A web server answers http-01, from files that are written here.
struct Files(Webroot);

impl Solver for Files {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Http01]
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.0.present(challenge)?;
        Ok(ChallengeResponse::default())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        Ok(self.0.clean_up(challenge)?)
    }
}
