//! tls-alpn-01 (RFC 8737): a listener, and a resolver for the user's own rustls server.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::tls_alpn01::TlsAlpnResolver;
use acme_adapter::{clock, keys};
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::wire::ChallengeKind;
use rustls::crypto::CryptoProvider;
use rustls::{ServerConfig, ServerConnection};

use super::Solver;
use super::listener::Listener;
use crate::BoxError;
use crate::timed::Timed;

impl Solver for TlsAlpnResolver {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::TlsAlpn01]
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.insert(challenge, clock::wall())?;
        Ok(ChallengeResponse::default())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.remove(challenge);
        Ok(())
    }
}

/// Listens for tls-alpn-01 validations, and answers nothing else.
///
/// The CA connects to port 443 of the name. Dropping the listener closes it.
#[derive(Debug)]
pub struct TlsAlpn01Listener {
    resolver: TlsAlpnResolver,
    listener: Listener,
}

impl TlsAlpn01Listener {
    /// Listens on `address`, such as `"[::]:443"`, with the default crypto provider.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and what is in the way; [`Error::Key`] without a provider.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        Self::bind_with(address, &keys::default_provider()?)
    }

    /// Listens on `address` with this crypto provider.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and what is in the way.
    pub fn bind_with(
        address: impl ToSocketAddrs,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let resolver = TlsAlpnResolver::new(provider);
        let config = resolver.server_config()?;
        let listener = Listener::bind(address, move |stream| shake_hands(&config, stream))?;
        Ok(Self { resolver, listener })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub const fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }
}

impl Solver for TlsAlpn01Listener {
    fn kinds(&self) -> &[ChallengeKind] {
        self.resolver.kinds()
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.resolver.present(challenge)
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.resolver.clean_up(challenge)
    }
}

/// Completes the handshake, which is all there is to a validation, and closes.
fn shake_hands(config: &Arc<ServerConfig>, mut stream: Timed) {
    let Ok(mut tls) = ServerConnection::new(Arc::clone(config)) else { return };
    while tls.is_handshaking() {
        if tls.complete_io(&mut stream).is_err() {
            break;
        }
    }
    tls.send_close_notify();
    while tls.wants_write() && tls.write_tls(&mut stream).is_ok() {}
    stream.shut_down();
}
