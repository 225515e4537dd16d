//! Verifying what a client got, by WebPKI rules.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Verifies that a chain, as PEM, leads from a certificate for all of `names` to the root.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn verify(chain: &[u8], root: &str, names: &[&str]) -> Result<(), String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the chain is not PEM: {error}"))?;
    let (leaf, intermediates) = certificates.split_first().ok_or("the chain is empty")?;
    let verifier = WebPkiServerVerifier::builder_with_provider(
        Arc::new(roots(root)?),
        Arc::new(provider::default_provider()),
    );
    let verifier = verifier.build().map_err(|error| error.to_string())?;
    for name in names {
        let host = name.replacen('*', "any", 1);
        let server = ServerName::try_from(host).map_err(|error| error.to_string())?;
        verifier
            .verify_server_cert(leaf, intermediates, &server, &[], UnixTime::now())
            .map_err(|error| format!("the chain is not good for {name}: {error}"))?;
    }
    Ok(())
}

/// Connects by TLS to a port of loopback and verifies the certificate that is shown for a name.
///
/// # Errors
///
/// What is wrong with the connection or the certificate.
pub(super) fn connect(
    port: u16,
    root: &str,
    name: &'static str,
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(root)?)
        .with_no_client_auth();
    let server = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let mut connection =
        ClientConnection::new(Arc::new(config), server).map_err(|error| error.to_string())?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| format!("TLS: {error}"))?;
    }
    Ok(StreamOwned::new(connection, stream))
}

/// Returns the text after `prefix` in the names of a certificate, as PEM, up to `length` bytes.
pub(super) fn common_name(certificate: &str, prefix: &str, length: usize) -> Option<String> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let at = der.windows(prefix.len()).position(|window| window == prefix.as_bytes())?;
    let name = der.get(at..at + prefix.len() + length)?;
    String::from_utf8(name.to_vec()).ok()
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let root = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| e.to_string())?;
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(|error| error.to_string())?;
    Ok(roots)
}
