//! Making a connection: name lookup, TCP, proxy, TLS.

use core::fmt;
use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use acme_adapter::addresses::{ConnectAttempts, FailedAddresses};
use acme_adapter::error_chain;
use acme_adapter::proxy::{ConnectAnswer, Proxy, ProxyTarget};
use acme_adapter::tls::{handshake_failed, server_name};
use acme_proto::flow::Lost;
use acme_proto::url::Url;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, LazyBuffers, NextTimeout};

use super::lost::NoConnection;
use super::wire::{Stream, Wire};
use crate::mailbox::Mailbox;
use crate::timed::Timed;
use crate::workers::Workers;

/// Makes connections for ureq, including TLS.
///
/// Every failure here happens before a request is sent, so it is safe to send the request once
/// more. [`NoConnection`] marks them: an error of ureq's own connectors does not show how far they
/// came.
pub(super) struct Dialer {
    tls: Arc<ClientConfig>,
    proxy: Proxy,
    failed: FailedAddresses,
    workers: Arc<Workers<'static>>,
    /// Set by each connection.
    has_dialed: Arc<AtomicBool>,
}

impl Dialer {
    /// Creates a dialer; those that share `failed` learn from each other's failures.
    pub(super) fn new(
        tls: Arc<ClientConfig>,
        proxy: Proxy,
        failed: FailedAddresses,
        workers: Arc<Workers<'static>>,
    ) -> Self {
        Self { tls, proxy, failed, workers, has_dialed: Arc::default() }
    }

    /// Returns what each connection sets.
    pub(super) const fn has_dialed(&self) -> &Arc<AtomicBool> {
        &self.has_dialed
    }

    /// Connects to the origin of `url`, and returns the address that was dialed, too.
    ///
    /// # Errors
    /// Describes why there is no connection.
    fn dial(&self, url: &Url, deadline: Instant) -> Result<(Stream, SocketAddr), Lost> {
        let way = self.proxy.for_url(url);
        let Some(proxy) = &way else {
            let addresses = look_up(url.host(), url.port(), deadline, &self.workers)?;
            return self.any(&addresses, None, url, deadline);
        };
        proxy.check()?;
        look_up(proxy.host(), proxy.port(), deadline, &self.workers)
            .and_then(|addresses| self.any(&addresses, way.as_ref(), url, deadline))
            .map_err(|lost| proxy.failure(lost))
    }

    /// Connects to one address after the other until the handshakes succeed.
    fn any(
        &self,
        addresses: &[SocketAddr],
        proxy: Option<&ProxyTarget>,
        url: &Url,
        deadline: Instant,
    ) -> Result<(Stream, SocketAddr), Lost> {
        let mut attempts = ConnectAttempts::new(addresses, &self.failed);
        while let Some((address, tcp)) =
            connect_to_any(&mut attempts, deadline, connect_to, &self.workers)
        {
            let trial = self.failed.trial(address);
            let left = attempts.share(deadline.saturating_duration_since(Instant::now()));
            match self.shake_hands(Timed::new(tcp, Instant::now() + left), proxy, url) {
                Ok(stream) => {
                    trial.pass();
                    return Ok((stream, address));
                }
                Err(lost) => attempts.failed(address, lost)?,
            }
        }
        Err(attempts.failure())
    }

