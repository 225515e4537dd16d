//! Making a connection: name lookup, TCP, proxy, TLS.

use core::fmt;
use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use acme_adapter::addresses::ConnectAttempts;
use acme_adapter::error_chain;
use acme_adapter::proxy::{ConnectAnswer, Proxy, ProxyTarget};
use acme_proto::url::Url;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, LazyBuffers, NextTimeout};

use super::lost::NoConnection;
use super::wire::{Stream, Wire};
use crate::timed::Timed;

/// Makes connections for ureq, including TLS.
///
/// Every failure here happens before a request is sent, so it is safe to send the request once
/// more. [`NoConnection`] marks them: an error of ureq's own connectors does not show how far they
/// came.
pub(super) struct Dialer {
    tls: Arc<ClientConfig>,
    proxy: Proxy,
}

impl Dialer {
    pub(super) const fn new(tls: Arc<ClientConfig>, proxy: Proxy) -> Self {
        Self { tls, proxy }
    }

    /// Connects to the origin of `url`.
    ///
    /// # Errors
    /// Describes why there is no connection.
    fn dial(&self, url: &Url, deadline: Instant) -> Result<Stream, String> {
        let tcp = match self.proxy.for_url(url) {
            None => connect(url.host(), url.port(), deadline)?,
            Some(proxy) => tunnel(&proxy, url, deadline)?,
        };
        let mut timed = Timed::new(tcp, deadline);
        if !url.is_https() {
            return Ok(Stream::Plain(timed));
        }
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|_| format!("{} is not a valid name for TLS", url.host()))?;
        let mut tls =
            ClientConnection::new(Arc::clone(&self.tls), name).map_err(|e| error_chain(&e))?;
        // Finished here and not with the first write, so that its failure counts as not sent.
        while tls.is_handshaking() {
            tls.complete_io(&mut timed).map_err(|e| late_or(&e))?;
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(tls, timed))))
    }
}

impl Connector for Dialer {
    type Out = Wire;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let limit = (*details.timeout.after).min(DIAL_TIME_LIMIT);
        let url =
            Url::parse(&details.uri.to_string()).map_err(|e| NoConnection(error_chain(&e)))?;
        let stream = self.dial(&url, Instant::now() + limit).map_err(NoConnection)?;
        let (input, output) =
            (details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Wire::new(stream, LazyBuffers::new(input, output))))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

/// Resolves no name: [`Dialer`] does that, unless a proxy resolves the name instead.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Asks a proxy for a tunnel (RFC 9110 section 9.3.6).
fn tunnel(proxy: &ProxyTarget, url: &Url, deadline: Instant) -> Result<TcpStream, String> {
    proxy.check()?;
    let tcp =
        connect(proxy.host(), proxy.port(), deadline).map_err(|cause| proxy.failure(&cause))?;
    let failed = |error: io::Error| proxy.failure(&late_or(&error));
    // The clone is the same socket. It has no buffer, and one octet a read leaves to TLS what
    // follows the head of the response.
    let mut timed = Timed::new(tcp.try_clone().map_err(failed)?, deadline);
    timed.write_all(&proxy.connect_request(url)).map_err(failed)?;
    let (mut answer, mut octet) = (ConnectAnswer::default(), [0]);
    loop {
        timed.read_exact(&mut octet).map_err(failed)?;
        if answer.push(octet[0]).map_err(|cause| proxy.failure(&cause))? {
            return Ok(tcp);
        }
    }
}

fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, String> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => look_up(host, port, deadline)?,
    };
    connect_to_any(&addresses, deadline, connect_to)
}

/// Looks up a name on a new thread, because the system's resolver takes no deadline.
///
/// A thread that is too late ends when the resolver returns, and its result is dropped.
fn look_up(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, String> {
    let (send, receive) = mpsc::channel();
    let name = host.to_owned();
    let look_up = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        let _ = send.send(found);
    };
    let thread = thread::Builder::new().name("acme-lookup".into()).spawn(look_up);
    thread.map_err(|e| error_chain(&e))?;
    match receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(found) => found.map_err(|e| format!("no address for {host}: {}", error_chain(&e))),
        Err(_) => Err(format!("no address for {host} within the time limit")),
    }
}

