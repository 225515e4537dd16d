//! Accepting TLS connections.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use acme_adapter::error::Error;
use acme_adapter::locked;
use acme_adapter::settings::ServerSettings;
use rustls::{ServerConnection, StreamOwned};

use super::handshake::{Handshakes, Hooks};
use super::queue::Queue;
use crate::calls::Calls;
use crate::solver::listener::{Accepted, Listener};

/// Accepts TLS connections with the certificates of a
/// [`CertificateResolver`](acme_adapter::resolver::CertificateResolver).
///
/// Handshakes run beside each other on threads of their own, within a time limit and bounded in
/// number, so that a client that sends slowly or nothing delays nobody. Validations by tls-alpn-01
/// are answered on the same port, also while nobody calls [`accept`](Self::accept). TCP_NODELAY is
/// set.
///
/// Any number of threads may accept. Dropping it frees the port at once; connections that it has
/// returned go on.
///
/// ```no_run
/// # fn example(resolver: acme_blocking::CertificateResolver) -> Result<(), acme_blocking::Error> {
/// let listener = acme_blocking::TlsListener::bind("[::]:443", &resolver)?;
/// for (stream, peer) in listener.incoming() {
///     # drop((stream, peer));
/// }
/// # Ok(())
/// # }
/// ```
pub struct TlsListener {
    address: SocketAddr,
    ready: Arc<Queue<Ready>>,
    listener: Mutex<Option<Listener>>,
    /// What is called when it is closed.
    on_end: Mutex<Option<OnEnd>>,
}

type OnEnd = Box<dyn FnOnce() + Send>;

type Ready = (StreamOwned<ServerConnection, TcpStream>, SocketAddr);

impl TlsListener {
    /// Waits for the next connection whose handshake has succeeded, with the address of the client;
    /// `None` after [`close`](Self::close).
    ///
    /// Failed handshakes are dropped, and a failure to accept is tried again, such as too many open
    /// files.
    pub fn accept(&self) -> Option<(StreamOwned<ServerConnection, TcpStream>, SocketAddr)> {
        self.ready.pop()
    }

    /// Returns what [`accept`](Self::accept) does, until it is closed.
    pub fn incoming(
        &self,
    ) -> impl Iterator<Item = (StreamOwned<ServerConnection, TcpStream>, SocketAddr)> + '_ {
        core::iter::from_fn(|| self.accept())
    }

    /// Frees the port, and ends every [`accept`](Self::accept), from any thread.
    pub fn close(&self) {
        self.ready.close();
        let listener = locked(&self.listener).take();
        drop(listener);
        let end = locked(&self.on_end).take();
        if let Some(end) = end {
            end();
        }
    }

    pub(super) fn start(
        socket: TcpListener,
        settings: &ServerSettings,
        hooks: Hooks,
    ) -> Result<Self, Error> {
        let greetings = settings.greetings()?;
        let time_limit = settings.handshake_limit();
        let [misses, validations] = [(); 2].map(|()| Calls::new(settings.max_handshakes));
        let handshakes = Handshakes { greetings, time_limit, hooks, misses, validations };
        let (handshakes, ready) = (Arc::new(handshakes), Arc::new(Queue::new()));
        let (has_room, results) = (Arc::clone(&ready), Arc::clone(&ready));
        let serve = move |accepted: Accepted| {
            let Accepted { stream, peer, place } = accepted;
            let _ = stream.set_nodelay(true);
            let stream = handshakes.shake_hands(stream);
            // Whoever has shaken hands is no stranger any more.
            drop(place);
            if let Some(stream) = stream {
                results.push((stream, peer));
            }
        };
        // While the server is behind, clients wait in the backlog of the system.
        let before = move || has_room.wait_for_room(MAX_READY);
        let listener = Listener::start(socket, settings.max_handshakes, before, serve)
            .map_err(|source| Error::Listen { address: None, source })?;
        let address = listener.local_addr();
        Ok(Self { address, ready, listener: Mutex::new(Some(listener)), on_end: Mutex::default() })
    }

    /// Calls this when it is closed or dropped.
    pub(crate) fn ending(self, end: impl FnOnce() + Send + 'static) -> Self {
        *locked(&self.on_end) = Some(Box::new(end));
        self
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.close();
    }
}

acme_adapter::tls_listener_builder! { async: [], await: [] }

impl TlsListenerBuilder {
    /// Calls this before the handshake of a client that asks for a name without a certificate; the
    /// default certificate does not count.
    ///
    /// The name is in lower case and without a final dot, and a stranger chose it. Whatever has
    /// been installed when it returns is used. Other handshakes go on meanwhile. It runs at most as
    /// often at the same time as handshakes do; beyond that, it is left out.
    ///
    /// ```no_run
    /// # fn example(resolver: acme_blocking::CertificateResolver) -> Result<(), acme_blocking::Error> {
    /// let listener = acme_blocking::TlsListener::builder(&resolver)
    ///     .on_miss(|name| println!("no certificate for {name}"))
    ///     .bind("[::]:443")?;
    /// # drop(listener);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_miss(mut self, obtain: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.hooks.on_miss = Some(Box::new(obtain));
        self
    }

    /// Calls this before each validation by tls-alpn-01. It may publish the challenge by
    /// [`challenges`](acme_adapter::resolver::CertificateResolver::challenges): several servers
    /// behind one address answer for each other so. It is bounded like
    /// [`on_miss`](Self::on_miss), and apart from it.
    ///
    /// The name is in lower case, and an address is in its reverse form. A stranger chose it.
    pub fn on_validation(mut self, find: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.hooks.on_validation = Some(Box::new(find));
        self
    }
}

/// The connections that wait for [`TlsListener::accept`].
const MAX_READY: usize = 128;
