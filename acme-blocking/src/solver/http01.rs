//! http-01 (RFC 8555 section 8.3): a listener, and the table for the user's own server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs};

use acme_adapter::error::Error;
use acme_adapter::http01::Http01Table;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::wire::ChallengeKind;

use super::Solver;
use super::listener::Listener;
use crate::BoxError;
use crate::timed::Timed;

impl Solver for Http01Table {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Http01]
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.insert(challenge);
        Ok(ChallengeResponse::default())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
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
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let table = Http01Table::new();
        let answers = table.clone();
        let listener = Listener::bind(address, move |stream| serve(&answers, stream))?;
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

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.table.present(challenge)
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.table.clean_up(challenge)
    }
}

fn serve(table: &Http01Table, mut stream: Timed) {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < MAX_HEAD {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&chunk[..n]),
        }
    }
    let _ = stream.write_all(&table.answer_request(&head));
    stream.shut_down();
}

const MAX_HEAD: usize = 16 * 1024;
