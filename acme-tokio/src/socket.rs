//! A listening socket that can be closed at any time.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use acme_adapter::error::Error;
use acme_adapter::locked;
use acme_adapter::places::is_of_one_connection;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use tokio::time::sleep;

/// What a task accepts from, shared with whoever closes it.
///
/// Closing takes the socket out: the port is free at once then, and not when the runtime polls the
/// task for the last time.
#[derive(Clone, Debug)]
pub(crate) struct Socket(Arc<Mutex<Option<TcpListener>>>);

impl Socket {
    /// Takes a socket, and returns it with the address that it listens on.
    pub(crate) fn new(listener: TcpListener) -> Result<(Self, SocketAddr), Error> {
        let address =
            listener.local_addr().map_err(|source| Error::Listen { address: None, source })?;
        Ok((Self(Arc::new(Mutex::new(Some(listener)))), address))
    }

    /// Accepts a connection, however often that fails; `None` after the end.
    pub(crate) async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.try_accept().await? {
                Ok(accepted) => return Some(accepted),
                Err(error) if is_of_one_connection(&error) => {}
                // Such as too many open files. The pause keeps this loop from spinning.
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    pub(crate) fn close(&self) {
        drop(locked(&self.0).take());
    }

    async fn try_accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        poll_fn(|context| match &*locked(&self.0) {
            Some(listener) => listener.poll_accept(context).map(Some),
            None => Poll::Ready(None),
        })
        .await
    }
}

/// Binds the first of the addresses that can be bound.
///
/// # Errors
/// [`Error::Listen`] names the address and the cause.
pub(crate) async fn listen(address: impl ToSocketAddrs) -> Result<TcpListener, Error> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut failed = None;
    let addresses = lookup_host(address).await;
    for address in addresses.map_err(|source| Error::Listen { address: None, source })? {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => (failure, failed) = (error, Some(address)),
        }
    }
    Err(Error::Listen { address: failed, source: failure })
}

const PAUSE: Duration = Duration::from_millis(100);
