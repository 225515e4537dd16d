//! A loopback server that misbehaves on request.

#![allow(dead_code, reason = "each test program uses its own part")]

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use acme_blocking::acme_proto::flow::{Flow as _, Output, Transmit};
use acme_blocking::acme_proto::http::{Method, Request};
use acme_blocking::acme_proto::{call::Call, op, session::Session, time::Timestamp, url::Url};
use acme_blocking::{Roots, UreqTransport};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
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
    let names = ["localhost", "127.0.0.1", "behind.test"].map(str::to_owned);
    let params = rcgen::CertificateParams::new(names).expect("names");
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
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

pub(crate) fn transport(root_pem: &str) -> UreqTransport {
    let provider = rustls::crypto::ring::default_provider().into();
    UreqTransport::new(&provider, &Roots::Pem(root_pem.into())).expect("a transport")
}

pub(crate) fn get(url: &str) -> Transmit {
    transmit(Request::new(Method::Get, url.parse().expect("a URL")))
}

/// Only flows give out ids; this is the first request of one, with its parts replaced.
pub(crate) fn transmit(request: Request) -> Transmit {
    let directory: Url = "https://localhost/".parse().expect("a URL");
    let mut session = Session::new(directory, 0);
    let mut call = Call::new(op::GetDirectory);
    let output = call.poll_output(&mut session, Timestamp::UNIX_EPOCH);
    let Output::Transmit(transmit) = output else { panic!("no request: {output:?}") };
    Transmit { request, time_limit: Duration::from_secs(10), body_limit: 1 << 16, ..transmit }
}

/// Passes octets on, both ways, until one side ends.
pub(crate) fn forward(mut outer: TcpStream, to: SocketAddr) {
    let mut inner = TcpStream::connect(to).expect("the server");
    let mut back = (inner.try_clone().expect("a socket"), outer.try_clone().expect("a socket"));
    thread::spawn(move || {
        let _ = io::copy(&mut back.0, &mut back.1);
        let _ = back.1.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut outer, &mut inner);
}
