//! tls-alpn-01 (RFC 8737): the TLS side of a validation, which is a handshake and nothing more.

use std::sync::Arc;

use acme_adapter::error::Error;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::listener::{Listener, ToSocketAddrs};

pub(super) async fn listen(
    address: impl ToSocketAddrs,
    config: Arc<ServerConfig>,
) -> Result<Listener, Error> {
    let acceptor = TlsAcceptor::from(config);
    let serve = move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // No data follows the handshake (RFC 8737 section 4). `shutdown` sends close_notify.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.shutdown().await;
            }
        }
    };
    Listener::bind(address, serve).await
}
