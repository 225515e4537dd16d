//! The open connections: one over HTTP/2, or a bounded number over HTTP/1.1, to each server.
//!
//! What a server speaks is known after the first connection, so one request makes it and the others wait (`explore`).
//! Over HTTP/2 they all share it. Over HTTP/1.1 each needs a *slot*, of which there are as many as connections may be in
//! use at once. Whoever has a slot takes an idle connection or dials one. `Connection::give_back` returns the slot with the
//! connection; a `Connection` that is dropped returns its slot alone, and closes.
//!
//! *Which connection a request takes.* Behind a load balancer, a nonce may hold only at the machine that gave it. So a
//! request takes the connection that brought its nonce, if that is idle, or else the one that was used last. The same holds
//! for requests that wait, where a connection that becomes free is kept for a moment (`HEAD_START`): the response that it
//! has just brought may lead to a request with its nonce.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use ::hyper::body::Incoming;
use ::hyper::client::conn::{TrySendError, http1, http2};
use ::hyper::{Request, Response};
use acme_adapter::brought::Brought;
use acme_adapter::settings::{MOST_CONNECTIONS, USUAL_CONNECTIONS};
use acme_adapter::{error_chain, locked};
use acme_proto::flow::{Lost, RequestId};
use acme_proto::url::Url;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::dial::{Dialed, Dialer};
use super::io::Octets;

/// The connections of one transport.
pub(super) struct Pool {
    dialer: Dialer,
    /// At most [`MAX_HOSTS`] where possible: URLs come from the server, which may name any host.
    hosts: Mutex<BTreeMap<Origin, Arc<Host>>>,
    /// How many HTTP/1.1 connections to one server are open at once.
    most: AtomicUsize,
}

impl Pool {
    pub(super) const fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            hosts: Mutex::new(BTreeMap::new()),
            most: AtomicUsize::new(USUAL_CONNECTIONS),
        }
    }

    /// Bounds the number of HTTP/1.1 connections to each server that is contacted from now on.
    pub(super) fn set_most(&self, most: usize) {
        self.most.store(most.clamp(1, MOST_CONNECTIONS), Ordering::Relaxed);
    }

    /// Drops every connection: idle ones close at once, those in use when their request ends.
    pub(super) fn close(&self) {
        locked(&self.hosts).clear();
    }

    /// Returns a connection that is ready for one request, an open one if possible.
    ///
    /// Until the protocol of the server is known, one caller dials and all others wait. They share
    /// its result, even its failure.
    ///
    /// # Errors
    /// Describes why there is no connection.
    pub(super) async fn connection(
        &self,
        url: &Url,
        nonce_from: Option<RequestId>,
    ) -> Result<Connection, Lost> {
        let host = self.host(url);
        loop {
            if let Some(http2) = host.http2() {
                return Ok(Connection::Http2(http2));
            }
            if host.state().speaks_http1 {
                return self.http1(&host, url, nonce_from).await;
            }
            // `None`: somebody learned what the server speaks, so the checks above now succeed.
            let first = self.explore(&host, url).await?;
            if let Some(first) = first {
                return Ok(first);
            }
        }
    }

    /// Takes an idle HTTP/1.1 connection, or makes one within the bound.
    async fn http1(
        &self,
        host: &Arc<Host>,
        url: &Url,
        nonce_from: Option<RequestId>,
    ) -> Result<Connection, Lost> {
        let (slot, mut handed) = host.slot(nonce_from).await?;
        // The server may have closed a connection while it was idle. Only `ready` shows that.
        while let Some(idle) = handed.take().or_else(|| host.state().take_idle(nonce_from)) {
            let mut sender = idle.sender;
            if idle.since.elapsed() < IDLE_LIMIT && sender.ready().await.is_ok() {
                let (address, brought) = (idle.address, idle.brought);
                return Ok(Connection::Http1(Http1 { sender, slot, address, brought }));
            }
        }
        let (dialed, address) = self.dialer.dial(url).await?;
        match dialed {
            Dialed::Http1(mut sender) => {
                sender.ready().await.map_err(|e| Lost::NotSent(error_chain(&e)))?;
                let brought = Brought::default();
                Ok(Connection::Http1(Http1 { sender, slot, address, brought }))
            }
            // Another machine behind the same name may speak HTTP/2 although the first did not.
            Dialed::Http2(sender) => Ok(Connection::Http2(host.adopt(sender, address))),
        }
    }

    /// Makes the first connection while other callers wait; they then look at the state again.
    async fn explore(&self, host: &Arc<Host>, url: &Url) -> Result<Option<Connection>, Lost> {
        let round = host.state().round;
        let _turn = host.dialing.lock().await;
        // If the round changed during the wait, another caller has dialed. Its failure counts for
        // all who waited: dialing once more for each of them would take a time limit each.
        {
            let state = host.state();
            if state.round > round {
                return state.failure.clone().map_or(Ok(None), Err);
            }
        }
        let dialed = self.dialer.dial(url).await;
        {
            let mut state = host.state();
            state.round += 1;
            state.failure = dialed.as_ref().err().cloned();
        }
        let (dialed, address) = dialed?;
        match dialed {
            // It goes to the idle ones and not to the caller, who has no slot yet.
            Dialed::Http1(sender) => {
                let mut state = host.state();
                state.speaks_http1 = true;
                let (since, brought) = (Instant::now(), Brought::default());
                state.idle.push(Idle { sender, since, address, brought });
                Ok(None)
            }
            Dialed::Http2(sender) => Ok(Some(Connection::Http2(host.adopt(sender, address)))),
        }
    }

    /// Names the proxy, if there is one on the way to this URL, in what happened over a connection.
    pub(super) fn name_proxy(&self, url: &Url, lost: Lost) -> Lost {
        self.dialer.name_proxy(url, lost)
    }

    /// Lets the next connection go to another address than this one, which brought no response.
    pub(super) fn doubt(&self, connection: &Connection) {
        let (Connection::Http1(Http1 { address, .. }) | Connection::Http2(Http2 { address, .. })) =
            connection;
        self.dialer.doubt(*address);
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let origin = Origin::of(url);
        let mut hosts = locked(&self.hosts);
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&origin) {
            // Whoever uses a connection holds its host, so these have idle connections only.
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let most = self.most.load(Ordering::Relaxed);
        Arc::clone(hosts.entry(origin).or_insert_with(|| Arc::new(Host::new(most))))
    }
}