    /// Asks a proxy for the tunnel, and does the handshake of TLS.
    fn shake_hands(
        &self,
        mut tcp: Timed,
        proxy: Option<&ProxyTarget>,
        url: &Url,
    ) -> Result<Stream, Lost> {
        if let Some(proxy) = proxy {
            tunnel(&mut tcp, proxy, url)?;
        }
        if !url.is_https() {
            return Ok(Stream::Plain(tcp));
        }
        let not_sent = |e: rustls::Error| Lost::NotSent(error_chain(&e));
        let mut tls =
            ClientConnection::new(Arc::clone(&self.tls), server_name(url)?).map_err(not_sent)?;
        // Finished here and not with the first write, so that its failure counts as not sent.
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).map_err(|error| match is_late(&error) {
                true => Lost::NotSent(LATE.into()),
                false => handshake_failed(&error, &self.tls),
            })?;
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(tls, tcp))))
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
        let url = Url::parse(&details.uri.to_string())
            .map_err(|e| NoConnection(Lost::NotSent(error_chain(&e))))?;
        let (stream, address) = self.dial(&url, Instant::now() + limit).map_err(NoConnection)?;
        self.has_dialed.store(true, Ordering::Release);
        let (input, output) =
            (details.config.input_buffer_size(), details.config.output_buffer_size());
        let doubt = self.failed.clone();
        Ok(Some(Wire::new(stream, LazyBuffers::new(input, output), doubt, address)))
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
fn tunnel(tcp: &mut Timed, proxy: &ProxyTarget, url: &Url) -> Result<(), Lost> {
    let failed = |error: io::Error| Lost::NotSent(late_or(&error));
    tcp.write_all(&proxy.connect_request(url)).map_err(failed)?;
    let (mut answer, mut octet) = (ConnectAnswer::default(), [0]);
    loop {
        // One octet a read: what follows the head of the response belongs to TLS.
        tcp.read_exact(&mut octet).map_err(failed)?;
        if answer.push(octet[0])? {
            return Ok(());
        }
    }
}

/// Looks up a name on another thread, because the system's resolver takes no deadline.
///
/// A thread that is too late goes on when the resolver returns, and its result is dropped.
fn look_up(
    host: &str,
    port: u16,
    deadline: Instant,
    workers: &Workers<'static>,
) -> Result<Vec<SocketAddr>, Lost> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let addresses = Mailbox::new();
    let (answer, name) = (addresses.address(), host.to_owned());
    workers.run(move |thread| {
        let found = thread.and_then(|()| (name.as_str(), port).to_socket_addrs());
        answer.send(found.map(Vec::from_iter));
    });
    let none = |why: String| Lost::NotSent(format!("no address for {host}{why}"));
    match addresses.take(deadline.saturating_duration_since(Instant::now())) {
        Some(found) => found.map_err(|e| none(format!(": {}", error_chain(&e)))),
        None => Err(none(" within the time limit".into())),
    }
}

/// Tries the addresses in order, each with a head start before the next joins in (RFC 8305).
///
/// Returns none when no address is left, or no time.
fn connect_to_any<T: Send + 'static>(
    attempts: &mut ConnectAttempts,
    deadline: Instant,
    attempt: fn(SocketAddr, Instant) -> io::Result<T>,
    workers: &Workers<'static>,
) -> Option<(SocketAddr, T)> {
    let results = Mailbox::new();
    loop {
        // Reached at the start, after a failure, and when a head start is over. An attempt that loses
        // ends at the deadline at the latest, and its connection is dropped.
        let alone = attempts.are_over();
        if let Some(address) = attempts.next() {
            let result = results.address();
            let attempted = move |thread: io::Result<()>| {
                result.send((address, thread.and_then(|()| attempt(address, deadline))));
            };
            if alone && attempts.head_start().is_none() {
                // There is nothing to race against, and no need of a thread.
                attempted(Ok(()));
            } else {
                workers.run(attempted);
            }
        } else if alone {
            return None;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = attempts.head_start().map_or(left, |head_start| head_start.min(left));
        match results.take(limit) {
            Some((address, Ok(connected))) => {
                attempts.connected(address);
                return Some((address, connected));
            }
            Some((address, Err(error))) => {
                attempts.failed(address, Lost::NotSent(late_or(&error))).ok()?;
            }
            None if deadline <= Instant::now() => {
                attempts.give_up(LATE);
                return None;
            }
            None => {} // the head start is over
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
    if is_late(error) { LATE.into() } else { error_chain(error) }
}

/// Returns whether a time limit has passed. A socket reports either kind, depending on the system.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

const DIAL_TIME_LIMIT: Duration = Duration::from_secs(15);
const LATE: &str = "no connection in time";

#[cfg(test)]
mod tests;
