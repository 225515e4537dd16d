//! The TLS end of a validating CA, and the certificate of a user's own server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

/// The name in the certificate of the user's own server.
pub const USERS_NAME: &str = "users-own.example";

/// A client that accepts every certificate and looks at what it got.
pub struct TlsClient {
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    schemes: Vec<SignatureScheme>,
}

/// What a client saw.
#[derive(Debug)]
pub struct Seen {
    /// The names in the certificate.
    pub names: Vec<String>,
    /// The addresses in the certificate.
    pub addresses: Vec<std::net::IpAddr>,
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The protocol that the server chose.
    pub alpn: Option<Vec<u8>>,
    /// Whether the name went out in the very letters that were asked for.
    pub sent_name: bool,
    /// The application data that came after the handshake, up to the end.
    pub data: Vec<u8>,
    /// Whether the server closed the connection.
    pub closed: bool,
}

impl TlsClient {
    /// Creates a client that offers these protocols.
    pub fn offering(alpn: &[&str]) -> Self {
        let alpn = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let schemes = provider().signature_verification_algorithms.supported_schemes();
        Self { alpn, versions: vec![&rustls::version::TLS13, &rustls::version::TLS12], schemes }
    }

    /// Verifies these signatures only.
    pub fn verifying(mut self, schemes: &[SignatureScheme]) -> Self {
        self.schemes = schemes.to_vec();
        self
    }

    /// Speaks one version of TLS only.
    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Shakes hands, sends something, and reads up to the end.
    ///
    /// An address as name makes a handshake without SNI.
    ///
    /// # Errors
    /// What is said of a handshake that failed.
    ///
    /// # Panics
    /// If there is no connection.
    pub fn connect(&self, address: SocketAddr, name: &str) -> Result<Seen, String> {
        self.shake_hands(TcpStream::connect(address).expect("a connection"), name)
    }

    /// Does what [`connect`](Self::connect) does, where there may be no connection.
    ///
    /// # Errors
    /// What is said of a connection or a handshake that failed.
    pub fn try_connect(&self, address: SocketAddr, name: &str) -> Result<Seen, String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        self.shake_hands(stream, name)
    }

    fn shake_hands(&self, mut stream: TcpStream, name: &str) -> Result<Seen, String> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anything(self.schemes.clone())))
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&self.alpn);
        let server = ServerName::try_from(name.to_owned()).expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), server).expect("a configuration");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket option");
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).map_err(|error| error.to_string())?;
        stream.write_all(&hello).map_err(|error| error.to_string())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).map_err(|error| error.to_string())?;
        }
        let (data, closed) = read_to_end(&mut tls, &mut stream);
        let certificate = tls.peer_certificates().expect("a certificate")[0].to_vec();
        let read = acme_proto::x509::Certificate::parse(certificate.clone());
        let read = read.map_err(|error| error.to_string())?;
        Ok(Seen {
            names: read.dns_names().iter().map(ToString::to_string).collect(),
            addresses: read.ip_addresses().to_vec(),
            certificate,
            alpn: tls.alpn_protocol().map(<[u8]>::to_vec),
            sent_name: hello.windows(name.len()).any(|window| window == name.as_bytes()),
            data,
            closed,
        })
    }
}

/// Sends a request that a web server would answer, and returns what comes, and whether it ends.
fn read_to_end(tls: &mut ClientConnection, stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut data = Vec::new();
    // A server that has closed already may not take it.
    let _ = tls.writer().write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let _ = tls.write_tls(stream);
    loop {
        match tls.read_tls(stream) {
            Ok(0) => return (data, true),
            Ok(_) => {}
            // A reset is an end too; a time limit is none.
            Err(error) => return (data, error.kind() == std::io::ErrorKind::ConnectionReset),
        }
        if tls.process_new_packets().is_err() {
            return (data, false);
        }
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = tls.reader().read(&mut piece) {
            data.extend_from_slice(&piece[..length]);
        }
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Returns the configuration of a user's own web server.
pub(super) fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = ["h2", "http/1.1", "acme-tls/1"].map(|p| p.as_bytes().to_vec()).into();
    Arc::new(config)
}

/// Returns a resolver that knows one certificate, whoever asks.
pub(super) fn users_certificate() -> Arc<dyn ResolvesServerCert> {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new([USERS_NAME.to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate").der().to_vec();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let key = provider().key_provider.load_private_key(key).expect("a key");
    let chain = vec![CertificateDer::from(certificate)];
    Arc::new(Always(Arc::new(CertifiedKey::new(chain, key))))
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Accepts every certificate; the signature of the handshake is checked by nobody.
#[derive(Debug)]
struct Anything(Vec<SignatureScheme>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
