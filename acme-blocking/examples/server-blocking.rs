//! A TLS server that obtains, serves and renews its certificate: `cargo run --example server-blocking -- example.org`.
//!
//! The name has to resolve to this machine, and port 443 has to be free: the CA validates there. Accounts, keys and
//! certificates are kept in `state/`, which several processes may share.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::{env, thread};

use acme_blocking::{Certificates, LETS_ENCRYPT_STAGING};

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: server-blocking NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());

    let certificates = Certificates::in_folder("state")
        .ca(directory)
        .agree_to_terms(|_terms| true)
        .names([name.as_str()])
        .on_event(|event| eprintln!("{event}"))
        .start()?;

    let address = env::var("TLS_ADDRESS").unwrap_or_else(|_| "[::]:443".into());
    // The first handshake waits until the certificate is there; later ones never wait.
    for (mut stream, _peer) in certificates.listen(address)?.incoming() {
        thread::spawn(move || {
            // A server of your own reads the request.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
    }
    Ok(())
}
