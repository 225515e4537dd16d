//! HTTP/1.1 over TLS by hand: one connection for each request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use acme_testca::{CaRequest, TestCa};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Answer, Client, Key, Transport};

pub struct Https(Arc<ClientConfig>);

impl Https {
    pub fn new(root_pem: &str) -> Self {
        Self(Arc::new(client_config(root_pem, &[b"http/1.1"])))
    }

    /// Sends a request; `None` if the connection is closed without a response.
    pub fn try_exchange(&self, request: &CaRequest) -> Option<Answer> {
        let authority = request.url.strip_prefix("https://").unwrap().split('/').next().unwrap();
        let (host, _) = authority.rsplit_once(':').unwrap();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).unwrap();
        let socket = TcpStream::connect(authority).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.0), name).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n",
            request.method,
            request.path()
        );
        for (name, value) in &request.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", request.body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&request.body).unwrap();
        stream.flush().unwrap();
        let mut raw = Vec::new();
        // The end of a connection without close_notify is an error that does not matter here.
        let _ = stream.read_to_end(&mut raw);
        parse(&raw)
    }
}

impl Transport for Https {
    fn exchange(&mut self, request: CaRequest) -> Answer {
        self.try_exchange(&request).expect("an answer")
    }
}

pub fn client(ca: &TestCa) -> Client<Https> {
    Client::new(Https::new(ca.root_pem()), ca.directory_url(), Key::es256())
}

pub fn client_config(root_pem: &str, protocols: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(root_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    config
}

fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Some(Answer { status, headers, body: raw[end + 4..].to_vec() })
}
