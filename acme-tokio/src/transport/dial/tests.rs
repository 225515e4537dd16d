//! Addresses that do not work, among others that do.

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn url() -> Url {
    "https://ca.test/".parse().expect("a URL")
}

/// Starts a server for the name of [`url`], and returns its address and a dialer that trusts it.
async fn server() -> (SocketAddr, Dialer) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["ca.test".to_owned()]).expect("a name");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .expect("a certificate with its key");
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let _ = TlsAcceptor::from(Arc::new(config.clone())).accept(stream).await;
        }
    });
    (address, dialer(&pem))
}

fn dialer(root_pem: &str) -> Dialer {
    let roots = acme_adapter::tls::Roots::Pem(root_pem.into());
    let config = acme_adapter::tls::client_config(&Arc::new(default_provider()), &roots, &[]);
    Dialer::new(config.expect("a configuration"), Proxy::none())
}

/// Answers every connection in plain text.
async fn no_tls() -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.write_all(b"220 mail.test\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn small_packets_are_not_held_back() {
    let (_listener, address) = listen().await;
    let stream = connect_to(address).await.expect("a connection");
    assert!(stream.nodelay().expect("a socket option"));
}

#[tokio::test]
async fn an_address_that_refuses_does_not_keep_from_the_next() {
    let (_listener, address) = listen().await;
    let refusing = SocketAddr::new(address.ip(), 1);
    let deadline = Instant::now() + DIAL_TIME_LIMIT;
    let failed = FailedAddresses::default();
    let mut both = ConnectAttempts::new(&[refusing, address], &failed);
    let (found, _) = connect_to_any(&mut both, deadline).await.expect("a connection");
    assert_eq!(found, address);
    let mut none = ConnectAttempts::new(&[refusing], &failed);
    assert!(connect_to_any(&mut none, deadline).await.is_none(), "nobody listens");
    assert_eq!(none.failure(), Lost::NotSent("connection refused (127.0.0.1:1)".into()));
}

#[tokio::test]
async fn an_address_that_takes_tcp_and_no_tls_does_not_keep_from_the_next_and_goes_last() {
    let (working, dialer) = server().await;
    let wrong = no_tls().await;
    for _ in 0..2 {
        let (_, address) = dialer.any(&[wrong, working], None, &url()).await.expect("TLS");
        assert_eq!(address, working);
    }
    // What failed is still tried if nothing else works.
    let lost = dialer.any(&[wrong], None, &url()).await.err().expect("no TLS");
    assert!(matches!(&lost, Lost::NotSent(why) if why.ends_with(&format!("({wrong})"))), "{lost}");
}

#[tokio::test]
async fn an_address_that_takes_tcp_and_keeps_silent_leaves_time_for_the_next() {
    let (working, dialer) = server().await;
    // The system takes connections until somebody accepts them.
    let (_listener, silent) = listen().await;
    let begin = Instant::now();
    let (_, address) = dialer.any(&[silent, working], None, &url()).await.expect("TLS");
    assert_eq!(address, working);
    assert!(begin.elapsed() < DIAL_TIME_LIMIT);
    // The next time it goes last, so that nobody waits for it.
    let begin = Instant::now();
    dialer.any(&[silent, working], None, &url()).await.expect("TLS");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_the_attempt() {
    let (untrusted, _) = server().await;
    let (working, dialer) = server().await;
    let lost = dialer.any(&[untrusted, working], None, &url()).await.err().expect("another root");
    let Lost::Untrusted(why) = &lost else { panic!("{lost:?}") };
    assert!(why.ends_with(&format!("({untrusted})")), "{why}");
}

#[tokio::test]
async fn an_address_that_brought_no_response_goes_last() {
    let (first, dialer) = server().await;
    let second = no_tls().await;
    dialer.doubt(first);
    // The other one comes first, and fails.
    let (_, address) = dialer.any(&[first, second], None, &url()).await.expect("TLS");
    assert_eq!(address, first);
    let order: Vec<_> = ConnectAttempts::new(&[second, first], &dialer.failed).collect();
    assert_eq!(order, [first, second]);
}
