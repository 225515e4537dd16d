//! The TLS listener.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::crypto::ring as provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::service::Connection;
use super::shared::Shared;
use super::watched::{Watched, Written};
use crate::authority::WebCertificate;

const MOST_CONNECTIONS: usize = 1024;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_millis(1000);

/// Serves until `stop` fires or its sender is dropped, then waits for the exchanges in flight.
pub(crate) async fn run(
    shared: Arc<Shared>,
    listener: StdListener,
    tls: ServerConfig,
    stop: oneshot::Receiver<()>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    tokio::select! {
        () = accept(&shared, &listener, &acceptor) => {}
        _ = stop => {}
    }
    drop(listener);
    let idle = async {
        while shared.in_flight.load(Ordering::Relaxed) > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = timeout(STOP_TIMEOUT, idle).await;
    // Connections with a response to flush get another turn.
    tokio::task::yield_now().await;
}

/// Makes the TLS configuration of the listener.
pub(crate) fn tls_config(
    certificate: WebCertificate,
    http2: bool,
) -> Result<ServerConfig, rustls::Error> {
    let chain = certificate.chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key));
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(config)
}

async fn accept(shared: &Arc<Shared>, listener: &TcpListener, acceptor: &TlsAcceptor) {
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (shared, acceptor) = (Arc::clone(shared), acceptor.clone());
                tokio::spawn(async move {
                    // The client sees a failed handshake or a broken connection itself.
                    let _ = connection(shared, acceptor, stream).await;
                    drop(slot);
                });
            }
            // Out of file descriptors, for example. Other connections free some soon.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn connection(
    shared: Arc<Shared>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    let written = Arc::new(Written::default());
    let connection = Arc::new(Connection {
        number: shared.connections.fetch_add(1, Ordering::Relaxed) + 1,
        shared: Arc::clone(&shared),
        written: Arc::clone(&written),
        close: Arc::new(Notify::new()),
    });
    let close = Arc::clone(&connection.close);
    let stream = TokioIo::new(Watched::new(stream, shared, written));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new()).max_concurrent_streams(1000);
    let service = service_fn(move |request| Arc::clone(&connection).serve(request));
    tokio::select! {
        _ = server.serve_connection(stream, service) => {}
        () = close.notified() => {}
    }
    Ok(())
}
