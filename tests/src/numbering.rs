//! A loopback HTTP server whose responses number their connections, for tests of which connection a request takes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use acme_proto::flow::Lost;
use acme_proto::http::Response;

/// Starts a server, which may end its first connection after a response; returns its URL.
///
/// # Panics
/// If there is no port.
pub fn numbering(ends_the_first: bool) -> String {
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

/// Returns the number of the connection that a response came by.
///
/// # Panics
/// If there is none.
pub fn number(result: Result<Response, Lost>) -> String {
    result.expect("an answer").headers().first("number").expect("a number").to_owned()
}
