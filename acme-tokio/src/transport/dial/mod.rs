//! Making a connection: name lookup, TCP, proxy, TLS, and the greeting of HTTP/2 or HTTP/1.1.

use core::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::hyper::client::conn::{http1, http2};
use acme_adapter::addresses::{ConnectAttempts, FailedAddresses};
use acme_adapter::error_chain;
use acme_adapter::proxy::{ConnectAnswer, Proxy, ProxyTarget};
use acme_adapter::tls::{handshake_failed, server_name};
use acme_proto::flow::Lost;
use acme_proto::url::Url;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::io::{HyperIo, Octets, Spawner, Stream};

/// Makes connections.
pub(super) struct Dialer {
    tls: TlsConnector,
    proxy: Proxy,
    failed: FailedAddresses,
}

/// A new connection, in the protocol that the server chose.
pub(super) enum Dialed {
    Http1(http1::SendRequest<Octets>),
    Http2(http2::SendRequest<Octets>),
}

impl Dialer {
    /// Creates a dialer; `tls` has to offer `h2` and `http/1.1` by ALPN.
    pub(super) fn new(tls: Arc<ClientConfig>, proxy: Proxy) -> Self {
        let failed = FailedAddresses::default();
        Self { tls: TlsConnector::from(tls), proxy, failed }
    }

    /// Names the proxy, if there is one on the way to this URL, in what happened over a connection.
    pub(super) fn name_proxy(&self, url: &Url, lost: Lost) -> Lost {
        match self.proxy.for_url(url) {
            Some(proxy) => proxy.failure(lost),
            None => lost,
        }
    }

    /// Connects to the origin of `url`, and returns the address that was dialed, too.
    ///
    /// # Errors
    /// Describes why there is no connection.
    pub(super) async fn dial(&self, url: &Url) -> Result<(Dialed, SocketAddr), Lost> {
        let Some(proxy) = self.proxy.for_url(url) else {
            let addresses = look_up(url.host(), url.port()).await?;
            return self.any(&addresses, None, url).await;
        };
        proxy.check()?;
        let dialed = match look_up(proxy.host(), proxy.port()).await {
            Ok(addresses) => self.any(&addresses, Some(&proxy), url).await,
            Err(lost) => Err(lost),
        };
        dialed.map_err(|lost| proxy.failure(lost))
    }

    /// Lets other addresses go first from now on: nothing came back from this one.
    pub(super) fn doubt(&self, address: SocketAddr) {
        self.failed.add(address);
    }

    /// Connects to one address after the other until the handshakes succeed.
    async fn any(
        &self,
        addresses: &[SocketAddr],
        proxy: Option<&ProxyTarget>,
        url: &Url,
    ) -> Result<(Dialed, SocketAddr), Lost> {
        let deadline = Instant::now() + DIAL_TIME_LIMIT;
        let mut attempts = ConnectAttempts::new(addresses, &self.failed);
        while let Some((address, tcp)) = connect_to_any(&mut attempts, deadline).await {
            let trial = self.failed.trial(address);
            let share = attempts.share(deadline.saturating_duration_since(Instant::now()));
            let late = |_| Err(Lost::NotSent(SILENT.into()));
            match timeout(share, self.shake_hands(tcp, proxy, url)).await.unwrap_or_else(late) {
                Ok(dialed) => {
                    trial.pass();
                    return Ok((dialed, address));
                }
                Err(lost) => attempts.failed(address, lost)?,
            }
        }
        Err(attempts.failure())
    }

    async fn shake_hands(
        &self,
        tcp: TcpStream,
        proxy: Option<&ProxyTarget>,
        url: &Url,
    ) -> Result<Dialed, Lost> {
        let tcp = match proxy {
            Some(proxy) => tunnel(tcp, proxy, url).await?,
            None => tcp,
        };
        self.secure(tcp, url).await
    }

    /// Does the handshakes of TLS and HTTP on a connection to the server.
    async fn secure(&self, tcp: TcpStream, url: &Url) -> Result<Dialed, Lost> {
        if !url.is_https() {
            // Without TLS there is no ALPN to agree on HTTP/2 with.
            return greet(Box::new(tcp), false).await;
        }
        let tls = self.tls.connect(server_name(url)?, tcp).await;
        let tls = tls.map_err(|e| handshake_failed(&e, self.tls.config()))?;
        // A server that ignores ALPN has not agreed to HTTP/2 (RFC 9113 section 3.2).
        let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        greet(Box::new(tls), http2).await
    }
}

