//! The server of this comparison, with acme-blocking: its documentation, and a response by hand.

use std::io::{BufRead, BufReader, Write};
use std::thread;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = acme_blocking::Certificates::in_folder("state")
        .lets_encrypt("mailto:me@example.org", |_terms| true)
        .names(["example.org"])
        .listen("[::]:443")?;
    for (stream, _peer) in listener.incoming() {
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line)? > 2 {
                line.clear();
            }
            stream.get_mut().write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nHello",
            )
        });
    }
    Ok(())
}
