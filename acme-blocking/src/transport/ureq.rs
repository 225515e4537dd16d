//! The default transport: ureq over rustls.

use core::fmt;
use core::time::Duration;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Instant;

use ::ureq::Agent;
use ::ureq::http::{self, HeaderMap};
use acme_adapter::cookies::CookieJar;
use acme_adapter::error::Error;
use acme_adapter::error_chain;
use acme_adapter::proxy::Proxy;
use acme_adapter::settings::{MOST_CONNECTIONS, USUAL_CONNECTIONS};
use acme_adapter::tls::{self, Roots};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::{Method, Request, Response};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;

use super::agents::{Agents, Origin};
use super::gate::Gate;
use super::{Transport, lost};

/// Speaks HTTP/1.1 over a bounded pool of connections.
///
/// It trusts the roots that it is created with, sets `TCP_NODELAY`, and uses the proxy that
/// `HTTPS_PROXY` and `NO_PROXY` name. An address at which a connection failed is tried after the
/// others. Clones share the connections and the [cookies](Self::keep_cookies).
#[derive(Clone)]
pub struct UreqTransport {
    agents: Arc<Agents>,
    gate: Arc<Gate>,
    cookies: Arc<CookieJar>,
}

impl UreqTransport {
    /// Creates a transport that trusts `roots` and does its cryptography with `provider`.
    ///
    /// # Errors
    /// [`Error::Tls`] if the roots cannot be loaded or the provider does not suit TLS.
    pub fn new(provider: &Arc<CryptoProvider>, roots: &Roots) -> Result<Self, Error> {
        Ok(Self::with_config(tls::client_config(provider, roots, &[b"http/1.1"])?))
    }

    /// Creates a transport with a custom TLS configuration, such as one with a client certificate.
    ///
    /// Its ALPN protocol should be `http/1.1`.
    pub fn with_config(config: Arc<ClientConfig>) -> Self {
        Self {
            agents: Arc::new(Agents::new(config, Proxy::from_env())),
            gate: Arc::new(Gate::new(USUAL_CONNECTIONS)),
            cookies: Arc::default(),
        }
    }

    /// Sets the maximum number of connections; 16 by default, and 32 at most.
    ///
    /// Further requests wait for one to become free, within their time limits. Call it before the
    /// transport is cloned: earlier clones keep their bound.
    pub fn connections(mut self, most: usize) -> Self {
        self.gate = Arc::new(Gate::new(most.clamp(1, MOST_CONNECTIONS)));
        self
    }

    /// Sets whether cookies are kept, in memory, and go back to the origin that set them; by default they do.
    ///
    /// Behind some balancers a CA's nonces hold only with their cookie.
    pub fn keep_cookies(self, keep: bool) -> Self {
        self.cookies.keep(keep);
        self
    }

    fn send(
        &self,
        agent: &Agent,
        request: Request,
        limit: Duration,
    ) -> Result<http::Response<::ureq::Body>, Lost> {
        let (method, url, headers, body) = request.into_parts();
        let mut builder = http::Request::builder().method(method.as_str()).uri(url.as_str());
        for (name, value) in headers.iter() {
            builder = builder.header(name, value);
        }
        if let Some(cookies) = self.cookies.header(&url) {
            builder = builder.header(http::header::COOKIE, cookies.as_str());
        }
        let unfit =
            |e: http::Error| Lost::NotSent(format!("not a request for HTTP: {}", error_chain(&e)));
        // ureq sends a length only with a body, even an empty one, and some servers refuse a POST
        // without a length with 411.
        let answer = if body.is_empty() && method != Method::Post {
            let request = builder.body(()).map_err(unfit)?;
            let request = agent.configure_request(request).timeout_global(Some(limit)).build();
            agent.run(request)
        } else {
            let request = builder.body(body).map_err(unfit)?;
            let request = agent.configure_request(request).timeout_global(Some(limit)).build();
            agent.run(request)
        };
        answer.map_err(|error| self.agents.name_proxy(&url, lost::of(error)))
    }
}

impl Transport for UreqTransport {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        let deadline = Instant::now() + transmit.time_limit.min(LONGEST);
        // Held to the end of this function, while the connection is in use.
        let place = self.gate.enter(deadline);
        let left = deadline.saturating_duration_since(Instant::now());
        if place.is_none() || left.is_zero() {
            return Err(Lost::NotSent("no connection became free within the time limit".into()));
        }
        let limit = transmit.body_limit;
        let url = transmit.request.url().clone();
        let origin = Origin::of(&url);
        let mut connection = self.agents.take(&origin, transmit.nonce_from);
        let (head, body) = self.send(&connection.agent, transmit.request, left)?.into_parts();
        let response = with_headers(Response::new(head.status.as_u16()), &head.headers);
        self.cookies.take(&url, &response);
        let mut octets = Vec::new();
        // One octet more than the limit shows that a body is too long. A body that fails or is not
        // read to its end keeps its status and nonce, and ureq closes the connection.
        let most = (limit as u64).saturating_add(1);
        let whole = body.into_reader().take(most).read_to_end(&mut octets).is_ok();
        let long = octets.len() > limit;
        octets.truncate(limit);
        let response = response.with_body(octets);
        if whole && !long {
            connection.brought(transmit.id);
            self.agents.give_back(origin, connection);
            Ok(response)
        } else {
            Ok(response.truncated())
        }
    }

    fn product(&self) -> &str {
        "ureq/3"
    }

    fn close(&self) {
        self.agents.close();
    }
}

impl fmt::Debug for UreqTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqTransport").finish_non_exhaustive()
    }
}

fn with_headers(response: Response, headers: &HeaderMap) -> Response {
    headers.iter().fold(response, |response, (name, value)| {
        // A header value may hold octets above 0x7F. They must not cost the whole response.
        response.with_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))
    })
}

/// Bounds a time limit, so that adding it to an instant cannot overflow.
const LONGEST: Duration = Duration::from_secs(86_400);
