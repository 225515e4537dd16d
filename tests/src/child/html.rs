//! A web server that is no ACME server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::servers::WebCa;

/// Answers every request with a page in HTML, over HTTPS and HTTP/1.1, as long as the test process lives.
#[derive(Debug)]
pub struct HtmlServer {
    port: u16,
    ca: WebCa,
}

impl HtmlServer {
    /// Starts one on a free port of loopback.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let ca = WebCa::generate();
        let config = Arc::new(config(&ca).expect("the certificate and its key fit"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || serve(stream, config));
            }
        });
        Self { port, ca }
    }

    /// Returns the URL of a page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    /// Returns the root of its certificate, as PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        self.ca.root_pem()
    }
}

fn config(ca: &WebCa) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let chain = CertificateDer::pem_slice_iter(ca.certificate_pem().as_bytes());
    let key = PrivateKeyDer::from_pem_slice(ca.key_pem().as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>()?, key)?)
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet)?;
        head.extend(octet);
    }
    let page = "<!doctype html><title>Welcome</title><p>It works!\n";
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
