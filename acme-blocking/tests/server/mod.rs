//! A loopback server that misbehaves on request.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Plain,
    Tls,
}

/// A server that runs as long as the test program.
pub(crate) struct Server {
    address: SocketAddr,
    speaks: Speaks,
    root_pem: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Server {
    pub(crate) fn start(speaks: Speaks) -> Self {
        let (config, root_pem) = tls();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let (config, counted) = (Arc::clone(&config), Arc::clone(&counted));
                thread::spawn(move || serve(stream, speaks, config, &counted));
            }
        });
        Self { address, speaks, root_pem, counts }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        match self.speaks {
            Speaks::Plain => format!("http://{}{path}", self.address),
            Speaks::Tls => format!("https://{}{path}", self.address),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

/// Makes the configuration of a server with a certificate for loopback, and its root.
pub(crate) fn tls() -> (Arc<ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned(), "behind.test".to_owned()];
    let mut params = rcgen::CertificateParams::new(names).expect("a name");
    params.subject_alt_names.push(rcgen::SanType::IpAddress("127.0.0.1".parse().expect("an IP")));
    let certificate = params.self_signed(&key).expect("a certificate");
    let der = CertificateDer::from_pem_slice(certificate.pem().as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .expect("a certificate with its key");
    (Arc::new(config), certificate.pem())
}

fn serve(stream: TcpStream, speaks: Speaks, config: Arc<ServerConfig>, counts: &Counts) {
    stream.set_nodelay(true).expect("a socket option");
    let _ = match speaks {
        Speaks::Plain => speak(stream, counts),
        Speaks::Tls => {
            let tls = ServerConnection::new(config).expect("a configuration");
            speak(StreamOwned::new(tls, stream), counts)
        }
    };
}

/// Answers requests until one of them ends the connection.
fn speak(mut stream: impl Read + Write, counts: &Counts) -> io::Result<()> {
    loop {
        let request = read_request(&mut stream)?;
        counts.requests.fetch_add(1, Ordering::SeqCst);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let head = "Replay-Nonce: abc\r\nX-Many: 1\r\nX-Many: 2\r\n";
        let (status, more, body) = match path {
            "/redirect" => ("302 Found", "Location: /ok\r\n", "elsewhere".to_owned()),
            "/cacheable" => ("200 OK", "Cache-Control: max-age=3600\r\n", "ok".to_owned()),
            "/long" => ("404 Not Found", "", "x".repeat(100_000)),
            "/echo?a=%2F&b" => ("200 OK", "", request.clone()),
            "/slow" => {
                thread::sleep(Duration::from_millis(50));
                ("200 OK", "", "slow".to_owned())
            }
            "/never" => {
                thread::sleep(Duration::from_secs(60));
                return Ok(());
            }
            "/break" => return Ok(()),
            // A body that ends with its connection; over TLS that ends without a close_notify.
            "/unsized" => {
                write!(stream, "HTTP/1.1 200 OK\r\n{head}Connection: close\r\n\r\nbeginning")?;
                return stream.flush();
            }
            "/stall" | "/drip" => {
                let length = "Content-Length: 1000\r\n\r\nbeginning";
                write!(stream, "HTTP/1.1 201 Created\r\n{head}{length}")?;
                stream.flush()?;
                for _ in 0..600 {
                    thread::sleep(Duration::from_millis(100));
                    if path == "/drip" {
                        stream.write_all(b".").and_then(|()| stream.flush())?;
                    }
                }
                return Ok(());
            }
            _ => ("200 OK", "", "ok".to_owned()),
        };
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{head}{more}Content-Length: {length}\r\n\r\n");
        let body = if request.starts_with("HEAD ") { "" } else { &body };
        stream.write_all(format!("{head}{body}").as_bytes())?;
        stream.flush()?;
    }
}

/// Reads a head and its body, as text.
fn read_request(stream: &mut impl Read) -> io::Result<String> {
    let mut text = Vec::new();
    let mut octet = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        text.extend(octet);
    }
    let head = String::from_utf8_lossy(&text).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    text.extend(body);
    Ok(String::from_utf8_lossy(&text).into_owned())
}