/// Tries the addresses in order, each with a head start before the next joins in (RFC 8305).
fn connect_to_any<T: Send + 'static>(
    addresses: &[SocketAddr],
    deadline: Instant,
    attempt: fn(SocketAddr, Instant) -> io::Result<T>,
) -> Result<T, String> {
    let because = |address, error: io::Error| format!("{} ({address})", late_or(&error));
    // A single address has nothing to race against and needs no thread.
    if let [address] = addresses {
        return attempt(*address, deadline).map_err(|error| because(*address, error));
    }
    let (send, receive) = mpsc::channel();
    let mut waiting = ConnectAttempts::new(addresses);
    let mut attempts = 0;
    let mut failure = String::from("the name has no address");
    loop {
        // Reached at the start, after a failure, and when a head start is over. The thread of an
        // attempt that loses ends at the deadline at the latest, and drops its connection.
        if let Some(address) = waiting.next() {
            let send = send.clone();
            let attempted = move || drop(send.send((address, attempt(address, deadline))));
            match thread::Builder::new().name("acme-connect".into()).spawn(attempted) {
                Ok(_) => attempts += 1,
                Err(error) => {
                    failure = because(address, error);
                    continue;
                }
            }
        } else if attempts == 0 {
            return Err(failure);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = waiting.head_start().map_or(left, |head_start| head_start.min(left));
        match receive.recv_timeout(limit) {
            Ok((_, Ok(connected))) => return Ok(connected),
            Ok((address, Err(error))) => {
                attempts -= 1;
                failure = because(address, error);
            }
            Err(_) if deadline <= Instant::now() => return Err(LATE.into()),
            Err(_) => {} // the head start is over
        }
    }
}

fn connect_to(address: SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let left = deadline.saturating_duration_since(Instant::now());
    // `connect_timeout` refuses a limit of zero.
    let stream = TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1)))?;
    // ureq writes the head and the body of a request apart. With Nagle's algorithm the second write
    // would wait for the peer's delayed ACK of the first.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn late_or(error: &io::Error) -> String {
    match error.kind() {
        // A socket whose time limit has passed reports either, depending on the system.
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => LATE.into(),
        _ => error_chain(error),
    }
}

const DIAL_TIME_LIMIT: Duration = Duration::from_secs(15);
const LATE: &str = "no connection in time";

#[cfg(test)]
mod tests {
    use acme_adapter::addresses::HEAD_START;

    use super::*;

    fn addresses() -> [SocketAddr; 3] {
        [1, 2, 3].map(|port| SocketAddr::new([127, 0, 0, 1].into(), port))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// Port 1 keeps silent, port 2 refuses, port 3 answers.
    fn attempt(address: SocketAddr, _: Instant) -> io::Result<u16> {
        match address.port() {
            1 => thread::sleep(Duration::from_secs(60)),
            2 => return Err(io::ErrorKind::ConnectionRefused.into()),
            _ => {}
        }
        Ok(address.port())
    }

    #[test]
    fn an_address_that_keeps_silent_holds_the_others_up_for_a_head_start_only() {
        let start = Instant::now();
        assert_eq!(connect_to_any(&addresses(), soon(), attempt), Ok(3));
        assert!(start.elapsed() >= HEAD_START);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }

    #[test]
    fn when_no_address_connects_the_last_failure_is_told() {
        let refused = [addresses()[1]; 2];
        let failure = connect_to_any(&refused, soon(), attempt);
        assert_eq!(failure, Err("connection refused (127.0.0.1:2)".into()));
    }

    #[test]
    fn when_time_is_up_nobody_waits_for_an_address_that_keeps_silent() {
        let silent = [addresses()[0]; 2];
        let deadline = Instant::now() + Duration::from_millis(300);
        assert_eq!(connect_to_any(&silent, deadline, attempt), Err(LATE.into()));
        assert!(deadline.elapsed() < Duration::from_secs(2));
    }
}
