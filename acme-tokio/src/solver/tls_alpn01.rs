//! tls-alpn-01 (RFC 8737): a listener, and the resolver of a rustls server of the user's own.

use std::net::SocketAddr;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::tls_alpn01::TlsAlpnResolver;
use acme_adapter::{clock, keys};
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::wire::ChallengeKind;
use rustls::crypto::CryptoProvider;
use tokio::io::AsyncWriteExt;
use tokio::net::ToSocketAddrs;
use tokio_rustls::TlsAcceptor;

use super::Solver;
use super::listener::Listener;
use crate::BoxError;

impl Solver for TlsAlpnResolver {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::TlsAlpn01]
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.insert(challenge, clock::wall())?;
        Ok(ChallengeResponse::default())
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
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
    pub async fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        Self::bind_with(address, &keys::default_provider()?).await
    }

    /// Listens on `address` with this crypto provider.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and what is in the way.
    pub async fn bind_with(
        address: impl ToSocketAddrs,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let resolver = TlsAlpnResolver::new(provider);
        let acceptor = TlsAcceptor::from(resolver.server_config()?);
        let listener = Listener::bind(address, move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.shutdown().await;
                }
            }
        });
        Ok(Self { resolver, listener: listener.await? })
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

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.resolver.present(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.resolver.clean_up(challenge).await
    }
}
