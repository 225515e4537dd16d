//! The TLS configuration of a client: which roots it trusts, and what a failure means.

mod own_root;

use core::fmt;
use std::io;
use std::sync::Arc;

use acme_proto::flow::Lost;
use acme_proto::url::Url;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt as _;

use self::own_root::OwnRoot;
use crate::error_chain;
use crate::tls_words::{self, P521_ADVICE};

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
        .map_err(|e| TlsError::Provider(TlsFault(e)))?;
    let given = |certificates: Vec<CertificateDer<'static>>| -> Result<_, TlsError> {
        let store = Arc::new(store(&certificates)?);
        let by_store = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(provider));
        // It fails without roots, or for revocation lists, of which there are none.
        let by_store = by_store.build().map_err(|_| TlsError::NoRoots)?;
        Ok(Arc::new(OwnRoot::new(certificates, by_store)))
    };
    let builder = match roots {
        Roots::Platform => {
            builder.with_platform_verifier().map_err(|e| TlsError::Platform(TlsFault(e)))?
        }
        Roots::Pem(pem) => {
            builder.dangerous().with_custom_certificate_verifier(given(from_pem(pem)?)?)
        }
        Roots::Der(certificates) => {
            let certificates = certificates.iter().cloned().map(CertificateDer::from);
            builder.dangerous().with_custom_certificate_verifier(given(certificates.collect())?)
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
pub fn handshake_failed(error: &io::Error, config: &ClientConfig) -> Lost {
    let words = error_chain(error);
    match tls_words::inner(error) {
        Some(rustls::Error::InvalidCertificate(_)) => Lost::Untrusted(words),
        // The server found no way to sign that this side can check.
        Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure))
            if !knows_p521(config) =>
        {
            Lost::NotSent(format!("{words}; if its key is P-521: {P521_ADVICE}"))
        }
        _ => Lost::NotSent(words),
    }
}

fn knows_p521(config: &ClientConfig) -> bool {
    let algorithms = config.crypto_provider().signature_verification_algorithms;
    algorithms.supported_schemes().contains(&SignatureScheme::ECDSA_NISTP521_SHA512)
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The platform has no usable roots.
    #[error(
        "the platform's trusted roots cannot be used; install them (often a package named ca-certificates), or give roots as PEM"
    )]
    Platform(#[source] TlsFault),
    /// No root was given.
    #[error(
        "no certificate among the roots: give at least one as PEM (`-----BEGIN CERTIFICATE-----`)"
    )]
    NoRoots,
    /// A root cannot be read.
    #[error("the roots cannot be read: {0}; give certificates as PEM")]
    Pem(&'static str),
    /// A root cannot be used.
    #[error("root certificate {number} cannot be used")]
    BadRoot {
        /// Its place, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: TlsFault,
    },
    /// The crypto provider does not suit TLS.
    #[error("the crypto provider does not suit TLS")]
    Provider(#[source] TlsFault),
}

/// A failure of rustls. `Display` is in words: rustls itself shows names of its variants, and octets.
#[derive(Clone, Debug)]
pub struct TlsFault(rustls::Error);

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&tls_words::of(&self.0))
    }
}

impl core::error::Error for TlsFault {}

impl From<rustls::Error> for TlsFault {
    fn from(error: rustls::Error) -> Self {
        Self(error)
    }
}

fn from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem);
    // The parser's own message quotes the text.
    let words = |error| match error {
        pem::Error::MissingSectionEnd { .. } => "a block does not end",
        pem::Error::IllegalSectionStart { .. } => "a line that begins a block is malformed",
        pem::Error::Base64Decode(_) => "a block is not base64",
        _ => "they are not PEM",
    };
    let blocks = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>();
    blocks.map_err(|error| TlsError::Pem(words(error)))
}

/// Collects the roots. An unusable root is an error: skipping it would surface only in a handshake.
fn store(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        store
            .add(certificate.clone())
            .map_err(|e| TlsError::BadRoot { number: index + 1, source: TlsFault(e) })?;
    }
    if store.is_empty() { Err(TlsError::NoRoots) } else { Ok(store) }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
            let error = error_chain(&error);
            assert!(error.contains("root certificate 1 cannot be used: "), "{error}");
            assert!(!error.contains("BadEncoding") && !error.contains("Other"), "{error}");
        }
    }

    #[test]
    fn roots_that_are_not_pem_are_described_without_their_text() {
        for (text, words) in [
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "a block does not end"),
            ("-----BEGIN CERTIFICATE-----\n!\x1b[31m\n-----END CERTIFICATE-----\n", "base64"),
            ("-----BEGIN \x1b[31mCERTIFICATE\n", "malformed"),
        ] {
            let error = config(&Roots::Pem(text.into())).expect_err("no PEM");
            assert!(matches!(error, TlsError::Pem(_)), "{error:?}");
            let error = error_chain(&error);
            assert!(error.contains(words) && !error.contains("31m"), "{error}");
        }
    }

    #[test]
    fn a_refused_handshake_names_p521_only_where_the_provider_does_not_know_it() {
        let alert = rustls::Error::AlertReceived(AlertDescription::HandshakeFailure);
        let alert = io::Error::new(io::ErrorKind::InvalidData, alert);
        let mut provider = rustls::crypto::ring::default_provider();
        let builder = |provider| {
            let builder = ClientConfig::builder_with_provider(Arc::new(provider));
            let builder = builder.with_safe_default_protocol_versions().expect("versions");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        };
        let lost = handshake_failed(&alert, &builder(provider.clone()));
        let Lost::NotSent(why) = lost else { panic!("{lost:?}") };
        assert!(why.contains("if its key is P-521") && why.contains("`aws-lc-rs`"), "{why}");
        let all = provider.signature_verification_algorithms;
        let schemes = vec![(SignatureScheme::ECDSA_NISTP521_SHA512, all.mapping[0].1)];
        provider.signature_verification_algorithms.mapping = schemes.leak();
        let Lost::NotSent(why) = handshake_failed(&alert, &builder(provider)) else { panic!() };
        assert!(!why.contains("P-521"), "{why}");
    }
}
