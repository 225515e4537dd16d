//! The server of this comparison, with acme-tokio: its README.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = acme_tokio::Certificates::in_folder("state")
        .lets_encrypt("mailto:me@example.org", |_terms| true)
        .names(["example.org"])
        .listen("[::]:443")
        .await?;
    let app = axum::Router::new().fallback(|| async { "Hello" });
    Ok(axum::serve(listener, app).await?)
}
