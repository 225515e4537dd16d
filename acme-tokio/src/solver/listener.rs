//! Accepting connections in the background, for the listeners that come with this crate.

use core::future::Future;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use acme_adapter::error::Error;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

pub(super) use tokio::net::ToSocketAddrs;

/// A bound address with a task that serves it, until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    task: AbortHandle,
}

impl Listener {
    /// Binds the first of the addresses that can be bound.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and the cause.
    pub(super) async fn bind<S, F>(address: impl ToSocketAddrs, serve: S) -> Result<Self, Error>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let mut failed = None;
        let addresses = lookup_host(address).await;
        for address in addresses.map_err(|source| Error::Listen { address: None, source })? {
            match TcpListener::bind(address).await {
                Ok(listener) => return Self::serve(listener, serve),
                Err(error) => (failure, failed) = (error, Some(address)),
            }
        }
        Err(Error::Listen { address: failed, source: failure })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn serve<S, F>(listener: TcpListener, serve: S) -> Result<Self, Error>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let address =
            listener.local_addr().map_err(|source| Error::Listen { address: None, source })?;
        let task = tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            loop {
                // A place first: a connection beyond the bound waits in the system's queue. If it
                // were accepted and closed, its validation would fail.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        // Tasks of their own outlive the listener, so that responses in progress
                        // are completed.
                        let served = serve(stream);
                        tokio::spawn(async move {
                            let _ = timeout(TIME_LIMIT, served).await;
                            drop(place);
                        });
                    }
                    // Such as too many open files. The pause keeps this loop from spinning.
                    Err(_) => sleep(PAUSE).await,
                }
            }
        });
        Ok(Self { address, task: task.abort_handle() })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const MAX_CONNECTIONS: usize = 256;
const TIME_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
