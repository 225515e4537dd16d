//! Agents of ureq, one for each connection.
//!
//! A pool of ureq's takes the connection that has idled longest. Behind some balancers, nonces are known only to the
//! machine that gave them, and the newest nonce came over the connection that was used last.

use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ::ureq::Agent;
use ::ureq::config::AutoHeaderValue;
use acme_adapter::addresses::FailedAddresses;
use acme_adapter::brought::Brought;
use acme_adapter::locked;
use acme_adapter::proxy::Proxy;
use acme_proto::flow::{Lost, RequestId};
use acme_proto::url::Url;
use rustls::ClientConfig;

use super::dial::{Dialer, NoResolver};
use crate::workers::Workers;

/// The connections of one transport.
pub(super) struct Agents {
    config: Arc<ClientConfig>,
    proxy: Proxy,
    failed: FailedAddresses,
    /// Look names up, and connect.
    workers: Arc<Workers<'static>>,
    /// The one that was used last is the last one.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    origin: Origin,
    connection: Connection,
    since: Instant,
}

/// An agent of ureq, which has one connection at a time.
pub(super) struct Connection {
    pub(super) agent: Agent,
    /// What the present connection brought.
    brought: Brought,
    has_dialed: Arc<AtomicBool>,
}

impl Connection {
    /// Notes that it brought the response to a request, with what came before only if that came over
    /// the same connection.
    pub(super) fn brought(&mut self, request: RequestId) {
        if self.has_dialed.swap(false, Ordering::AcqRel) {
            self.brought = Brought::default();
        }
        self.brought.add(request);
    }
}

#[derive(PartialEq, Eq)]
pub(super) struct Origin(bool, String, u16);

impl Origin {
    pub(super) fn of(url: &Url) -> Self {
        Self(url.is_https(), url.host().to_ascii_lowercase(), url.port())
    }
}

impl Agents {
    pub(super) fn new(config: Arc<ClientConfig>, proxy: Proxy) -> Self {
        let (failed, workers) = (FailedAddresses::default(), Arc::new(Workers::detached()));
        Self { config, proxy, failed, workers, idle: Mutex::default() }
    }

    /// Takes the connection to this origin that brought the response to `after`, or else the one that was used last, or
    /// else a new one.
    pub(super) fn take(&self, origin: &Origin, after: Option<RequestId>) -> Connection {
        let mut idle = locked(&self.idle);
        idle.retain(|idle| idle.since.elapsed() < IDLE_LIMIT);
        let fits = |idle: &Idle| idle.origin == *origin;
        let place = idle
            .iter()
            .rposition(|idle| {
                fits(idle) && after.is_some_and(|after| idle.connection.brought.has(after))
            })
            .or_else(|| idle.iter().rposition(fits));
        match place {
            Some(place) => idle.remove(place).connection,
            None => self.connection(),
        }
    }

    /// Keeps the connection for the next request, after a whole response has been read.
    pub(super) fn give_back(&self, origin: Origin, connection: Connection) {
        let mut idle = locked(&self.idle);
        idle.push(Idle { origin, connection, since: Instant::now() });
        if idle.len() > MAX_IDLE {
            idle.remove(0);
        }
    }

    /// Names the proxy, if there is one on the way to this URL, in what happened over a connection.
    ///
    /// The failure to make one names it already.
    pub(super) fn name_proxy(&self, url: &Url, lost: Lost) -> Lost {
        match self.proxy.for_url(url) {
            Some(proxy) if matches!(lost, Lost::NoResponse(_)) => proxy.failure(lost),
            _ => lost,
        }
    }

    /// Closes the connections that are not in use.
    pub(super) fn close(&self) {
        locked(&self.idle).clear();
    }

    /// Creates an agent that makes no decision: the core handles every status and redirect, and writes every header.
    fn connection(&self) -> Connection {
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(IDLE_LIMIT)
            .build();
        let (config, workers) = (Arc::clone(&self.config), Arc::clone(&self.workers));
        let dialer = Dialer::new(config, self.proxy.clone(), self.failed.clone(), workers);
        let has_dialed = Arc::clone(dialer.has_dialed());
        let agent = Agent::with_parts(settings, dialer, NoResolver);
        Connection { agent, brought: Brought::default(), has_dialed }
    }
}

/// How long an idle connection is reused. After that, a router or the server may have dropped it.
const IDLE_LIMIT: Duration = Duration::from_secs(15);
/// URLs come from the server, which may name any number of hosts.
const MAX_IDLE: usize = 64;
