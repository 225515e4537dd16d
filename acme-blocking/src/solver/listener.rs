//! Accepting connections in the background, for the listeners that come with this crate.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::Instant;

use acme_adapter::error::Error;
use acme_adapter::places::Places;

use crate::timed::Timed;

pub(super) use std::net::ToSocketAddrs;

/// A bound address with a thread that serves it, until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
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
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let mut failed = None;
        let addresses = address.to_socket_addrs();
        for address in addresses.map_err(|source| Error::Listen { address: None, source })? {
            match TcpListener::bind(address).and_then(|l| Self::start(l, serve.clone())) {
                Ok(listener) => return Ok(listener),
                Err(error) => (failure, failed) = (error, Some(address)),
            }
        }
        Err(Error::Listen { address: failed, source: failure })
    }

    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn start<S>(listener: TcpListener, serve: S) -> io::Result<Self>
    where
        S: Fn(Timed) + Clone + Send + 'static,
    {
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = Builder::new()
            .name("acme-listener".into())
            .spawn(move || accept(&listener, &stopped, &serve))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
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

fn accept<S>(listener: &TcpListener, stop: &AtomicBool, serve: &S)
where
    S: Fn(Timed) + Clone + Send + 'static,
{
    let places: Places<TcpStream> = Places::new(MAX_CONNECTIONS);
    loop {
        let accepted = listener.accept();
        if stop.load(Ordering::Acquire) {
            return;
        }
        // A second handle of the socket, by which this thread can close it.
        let accepted = accepted.and_then(|(stream, peer)| Ok((stream.try_clone()?, stream, peer)));
        let Ok((handle, stream, peer)) = accepted else {
            // Such as too many open files. The pause keeps this loop from spinning.
            thread::sleep(PAUSE);
            continue;
        };
        let (place, other) = places.take(peer.ip(), handle);
        if let Some(other) = other {
            // Its thread reads an end at once, and ends.
            let _ = other.shutdown(Shutdown::Both);
        }
        let serve = serve.clone();
        let _ = Builder::new().name("acme-answer".into()).spawn(move || {
            serve(Timed::new(stream, Instant::now() + TIME_LIMIT));
            drop(place);
        });
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

const MAX_CONNECTIONS: usize = 256;
const TIME_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
const WAKE_TIME_LIMIT: Duration = Duration::from_secs(1);
