//! Which connection a request takes.

mod server;

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use acme_blocking::Transport as _;
use acme_blocking::acme_proto::flow::{Flow as _, Lost, Output, Transmit};
use acme_blocking::acme_proto::http::{Method, Request, Response};
use acme_blocking::acme_proto::{call::Call, op, session::Session, time::Timestamp};
use server::{tls, transport};

/// Starts a server whose responses number their connections, and which may end its first one after a response; returns its
/// URL.
fn numbering(ends_the_first: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                while stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                    // Requests at the same time take several connections.
                    thread::sleep(Duration::from_millis(50));
                    let is_last = ends_the_first && number == 0;
                    let close = if is_last { "Connection: close\r\n" } else { "" };
                    let response = format!(
                        "HTTP/1.1 200 OK\r\n{close}Number: {number}\r\nContent-Length: 0\r\n\r\n"
                    );
                    if stream.write_all(response.as_bytes()).is_err() || is_last {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// Makes requests that have ids of their own.
fn requests(url: &str, count: usize) -> Vec<Transmit> {
    let mut session = Session::new("https://localhost/".parse().expect("a URL"), 0);
    let mut request = || {
        let output = Call::new(op::GetDirectory).poll_output(&mut session, Timestamp::UNIX_EPOCH);
        let Output::Transmit(transmit) = output else { panic!("no request: {output:?}") };
        let request = Request::new(Method::Get, url.parse().expect("a URL"));
        Transmit { request, ..transmit }
    };
    (0..count).map(|_| request()).collect()
}

fn number(result: Result<Response, Lost>) -> String {
    result.expect("an answer").headers().first("number").expect("a number").to_owned()
}

#[test]
fn the_connection_that_was_used_last_is_used_first_unless_another_gave_the_nonce() {
    let transport = transport(&tls().1);
    let mut requests = requests(&numbering(false), 7);
    let (first, second) = (requests.remove(0), requests.remove(0));
    let ids = [first.id, second.id];
    let both = thread::scope(|scope| {
        let other = scope.spawn(|| transport.exchange(second));
        (transport.exchange(first), other.join().expect("no panic"))
    });
    let numbers = [number(both.0), number(both.1)];
    assert_ne!(numbers[0], numbers[1]);
    let mut last = number(transport.exchange(requests.remove(0)));
    for _ in 0..2 {
        let again = number(transport.exchange(requests.remove(0)));
        assert_eq!(again, last);
        last = again;
    }
    let other = usize::from(numbers[0] == last);
    let nonce_from = Some(ids[other]);
    let retry = Transmit { nonce_from, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(retry)), numbers[other]);
    // That one has been used last now, and no connection remembers the older response.
    let next = Transmit { nonce_from, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(next)), numbers[other]);
}

#[test]
fn what_a_connection_brought_is_forgotten_with_it() {
    let transport = transport(&tls().1);
    let mut requests = requests(&numbering(true), 5);
    let first = requests.remove(0);
    let of_the_first = Some(first.id);
    assert_eq!(number(transport.exchange(first)), "0");
    // Two at the same time: one of them takes the place of the connection that has ended.
    let (second, third) = (requests.remove(0), requests.remove(0));
    let other = transport.clone();
    let thread = thread::spawn(move || number(other.exchange(second)));
    let both = [number(transport.exchange(third)), thread.join().expect("no panic")];
    assert_ne!(both[0], both[1]);
    // No connection brought the first response, so it is the one that was used last, twice.
    let last = number(transport.exchange(requests.remove(0)));
    let retry = Transmit { nonce_from: of_the_first, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(retry)), last);
}
