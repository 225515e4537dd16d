//! The server of this comparison, with acme-blocking: its documentation, and a response by hand.

use std::io::{BufRead, BufReader, Write};
use std::thread;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let certificates = acme_blocking::Certificates::in_folder("state")
        .ca(acme_blocking::LETS_ENCRYPT)
        .contact("mailto:me@example.org")
        .agree_to_terms(|_url| true)
        .names(["example.org"])
        .start()?;
    for (stream, _peer) in certificates.listen("[::]:443")?.incoming() {
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
