//! An HTTPS server with axum that obtains, serves and renews its certificate:
//! `cargo run --features axum --example server-axum -- example.org`.
//!
//! The name has to resolve to this machine, and port 443 has to be free: the CA validates there. Accounts, keys and
//! certificates are kept in `state/`, which several processes may share.

use std::env;
use std::error::Error;

use acme_tokio::{Certificates, LETS_ENCRYPT_STAGING};
use axum::Router;
use axum::routing::get;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: server-axum NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let address = env::var("TLS_ADDRESS").unwrap_or_else(|_| "[::]:443".into());

    let certificates = Certificates::in_folder("state")
        .ca(directory)
        .agree_to_terms(|_terms| true)
        .names([name.as_str()])
        .start()
        .await?;
    let state = certificates.clone();
    let app = Router::new()
        .route("/", get(|| async { "hello\n" }))
        .route("/health", get(|| async move { state.health().to_json() }));
    axum::serve(certificates.listen(address).await?, app).await?;
    Ok(())
}