/// A connection for one request.
pub(super) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

impl Connection {
    /// Sends the request and waits for the head of the response.
    pub(super) async fn send(
        &mut self,
        request: Request<Octets>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Octets>>> {
        match self {
            Self::Http1(http1) => http1.sender.try_send_request(request).await,
            Self::Http2(http2) => {
                let answer = http2.sender.try_send_request(request).await;
                if answer.is_ok() {
                    http2.heard.set();
                }
                answer
            }
        }
    }

    /// Keeps the connection for the next request, after the whole body of the response to `last` has been read.
    ///
    /// An HTTP/1.1 connection that is dropped instead is closed: the rest of a body would be taken
    /// for the next response. HTTP/2 has nothing to return, since its connection is shared.
    pub(super) fn give_back(self, last: RequestId) {
        if let Self::Http1(Http1 { sender, slot, address, mut brought }) = self
            && !sender.is_closed()
        {
            brought.add(last);
            slot.give_back(Idle { sender, since: Instant::now(), address, brought });
        }
    }

    /// Stops using an HTTP/2 connection that has brought no response after the instant `since`.
    ///
    /// A router on the way may have forgotten the connection without resetting it. Every later request on it would then
    /// time out, too.
    pub(super) fn doubt(&self, since: Instant) {
        if let Self::Http2(http2) = self
            && http2.heard.get() < since
        {
            self.leave();
        }
    }

    /// Lets the next request find another connection. hyper notices later than its requests that one has ended.
    pub(super) fn leave(&self) {
        let Self::Http2(http2) = self else { return };
        let mut state = http2.host.state();
        // Another request may have replaced the connection already.
        if state.http2.as_ref().is_some_and(|open| open.heard.is(&http2.heard)) {
            state.http2 = None;
        }
    }
}

pub(super) struct Http1 {
    sender: http1::SendRequest<Octets>,
    slot: Slot,
    address: SocketAddr,
    brought: Brought,
}

pub(super) struct Http2 {
    host: Arc<Host>,
    sender: http2::SendRequest<Octets>,
    heard: Heard,
    address: SocketAddr,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(url: &Url) -> Self {
        Self { https: url.is_https(), host: url.host().to_ascii_lowercase(), port: url.port() }
    }
}

/// One server, and the connections to it.
struct Host {
    state: Mutex<State>,
    /// Held, across await points, by the caller that makes the first connection.
    dialing: tokio::sync::Mutex<()>,
}

impl Host {
    fn new(most: usize) -> Self {
        let state = State { slots: most, ..State::default() };
        Self { state: Mutex::new(state), dialing: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn http2(self: &Arc<Self>) -> Option<Http2> {
        let mut state = self.state();
        // Idle HTTP/2 is judged by its age: without a ping a dead connection looks like a live one.
        let usable =
            |open: &Open| !open.sender.is_closed() && open.heard.get().elapsed() < IDLE_LIMIT;
        if !state.http2.as_ref().is_some_and(usable) {
            state.http2 = None;
        }
        state.http2.as_ref().map(|open| Http2 {
            host: Arc::clone(self),
            sender: open.sender.clone(),
            heard: open.heard.clone(),
            address: open.address,
        })
    }

    /// Shares a new HTTP/2 connection with all later requests.
    fn adopt(self: &Arc<Self>, sender: http2::SendRequest<Octets>, address: SocketAddr) -> Http2 {
        let heard = Heard::now();
        let mut state = self.state();
        state.speaks_http1 = false;
        state.http2 = Some(Open { sender: sender.clone(), heard: heard.clone(), address });
        drop(state);
        Http2 { host: Arc::clone(self), sender, heard, address }
    }

    /// Waits for the right to use one more HTTP/1.1 connection, and takes an idle one with it if there is one.
    async fn slot(
        self: &Arc<Self>,
        nonce_from: Option<RequestId>,
    ) -> Result<(Slot, Option<Idle>), Lost> {
        let handed = {
            let mut state = self.state();
            // Whoever waits comes first, but at the connection that brought the nonce.
            if state.slots > 0 && (state.waiting.is_empty() || state.has_idle(nonce_from)) {
                state.slots -= 1;
                return Ok((Slot(Some(Arc::clone(self))), state.take_idle(nonce_from)));
            }
            let (hand, handed) = oneshot::channel();
            state.waiting.push_back(Waiting { nonce_from, hand });
            handed
        };
        handed.await.map_err(|_| Lost::NotSent("the pool is closed".into()))
    }

    /// Gives slots, and idle connections with them, to requests that wait.
    fn serve_waiting(self: &Arc<Self>, whom: Whom) {
        let mut state = self.state();
        while state.slots > 0
            && let Some(next) = state.next_waiting(whom)
        {
            let idle = state.take_idle(next.nonce_from);
            match next.hand.send((Slot(Some(Arc::clone(self))), idle)) {
                Ok(()) => state.slots -= 1,
                // That request is no longer wanted. Its slot must not be given back, because the state is locked.
                Err((mut slot, idle)) => {
                    slot.0 = None;
                    state.idle.extend(idle);
                }
            }
        }
    }
}

#[derive(Default)]
struct State {
    http2: Option<Open>,
    /// Over HTTP/1.1; the one that was used last is the last.
    idle: Vec<Idle>,
    /// How many more HTTP/1.1 connections may be in use; nobody waits while there are any.
    slots: usize,
    waiting: VecDeque<Waiting>,
    /// What the newest connection showed.
    speaks_http1: bool,
    /// How many attempts at a first connection have ended.
    round: u64,
    /// Why the last attempt failed, if it did.
    failure: Option<Lost>,
}

impl State {
    /// Takes the connection that brought the response to this request, or else the one that was used last.
    ///
    /// That is the least likely to have been closed, and the most likely to reach the machine that gave the newest nonce.
    fn take_idle(&mut self, nonce_from: Option<RequestId>) -> Option<Idle> {
        let brought = |request| self.idle.iter().rposition(|idle| idle.brought.has(request));
        match nonce_from.and_then(brought) {
            Some(place) => Some(self.idle.remove(place)),
            None => self.idle.pop(),
        }
    }

    /// Returns whether the connection that brought the response to this request is idle.
    fn has_idle(&self, request: Option<RequestId>) -> bool {
        request.is_some_and(|request| self.idle.iter().any(|idle| idle.brought.has(request)))
    }

    /// Removes the request that waits longest.
    fn next_waiting(&mut self, whom: Whom) -> Option<Waiting> {
        let is_next = |waiting: &Waiting| whom == Whom::Anyone || self.has_idle(waiting.nonce_from);
        let place = self.waiting.iter().position(is_next)?;
        self.waiting.remove(place)
    }
}

/// Which requests that wait are served.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whom {
    Anyone,
    /// Those whose nonce an idle connection brought.
    ByNonce,
}

/// A request that waits for a connection.
struct Waiting {
    nonce_from: Option<RequestId>,
    hand: oneshot::Sender<(Slot, Option<Idle>)>,
}

/// The right to use one HTTP/1.1 connection. It passes to a request that waits when it is dropped.
struct Slot(Option<Arc<Host>>);

impl Slot {
    /// Gives a connection back: to the request whose nonce it brought, or else to those that wait.
    fn give_back(mut self, idle: Idle) {
        let Some(host) = self.0.take() else { return };
        {
            let mut state = host.state();
            state.slots += 1;
            state.idle.push(idle);
        }
        host.serve_waiting(Whom::ByNonce);
        if host.state().waiting.is_empty() {
            return;
        }
        // The response may lead to a request with its nonce, a retry after badNonce above all. Behind a balancer
        // only this connection is any good for it, so that it comes before those that wait with other nonces.
        tokio::spawn(async move {
            tokio::time::sleep(HEAD_START).await;
            host.serve_waiting(Whom::Anyone);
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(host) = self.0.take() {
            host.state().slots += 1;
            host.serve_waiting(Whom::Anyone);
        }
    }
}

struct Open {
    sender: http2::SendRequest<Octets>,
    heard: Heard,
    address: SocketAddr,
}

struct Idle {
    sender: http1::SendRequest<Octets>,
    since: Instant,
    address: SocketAddr,
    brought: Brought,
}

/// When a connection last brought a response.
#[derive(Clone)]
struct Heard(Arc<Mutex<Instant>>);

impl Heard {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn set(&self) {
        *locked(&self.0) = Instant::now();
    }

    fn get(&self) -> Instant {
        *locked(&self.0)
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// How long an idle connection is reused. After that, a router or the server may have dropped it.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// How long a connection is kept for the request that its last response leads to, while others wait.
const HEAD_START: Duration = Duration::from_millis(1);
const MAX_HOSTS: usize = 16;
