//! A server that presents the very certificate that the user gave as a root.

use std::sync::Arc;

use acme_proto::x509::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Checks chains by the roots, and one of the roots itself by its name and validity.
///
/// A private CA often serves its API with its own self-signed certificate (`openssl req -x509` marks each as a CA's).
/// webpki accepts no certificate of a CA for a server. Who gave this very certificate as a root trusts its key for
/// more than that.
#[derive(Debug)]
pub(super) struct OwnRoot {
    roots: Vec<CertificateDer<'static>>,
    by_store: Arc<WebPkiServerVerifier>,
}

impl OwnRoot {
    pub(super) const fn new(
        roots: Vec<CertificateDer<'static>>,
        by_store: Arc<WebPkiServerVerifier>,
    ) -> Self {
        Self { roots, by_store }
    }
}

impl ServerCertVerifier for OwnRoot {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.roots.iter().any(|root| root == end_entity) {
            return self.by_store.verify_server_cert(
                end_entity,
                intermediates,
                name,
                ocsp_response,
                now,
            );
        }
        check_validity(end_entity, now)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_store.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_store.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_store.supported_verify_schemes()
    }
}

fn check_validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate =
        Certificate::parse(certificate.to_vec()).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = |time: acme_proto::time::Timestamp| time.unix_seconds();
    let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if time > seconds(certificate.not_after()) {
        return Err(CertificateError::Expired.into());
    }
    if time < seconds(certificate.not_before()) {
        return Err(CertificateError::NotValidYet.into());
    }
    Ok(())
}
