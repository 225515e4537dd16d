//! What the tests name of acme-tokio.

use std::sync::Arc;

use acme_proto::flow::Transmit;
use acme_tests::numbering::number;
pub(crate) use acme_tokio::DynSigner as ObjectSigner;
pub(crate) use acme_tokio::*;
pub(crate) use std::future::ready;
pub(crate) use tokio::time::sleep;

/// The default transport, with one root.
pub(crate) fn transport(root: &str) -> HyperTransport {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    HyperTransport::new(&provider, &Roots::Pem(root.into())).expect("a transport")
}

/// Sends requests at the same time; returns the numbers of their connections.
pub(crate) async fn at_once(
    transport: &HyperTransport,
    requests: impl IntoIterator<Item = Transmit>,
) -> Vec<String> {
    // On the one thread of a test they begin in turn.
    let exchanges = requests.into_iter().map(|request| {
        let transport = transport.clone();
        tokio::spawn(async move { number(transport.exchange(request).await) })
    });
    let mut numbers = Vec::new();
    for exchange in exchanges.collect::<Vec<_>>() {
        numbers.push(exchange.await.expect("a number"));
    }
    numbers
}

/// The smallest server that has a handler mounted.
pub(crate) async fn own_server(handler: Http01Handler) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 2048];
            let length = stream.read(&mut head).await.expect("a request");
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).expect("a path");
            let host = head
                .lines()
                .find_map(|l| l.to_lowercase().strip_prefix("host: ").map(str::to_owned));
            let body = handler.respond(host.as_deref(), path).expect("a published challenge");
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
    });
    port
}

/// The smallest rustls server that has a resolver.
pub(crate) async fn own_tls_server(resolver: TlsAlpn01Resolver) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"acme-tls/1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let _ = acceptor.accept(stream).await;
        }
    });
    port
}
