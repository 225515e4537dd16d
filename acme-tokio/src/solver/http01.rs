//! http-01 (RFC 8555 section 8.3): the HTTP side of a validation.

use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::http01::{Http01Handler, HttpsRedirect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;

use super::listener::{Listener, ToSocketAddrs};
use crate::BoxFuture;

/// What is awaited before a validation is answered that the table does not have.
pub(crate) type Find = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

pub(super) async fn listen(
    address: impl ToSocketAddrs,
    table: Http01Handler,
    redirect: Option<HttpsRedirect>,
    find: Option<Find>,
) -> Result<Listener, Error> {
    let serve = move |stream| serve(table.clone(), redirect, find.clone(), stream);
    Listener::bind(address, serve).await
}

async fn serve(
    table: Http01Handler,
    redirect: Option<HttpsRedirect>,
    find: Option<Find>,
    mut stream: TcpStream,
) {
    // A longer head is cut off: the request line, which names the challenge, comes first.
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() < MAX_HEAD {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&chunk[..n]),
        }
    }
    if let Some(find) = find.filter(|_| table.is_missing_for(&head)) {
        find().await;
    }
    let answer = match redirect {
        Some(redirect) => table.answer_or_redirect(&head, &redirect),
        None => table.answer_request(&head),
    };
    if stream.write_all(&answer).await.is_ok() && stream.shutdown().await.is_ok() {
        // A socket that is closed with unread octets resets the connection, and the peer may then
        // lose the response.
        let _ = copy(&mut stream.take(MAX_UNREAD), &mut sink()).await;
    }
}

const MAX_HEAD: usize = 16 * 1024;
const MAX_UNREAD: u64 = 64 * 1024;
