//! Both adapters behind one face, for checks that are written once.

use std::fmt;
use std::time::Duration;

use acme_blocking::{AccountEntry, AccountKey, Certificate, Error, Issued, ProviderKey, Roots};
use acme_proto::challenge::PersistOptions;
use acme_proto::identifier::Identifier;
use acme_proto::jose::Jwk;
use acme_proto::op;
use acme_proto::policy::{Policy, Rates, Schedule};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::wire::{Account, Authorization, ChallengeKind, Directory, Order};
use acme_proto::x509::ChainChoice;

use super::solvers::{Hook, Labelled, Nothing, Zone};
use super::watch::Watch;
use crate::servers::Site;

/// One of the two adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// `acme-tokio`.
    Tokio,
    /// `acme-blocking`.
    Blocking,
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokio => "acme-tokio",
            Self::Blocking => "acme-blocking",
        })
    }
}

/// A client of either adapter at a server.
pub struct Client {
    inner: Inner,
    site: Site,
}

enum Inner {
    Tokio(tokio::runtime::Runtime, acme_tokio::Client),
    Blocking(acme_blocking::Client),
}

/// A certificate to be issued.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// The names.
    pub names: &'a [&'a str],
    /// How they are proved.
    pub kind: ChallengeKind,
    /// Whether the challenges are really published; if not, dns-persist-01 has to find a record that is there.
    pub publish: bool,
    /// What happens after a record was published, before the server hears of it.
    pub published: Option<Hook>,
    /// Whether dns-persist-01 is tried after dns-01 failed.
    pub or_persist: bool,
    /// What records of dns-persist-01 say.
    pub persist: Option<&'a PersistOptions>,
    /// The key of the certificate.
    pub key: &'a ProviderKey,
    /// The profile to ask for.
    pub profile: Option<&'a str>,
    /// The end of its validity to ask for.
    pub not_after: Option<Timestamp>,
    /// The identifier of the certificate that it replaces.
    pub replaces: Option<&'a str>,
    /// Which of the chains that the server offers is wanted.
    pub chain: Option<&'a ChainChoice>,
}

impl<'a> Job<'a> {
    /// Asks for names, with nothing special.
    pub const fn new(names: &'a [&'a str], kind: ChallengeKind, key: &'a ProviderKey) -> Self {
        Self {
            names,
            kind,
            publish: true,
            published: None,
            or_persist: false,
            persist: None,
            key,
            profile: None,
            not_after: None,
            replaces: None,
            chain: None,
        }
    }
}

/// Gives [`Client`] the methods that both adapters have, with the same names and arguments.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        /// The adapters' methods of the same names.
        #[allow(missing_docs)]
        impl Client {
            $(pub fn $name(&self, $($argument: $type),*) -> Result<$output, Error> {
                match &self.inner {
                    Inner::Tokio(runtime, client) => runtime.block_on(client.$name($($argument),*)),
                    Inner::Blocking(client) => client.$name($($argument),*),
                }
            })*
        }
    };
}

forward! {
    directory() -> Directory;
    find_account() -> Option<AccountEntry>;
    account() -> Account;
    update_account(contacts: [&str; 1]) -> Account;
    deactivate_account() -> Account;
    new_order(order: op::NewOrder) -> op::OrderEntry;
    order(url: &Url) -> Order;
    orders(page: op::ListOrders) -> op::Page;
    authorization(url: &Url) -> Authorization;
    new_authorization(identifier: Identifier) -> op::AuthorizationEntry;
    deactivate_authorization(url: &Url) -> Authorization;
    certificate_chain(url: &Url, choice: ChainChoice) -> op::ChosenChain;
    revoke(revocation: op::Revoke) -> op::Revoked;
    renewal_info(certificate: &Certificate) -> op::RenewalInfoEntry;
}

