//! The server of this comparison, with tokio-rustls-acme: its example `low_level_axum`, without the command line and the log.

use rustls::ServerConfig;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio_rustls_acme::{AcmeConfig, caches::DirCache};
use tokio_stream::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut state = AcmeConfig::new(["example.org"])
        .contact_push("mailto:me@example.org")
        .cache(DirCache::new("state"))
        .directory_lets_encrypt(true)
        .state();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(state.resolver());
    let acceptor = state.axum_acceptor(Arc::new(config));
    tokio::spawn(async move { while state.next().await.is_some() {} });
    let app = axum::Router::new().fallback(|| async { "Hello" });
    let addr = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 443));
    Ok(axum_server::bind(addr)
        .acceptor(acceptor)
        .serve(app.into_make_service())
        .await?)
}
