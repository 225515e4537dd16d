//! Accepting connections in the background, for the listeners that come with this crate.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::places::Places;
use futures_util::future::select;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

pub(crate) use tokio::net::{TcpListener, ToSocketAddrs};

use crate::socket::Socket;
pub(crate) use crate::socket::listen;

/// A bound address with a task that serves it, until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    socket: Socket,
    task: AbortHandle,
}

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
        let (socket, address) = Socket::new(listen(address).await?)?;
        let accepting = socket.clone();
        let task = tokio::spawn(async move {
            let places = Places::new(MAX_CONNECTIONS);
            while let Some((stream, peer)) = accepting.accept().await {
                let closed = Arc::new(Notify::new());
                let (place, other) = places.take(peer.ip(), Arc::clone(&closed));
                if let Some(other) = other {
                    other.notify_one();
                }
                let served = serve(stream);
                // Tasks of their own outlive the listener, so that responses in progress are
                // completed.
                tokio::spawn(async move {
                    let served = pin!(timeout(TIME_LIMIT, served));
                    select(served, pin!(closed.notified())).await;
                    drop(place);
                });
            }
        });
        Ok(Self { address, socket, task: task.abort_handle() })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.socket.close();
        self.task.abort();
    }
}

const MAX_CONNECTIONS: usize = 256;
const TIME_LIMIT: Duration = Duration::from_secs(10);
