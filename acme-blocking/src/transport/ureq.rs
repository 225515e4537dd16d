//! The default transport: ureq over rustls.

use core::fmt;
use core::time::Duration;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ::ureq::Agent;
use ::ureq::config::AutoHeaderValue;
use ::ureq::http::{self, HeaderMap};
use acme_adapter::addresses::FailedAddresses;
use acme_adapter::error::Error;
use acme_adapter::error_chain;
use acme_adapter::proxy::Proxy;
use acme_adapter::tls::{self, Roots};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::{Method, Response};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;

use super::dial::{Dialer, NoResolver};
use super::gate::Gate;
use super::{Transport, lost};
use acme_adapter::client_state::locked;

/// Speaks HTTP/1.1 over a bounded pool of connections.
///
/// It trusts the roots that it is created with, sets `TCP_NODELAY`, and uses the proxy that
/// `HTTPS_PROXY` and `NO_PROXY` name. Clones share the connections.
#[derive(Clone)]
pub struct UreqTransport {
    /// Replaced as a whole to close its idle connections.
    agent: Arc<Mutex<Agent>>,
    config: Arc<ClientConfig>,
    gate: Arc<Gate>,
    failed: FailedAddresses,
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
        let failed = FailedAddresses::default();
        let agent = Arc::new(Mutex::new(agent(Arc::clone(&config), failed.clone())));
        Self { agent, config, gate: Arc::new(Gate::new(MAX_CONNECTIONS)), failed }
    }

    /// Sets the maximum number of connections; 16 by default.
    ///
    /// Further requests wait for one to become free, within their time limits. Call it before the
    /// transport is cloned: earlier clones keep their bound.
    pub fn connections(mut self, most: usize) -> Self {
        self.gate = Arc::new(Gate::new(most.max(1)));
        self
    }

    fn agent(&self) -> Agent {
        locked(&self.agent).clone()
    }

    fn send(
        &self,
        transmit: Transmit,
        limit: Duration,
    ) -> Result<http::Response<::ureq::Body>, Lost> {
        let (method, url, headers, body) = transmit.request.into_parts();
        let mut builder = http::Request::builder().method(method.as_str()).uri(url.as_str());
        for (name, value) in headers.iter() {
            builder = builder.header(name, value);
        }
        let unfit =
            |e: http::Error| Lost::NotSent(format!("not a request for HTTP: {}", error_chain(&e)));
        let agent = self.agent();
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
        answer.map_err(lost::of)
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
        let (head, body) = self.send(transmit, left)?.into_parts();
        let response = with_headers(Response::new(head.status.as_u16()), &head.headers);
        let mut octets = Vec::new();
        // One octet more than the limit shows that a body is too long. A body that fails or is not
        // read to its end keeps its status and nonce, and ureq closes the connection.
        let most = (limit as u64).saturating_add(1);
        let whole = body.into_reader().take(most).read_to_end(&mut octets).is_ok();
        let long = octets.len() > limit;
        octets.truncate(limit);
        let response = response.with_body(octets);
        Ok(if whole && !long { response } else { response.truncated() })
    }

    fn product(&self) -> &str {
        "ureq/3"
    }

    fn close(&self) {
        *locked(&self.agent) = agent(Arc::clone(&self.config), self.failed.clone());
    }
}

impl fmt::Debug for UreqTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqTransport").finish_non_exhaustive()
    }
}

/// Creates an agent with its own connections that makes no decision: the core handles every status
/// and redirect, and writes every header.
fn agent(config: Arc<ClientConfig>, failed: FailedAddresses) -> Agent {
    let settings = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .max_idle_connections(MAX_IDLE)
        .max_idle_connections_per_host(MAX_IDLE)
        .build();
    Agent::with_parts(settings, Dialer::new(config, Proxy::from_env(), failed), NoResolver)
}

fn with_headers(response: Response, headers: &HeaderMap) -> Response {
    headers.iter().fold(response, |response, (name, value)| {
        // A header value may hold octets above 0x7F. They must not cost the whole response.
        response.with_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))
    })
}

/// The default maximum number of connections.
const MAX_CONNECTIONS: usize = 16;
/// More than ever exist: the gate bounds the connections, and ureq need not close idle ones.
const MAX_IDLE: usize = 1024;
/// Bounds a time limit, so that adding it to an instant cannot overflow.
const LONGEST: Duration = Duration::from_secs(86_400);
