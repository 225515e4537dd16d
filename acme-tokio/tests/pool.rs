//! Which connection a request takes.

mod server;

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use acme_proto::flow::{Flow as _, Lost, Output, Transmit};
use acme_proto::http::{Method, Request, Response};
use acme_proto::{call::Call, op, session::Session, time::Timestamp};
use acme_tokio::{HyperTransport, Transport as _};
use futures_util::future::join_all;
use server::{tls, transport};

/// Starts a server whose responses number their connections; returns its URL.
fn numbering() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                while stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                    // Requests at the same time take several connections.
                    thread::sleep(Duration::from_millis(50));
                    let response =
                        format!("HTTP/1.1 200 OK\r\nNumber: {number}\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(response.as_bytes()).is_err() {
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

#[tokio::test]
async fn the_connection_that_was_used_last_is_used_first_unless_another_gave_the_nonce() {
    let transport = transport(&tls(server::Speaks::Plain).1);
    let mut requests = requests(&numbering(), 7);
    let (first, second) = (requests.remove(0), requests.remove(0));
    let ids = [first.id, second.id];
    let both = tokio::join!(transport.exchange(first), transport.exchange(second));
    let numbers = [number(both.0), number(both.1)];
    assert_ne!(numbers[0], numbers[1]);
    let mut last = number(transport.exchange(requests.remove(0)).await);
    for _ in 0..2 {
        let again = number(transport.exchange(requests.remove(0)).await);
        assert_eq!(again, last);
        last = again;
    }
    let other = usize::from(numbers[0] == last);
    let nonce_from = Some(ids[other]);
    let retry = Transmit { nonce_from, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(retry).await), numbers[other]);
    // That one has been used last now, and no connection remembers the older response.
    let next = Transmit { nonce_from, ..requests.remove(0) };
    assert_eq!(number(transport.exchange(next).await), numbers[other]);
}

#[tokio::test]
async fn a_connection_that_becomes_free_goes_to_the_waiting_request_whose_nonce_it_brought() {
    const CONNECTIONS: usize = 4;
    let transport = transport(&tls(server::Speaks::Plain).1).http1_connections(CONNECTIONS);
    let mut requests = requests(&numbering(), 4 * CONNECTIONS);
    let mut some = || requests.split_off(requests.len() - CONNECTIONS);
    let (first, busy) = (some(), some());
    let ids: Vec<_> = first.iter().map(|request| request.id).collect();
    let first = all(&transport, first).await;
    // All of these wait for those of `busy`, and none is in the order in which the connections become free.
    let nonces = ids.iter().rev().chain(&ids);
    let late = some().into_iter().chain(some()).zip(nonces);
    let late = late.map(|(request, id)| Transmit { nonce_from: Some(*id), ..request });
    let numbers = all(&transport, busy.into_iter().chain(late).collect()).await;
    let expected: Vec<_> = first.iter().rev().chain(&first).cloned().collect();
    assert_eq!(numbers[CONNECTIONS..], expected);
}

#[tokio::test]
async fn a_request_that_waits_for_a_connection_no_longer_does_not_keep_it() {
    let transport = transport(&tls(server::Speaks::Plain).1).http1_connections(1);
    let mut requests = requests(&numbering(), 4);
    let first = transport.exchange(requests.remove(0));
    let hasty = Transmit { time_limit: Duration::from_millis(1), ..requests.remove(0) };
    let (first, hasty) = tokio::join!(first, transport.exchange(hasty));
    assert!(matches!(hasty, Err(Lost::NotSent(_))), "{hasty:?}");
    let first = number(first);
    for request in requests {
        assert_eq!(number(transport.exchange(request).await), first);
    }
}

/// Makes these requests at the same time; returns the numbers of their connections.
async fn all(transport: &HyperTransport, requests: Vec<Transmit>) -> Vec<String> {
    let exchanges = requests.into_iter().map(|request| transport.exchange(request));
    join_all(exchanges).await.into_iter().map(number).collect()
}
