//! A web server for the files of http-01 challenges.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const PREFIX: &str = "/.well-known/acme-challenge/";

/// Serves the files of `directory` on a port of loopback, until the process ends.
///
/// # Errors
///
/// The port is taken.
pub fn serve(port: u16, directory: PathBuf) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A validation that breaks off is the CA's affair.
            let _ = answer(stream, &directory);
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, directory: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let token = request.split(' ').nth(1).and_then(|path| path.strip_prefix(PREFIX));
    let token = token.filter(|token| !token.contains(['/', '.']));
    let (status, body) = match token.and_then(|token| fs::read(directory.join(token)).ok()) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
