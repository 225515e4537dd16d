//! What a server should not answer, against the default transport.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use acme_adapter::keys;
use acme_blocking::{Roots, Transport, UreqTransport};
use acme_proto::call::Call;
use acme_proto::flow::{Flow, Lost, Output, Transmit};
use acme_proto::op::GetDirectory;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;

/// A server that gives every request the same octets for an answer.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn answering(octets: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let server = Self { url, connections: Arc::default() };
        let connections = server.connections.clone();
        thread::spawn(move || {
            loop {
                let (mut stream, _) = listener.accept().expect("a connection");
                connections.fetch_add(1, Ordering::SeqCst);
                let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                thread::spawn(move || {
                    for line in lines.map_while(Result::ok) {
                        if line.is_empty() {
                            stream.write_all(octets).expect("a connection");
                        }
                    }
                });
            }
        });
        server
    }

    fn get(&self) -> Transmit {
        let mut session = Session::new(self.url.parse().expect("a URL"), 0).allow_http(true);
        let output = Call::new(GetDirectory).poll_output(&mut session, Timestamp::UNIX_EPOCH);
        let Output::Transmit(transmit) = output else { panic!("no request: {output:?}") };
        Transmit { time_limit: Duration::from_secs(10), ..transmit }
    }
}

fn transport() -> UreqTransport {
    let provider = keys::default_provider().expect("a provider");
    let root = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let root = params.self_signed(&root).expect("a certificate");
    UreqTransport::new(&provider, &Roots::Pem(root.pem().into())).expect("a transport")
}

#[test]
fn octets_sent_uncalled_for_are_no_answer_to_the_next_request() {
    let server = Server::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n",
    );
    let transport = transport();
    for _ in 0..3 {
        let response = transport.exchange(server.get()).expect("an answer");
        assert_eq!((response.status(), response.body()), (200, &b"ok"[..]));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
}

#[test]
fn what_is_no_http_is_no_answer() {
    let server = Server::answering(b"SSH-2.0-OpenSSH_9.9\r\n\r\n");
    let result = transport().exchange(server.get());
    assert!(matches!(result, Err(Lost::NoResponse(_))), "{result:?}");
}

#[test]
fn a_head_without_end_is_no_answer() {
    let server = Server::answering(&[b'x'; 1 << 17]);
    let result = transport().exchange(server.get());
    assert!(matches!(result, Err(Lost::NoResponse(_))), "{result:?}");
}
