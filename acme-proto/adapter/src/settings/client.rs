//! The settings of a client.

use core::fmt;
use std::sync::{Arc, Mutex};

use acme_proto::error::InvalidInput;
use acme_proto::jose::{Jwk, MacAlgorithm};
use acme_proto::policy::Policy;
use acme_proto::session::{Session, SessionMemory};
use acme_proto::url::Url;
use rustls::crypto::CryptoProvider;

use crate::client_state::{ClientState, NoticeObserver, Observer};
use crate::directories::{Ca, PublicCa};
use crate::error::Error;
use crate::external::ExternalBinding;
use crate::keyring::Keyring;
use crate::keys::{self, AccountKey};
use crate::tls::Roots;
use crate::{clock, solvers};

/// The CA and the account of a client, and how the client behaves.
pub struct ClientSettings {
    /// The URL of the directory.
    pub directory: String,
    /// The public CA that it is of, if it is of one.
    pub public: Option<PublicCa>,
    /// The account key, if no signer holds it.
    pub key: Option<AccountKey>,
    /// The roots that the default transport trusts.
    pub roots: Roots,
    /// The crypto provider; `None` for the default one.
    pub provider: Option<Arc<CryptoProvider>>,
    /// The limits; `None` for the default ones.
    pub policy: Option<Policy>,
    /// How many connections over HTTP/1.1 are opened to one server.
    pub connections: Option<usize>,
    /// The account's URL, if it is known.
    pub account_url: Option<Url>,
    /// What an earlier client knew of the server.
    pub memory: Option<SessionMemory>,
    /// The external account that the account is bound to.
    pub external: Option<ExternalBinding>,
    /// The algorithm of the external account's MAC.
    pub mac: MacAlgorithm,
    /// The application's name and version.
    pub user_agent: Option<String>,
    /// Whether `http://` is allowed on this machine.
    pub http_on_loopback: bool,
    /// Receives every exchange.
    pub observer: Option<Observer>,
    /// Receives every notice.
    pub notices: Option<NoticeObserver>,
}

/// How many connections a transport for HTTP/1.1 opens to one server, unless the caller sets another number.
pub const USUAL_CONNECTIONS: usize = 16;

/// How many it opens, whatever the caller sets: each one is a TLS handshake for the CA, and some CAs count them.
pub const MOST_CONNECTIONS: usize = 32;

impl ClientSettings {
    /// Creates the default settings for a CA.
    pub fn new(ca: &Ca) -> Self {
        Self {
            directory: ca.directory().to_owned(),
            public: ca.public(),
            key: None,
            roots: Roots::Platform,
            provider: None,
            policy: ca.public().map(|ca| ca.policy()),
            connections: None,
            account_url: None,
            memory: None,
            external: None,
            mac: MacAlgorithm::Hs256,
            user_agent: None,
            http_on_loopback: false,
            observer: None,
            notices: None,
        }
    }

    /// Returns the crypto provider.
    ///
    /// # Errors
    /// [`Error::Key`] if none was set and none is compiled in.
    pub fn provider(&self) -> Result<Arc<CryptoProvider>, Error> {
        match &self.provider {
            Some(provider) => Ok(Arc::clone(provider)),
            None => Ok(keys::default_provider()?),
        }
    }

    /// Returns how many connections a transport for HTTP/1.1 opens to one server: as many as were set, or
    /// [`USUAL_CONNECTIONS`]; at most [`MOST_CONNECTIONS`], and no more than the policy allows requests at once.
    pub fn connections(&self) -> usize {
        let most = self.connections.unwrap_or(USUAL_CONNECTIONS).min(MOST_CONNECTIONS);
        let policy = self.policy.as_ref().map_or(most, |policy| policy.max_in_flight);
        most.min(policy).max(1)
    }

    /// Has no more requests under way than [`connections`](Self::connections): for a transport that holds a thread for
    /// each request that waits for a connection.
    pub fn narrow_to_connections(&mut self) {
        let most = self.connections();
        let policy = self.policy.get_or_insert_with(Policy::default);
        policy.max_in_flight = policy.max_in_flight.min(most);
    }

    /// Checks the directory URL, which may be `http://` only for tests on this machine.
    ///
    /// # Errors
    /// For a URL that is malformed or not https, and [`Error::UnknownCa`] for that of a CA that has ended its service.
    pub fn check_directory(&self) -> Result<Url, Error> {
        let directory: Url = self.directory.parse()?;
        if let Some(ended) = Ca::ended(&directory) {
            return Err(ended.into());
        }
        if directory.is_https() || self.allows_http(&directory) {
            Ok(directory)
        } else {
            Err(InvalidInput::NotHttps(directory).into())
        }
    }

    /// Opens the session.
    ///
    /// `signer_key` is the account key of the user's signer; `product` names adapter and transport
    /// for the `User-Agent` header.
    ///
    /// # Errors
    /// [`Error::NoAccountKey`] with neither key nor signer, and those of
    /// [`check_directory`](Self::check_directory) and of the keys.
    pub fn open(
        self,
        provider: Arc<CryptoProvider>,
        signer_key: Option<Jwk>,
        product: &str,
    ) -> Result<ClientState, Error> {
        let directory = self.check_directory()?;
        let allow_http = self.allows_http(&directory);
        let (mut keyring, own, new_key) = Keyring::open(self.key.as_ref(), &provider)?;
        let has_signer = signer_key.is_some();
        // The key at hand takes precedence: a signer beside it holds other keys.
        let account_key = own.or(signer_key).ok_or(Error::NoAccountKey)?;
        let mut session = Session::new(directory, clock::seed())
            .with_account_key(account_key)
            .allow_http(allow_http)
            .with_product(product);
        if let Some(policy) = self.policy {
            session = session.with_policy(policy);
        }
        if let Some(product) = self.user_agent {
            session = session.with_product(&product);
        }
        if let Some(key) = new_key {
            session = session.with_new_account_key(key);
        }
        if let Some(external) = self.external {
            session = session.with_external_account(external.install(self.mac, &mut keyring)?);
        }
        if let Some(url) = self.account_url {
            session = session.with_account_url(url);
        }
        if let Some(memory) = self.memory {
            session = session.with_memory(memory, clock::Clock::start().now());
        }
        Ok(ClientState {
            session: Mutex::new(session),
            keyring: Mutex::new(keyring),
            provider,
            has_signer,
            public: self.public,
            observer: self.observer,
            notices: self.notices,
            records: Arc::new(solvers::RecordLocks::default()),
        })
    }

    fn allows_http(&self, directory: &Url) -> bool {
        self.http_on_loopback && directory.is_loopback()
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings").field("directory", &self.directory).finish_non_exhaustive()
    }
}
