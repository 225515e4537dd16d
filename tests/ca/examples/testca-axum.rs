//! A web server that gets its certificate from an embedded CA, and renews it: `cargo run --example testca-axum`.
//!
//! A test of a server of yours has the same CA and the same client, and takes as long as this: some seconds.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use acme_testca::TestCa;
use acme_tokio::{Certificates, Roots};
use axum::Router;
use axum::routing::get;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const NAME: &str = "www.example.test";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Its certificates of 90 days live for 12 seconds.
    let ca = TestCa::builder().time_lapse(90 * 86_400 / 12).start()?;

    let root = ca.root_pem().as_bytes().to_vec();
    let certificates = Certificates::in_memory()
        .ca(ca.directory_url())
        .client(move |client| client.roots(Roots::Pem(root.clone())))
        .agree_to_terms(|_url| true)
        .names([NAME])
        .on_event(|event| println!("{event}"))
        .start()
        .await?;
    // For this CA, every name is 127.0.0.1, and port 443 is this one.
    let listener = certificates.listen(("127.0.0.1", ca.tls_port())).await?;
    let app = Router::new().route("/", get(|| async { "Hello" }));
    let server = tokio::spawn(async { axum::serve(listener, app).await });

    certificates.obtained(NAME).await;
    let first = certificate_shown(&ca).await?;
    while certificate_shown(&ca).await? == first {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("renewed");

    certificates.shutdown().await;
    server.abort();
    Ok(())
}

/// Reads the page as a client that trusts the CA, and returns the certificate of the server.
async fn certificate_shown(ca: &TestCa) -> Result<CertificateDer<'static>, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.root_pem().as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();

    let stream = TcpStream::connect(("127.0.0.1", ca.tls_port())).await?;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from(NAME)?, stream).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    assert!(response.ends_with("\r\n\r\nHello"), "{response}");

    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    Ok(shown.ok_or("a server without a certificate")?.clone().into_owned())
}
