//! Making a client.

use core::fmt;
use std::sync::{Arc, Mutex};

use acme_adapter::clock;
use acme_adapter::error::Error;
use acme_adapter::exchange::ExchangeRecord;
use acme_adapter::external::ExternalBinding;
use acme_adapter::keyring::Keyring;
use acme_adapter::keys::{self, AccountKey};
use acme_adapter::tls::Roots;
use acme_proto::error::InvalidInput;
use acme_proto::jose::MacAlgorithm;
use acme_proto::notice::Notice;
use acme_proto::op::GetDirectory;
use acme_proto::policy::Policy;
use acme_proto::session::Session;
use acme_proto::url::Url;
use rustls::crypto::CryptoProvider;

use crate::client::{Client, Inner, NoticeObserver, Observer, Turns};
use crate::signer::{DynSigner, Signer};
use crate::transport::{DynTransport, HyperTransport, Transport};

/// What a [`Client`] is to be made of; made by [`Client::builder`].
#[must_use = "it does nothing until connect() is awaited"]
pub struct ClientBuilder {
    directory: String,
    key: Option<AccountKey>,
    signer: Option<Box<dyn DynSigner>>,
    transport: Option<Box<dyn DynTransport>>,
    roots: Roots,
    provider: Option<Arc<CryptoProvider>>,
    policy: Policy,
    account_url: Option<Url>,
    external: Option<ExternalBinding>,
    mac: MacAlgorithm,
    user_agent: Option<String>,
    http_on_loopback: bool,
    observer: Option<Observer>,
    notices: Option<NoticeObserver>,
}

impl ClientBuilder {
    pub(crate) fn new(directory: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            key: None,
            signer: None,
            transport: None,
            roots: Roots::Platform,
            provider: None,
            policy: Policy::default(),
            account_url: None,
            external: None,
            mac: MacAlgorithm::Hs256,
            user_agent: None,
            http_on_loopback: false,
            observer: None,
            notices: None,
        }
    }

    /// Sets the account key, by itself or as an [`AccountFile`](crate::AccountFile).
    pub fn key(mut self, key: impl Into<AccountKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Has a signer hold the account key, such as an HSM; instead of [`key`](Self::key), or beside it for
    /// the other keys, such as the MAC key of an external account.
    pub fn signer(mut self, signer: impl Signer + 'static) -> Self {
        self.signer = Some(Box::new(signer));
        self
    }

    /// Replaces the default transport, and with it roots and proxies.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Sets the roots that the CA's HTTPS certificates are checked against; the platform's by default.
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Sets the crypto provider.
    ///
    /// By default it is the process's, else ring or aws-lc-rs, whichever is compiled in, in this order.
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Sets how patient, how parallel and how trusting the client is.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Gives the account's URL as it was received before, which saves asking for it.
    pub fn account_url(mut self, url: Url) -> Self {
        self.account_url = Some(url);
        self
    }

    /// Names the external account that the account is bound to, for a CA that wants to see the binding even
    /// where an account is looked up; [`Register::external_account`](crate::Register::external_account) is
    /// what binds it.
    pub fn external_account(mut self, kid: impl Into<String>, mac_key: impl Into<String>) -> Self {
        self.external = Some(ExternalBinding::new(kid, mac_key));
        self
    }

    /// Does the same for an external account whose MAC key the [`signer`](Self::signer) holds.
    pub fn external_account_signer(mut self, kid: impl Into<String>) -> Self {
        self.external = Some(ExternalBinding::by_signer(kid));
        self
    }

    /// Sets the algorithm of the external account's MAC; the default is HS256.
    pub const fn mac_algorithm(mut self, algorithm: MacAlgorithm) -> Self {
        self.mac = algorithm;
        self
    }

    /// Puts the application's name and version in front of the `User-Agent`, such as `shop/1.2`.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.user_agent = Some(product.into());
        self
    }

    /// Allows an `http://` directory on this machine: for tests.
    pub const fn allow_http_on_loopback(mut self) -> Self {
        self.http_on_loopback = true;
        self
    }

    /// Shows every HTTP exchange, when it has ended, to a function that must not block.
    pub fn observe(mut self, observer: impl Fn(&ExchangeRecord) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Shows every notice (retries, waiting, progress, a CA's mistakes) to a function that must not
    /// block.
    pub fn notices(mut self, notices: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.notices = Some(Box::new(notices));
        self
    }

    /// Makes the client, and fetches the directory.
    ///
    /// # Errors
    /// [`Error::NoAccountKey`] without key or signer, and what [`Client::connect`] says.
    pub async fn connect(self) -> Result<Client, Error> {
        let client = self.build()?;
        client.call(GetDirectory).await?;
        Ok(client)
    }

    fn build(self) -> Result<Client, Error> {
        let directory: Url = self.directory.parse()?;
        let allow_http = self.http_on_loopback && directory.is_loopback();
        if !directory.is_https() && !allow_http {
            return Err(InvalidInput::NotHttps(directory).into());
        }
        let provider = match self.provider {
            Some(provider) => provider,
            None => keys::default_provider()?,
        };
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                let wide = self.policy.max_in_flight.max(Policy::default().max_in_flight);
                Box::new(HyperTransport::new(&provider, &self.roots)?.http1_connections(wide))
            }
        };
        let (mut keyring, own, new_key) = Keyring::open(self.key.as_ref(), &provider)?;
        let with_signer = || self.signer.as_ref().map(|signer| signer.dyn_account_key());
        let account_key = own.or_else(with_signer).ok_or(Error::NoAccountKey)?;
        let product = format!("{PRODUCT} {}", transport.dyn_product());
        let mut session = Session::new(directory, clock::seed())
            .with_account_key(account_key)
            .allow_http(allow_http)
            .with_policy(self.policy)
            .with_product(&product);
        if let Some(product) = self.user_agent {
            session = session.with_product(&product);
        }
        if let Some(key) = new_key {
            session = session.with_new_account_key(key);
        }
        if let Some(external) = self.external {
            session = session.with_external_account(external.take_up(self.mac, &mut keyring)?);
        }
        if let Some(url) = self.account_url {
            session = session.with_account_url(url);
        }
        Ok(Client::from_inner(Inner {
            session: Mutex::new(session),
            transport,
            signer: self.signer,
            keyring: Mutex::new(keyring),
            provider,
            observer: self.observer,
            notices: self.notices,
            registering: tokio::sync::Mutex::default(),
            turns: Turns::default(),
        }))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("directory", &self.directory).finish_non_exhaustive()
    }
}

const PRODUCT: &str = concat!("acme-tokio/", env!("CARGO_PKG_VERSION"));
