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
            .max_response_header_size(LONGEST_HEAD)
            .input_buffer_size(LONGEST_HEAD + SPARE)
            .output_buffer_size(OUTPUT)
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
/// The longest head of a response, in octets.
const LONGEST_HEAD: usize = 64 * 1024;
/// By how much the buffer for responses is longer than the longest head, so that one that is too long does not end in a
/// full buffer.
const SPARE: usize = 4 * 1024;
/// How much of a request is written at once. The longest header has to fit: the cookies of an origin take up to 33 KiB.
///
/// Each connection has both buffers, and ureq writes to all of their memory. By default they have 128 KiB each.
const OUTPUT: usize = 40 * 1024;

#[cfg(test)]
#[cfg(feature = "ring")]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use rustls::RootCertStore;

    use super::*;

    /// Sends a request of a megabyte, which is answered by a head of about so many octets and a body of a megabyte.
    fn exchange(head: usize) -> Result<Vec<u8>, ::ureq::Error> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let mut request = BufReader::new(&stream);
            let mut line = String::new();
            while request.read_line(&mut line).expect("a head") > 2 {
                line.clear();
            }
            request.read_exact(&mut vec![0; MEGABYTE]).expect("a body");
            let filling = "x".repeat(head);
            let head =
                format!("HTTP/1.1 200 OK\r\nlink: {filling}\r\ncontent-length: {MEGABYTE}\r\n\r\n");
            // The client hangs up where the head is too long.
            let _ = (&stream).write_all(head.as_bytes());
            let _ = (&stream).write_all(&vec![b'y'; MEGABYTE]);
        });
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let agents = Agents::new(Arc::new(config), Proxy::default());
        let answer = agents.connection().agent.post(url).send(vec![b'x'; MEGABYTE]);
        let body = answer.and_then(|mut answer| answer.body_mut().read_to_vec());
        drop(agents);
        server.join().expect("no panic");
        body
    }

    const MEGABYTE: usize = 1 << 20;

    #[test]
    fn a_long_head_and_long_bodies_go_through_short_buffers() {
        for head in [0, OUTPUT, 60 * 1024] {
            assert_eq!(exchange(head).expect("a response"), vec![b'y'; MEGABYTE], "{head}");
        }
    }

    #[test]
    fn a_head_that_is_too_long_is_refused_and_not_taken_for_one_that_ends() {
        for head in [LONGEST_HEAD, LONGEST_HEAD + SPARE, MEGABYTE] {
            let error = exchange(head).expect_err("it is too long");
            assert!(matches!(error, ::ureq::Error::LargeResponseHeader(..)), "{head}: {error}");
        }
    }
}
