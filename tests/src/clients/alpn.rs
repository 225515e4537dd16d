//! A TLS listener for tls-alpn-01 certificates that a client left in a directory.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

/// Shows `NAME.crt.pem` of `directory`, with the key `NAME.key.pem`, on a port of loopback, until the process ends.
///
/// # Errors
///
/// The port is taken.
pub(super) fn serve(port: u16, directory: PathBuf) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Directory(directory)));
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A validation that breaks off is the CA's affair.
            let _ = handshake(stream, &config);
        }
    });
    Ok(())
}

fn handshake(mut stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(())
}

struct Directory(PathBuf);

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

impl ResolvesServerCert for Directory {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?;
        let file = |kind: &str| Path::new(&self.0).join(format!("{name}.{kind}.pem"));
        let certificate = CertificateDer::from_pem_file(file("crt")).ok()?;
        let key = PrivateKeyDer::from_pem_file(file("key")).ok()?;
        let key = provider::sign::any_supported_type(&key).ok()?;
        Some(Arc::new(CertifiedKey::new(vec![certificate], key)))
    }
}
