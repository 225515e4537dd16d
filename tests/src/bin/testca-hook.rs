//! A dns hook for `acme-testca`: `testca-hook ORIGIN ROOT.pem present|cleanup NAME VALUE`.
//!
//! `ORIGIN` is that of the CA's URLs, such as `https://127.0.0.1:4000`, and `ROOT.pem` the root of its
//! HTTPS endpoint.

use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("testca-hook: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let &[origin, root, action, name, value] = arguments else {
        return Err("usage: testca-hook ORIGIN ROOT.pem present|cleanup NAME VALUE".to_owned());
    };
    let root = fs::read(root).map_err(|error| format!("{root}: {error}"))?;
    let path = match action {
        "present" => "set-txt",
        "cleanup" => "clear-txt",
        _ => return Err(format!("{action}: neither present nor cleanup")),
    };
    let record = serde_json::json!({ "host": name, "value": value }).to_string();
    post(&format!("{origin}/management/{path}"), &root, &record)
        .map_err(|error| format!("{action} {name}: {error}"))
}

fn post(url: &str, root: &[u8], body: &str) -> Result<(), ureq::Error> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(root)?]))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .new_agent();
    agent.post(url).send(body).map(drop)
}
