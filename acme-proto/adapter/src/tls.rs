//! The TLS configuration of a client: which roots it trusts.

use std::io;
use std::sync::Arc;

use acme_proto::flow::Lost;
use acme_proto::url::Url;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::error_chain;

/// The roots that a CA's HTTPS certificates are checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// Those of the platform, with the platform's own rules of verification.
    #[default]
    Platform,
    /// Only these, in PEM; text between the certificates is ignored.
    Pem(Vec<u8>),
    /// Only these, in DER.
    Der(Vec<Vec<u8>>),
}

/// Makes the configuration of a TLS client that trusts `roots` and offers these protocols by ALPN.
///
/// # Errors
///
/// Says which root is unusable, or that there is none.
pub fn client_config(
    provider: &Arc<CryptoProvider>,
    roots: &Roots,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>, TlsError> {
    // Fails for a provider without a cipher suite for TLS 1.2 and 1.3.
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?;
    let builder = match roots {
        Roots::Platform => builder.with_platform_verifier().map_err(TlsError::Platform)?,
        Roots::Pem(pem) => builder.with_root_certificates(store(from_pem(pem)?)?),
        Roots::Der(certificates) => {
            let certificates = certificates.iter().map(|der| CertificateDer::from(der.as_slice()));
            builder.with_root_certificates(store(certificates.collect())?)
        }
    };
    // ACME authenticates by JWS. A client certificate takes a configuration of the caller.
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

/// Returns the name that the server's certificate has to be for.
///
/// # Errors
///
/// If the host of the URL is neither a DNS name nor an IP address.
pub fn server_name(url: &Url) -> Result<ServerName<'static>, Lost> {
    ServerName::try_from(url.host().to_owned())
        .map_err(|_| Lost::NotSent(format!("{} is not a valid name for TLS", url.host())))
}

/// Classifies the failure of a handshake, before which nothing was sent.
pub fn handshake_failed(error: &io::Error) -> Lost {
    let words = error_chain(error);
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => Lost::Untrusted(words),
        _ => Lost::NotSent(words),
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The platform has no usable roots.
    #[error(
        "the platform's trusted roots cannot be used; install them (often a package named ca-certificates), or give roots as PEM"
    )]
    Platform(#[source] rustls::Error),
    /// No root was given.
    #[error(
        "no certificate among the roots: give at least one as PEM (`-----BEGIN CERTIFICATE-----`)"
    )]
    NoRoots,
    /// A root cannot be read.
    #[error("the roots cannot be read: {0}; give certificates as PEM")]
    Pem(String),
    /// A root cannot be used.
    #[error("root certificate {number} cannot be used")]
    BadRoot {
        /// Its place, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The crypto provider does not suit TLS.
    #[error("the crypto provider does not suit TLS")]
    Provider(#[source] rustls::Error),
}

fn from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem(error.to_string()))
}

/// Collects the roots. An unusable root is an error: skipping it would surface only in a handshake.
fn store(certificates: Vec<CertificateDer<'_>>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        store
            .add(certificate.into_owned())
            .map_err(|source| TlsError::BadRoot { number: index + 1, source })?;
    }
    if store.is_empty() { Err(TlsError::NoRoots) } else { Ok(store) }
}

#[cfg(test)]
#[cfg(feature = "ring")]
mod tests {
    use super::*;

    fn config(roots: &Roots) -> Result<Arc<ClientConfig>, TlsError> {
        client_config(&Arc::new(rustls::crypto::ring::default_provider()), roots, &[b"http/1.1"])
    }

    #[test]
    fn roots_without_a_certificate_are_refused() {
        for pem in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let error = config(&Roots::Pem(pem.into())).expect_err("no root");
            assert!(matches!(error, TlsError::NoRoots), "{error}");
        }
        assert!(matches!(config(&Roots::Der(Vec::new())), Err(TlsError::NoRoots)));
    }

    #[test]
    fn a_root_that_is_no_certificate_is_named_by_its_place() {
        let pem = acme_proto::pem::encode("CERTIFICATE", b"garbage");
        for roots in [Roots::Pem(pem.into()), Roots::Der(vec![b"garbage".to_vec()])] {
            let error = config(&roots).expect_err("no certificate");
            assert!(error.to_string().contains("root certificate 1"), "{error}");
        }
        let torn = Roots::Pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n".to_vec());
        assert!(matches!(config(&torn), Err(TlsError::Pem(_) | TlsError::NoRoots)));
    }
}
