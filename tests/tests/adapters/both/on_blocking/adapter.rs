//! What the tests name of acme-blocking.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

pub(crate) use acme_blocking::Signer as ObjectSigner;
pub(crate) use acme_blocking::*;
use acme_proto::flow::Transmit;
use acme_tests::numbering::number;
pub(crate) use std::thread::sleep;

/// As `std::future::ready`, where nothing waits.
pub(crate) fn ready<T>(value: T) -> T {
    value
}

/// The default transport, with one root.
pub(crate) fn transport(root: &str) -> UreqTransport {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    UreqTransport::new(&provider, &Roots::Pem(root.into())).expect("a transport")
}

/// Sends requests at the same time; returns the numbers of their connections.
pub(crate) fn at_once(
    transport: &UreqTransport,
    requests: impl IntoIterator<Item = Transmit>,
) -> Vec<String> {
    std::thread::scope(|scope| {
        let exchange = |request| scope.spawn(|| number(transport.exchange(request)));
        let exchanges: Vec<_> = requests.into_iter().map(exchange).collect();
        exchanges.into_iter().map(|exchange| exchange.join().expect("a number")).collect()
    })
}

/// The smallest server that has a handler mounted.
pub(crate) fn own_server(handler: Http01Handler) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 2048];
            let length = stream.read(&mut head).expect("a request");
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).expect("a path");
            let host = head
                .lines()
                .find_map(|l| l.to_lowercase().strip_prefix("host: ").map(str::to_owned));
            let body = handler.respond(host.as_deref(), path).expect("a published challenge");
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    port
}

/// The smallest rustls server that has a resolver.
pub(crate) fn own_tls_server(resolver: TlsAlpn01Resolver) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"acme-tls/1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut tls = rustls::ServerConnection::new(config.clone()).expect("a configuration");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    port
}
