//! Making a connection: name lookup, TCP, proxy, TLS, and the greeting of HTTP/2 or HTTP/1.1.

use core::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::hyper::client::conn::{http1, http2};
use acme_adapter::addresses::ConnectAttempts;
use acme_adapter::error_chain;
use acme_adapter::proxy::{ConnectAnswer, Proxy, ProxyTarget};
use acme_proto::url::Url;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::io::{HyperIo, Octets, Spawner, Stream};

/// Makes connections.
pub(super) struct Dialer {
    tls: TlsConnector,
    proxy: Proxy,
}

/// A new connection, in the protocol that the server chose.
pub(super) enum Dialed {
    Http1(http1::SendRequest<Octets>),
    Http2(http2::SendRequest<Octets>),
}

impl Dialer {
    /// Creates a dialer; `tls` has to offer `h2` and `http/1.1` by ALPN.
    pub(super) fn new(tls: Arc<ClientConfig>, proxy: Proxy) -> Self {
        Self { tls: TlsConnector::from(tls), proxy }
    }

    /// Connects to the origin of `url`.
    ///
    /// # Errors
    /// Describes why there is no connection.
    pub(super) async fn dial(&self, url: &Url) -> Result<Dialed, String> {
        timeout(DIAL_TIME_LIMIT, self.connect(url)).await.unwrap_or_else(|_| {
            Err(format!(
                "no connection to {} within {} s",
                url.authority(),
                DIAL_TIME_LIMIT.as_secs()
            ))
        })
    }

    async fn connect(&self, url: &Url) -> Result<Dialed, String> {
        let tcp = match self.proxy.for_url(url) {
            None => connect(url.host(), url.port()).await?,
            Some(proxy) => tunnel(&proxy, url).await?,
        };
        if !url.is_https() {
            // Without TLS there is no ALPN to agree on HTTP/2 with.
            return greet(Box::new(tcp), false).await;
        }
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|_| format!("{} is not a valid name for TLS", url.host()))?;
        let tls = self.tls.connect(name, tcp).await.map_err(|e| error_chain(&e))?;
        // A server that ignores ALPN has not agreed to HTTP/2 (RFC 9113 section 3.2).
        let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        greet(Box::new(tls), http2).await
    }
}

/// Starts the protocol on a connected stream.
///
/// hyper splits a connection into a sender and a future that does the I/O. The future runs in a
/// task of its own. It ends when the sender is dropped, and its errors reach the sender as well.
async fn greet(stream: Box<dyn Stream>, http2: bool) -> Result<Dialed, String> {
    if http2 {
        let io = HyperIo::new(stream, MAX_HTTP2_READ);
        // Windows below that bound: a body of any length has to be acknowledged by writes.
        let (sender, connection) = http2::Builder::new(Spawner)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(2 * HTTP2_WINDOW)
            .handshake(io)
            .await
            .map_err(|e| error_chain(&e))?;
        tokio::spawn(connection);
        Ok(Dialed::Http2(sender))
    } else {
        let io = HyperIo::new(stream, MAX_HTTP1_RESPONSE);
        let (sender, connection) = http1::handshake(io).await.map_err(|e| error_chain(&e))?;
        tokio::spawn(connection);
        Ok(Dialed::Http1(sender))
    }
}

/// Asks a proxy for a tunnel (RFC 9110 section 9.3.6).
async fn tunnel(proxy: &ProxyTarget, url: &Url) -> Result<TcpStream, String> {
    proxy.check()?;
    let mut tcp = connect(proxy.host(), proxy.port()).await.map_err(|e| proxy.failure(&e))?;
    let failed = |error: io::Error| proxy.failure(&error_chain(&error));
    tcp.write_all(&proxy.connect_request(url)).await.map_err(failed)?;
    let mut answer = ConnectAnswer::default();
    // One octet a read: what follows the head of the response belongs to TLS.
    while !answer.push(tcp.read_u8().await.map_err(failed)?).map_err(|e| proxy.failure(&e))? {}
    Ok(tcp)
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => lookup_host((host, port))
            .await
            .map_err(|e| format!("no address for {host}: {}", error_chain(&e)))?
            .collect(),
    };
    connect_to_any(ConnectAttempts::new(&addresses)).await
}

/// Tries the addresses in order, each with a head start before the next joins in (RFC 8305).
async fn connect_to_any(mut waiting: ConnectAttempts) -> Result<TcpStream, String> {
    let mut attempts = FuturesUnordered::new();
    let mut failure = String::from("the name has no address");
    loop {
        // Reached at the start, after a failure, and when a head start is over.
        if let Some(address) = waiting.next() {
            attempts.push(async move { (address, connect_to(address).await) });
        }
        let ended = match waiting.head_start() {
            Some(head_start) => timeout(head_start, attempts.next()).await,
            None => Ok(attempts.next().await),
        };
        match ended {
            // Dropping the other attempts closes their sockets.
            Ok(Some((_, Ok(stream)))) => return Ok(stream),
            Ok(Some((address, Err(error)))) => {
                failure = format!("{} ({address})", error_chain(&error));
            }
            // No attempt is left and no address waits.
            Ok(None) => return Err(failure),
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

const DIAL_TIME_LIMIT: Duration = Duration::from_secs(15);
/// How many octets a response over HTTP/1.1 may have in all: many times the limit of any body.
const MAX_HTTP1_RESPONSE: usize = 8 << 20;
/// How many octets an HTTP/2 server may send while this side has nothing to write.
const MAX_HTTP2_READ: usize = 1 << 20;
const HTTP2_WINDOW: u32 = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_packets_are_not_held_back() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stream = connect_to(address).await.expect("a connection");
        assert!(stream.nodelay().expect("a socket option"));
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_keep_from_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let refusing = SocketAddr::new(address.ip(), 1);
        let stream =
            connect_to_any(ConnectAttempts::new(&[refusing, address])).await.expect("a connection");
        assert_eq!(stream.peer_addr().expect("an address"), address);
        let failure =
            connect_to_any(ConnectAttempts::new(&[refusing])).await.expect_err("nobody listens");
        assert_eq!(failure, "connection refused (127.0.0.1:1)");
    }
}
