//! Addresses that do not work, among others that do.

use std::net::TcpListener;
use std::thread;

use acme_adapter::addresses::HEAD_START;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::*;

fn addresses() -> [SocketAddr; 3] {
    [1, 2, 3].map(|port| SocketAddr::new([127, 0, 0, 1].into(), port))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn race(addresses: &[SocketAddr], deadline: Instant) -> Result<u16, Lost> {
    let mut attempts = ConnectAttempts::new(addresses, &FailedAddresses::default());
    match connect_to_any(&mut attempts, deadline, attempt, &Workers::detached()) {
        Some((address, port)) => {
            assert_eq!(address.port(), port);
            Ok(port)
        }
        None => Err(attempts.failure()),
    }
}

/// Port 1 keeps silent, port 2 refuses, port 3 answers.
fn attempt(address: SocketAddr, _: Instant) -> io::Result<u16> {
    match address.port() {
        1 => thread::sleep(Duration::from_secs(60)),
        2 => return Err(io::ErrorKind::ConnectionRefused.into()),
        _ => {}
    }
    Ok(address.port())
}

#[test]
fn an_address_that_keeps_silent_holds_the_others_up_for_a_head_start_only() {
    let start = Instant::now();
    assert_eq!(race(&addresses(), soon()), Ok(3));
    assert!(start.elapsed() >= HEAD_START);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn when_no_address_connects_the_last_failure_is_reported() {
    let failure = race(&[addresses()[1]; 2], soon());
    assert_eq!(failure, Err(Lost::NotSent("connection refused (127.0.0.1:2)".into())));
}

#[test]
fn when_time_is_up_nobody_waits_for_an_address_that_keeps_silent() {
    let deadline = Instant::now() + Duration::from_millis(300);
    let late = Lost::NotSent(format!("{LATE} (127.0.0.1:1)"));
    assert_eq!(race(&[addresses()[0]; 2], deadline), Err(late));
    assert!(deadline.elapsed() < Duration::from_secs(30));
}

fn url() -> Url {
    "https://ca.test/".parse().expect("a URL")
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Starts a server for the name of [`url`], and returns its address and a dialer that trusts it.
fn server() -> (SocketAddr, Dialer) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["ca.test".to_owned()]).expect("a name");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![der], key).expect("a key");
    let (listener, address) = listen();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let config = Arc::new(config.clone());
            let mut tls = ServerConnection::new(config).expect("a configuration");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    let roots = acme_adapter::tls::Roots::Pem(pem.into());
    let config = acme_adapter::tls::client_config(&provider, &roots, &[]).expect("a root");
    (
        address,
        Dialer::new(
            config,
            Proxy::none(),
            FailedAddresses::default(),
            Arc::new(Workers::detached()),
        ),
    )
}

/// Answers every connection in plain text.
fn no_tls() -> SocketAddr {
    let (listener, address) = listen();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.expect("a connection").write_all(b"220 mail.test\r\n");
        }
    });
    address
}

#[test]
fn an_address_that_takes_tcp_and_no_tls_does_not_keep_from_the_next_and_goes_last() {
    let (working, dialer) = server();
    let wrong = no_tls();
    for _ in 0..2 {
        let (_, address) = dialer.any(&[wrong, working], None, &url(), soon()).expect("TLS");
        assert_eq!(address, working);
    }
    // What failed is still tried if nothing else works.
    let lost = dialer.any(&[wrong], None, &url(), soon()).err().expect("no TLS");
    assert!(matches!(&lost, Lost::NotSent(why) if why.ends_with(&format!("({wrong})"))), "{lost}");
}

#[test]
fn an_address_that_takes_tcp_and_keeps_silent_leaves_time_for_the_next() {
    let (working, dialer) = server();
    // The system takes connections until somebody accepts them.
    let (_listener, silent) = listen();
    let deadline = soon();
    let (_, address) = dialer.any(&[silent, working], None, &url(), deadline).expect("TLS");
    assert_eq!(address, working);
    // The next time it goes last, so that nobody waits for it.
    let begin = Instant::now();
    dialer.any(&[silent, working], None, &url(), soon()).expect("TLS");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_attempt() {
    let (untrusted, _) = server();
    let (working, dialer) = server();
    let lost = dialer.any(&[untrusted, working], None, &url(), soon());
    let Some(Lost::Untrusted(why)) = lost.err() else { panic!("another root") };
    assert!(why.ends_with(&format!("({untrusted})")), "{why}");
}

#[test]
fn a_connection_that_brought_no_response_lets_other_addresses_go_first() {
    let (listener, silent) = listen();
    let failed = FailedAddresses::default();
    let stream = Stream::Plain(Timed::new(connect_to(silent, soon()).expect("TCP"), soon()));
    drop(listener.accept().expect("a connection"));
    let mut wire = Wire::new(stream, LazyBuffers::new(1024, 1024), failed.clone(), silent);
    let limit = NextTimeout {
        after: ureq::unversioned::transport::time::Duration::from_secs(5),
        reason: ureq::Timeout::Global,
        per_read: None,
        per_write: None,
    };
    let open = ureq::unversioned::transport::Transport::await_input(&mut wire, limit);
    assert!(!open.expect("an end"));
    let other = addresses()[2];
    let order: Vec<_> = ConnectAttempts::new(&[silent, other], &failed).collect();
    assert_eq!(order, [other, silent]);
}
