//! The ready-made listeners, as anyone on the network meets them.

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use acme_blocking::{Error, Http01Listener, TlsAlpn01Listener};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
    stream
}

fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_path_without_challenge_is_not_found() {
    let listener = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    let request = b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: example.org\r\n\r\n";
    for _ in 0..3 {
        assert!(ask(listener.local_addr(), request).starts_with("HTTP/1.1 404 "));
    }
}

#[test]
fn a_request_with_a_body_that_nobody_reads_still_gets_its_answer() {
    let listener = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    let mut request = b"POST / HTTP/1.1\r\nContent-Length: 20000\r\n\r\n".to_vec();
    request.extend([b'x'; 20_000]);
    assert!(ask(listener.local_addr(), &request).starts_with("HTTP/1.1 405 "));
}

#[test]
fn a_head_without_end_is_refused() {
    let listener = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    let answer = ask(listener.local_addr(), &[b'x'; 20_000]);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn clients_that_say_nothing_keep_nobody_from_being_answered() {
    let listener = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    let silent: Vec<TcpStream> = (0..50).map(|_| connect(listener.local_addr())).collect();
    let answer = ask(listener.local_addr(), b"GET / HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    drop(silent);
}

#[test]
fn a_dropped_listener_on_every_address_frees_its_port() {
    let listener = Http01Listener::bind("[::]:0").expect("a free port");
    let address = listener.local_addr();
    drop(listener);
    drop(TcpListener::bind(address).expect("the port is free again"));
}

#[test]
fn the_tls_listener_hangs_up_on_what_is_no_handshake() {
    let listener = TlsAlpn01Listener::bind("127.0.0.1:0").expect("a free port");
    let answer = ask(listener.local_addr(), b"GET / HTTP/1.1\r\n\r\n");
    assert!(!answer.contains("HTTP"), "{answer}");
}

#[test]
fn what_is_no_address_is_refused_with_an_example() {
    let error = Http01Listener::bind("example").expect_err("no port").to_string();
    assert!(error.contains("[::]:80"), "{error}");
    let error = TlsAlpn01Listener::bind("192.0.2.1:0").expect_err("not ours");
    assert!(matches!(error, Error::Listen { address: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("192.0.2.1"), "{error}");
}
