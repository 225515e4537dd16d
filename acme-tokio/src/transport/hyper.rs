//! The default transport: hyper over rustls.

use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use ::hyper::Request;
use ::hyper::body::{Body, Incoming};
use ::hyper::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap};
use acme_adapter::cookies::CookieJar;
use acme_adapter::error::Error;
use acme_adapter::error_chain;
use acme_adapter::proxy::Proxy;
use acme_adapter::tls::{self, Roots};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::{Method, Response};
use acme_proto::url::Url;
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use tokio::time::{Instant, timeout_at};

use super::dial::Dialer;
use super::io::Octets;
use super::pool::{Connection, Pool};
use super::{Transport, lost};

/// Speaks HTTP/2 over one connection if the server does, otherwise HTTP/1.1 over a bounded pool.
///
/// It trusts the roots that it is created with, offers HTTP/2 and HTTP/1.1 by ALPN, sets
/// `TCP_NODELAY`, and uses the proxy that `HTTPS_PROXY` and `NO_PROXY` name. An address at which a
/// connection failed is tried after the others. Clones share the connections, which live on the
/// runtime that they were made on, and the [cookies](Self::keep_cookies).
#[derive(Clone)]
pub struct HyperTransport {
    pool: Arc<Pool>,
    cookies: Arc<CookieJar>,
}

impl HyperTransport {
    /// Creates a transport that trusts `roots` and does its cryptography with `provider`.
    ///
    /// # Errors
    /// [`Error::Tls`] if the roots cannot be loaded or the provider does not suit TLS.
    pub fn new(provider: &Arc<CryptoProvider>, roots: &Roots) -> Result<Self, Error> {
        let config = tls::client_config(provider, roots, &[b"h2", b"http/1.1"])?;
        Ok(Self::with_config(config))
    }

    /// Creates a transport with a custom TLS configuration, such as one with a client certificate.
    ///
    /// Its ALPN protocols should be `h2` and `http/1.1`.
    pub fn with_config(config: Arc<ClientConfig>) -> Self {
        let pool = Arc::new(Pool::new(Dialer::new(config, Proxy::from_env())));
        Self { pool, cookies: Arc::default() }
    }

    /// Sets how many connections to one HTTP/1.1 server may be open at once; 16 by default, and 32 at most.
    ///
    /// Further requests wait for one of them, within their time limits.
    pub fn http1_connections(self, most: usize) -> Self {
        self.pool.set_most(most);
        self
    }

    /// Sets whether cookies are kept, in memory, and go back to the origin that set them; by default they do.
    ///
    /// Behind some balancers a CA's nonces hold only with their cookie.
    pub fn keep_cookies(self, keep: bool) -> Self {
        self.cookies.keep(keep);
        self
    }
}

impl Transport for HyperTransport {
    async fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        let started = Instant::now();
        let deadline = started + transmit.time_limit.min(LONGEST);
        let url = transmit.request.url().clone();
        let is_head = transmit.request.method() == Method::Head;
        let mut connection = timeout_at(deadline, self.pool.connection(&url, transmit.nonce_from))
            .await
            .unwrap_or_else(|_| Err(Lost::NotSent("no connection within the time limit".into())))?;
        let request = request(transmit.request, &connection, &self.cookies)?;
        let answer = match timeout_at(deadline, connection.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                if lost::ends_connection(&error) {
                    connection.leave();
                }
                let lost = lost::of(error);
                if matches!(lost, Lost::NoResponse(_)) {
                    self.pool.doubt(&connection);
                }
                return Err(self.pool.name_proxy(&url, lost));
            }
            Err(_) => {
                // Dropping the future resets the HTTP/2 stream or closes the HTTP/1.1 connection.
                connection.doubt(started);
                self.pool.doubt(&connection);
                return Err(Lost::TimedOut);
            }
        };
        let (head, incoming) = answer.into_parts();
        let response = Response::new(head.status.as_u16());
        let response = with_headers(response, &head.headers);
        self.cookies.take(&url, &response);
        let mut body = Vec::new();
        // From here on a time-out no longer loses the response: its status and nonce are known, and
        // the nonce may be the only one that the server gives for a while.
        let whole = timeout_at(deadline, read(incoming, &mut body, transmit.body_limit)).await;
        if whole == Ok(true) {
            connection.give_back(transmit.id);
            Ok(response.with_body(body))
        } else if is_head {
            // A server that sends content in spite of RFC 9110 Section 9.3.2 breaks its HTTP/2 stream. Nothing is missing.
            Ok(response)
        } else {
            Ok(response.with_body(body).truncated())
        }
    }

    fn product(&self) -> &str {
        "hyper/1"
    }

    fn close(&self) {
        self.pool.close();
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").finish_non_exhaustive()
    }
}

/// Converts the request for the protocol of the connection, adds cookies, and leaves its headers unchanged.
fn request(
    request: acme_proto::http::Request,
    connection: &Connection,
    cookies: &CookieJar,
) -> Result<Request<Octets>, Lost> {
    let (method, url, headers, body) = request.into_parts();
    let mut builder = Request::builder().method(method.as_str());
    builder = match connection {
        // HTTP/1.1 sends the path and `Host` (RFC 9112 section 3.2.1). For HTTP/2, hyper takes the
        // pseudo-headers from an absolute URI (RFC 9113 section 8.3.1).
        Connection::Http1(_) => builder.uri(url.path_and_query()).header(HOST, url.authority()),
        Connection::Http2(_) => builder.uri(absolute(&url)),
    };
    for (name, value) in headers.iter() {
        builder = builder.header(name, value);
    }
    if let Some(cookies) = cookies.header(&url) {
        builder = builder.header(COOKIE, cookies.as_str());
    }
    if body.is_empty() && method == Method::Post {
        // hyper omits the length of an empty body, and some servers refuse such a POST with 411.
        builder = builder.header(CONTENT_LENGTH, 0);
    }
    builder
        .body(Octets::from(body))
        .map_err(|e| Lost::NotSent(format!("not a request for HTTP: {}", error_chain(&e))))
}

fn absolute(url: &Url) -> String {
    let scheme = if url.is_https() { "https" } else { "http" };
    format!("{scheme}://{}{}", url.authority(), url.path_and_query())
}

fn with_headers(response: Response, headers: &HeaderMap) -> Response {
    headers.iter().fold(response, |response, (name, value)| {
        // A header value may hold octets above 0x7F. They must not cost the whole response.
        response.with_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))
    })
}

/// Reads the body up to the limit, and returns whether it was complete.
async fn read(incoming: Incoming, body: &mut Vec<u8>, limit: usize) -> bool {
    let mut incoming = pin!(incoming);
    while let Some(frame) = poll_fn(|cx| incoming.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else { return false };
        // A frame without data holds trailers, which ACME does not use.
        if let Some(data) = frame.data_ref() {
            let room = limit - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return false;
            }
        }
    }
    true
}

/// Bounds a time limit, so that adding it to an instant cannot overflow.
const LONGEST: Duration = Duration::from_secs(86_400);
