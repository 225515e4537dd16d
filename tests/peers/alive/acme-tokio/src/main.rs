//! The server of this comparison, with acme-tokio: its README, with axum.

use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let certificates = acme_tokio::Certificates::in_folder("state")
        .ca(acme_tokio::LETS_ENCRYPT)
        .contact("mailto:me@example.org")
        .agree_to_terms(|_url| true)
        .names(["example.org"])
        .start()
        .await?;
    let app = Router::new().route("/", get(|| async { "Hello" }));
    axum::serve(certificates.listen("[::]:443").await?, app).await?;
    Ok(())
}
