//! What is left of a listener that is dropped.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use acme_adapter::resolver::CertificateResolver;
use rustls::{ClientConnection, StreamOwned};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect;
use super::fixture::{ecdsa, provider, runtime};

fn resolver() -> CertificateResolver {
    let resolver = CertificateResolver::new(&provider());
    resolver.install("a", ["a.example"], ecdsa(&["a.example"]));
    resolver
}

/// Connects, and ends the handshake when something is written or read.
fn client(
    resolver: &CertificateResolver,
    address: SocketAddr,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    let certificate = resolver.certificate("a").expect("installed").cert[0].clone();
    roots.add(certificate).expect("a root");
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "a.example".try_into().expect("a name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a configuration");
    let stream = connect(address);
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket option");
    StreamOwned::new(tls, stream)
}

/// The port can be bound again, and nobody answers at it.
fn is_free(address: SocketAddr) -> bool {
    let refused = TcpStream::connect(address);
    refused.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        && TcpListener::bind(address).is_ok()
}

#[test]
fn acme_tokio_frees_the_port_at_once_and_open_connections_go_on() {
    let (resolver, runtime) = (resolver(), runtime());
    let mut listener =
        runtime.block_on(acme_tokio::TlsListener::bind("127.0.0.1:0", &resolver)).expect("a port");
    let address = listener.local_addr();
    let mut client = client(&resolver, address);
    let asking = thread::spawn(move || {
        client.write_all(b"ping").expect("sent");
        client
    });
    let (mut stream, peer) = runtime.block_on(listener.accept());
    let mut client = asking.join().expect("no panic");
    assert_eq!(client.sock.local_addr().expect("an address"), peer);
    assert!(stream.get_ref().0.nodelay().expect("a socket option"));
    drop(listener);
    assert!(is_free(address));
    runtime.block_on(async {
        let mut word = [0; 4];
        stream.read_exact(&mut word).await.expect("a word");
        stream.write_all(&word).await.expect("sent");
        stream.flush().await.expect("sent");
    });
    let mut word = [0; 4];
    client.read_exact(&mut word).expect("a word");
    assert_eq!(&word, b"ping");
}

#[test]
fn acme_blocking_frees_the_port_at_once_and_open_connections_go_on() {
    let resolver = resolver();
    let listener = acme_blocking::TlsListener::bind("127.0.0.1:0", &resolver).expect("a port");
    let address = listener.local_addr();
    let mut client = client(&resolver, address);
    let asking = thread::spawn(move || {
        client.write_all(b"ping").expect("sent");
        client
    });
    let (mut stream, peer) = listener.accept().expect("a connection");
    let mut client = asking.join().expect("no panic");
    assert_eq!(client.sock.local_addr().expect("an address"), peer);
    assert!(stream.sock.nodelay().expect("a socket option"));
    assert_eq!(stream.sock.read_timeout().expect("a socket option"), None);
    let listener = Arc::new(listener);
    let waiting = thread::spawn({
        let listener = Arc::clone(&listener);
        move || listener.accept().is_none()
    });
    listener.close();
    assert!(is_free(address));
    assert!(waiting.join().expect("no panic"), "nobody waits for a closed listener");
    assert!(listener.accept().is_none());
    let mut word = [0; 4];
    stream.read_exact(&mut word).expect("a word");
    stream.write_all(&word).expect("sent");
    client.read_exact(&mut word).expect("a word");
    assert_eq!(&word, b"ping");
}
