//! The server of this comparison, with certon: its README's manager with maintenance, served by axum.

use axum_server::tls_rustls::RustlsConfig;
use certon::{AcmeIssuer, CertManager, FileStorage, Http01Solver, Storage};
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let storage: Arc<dyn Storage> = Arc::new(FileStorage::new("state"));
    let issuer = AcmeIssuer::builder()
        .storage(storage.clone())
        .email("me@example.org")
        .agreed(true)
        .http01_solver(Arc::new(Http01Solver::default()))
        .build();
    let manager = CertManager::builder()
        .storage(storage)
        .issuers(vec![Arc::new(issuer)])
        .build();
    manager.manage(&["example.org".into()]).await?;
    certon::start_maintenance(&manager);
    let app = axum::Router::new().fallback(|| async { "Hello" });
    let config = RustlsConfig::from_config(Arc::new(manager.server_config()));
    let addr = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 443));
    Ok(axum_server::bind_rustls(addr, config)
        .serve(app.into_make_service())
        .await?)
}
