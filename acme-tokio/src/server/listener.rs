//! Accepting TLS connections.

use core::future::{Future, pending};
use core::pin::pin;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::places::Places;
use acme_adapter::settings::ServerSettings;
use futures_util::future::{Either, select};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio_rustls::server::TlsStream;

use super::handshake::{Handshakes, Hooks};
use crate::socket::Socket;

/// Accepts TLS connections with the certificates of a
/// [`CertificateResolver`](acme_adapter::resolver::CertificateResolver).
///
/// Handshakes run beside each other in tasks of their own, within a time limit and bounded in
/// number, so that a client that sends slowly or nothing delays nobody. Validations by tls-alpn-01
/// are answered on the same port, also while nobody awaits [`accept`](Self::accept). TCP_NODELAY is
/// set.
///
/// It is made within a runtime. Dropping it frees the port at once; connections that it has returned
/// go on.
///
/// ```no_run
/// # async fn example(resolver: acme_tokio::CertificateResolver) -> Result<(), acme_tokio::Error> {
/// let mut listener = acme_tokio::TlsListener::bind("[::]:443", &resolver).await?;
/// loop {
///     let (stream, peer) = listener.accept().await;
///     # drop((stream, peer));
/// }
/// # }
/// ```
///
/// With the feature `axum`, `axum::serve(listener, app)` takes it.
pub struct TlsListener {
    address: SocketAddr,
    socket: Socket,
    ready: mpsc::Receiver<Ready>,
    task: AbortHandle,
    /// What is called when it is dropped.
    on_end: Option<Box<dyn FnOnce() + Send + Sync>>,
}

type Ready = (TlsStream<TcpStream>, SocketAddr);

impl TlsListener {
    /// Returns the next connection whose handshake has succeeded, with the address of the client.
    ///
    /// Failed handshakes are dropped, and a failure to accept is tried again, such as too many open
    /// files. No connection is lost if the future is dropped.
    pub async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The task ends with the runtime, and then nothing is polled any more.
            None => pending().await,
        }
    }

    pub(super) fn start(
        socket: TcpListener,
        settings: &ServerSettings,
        hooks: Hooks,
    ) -> Result<Self, Error> {
        let greetings = settings.greetings()?;
        let (socket, address) = Socket::new(socket)?;
        let (sender, ready) = mpsc::channel(MAX_READY);
        let handshakes = Handshakes { greetings, time_limit: settings.handshake_limit(), hooks };
        let places = Places::new(settings.max_handshakes);
        let run = run(socket.clone(), Arc::new(handshakes), places, sender);
        let task = tokio::spawn(run).abort_handle();
        Ok(Self { address, socket, ready, task, on_end: None })
    }

    /// Calls this when it is dropped.
    pub(crate) fn ending(mut self, end: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.on_end = Some(Box::new(end));
        self
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.socket.close();
        self.task.abort();
        if let Some(end) = self.on_end.take() {
            end();
        }
    }
}

acme_adapter::tls_listener_builder! { async: [async], await: [.await] }

impl TlsListenerBuilder {
    /// Awaits this before the handshake of a client that asks for a name without a certificate; by
    /// default for at most 30 seconds. The default certificate does not count.
    ///
    /// The name is in lower case and without a final dot, and a stranger chose it. Whatever has
    /// been installed by then is used. Other handshakes go on meanwhile. The future is dropped after
    /// the time limit, and if the client has to make room for others, so work that is not to be lost
    /// belongs in a task.
    ///
    /// ```no_run
    /// # async fn example(resolver: acme_tokio::CertificateResolver) -> Result<(), acme_tokio::Error> {
    /// let listener = acme_tokio::TlsListener::builder(&resolver)
    ///     .on_miss(|name| async move { println!("no certificate for {name}") })
    ///     .bind("[::]:443").await?;
    /// # drop(listener);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_miss<F>(mut self, obtain: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hooks.on_miss = Some(Box::new(move |name| Box::pin(obtain(name))));
        self
    }

    /// Awaits this before each validation by tls-alpn-01, within the time limit of the handshake. It
    /// may publish the challenge by
    /// [`challenges`](acme_adapter::resolver::CertificateResolver::challenges): several servers
    /// behind one address answer for each other so.
    ///
    /// The name is in lower case, and an address is in its reverse form. A stranger chose it.
    pub fn on_validation<F>(mut self, find: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hooks.on_validation = Some(Box::new(move |name| Box::pin(find(name))));
        self
    }

    /// Lets the handshake go on after this time even if [`on_miss`](Self::on_miss) has not ended.
    pub const fn miss_time_limit(mut self, limit: Duration) -> Self {
        self.hooks.miss_time_limit = limit;
        self
    }
}

async fn run(
    socket: Socket,
    handshakes: Arc<Handshakes>,
    places: Places<Arc<Notify>>,
    ready: mpsc::Sender<Ready>,
) {
    // While the server is behind, clients wait in the backlog of the system.
    while ready.reserve().await.is_ok() {
        let Some((stream, peer)) = socket.accept().await else { return };
        let closed = Arc::new(Notify::new());
        let (place, other) = places.take(peer.ip(), Arc::clone(&closed));
        if let Some(other) = other {
            other.notify_one();
        }
        let (handshakes, ready) = (Arc::clone(&handshakes), ready.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let shaken = pin!(handshakes.shake_hands(stream));
            let stream = match select(shaken, pin!(closed.notified())).await {
                Either::Left((stream, _)) => stream,
                Either::Right(_) => None,
            };
            // Whoever has shaken hands is no stranger any more.
            drop(place);
            if let Some(stream) = stream {
                let _ = ready.send((stream, peer)).await;
            }
        });
    }
}

/// The connections that wait for [`TlsListener::accept`].
const MAX_READY: usize = 128;
