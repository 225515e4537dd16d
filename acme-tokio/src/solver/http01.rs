//! http-01 (RFC 8555 section 8.3): a listener, and the handler of a server of the user's own.

use std::net::SocketAddr;

use acme_adapter::error::Error;
use acme_adapter::http01::Http01Table;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::wire::ChallengeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

use super::Solver;
use super::listener::Listener;
use crate::BoxError;

impl Solver for Http01Table {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Http01]
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.insert(challenge);
        Ok(ChallengeResponse::default())
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.remove(challenge);
        Ok(())
    }
}

/// Listens for http-01 validations, and answers nothing else.
///
/// The CA connects to port 80 of the name. Dropping the listener closes it.
#[derive(Debug)]
pub struct Http01Listener {
    table: Http01Table,
    listener: Listener,
}

impl Http01Listener {
    /// Listens on `address`, such as `"[::]:80"`.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and what is in the way.
    pub async fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let table = Http01Table::new();
        let served = table.clone();
        let listener = Listener::bind(address, move |stream| serve(served.clone(), stream)).await?;
        Ok(Self { table, listener })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub const fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }
}

impl Solver for Http01Listener {
    fn kinds(&self) -> &[ChallengeKind] {
        self.table.kinds()
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.table.present(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.table.clean_up(challenge).await
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
