//! tls-alpn-01 (RFC 8737, RFC 8738 Section 6).

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::Ordering;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring as provider, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::shared::Shared;
use crate::authority::{Identifier, Problem, PublicKey, Validation, X509Algorithm};

const PROTOCOL: &[u8] = b"acme-tls/1";
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

pub(crate) async fn validate(shared: &Shared, validation: &Validation) -> Result<(), Problem> {
    let host = &validation.identifier;
    let address =
        SocketAddr::new(shared.address_of(host).await?, shared.tls_port.load(Ordering::Relaxed));
    let name = sni(host);
    let tls = |what: String| Problem::new(400, "tls", format!("{host} at {address}: {what}"));
    let server_name = ServerName::try_from(name).map_err(|e| tls(e.to_string()))?;
    let config = client_config().map_err(|e| tls(e.to_string()))?;
    let stream = TcpStream::connect(address).await.map_err(|e| {
        Problem::new(400, "connection", format!("{host}: cannot connect to {address}: {e}"))
    })?;
    let _ = stream.set_nodelay(true);
    let stream = TlsConnector::from(Arc::new(config))
        .connect(server_name, stream)
        .await
        .map_err(|e| tls(format!("the handshake failed: {e}")))?;
    let connection = stream.get_ref().1;
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err(Problem::unauthorized(format!(
            "{host} did not choose the protocol acme-tls/1"
        )));
    }
    let chain = connection.peer_certificates().unwrap_or_default();
    let leaf = chain.first().ok_or_else(|| tls("no certificate was sent".to_owned()))?;
    check(leaf, validation).map_err(|why| {
        Problem::new(
            403,
            "incorrectResponse",
            format!("the certificate that {host} showed is wrong: {why}"),
        )
    })
}

/// Checks the certificate (RFC 8737 Section 3).
fn check(der: &[u8], validation: &Validation) -> Result<(), String> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|e| format!("it cannot be read: {e}"))?;
    if !rest.is_empty() {
        return Err("there are bytes after its end".to_owned());
    }
    let names = certificate
        .subject_alternative_name()
        .map_err(|e| e.to_string())?
        .ok_or("it has no subjectAltName")?;
    match (names.value.general_names.as_slice(), &validation.identifier) {
        ([GeneralName::DNSName(name)], Identifier::Dns(wanted))
            if name.eq_ignore_ascii_case(wanted) => {}
        ([GeneralName::IPAddress(octets)], Identifier::Ip(wanted))
            if octets_are(octets, *wanted) => {}
        (other, wanted) => return Err(format!("its names are {other:?}, not exactly {wanted}")),
    }
    let mut found =
        certificate.extensions().iter().filter(|e| e.oid.to_id_string() == ACME_IDENTIFIER);
    let (Some(extension), None) = (found.next(), found.next()) else {
        return Err("it does not have exactly one acmeIdentifier extension".to_owned());
    };
    if !extension.critical {
        return Err("its acmeIdentifier extension is not critical".to_owned());
    }
    let wanted = digest(&SHA256, validation.key_authorization.as_bytes());
    if extension.value.strip_prefix(&[0x04, 0x20]) != Some(wanted.as_ref()) {
        return Err("its acmeIdentifier is not the digest of the key authorization".to_owned());
    }
    check_self_signed(&certificate)
}

fn check_self_signed(certificate: &X509Certificate<'_>) -> Result<(), String> {
    if certificate.subject().as_raw() != certificate.issuer().as_raw() {
        return Err("it is not self-signed: issuer and subject differ".to_owned());
    }
    let key = PublicKey::from_spki(certificate.public_key())?;
    let algorithm =
        X509Algorithm::from_oid(&certificate.signature_algorithm.algorithm.to_id_string())
            .ok_or("its signature algorithm is not supported")?;
    let tbs: &[u8] = certificate.tbs_certificate.as_ref();
    if key.verifies_x509(algorithm, tbs, &certificate.signature_value.data) {
        Ok(())
    } else {
        Err("it is not self-signed: its own key does not verify it".to_owned())
    }
}

fn octets_are(octets: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => octets == v4.octets(),
        IpAddr::V6(v6) => octets == v6.octets(),
    }
}

/// Returns the server name to ask for: for an address its name in the reverse zone (RFC 8738
/// section 6).
fn sni(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(IpAddr::V4(v4)) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Identifier::Ip(IpAddr::V6(v6)) => {
            let nibbles = v6
                .octets()
                .into_iter()
                .rev()
                .map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            format!("{}ip6.arpa", nibbles.collect::<String>())
        }
    }
}

fn client_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(provider::default_provider());
    let verifier = AnyCertificate(provider.signature_verification_algorithms);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

/// Accepts every certificate, whose content is checked after the handshake. Verifies the signature
/// of the handshake.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl AnyCertificate {
    fn verify(
        &self,
        message: &[u8],
        der: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // rustls's usual function parses the certificate, and refuses unknown critical extensions
        // such as acmeIdentifier.
        let unreadable = || rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| unreadable())?;
        let spki = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &spki, signed, &self.0)
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::sni;
    use crate::authority::Identifier;

    #[test]
    fn addresses_are_asked_for_by_their_reverse_name() {
        let name = |text: &str| sni(&Identifier::Ip(text.parse().unwrap()));
        assert_eq!(name("127.0.0.2"), "2.0.0.127.in-addr.arpa");
        assert_eq!(name("::1"), format!("1.{}ip6.arpa", "0.".repeat(31)));
    }
}
