//! The settings of a TLS listener, and what a handshake gets by its first message.

use core::time::Duration;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::ClientHello;

use crate::resolver::CertificateResolver;
use crate::tls::TlsError;
use crate::tls_alpn01::{ACME_TLS_ALPN, is_validation};

/// What a user sets for a TLS listener.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The certificates.
    pub resolver: CertificateResolver,
    /// The protocols offered by ALPN.
    pub protocols: Vec<Vec<u8>>,
    /// A configuration of the caller, in place of one with these protocols.
    pub config: Option<Arc<ServerConfig>>,
    /// How many handshakes run at the same time.
    pub max_handshakes: usize,
    /// The time limit of a handshake.
    pub time_limit: Duration,
}

impl ServerSettings {
    /// Creates the settings of a server for HTTP/1.1.
    pub fn new(resolver: &CertificateResolver) -> Self {
        Self {
            resolver: resolver.clone(),
            protocols: vec![b"http/1.1".to_vec()],
            config: None,
            max_handshakes: MAX_HANDSHAKES,
            time_limit: TIME_LIMIT,
        }
    }

    /// Returns the time limit of a handshake: at most a day.
    pub fn handshake_limit(&self) -> Duration {
        self.time_limit.min(LONGEST_LIMIT)
    }

    /// Makes the configurations.
    ///
    /// # Errors
    /// [`TlsError::Provider`] if the crypto provider does not suit TLS.
    pub fn greetings(&self) -> Result<Greetings, TlsError> {
        let validation = self.resolver.challenges().server_config()?;
        let config = match &self.config {
            Some(config) => Arc::clone(config),
            None => {
                let mut config = self.resolver.server_config(&self.protocols)?;
                // Validations have a configuration of their own. A list with one protocol would
                // refuse clients that offer others, also where the user named none.
                let protocols = &mut Arc::make_mut(&mut config).alpn_protocols;
                protocols.retain(|protocol| protocol != ACME_TLS_ALPN);
                config
            }
        };
        Ok(Greetings { resolver: self.resolver.clone(), validation, config })
    }
}

/// Decides how a handshake goes on after the client's first message.
#[derive(Clone, Debug)]
pub struct Greetings {
    resolver: CertificateResolver,
    validation: Arc<ServerConfig>,
    config: Arc<ServerConfig>,
}

/// How a handshake goes on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Greeting {
    /// It is a validation by tls-alpn-01: the connection is closed after the handshake, and no data
    /// follows (RFC 8737 section 4).
    Validation {
        /// The configuration.
        config: Arc<ServerConfig>,
        /// The name that it asks for, in lower case.
        name: Option<String>,
    },
    /// It is a client of the server.
    Client {
        /// The configuration.
        config: Arc<ServerConfig>,
        /// The name that it asks for, if no certificate is for it.
        missing: Option<String>,
    },
}

impl Greetings {
    /// Returns how the handshake goes on.
    pub fn to(&self, hello: &ClientHello<'_>) -> Greeting {
        if is_validation(hello) {
            let name = hello.server_name().map(str::to_ascii_lowercase);
            return Greeting::Validation { config: Arc::clone(&self.validation), name };
        }
        let missing = self.resolver.missing(hello);
        Greeting::Client { config: Arc::clone(&self.config), missing }
    }
}

/// Longer ones cannot be added to a time.
const LONGEST_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Below the 1024 files that a process may usually have open.
const MAX_HANDSHAKES: usize = 512;
const TIME_LIMIT: Duration = Duration::from_secs(10);
