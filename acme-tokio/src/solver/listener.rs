//! Accepting connections in the background, for the listeners that come with this crate.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use acme_adapter::client_state::locked;
use acme_adapter::error::Error;
use acme_adapter::places::{Places, is_of_one_connection};
use futures_util::future::select;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

pub(crate) use tokio::net::{TcpListener, ToSocketAddrs};

/// A bound address with a task that serves it, until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    socket: Socket,
    task: AbortHandle,
}

/// What the task accepts from. It is taken out to close it: the port is free at once then, and not when the runtime polls
/// the task for the last time.
type Socket = Arc<Mutex<Option<TcpListener>>>;

impl Listener {
    /// Binds the first of the addresses that can be bound, and serves each connection within a time
    /// limit.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and the cause.
    pub(super) async fn bind<S, F>(address: impl ToSocketAddrs, serve: S) -> Result<Self, Error>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::serve(listen(address).await?, serve)
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
        let socket = Socket::new(Mutex::new(Some(listener)));
        let open = Arc::clone(&socket);
        let task = tokio::spawn(async move {
            let places = Places::new(MAX_CONNECTIONS);
            while let Some(accepted) = accept(&open).await {
                match accepted {
                    Ok((stream, peer)) => {
                        let closed = Arc::new(Notify::new());
                        let (place, other) = places.take(peer.ip(), Arc::clone(&closed));
                        if let Some(other) = other {
                            other.notify_one();
                        }
                        let served = serve(stream);
                        // Tasks of their own outlive the listener, so that responses in progress
                        // are completed.
                        tokio::spawn(async move {
                            let served = pin!(timeout(TIME_LIMIT, served));
                            select(served, pin!(closed.notified())).await;
                            drop(place);
                        });
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    // Such as too many open files. The pause keeps this loop from spinning.
                    Err(_) => sleep(PAUSE).await,
                }
            }
        });
        Ok(Self { address, socket, task: task.abort_handle() })
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

/// Accepts a connection; `None` after the end.
async fn accept(socket: &Socket) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    poll_fn(|cx| match &*locked(socket) {
        Some(listener) => listener.poll_accept(cx).map(Some),
        None => Poll::Ready(None),
    })
    .await
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(locked(&self.socket).take());
        self.task.abort();
    }
}

const MAX_CONNECTIONS: usize = 256;
const TIME_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
