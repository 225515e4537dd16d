//! Accepting connections in the background, for the listeners that come with this crate.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::Instant;

use acme_adapter::error::Error;
use acme_adapter::places::{Place, Places, is_of_one_connection};

use crate::timed::Timed;

pub(crate) use std::net::{TcpListener, ToSocketAddrs};

/// A bound address with a thread that serves it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds the first address that can be bound, and serves each connection on its own thread
    /// within a time limit.
    ///
    /// # Errors
    /// [`Error::Listen`] names the address and the cause.
    pub(super) fn bind<S>(address: impl ToSocketAddrs, serve: S) -> Result<Self, Error>
    where
        S: Fn(Timed) + Clone + Send + 'static,
    {
        let serve = move |accepted: Accepted| {
            serve(Timed::new(accepted.stream, Instant::now() + TIME_LIMIT));
            drop(accepted.place);
        };
        Self::start(listen(address)?, MAX_CONNECTIONS, || {}, serve)
            .map_err(|source| Error::Listen { address: None, source })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves each connection on its own thread, at most so many at once, and calls `before` before
    /// it accepts another one.
    pub(crate) fn start<S>(
        listener: TcpListener,
        most: usize,
        before: impl Fn() + Send + 'static,
        serve: S,
    ) -> io::Result<Self>
    where
        S: Fn(Accepted) + Clone + Send + 'static,
    {
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = Builder::new()
            .name("acme-listener".into())
            .spawn(move || accept(&listener, Places::new(most), &stopped, before, &serve))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

/// A connection.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// While it is held, the connection is closed if others need the place.
    pub(crate) place: Place<TcpStream>,
}

/// Binds the first of the addresses that can be bound.
///
/// # Errors
/// [`Error::Listen`] names the address and the cause.
pub(crate) fn listen(address: impl ToSocketAddrs) -> Result<TcpListener, Error> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut failed = None;
    let addresses = address.to_socket_addrs();
    for address in addresses.map_err(|source| Error::Listen { address: None, source })? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => (failure, failed) = (error, Some(address)),
        }
    }
    Err(Error::Listen { address: failed, source: failure })
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // The thread blocks in `accept`, which only a connection can wake.
        let wake = |ip| {
            let address = SocketAddr::new(ip, self.address.port());
            TcpStream::connect_timeout(&address, WAKE_TIME_LIMIT).is_ok()
        };
        let woken = reachable(self.address.ip()).into_iter().any(wake);
        // Where no connection reaches it, it is left behind: `join` would block without end.
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn accept<S>(
    listener: &TcpListener,
    places: Places<TcpStream>,
    stop: &AtomicBool,
    before: impl Fn(),
    serve: &S,
) where
    S: Fn(Accepted) + Clone + Send + 'static,
{
    loop {
        before();
        let accepted = listener.accept();
        if stop.load(Ordering::Acquire) {
            return;
        }
        // A second handle of the socket, by which this thread can close it.
        let accepted = accepted.and_then(|(stream, peer)| Ok((stream.try_clone()?, stream, peer)));
        let (handle, stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(_) => {
                // Such as too many open files. The pause keeps this loop from spinning.
                thread::sleep(PAUSE);
                continue;
            }
        };
        let (place, other) = places.take(peer.ip(), handle);
        if let Some(other) = other {
            // Its thread reads an end at once, and ends.
            let _ = other.shutdown(Shutdown::Both);
        }
        let (serve, accepted) = (serve.clone(), Accepted { stream, peer, place });
        let _ = Builder::new().name("acme-answer".into()).spawn(move || serve(accepted));
    }
}

/// Returns the addresses at which this machine may reach a listener on `ip`.
///
/// Where IPv6 is switched off, a socket can still listen on `[::]`, but `[::1]` is unreachable.
fn reachable(ip: IpAddr) -> Vec<IpAddr> {
    match ip {
        ip if !ip.is_unspecified() => vec![ip],
        IpAddr::V4(_) => vec![Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(_) => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
    }
}

pub(crate) const MAX_CONNECTIONS: usize = 256;
const TIME_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
const WAKE_TIME_LIMIT: Duration = Duration::from_secs(1);
