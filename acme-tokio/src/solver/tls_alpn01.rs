//! tls-alpn-01 (RFC 8737): answering a validation, which is a handshake.

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
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.shutdown().await;
            }
        }
    };
    Listener::bind(address, serve).await
}