/// Adds what a job asks for to the issuance of either adapter.
macro_rules! prepared {
    ($client:expr, $job:expr) => {{
        let mut issue = $client.issue($job.names.iter().copied()).key($job.key);
        if !$job.publish {
            issue = issue.time_limit(FAILING_TIME_LIMIT);
        }
        if let Some(profile) = $job.profile {
            issue = issue.profile(profile);
        }
        if let Some(time) = $job.not_after {
            issue = issue.not_after(time);
        }
        if let Some(id) = $job.replaces {
            issue = issue.replaces_id(id);
        }
        if let Some(choice) = $job.chain {
            issue = issue.chain(choice.clone());
        }
        issue
    }};
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn connect(adapter: Adapter, site: &Site, key: &AccountKey) -> Result<Self, Error> {
        Self::connect_with(adapter, site, key, None, &policy()).map(|(client, _)| client)
    }

    /// Connects to a server with the account at a URL, if it is known, and by a policy, and watches what goes to it.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn connect_with(
        adapter: Adapter,
        site: &Site,
        key: &AccountKey,
        account: Option<&Url>,
        policy: &Policy,
    ) -> Result<(Self, Watch), Error> {
        let watch = Watch::default();
        macro_rules! prepared_client {
            ($builder:expr) => {{
                let (exchanges, notices) = (watch.clone(), watch.clone());
                let builder = $builder.key(key).policy(policy.clone());
                let builder = builder.observe(move |record| exchanges.exchange(record));
                let builder = builder.notices(move |notice| notices.notice(notice));
                match account {
                    Some(url) => builder.account_url(url.clone()),
                    None => builder,
                }
            }};
        }
        let roots = Roots::Pem(site.web_root_pem().into());
        let inner = match adapter {
            Adapter::Tokio => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime");
                let builder = prepared_client!(acme_tokio::Client::builder(site.directory_url()));
                let client = runtime.block_on(builder.roots(roots).connect())?;
                Inner::Tokio(runtime, client)
            }
            Adapter::Blocking => {
                let builder =
                    prepared_client!(acme_blocking::Client::builder(site.directory_url()));
                Inner::Blocking(builder.roots(roots).connect()?)
            }
        };
        Ok((Self { inner, site: site.clone() }, watch))
    }

    /// Registers an account with a contact and, if given, a key identifier and MAC key of an external account.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn register(&self, external: Option<(&str, &str)>) -> Result<AccountEntry, Error> {
        self.register_for("mailto:me@mail.example.org", external)
    }

    /// Registers an account with this contact.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn register_for(
        &self,
        contact: &str,
        external: Option<(&str, &str)>,
    ) -> Result<AccountEntry, Error> {
        macro_rules! prepared_registration {
            ($client:expr) => {{
                let register = $client.register().contact(contact);
                let register = register.agree_to_terms(|_| true);
                match external {
                    Some((kid, key)) => register.external_account(kid, key),
                    None => register,
                }
            }};
        }
        match &self.inner {
            Inner::Tokio(runtime, client) => {
                let register = prepared_registration!(client);
                runtime.block_on(register.into_future())
            }
            Inner::Blocking(client) => prepared_registration!(client).run(),
        }
    }

    /// Gives the account a new key.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn change_key(&self, new_key: &AccountKey) -> Result<Jwk, Error> {
        match &self.inner {
            Inner::Tokio(runtime, client) => {
                runtime.block_on(client.change_key(new_key).into_future())
            }
            Inner::Blocking(client) => client.change_key(new_key).run(),
        }
    }

    /// Holds a certificate's key, so that it can sign a revocation.
    pub fn hold_certificate_key(&self, key: ProviderKey) {
        match &self.inner {
            Inner::Tokio(_, client) => client.hold_certificate_key(key),
            Inner::Blocking(client) => client.hold_certificate_key(key),
        }
    }

    /// Returns the URL of the account, where it is known.
    pub fn account_url(&self) -> Option<Url> {
        match &self.inner {
            Inner::Tokio(_, client) => client.account_url(),
            Inner::Blocking(client) => client.account_url(),
        }
    }

    /// Issues a certificate, with listeners and DNS records where the server looks for them.
    ///
    /// # Errors
    ///
    /// Those of the adapter; also if another program has taken the port of a listener.
    pub fn issue(&self, job: &Job<'_>) -> Result<Issued, Error> {
        match &self.inner {
            Inner::Tokio(runtime, client) => runtime.block_on(async {
                let issued = self.issue_by_tokio(client, job).await;
                // The task of a listener gives its port back when the runtime comes to it.
                tokio::task::yield_now().await;
                issued
            }),
            Inner::Blocking(client) => self.issue_by_blocking(client, job),
        }
    }

    /// Returns the TXT records that were published and not taken away.
    pub fn published(&self) -> Vec<(String, String)> {
        self.site.zone().published().expect("the target directory is readable")
    }

    /// Takes away what is published at a name.
    pub fn withdraw(&self, name: &str) {
        self.site.zone().clear(name).expect("challtestsrv answers");
    }

    /// Returns the zone that a job may publish in.
    fn zone(&self, job: &Job<'_>) -> Zone {
        Zone {
            server: self.site.zone().clone(),
            open: job.publish,
            published: job.published.clone(),
        }
    }

    async fn issue_by_tokio(
        &self,
        client: &acme_tokio::Client,
        job: &Job<'_>,
    ) -> Result<Issued, Error> {
        let issue = prepared!(client, job);
        match job.kind {
            ChallengeKind::DnsPersist01 => {
                let solver = acme_tokio::DnsPersist01Solver::new(self.zone(job));
                issue.solver(solver.options(job.persist.cloned().unwrap_or_default())).await
            }
            _ if !job.publish => issue.solver(Nothing::of(&job.kind)).await,
            ChallengeKind::Http01 => {
                let listener = acme_tokio::Http01Listener::bind(self.site.http()).await?;
                issue.solver(&listener).await
            }
            ChallengeKind::TlsAlpn01 => {
                let listener = acme_tokio::TlsAlpn01Listener::bind(self.site.tls()).await?;
                issue.solver(&listener).await
            }
            ChallengeKind::DnsAccount01 => {
                let solver = acme_tokio::Dns01Solver::new(self.zone(job));
                issue.solver(Labelled::new(solver.prefer_account_label())).await
            }
            _ => {
                let issue = issue.solver(acme_tokio::Dns01Solver::new(self.zone(job)));
                if job.or_persist {
                    let persist = acme_tokio::DnsPersist01Solver::new(self.zone(job));
                    return issue.solver(persist).await;
                }
                issue.await
            }
        }
    }

    fn issue_by_blocking(
        &self,
        client: &acme_blocking::Client,
        job: &Job<'_>,
    ) -> Result<Issued, Error> {
        let issue = prepared!(client, job);
        match job.kind {
            ChallengeKind::DnsPersist01 => {
                let solver = acme_blocking::DnsPersist01Solver::new(self.zone(job));
                issue.solver(solver.options(job.persist.cloned().unwrap_or_default())).run()
            }
            _ if !job.publish => issue.solver(Nothing::of(&job.kind)).run(),
            ChallengeKind::Http01 => {
                let listener = acme_blocking::Http01Listener::bind(self.site.http())?;
                issue.solver(&listener).run()
            }
            ChallengeKind::TlsAlpn01 => {
                let listener = acme_blocking::TlsAlpn01Listener::bind(self.site.tls())?;
                issue.solver(&listener).run()
            }
            ChallengeKind::DnsAccount01 => {
                let solver = acme_blocking::Dns01Solver::new(self.zone(job));
                issue.solver(Labelled::new(solver.prefer_account_label())).run()
            }
            _ => {
                let issue = issue.solver(acme_blocking::Dns01Solver::new(self.zone(job)));
                if job.or_persist {
                    let persist = acme_blocking::DnsPersist01Solver::new(self.zone(job));
                    return issue.solver(persist).run();
                }
                issue.run()
            }
        }
    }
}

/// How long an issuance that cannot succeed may take; only a server that never says so uses it up.
const FAILING_TIME_LIMIT: Duration = Duration::from_secs(20);

/// The policy for servers on loopback: they answer at once and limit nothing.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.poll = Some(Schedule::new(Duration::from_millis(150), 1.5, Duration::from_secs(1)));
    policy.issuance_time_limit = Duration::from_secs(90);
    policy
}