/// Starts the protocol on a connected stream.
///
/// hyper splits a connection into a sender and a future that does the I/O. The future runs in a
/// task of its own. It ends when the sender is dropped, and its errors reach the sender as well.
async fn greet(stream: Box<dyn Stream>, http2: bool) -> Result<Dialed, Lost> {
    let failed = |error: ::hyper::Error| Lost::NotSent(error_chain(&error));
    if http2 {
        let io = HyperIo::new(stream, MAX_HTTP2_READ);
        // Windows below that bound: a body of any length has to be acknowledged by writes.
        let (sender, connection) = http2::Builder::new(Spawner)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(2 * HTTP2_WINDOW)
            .handshake(io)
            .await
            .map_err(failed)?;
        tokio::spawn(connection);
        Ok(Dialed::Http2(sender))
    } else {
        let io = HyperIo::new(stream, MAX_HTTP1_RESPONSE);
        let (sender, connection) = http1::handshake(io).await.map_err(failed)?;
        tokio::spawn(connection);
        Ok(Dialed::Http1(sender))
    }
}

/// Asks a proxy for a tunnel (RFC 9110 section 9.3.6).
async fn tunnel(mut tcp: TcpStream, proxy: &ProxyTarget, url: &Url) -> Result<TcpStream, Lost> {
    let failed = |error: io::Error| Lost::NotSent(error_chain(&error));
    tcp.write_all(&proxy.connect_request(url)).await.map_err(failed)?;
    let mut answer = ConnectAnswer::default();
    // One octet a read: what follows the head of the response belongs to TLS.
    while !answer.push(tcp.read_u8().await.map_err(failed)?)? {}
    Ok(tcp)
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Lost> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = timeout(DIAL_TIME_LIMIT, lookup_host((host, port))).await;
    let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let failed = |e| Lost::NotSent(format!("no address for {host}: {}", error_chain(&e)));
    Ok(found.map_err(failed)?.collect())
}

/// Tries the addresses in order, each with a head start before the next joins in (RFC 8305).
///
/// Returns none when no address is left, or no time.
async fn connect_to_any(
    attempts: &mut ConnectAttempts,
    deadline: Instant,
) -> Option<(SocketAddr, TcpStream)> {
    let mut racing = FuturesUnordered::new();
    loop {
        // Reached at the start, after a failure, and when a head start is over.
        if let Some(address) = attempts.next() {
            racing.push(async move { (address, connect_to(address).await) });
        }
        let head_start = attempts.head_start().map(|head_start| Instant::now() + head_start);
        let until = head_start.map_or(deadline, |end| end.min(deadline));
        match timeout_at(until, racing.next()).await {
            Ok(Some((address, Ok(stream)))) => {
                // Dropping the other attempts closes their sockets.
                attempts.connected(address);
                return Some((address, stream));
            }
            Ok(Some((address, Err(error)))) => {
                attempts.failed(address, Lost::NotSent(error_chain(&error))).ok()?;
            }
            // No attempt is left and no address waits.
            Ok(None) => return None,
            Err(_) if until == deadline => {
                attempts.give_up(SILENT);
                return None;
            }
            Err(_) => {} // the head start is over
        }
    }
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // hyper writes the HEADERS and DATA of an HTTP/2 POST apart. With Nagle's algorithm the second
    // write would wait for the peer's delayed ACK of the first.
    stream.set_nodelay(true)?;
    Ok(stream)
}

const SILENT: &str = "no connection in time";
const DIAL_TIME_LIMIT: Duration = Duration::from_secs(15);
/// How many octets a response over HTTP/1.1 may have in all: many times the limit of any body.
const MAX_HTTP1_RESPONSE: usize = 8 << 20;
/// How many octets an HTTP/2 server may send while this side has nothing to write.
const MAX_HTTP2_READ: usize = 1 << 20;
const HTTP2_WINDOW: u32 = 128 << 10;

#[cfg(test)]
mod tests;
