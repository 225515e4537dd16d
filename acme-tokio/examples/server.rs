//! A TLS server that obtains, serves and renews its certificate: `cargo run --example server -- example.org`.
//!
//! The name has to resolve to this machine, and port 443 has to be free: the CA validates there. Accounts, keys and
//! certificates are kept in `state/`, which several processes may share.

use std::env;
use std::error::Error;

use acme_tokio::{Certificates, LETS_ENCRYPT_STAGING};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: server NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());

    let certificates = Certificates::in_folder("state")
        .ca(directory)
        .agree_to_terms(|_terms| true)
        .names([name.as_str()])
        .on_event(|event| eprintln!("{event}"))
        .start()
        .await?;

    let address = env::var("TLS_ADDRESS").unwrap_or_else(|_| "[::]:443".into());
    let mut listener = certificates.listen(address).await?;
    loop {
        // The first handshake waits until the certificate is there; later ones never wait.
        let (mut stream, _peer) = listener.accept().await;
        tokio::spawn(async move {
            // A server of your own reads the request.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n").await;
            let _ = stream.shutdown().await;
        });
    }
}
