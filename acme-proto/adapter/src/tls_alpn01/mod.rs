//! Certificates for tls-alpn-01 validations (RFC 8737, RFC 8738).

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use acme_proto::challenge::{Challenge, ChallengeId};
use acme_proto::time::Timestamp;
use acme_proto::x509::TlsAlpnCertificateBuilder;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::keys::{self, KeyError, KeyKind, ProviderKey};
use crate::tls::TlsError;

/// The protocol that a validating server asks for by ALPN.
pub const ACME_TLS_ALPN: &[u8] = b"acme-tls/1";

/// Resolves the certificates of the challenges that are published; clones share them.
///
/// It selects a certificate by server name for clients that offer `acme-tls/1` and no other
/// protocol, and passes all others to the resolver that it [wraps](Self::around), if there is one.
/// A server that uses it also has to add [`ACME_TLS_ALPN`] to its ALPN protocols, and to close such
/// connections after the handshake.
///
/// The CA connects to port 443 by TLS 1.2 or newer. A provider that hosts names of other people
/// must not let them supply a certificate for this protocol (RFC 8737 section 5). The wrapped
/// resolver is never asked about it.
#[derive(Clone)]
pub struct TlsAlpn01Resolver {
    provider: Arc<CryptoProvider>,
    certificates: Arc<ArcSwap<Certificates>>,
    inner: Option<Arc<dyn ResolvesServerCert>>,
}

/// Certificates by server name in lower case; the one that was published last is used.
type Certificates = BTreeMap<String, Vec<(ChallengeId, Arc<CertifiedKey>)>>;

impl TlsAlpn01Resolver {
    /// Creates a resolver without challenges.
    pub fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self { provider: Arc::clone(provider), certificates: Arc::default(), inner: None }
    }

    /// Wraps a server's own resolver, which continues to serve all other clients.
    pub fn around(mut self, inner: Arc<dyn ResolvesServerCert>) -> Self {
        self.inner = Some(inner);
        self
    }

    /// Publishes a challenge with a new key and a certificate that is valid around `now`; other
    /// kinds are ignored.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if no key can be generated, which takes the feature `ring` or `aws-lc-rs`.
    pub fn insert(&self, challenge: &Challenge, now: Timestamp) -> Result<(), KeyError> {
        let Some(wanted) = challenge.tls_alpn_01() else { return Ok(()) };
        let key = ProviderKey::from_pkcs8_pem(&keys::generate(KeyKind::Es256)?, &self.provider)?;
        let builder = TlsAlpnCertificateBuilder::new(
            challenge.identifier(),
            wanted.digest,
            key.public_key(),
            now,
        );
        let signature = key
            .sign(key.public_key().algorithm(), &builder.to_be_signed())
            .map_err(|error| KeyError::Refused(error.to_string()))?;
        let certificate = CertificateDer::from(builder.finish(&signature));
        let certified = CertifiedKey::new(vec![certificate], key.signing_key());
        // Several orders may validate one name at once, each with a challenge of its own.
        let (name, certified) = (wanted.server_name.to_ascii_lowercase(), Arc::new(certified));
        self.change(|certificates| {
            let published = certificates.entry(name.clone()).or_default();
            published.retain(|(id, _)| *id != challenge.id());
            published.push((challenge.id(), Arc::clone(&certified)));
        });
        Ok(())
    }

    /// Removes a challenge, if it is published.
    pub fn remove(&self, challenge: &Challenge) {
        let Some(wanted) = challenge.tls_alpn_01() else { return };
        let name = wanted.server_name.to_ascii_lowercase();
        self.change(|certificates| {
            let Some(published) = certificates.get_mut(&name) else { return };
            published.retain(|(id, _)| *id != challenge.id());
            if published.is_empty() {
                certificates.remove(&name);
            }
        });
    }

    /// Makes the configuration of a server that answers validations and nothing else.
    ///
    /// # Errors
    ///
    /// [`TlsError::Provider`] if the crypto provider does not suit TLS.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        // This server has no other clients, so the wrapped resolver is left out.
        let resolver = Self { inner: None, ..self.clone() };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::Provider(e.into()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![ACME_TLS_ALPN.to_vec()];
        Ok(Arc::new(config))
    }

    /// Returns whether nothing is published.
    pub fn is_empty(&self) -> bool {
        self.certificates.load().is_empty()
    }

    /// Replaces the certificates by a changed copy, so that handshakes read them without a lock.
    fn change(&self, change: impl Fn(&mut Certificates)) {
        self.certificates.rcu(|certificates| {
            let mut certificates = Certificates::clone(certificates);
            change(&mut certificates);
            certificates
        });
    }
}

/// Returns whether a handshake is a validation: whether the client offers [`ACME_TLS_ALPN`] and no
/// other protocol (RFC 8737 section 3).
///
/// A client that offers others as well is no CA.
pub fn is_validation(hello: &ClientHello<'_>) -> bool {
    let mut protocols = hello.alpn().into_iter().flatten();
    protocols.next() == Some(ACME_TLS_ALPN) && protocols.next().is_none()
}

impl ResolvesServerCert for TlsAlpn01Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if is_validation(&hello) {
            let name = hello.server_name()?.to_ascii_lowercase();
            let certificates = self.certificates.load();
            return certificates.get(&name)?.last().map(|(_, certificate)| Arc::clone(certificate));
        }
        self.inner.as_ref()?.resolve(hello)
    }
}

impl fmt::Debug for TlsAlpn01Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAlpn01Resolver")
            .field("names", &self.certificates.load().keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "ring")]
mod tests;
