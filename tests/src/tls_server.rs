//! A loopback HTTPS server, on threads, with any certificate; requests made by hand, for transports alone.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::flow::{Flow as _, Output, Transmit};
use acme_proto::http::{Method, Request};
use acme_proto::op::GetDirectory;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use rcgen::CertificateParams;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A certificate with its key, for a server on loopback.
pub struct Identity {
    config: Arc<ServerConfig>,
    pem: String,
}

impl Identity {
    /// Makes a self-signed certificate for `localhost`, `127.0.0.1` and `behind.test`, with these changes.
    ///
    /// # Panics
    /// If the changed certificate cannot be made.
    pub fn new(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = certificate(change, &key);
        Self { config: config(&pem, &key), pem }
    }

    /// Makes a certificate, and takes a key that is not its own.
    ///
    /// # Panics
    /// If the changed certificate cannot be made.
    pub fn with_another_key(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let pem = certificate(change, &rcgen::KeyPair::generate().expect("a key"));
        let another = rcgen::KeyPair::generate().expect("a key");
        Self { config: config(&pem, &another), pem }
    }

    /// Returns the certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

fn certificate(change: impl FnOnce(&mut CertificateParams), key: &rcgen::KeyPair) -> String {
    let names = vec!["localhost".to_owned(), "behind.test".to_owned()];
    let mut params = CertificateParams::new(names).expect("names");
    params.subject_alt_names.push(rcgen::SanType::IpAddress("127.0.0.1".parse().expect("an IP")));
    change(&mut params);
    params.self_signed(key).expect("a certificate").pem()
}

fn config(pem: &str, key: &rcgen::KeyPair) -> Arc<ServerConfig> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(key).expect("a key");
    // It does not check that the two belong together.
    let certified = rustls::sign::CertifiedKey::new(vec![der], key);
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    Arc::new(config)
}

/// A server that runs as long as the test program. It ends the connection instead of responding to `/break`.
pub struct TlsServer {
    address: SocketAddr,
    pem: String,
    requests: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Starts one.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(identity: Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let Identity { config, pem } = identity;
        thread::spawn(move || {
            for stream in listener.incoming() {
                let tls = ServerConnection::new(Arc::clone(&config)).expect("a configuration");
                let stream = StreamOwned::new(tls, stream.expect("a connection"));
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(stream, &counted));
            }
        });
        Self { address, pem, requests }
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// Returns where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns how many requests it read.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, TcpStream>,
    requests: &AtomicUsize,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        requests.fetch_add(1, Ordering::SeqCst);
        if head.starts_with("GET /break ") {
            return Ok(());
        }
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        stream.get_mut().flush()?;
    }
}

/// Makes a request of a flow, for another URL.
///
/// # Panics
/// If that is no URL.
pub fn get(url: &str) -> Transmit {
    requests(url, 1).remove(0)
}

/// Makes requests that have ids of their own.
///
/// # Panics
/// If that is no URL.
pub fn requests(url: &str, count: usize) -> Vec<Transmit> {
    let mut session = Session::new("https://localhost/".parse().expect("a URL"), 0);
    let mut request = || {
        // Only flows give out ids; this is the first request of one.
        let output = Call::new(GetDirectory).poll_output(&mut session, Timestamp::UNIX_EPOCH);
        let Output::Transmit(transmit) = output else { panic!("no request: {output:?}") };
        let request = Request::new(Method::Get, url.parse().expect("a URL"));
        Transmit { request, time_limit: Duration::from_secs(10), ..transmit }
    };
    (0..count).map(|_| request()).collect()
}
