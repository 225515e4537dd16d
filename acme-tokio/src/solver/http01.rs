//! http-01 (RFC 8555 section 8.3): a listener, and a handler for the user's own server.

use std::net::SocketAddr;

use acme_host::http01::Http01Table;
use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

use super::Solver;
use super::listener::Listener;
use crate::BoxError;
use crate::error::Error;

/// Answers http-01 validations out of the user's own HTTP server.
///
/// Clones share one table: give one to the issuance as a solver, and ask another in the server.
///
/// ```
/// let handler = acme_tokio::Http01Handler::new();
/// // In the server, for every request to /.well-known/acme-challenge/:
/// let body = handler.respond(Some("example.org"), "/.well-known/acme-challenge/token");
/// assert!(body.is_none(), "404: no such challenge is published");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Http01Handler {
    table: Http01Table,
}

impl Http01Handler {
    /// Creates a handler without challenges.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the body to answer with, as `application/octet-stream`, if a challenge is published for
    /// this `Host` header and path; otherwise the request is the server's own business.
    pub fn respond(&self, host: Option<&str>, path: &str) -> Option<String> {
        self.table.respond(host, path)
    }
}

impl Solver for Http01Handler {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Http01]
    }

    async fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.table.insert(challenge);
        Ok(())
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.table.remove(challenge);
        Ok(())
    }
}

/// Listens for http-01 validations, and answers nothing else.
///
/// The CA connects to port 80 of the name. Dropping the listener closes it.
#[derive(Debug)]
pub struct Http01Listener {
    handler: Http01Handler,
    listener: Listener,
}

impl Http01Listener {
    /// Listens on `address`, such as `"[::]:80"`.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and what is in the way.
    pub async fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let handler = Http01Handler::new();
        let table = handler.table.clone();
        let listener = Listener::bind(address, move |stream| serve(table.clone(), stream)).await?;
        Ok(Self { handler, listener })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub const fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }
}

impl Solver for Http01Listener {
    fn kinds(&self) -> &[ChallengeKind] {
        self.handler.kinds()
    }

    async fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.handler.present(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.handler.clean_up(challenge).await
    }
}

async fn serve(table: Http01Table, mut stream: TcpStream) {
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
