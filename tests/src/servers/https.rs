//! A plain HTTPS GET, for readiness checks and management endpoints.

use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Fetches a URL whose certificate is under the root `root_pem`, and returns the body of a 2xx answer.
///
/// # Errors
///
/// What the HTTP client says, with the URL.
pub fn get(url: &str, root_pem: &str) -> Result<String, String> {
    let failed = |error: ureq::Error| format!("GET {url}: {error}");
    let root = Certificate::from_pem(root_pem.as_bytes()).map_err(failed)?;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .new_agent();
    agent.get(url).call().and_then(|mut answer| answer.body_mut().read_to_string()).map_err(failed)
}
