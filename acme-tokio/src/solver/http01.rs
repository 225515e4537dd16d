//! http-01 (RFC 8555 section 8.3): the HTTP side of a validation.

use acme_adapter::error::Error;
use acme_adapter::http01::Http01Handler;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::listener::{Listener, ToSocketAddrs};

pub(super) async fn listen(
    address: impl ToSocketAddrs,
    table: Http01Handler,
) -> Result<Listener, Error> {
    Listener::bind(address, move |stream| serve(table.clone(), stream)).await
}

async fn serve(table: Http01Handler, mut stream: TcpStream) {
    // A longer head is cut off: the request line, which names the challenge, comes first.
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() < MAX_HEAD {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&chunk[..n]),
        }
    }
    if stream.write_all(&table.answer_request(&head)).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

const MAX_HEAD: usize = 16 * 1024;
