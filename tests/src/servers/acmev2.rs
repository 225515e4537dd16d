//! acmev2, a server library in Python, with the server of its own tests.

use std::fs;

use super::Server;
use super::gunicorn::start_gunicorn;
use super::site::start_with;
use crate::install::PythonServer;

/// The key that [`acmev2_with_external_accounts`] accepts.
const EXTERNAL_ACCOUNT: (&str, &str) =
    ("acmev2-kid-1", "YWNtZXYyJ3MgTUFDIGtleSBvZiAzMiBieXRlcyEhISE");

/// Starts the server of acmev2's own tests.
///
/// # Panics
///
/// If it cannot be installed or started; it needs root.
pub fn acmev2() -> Server {
    start_with("acmev2", || start_acmev2(None))
}

/// Starts the server of acmev2's own tests so that it demands external account binding.
///
/// # Panics
///
/// If it cannot be installed or started; it needs root.
pub fn acmev2_with_external_accounts() -> Server {
    start_with("acmev2", || start_acmev2(Some(EXTERNAL_ACCOUNT)))
}

fn start_acmev2(external_account: Option<(&str, &str)>) -> Result<Server, String> {
    let mut server =
        start_gunicorn(PythonServer::ACMEV2, "acmev2", "server:app", |stage, site| {
            let mut variables = vec![
                ("ACME_ROOT_URL", site.directory_url.replace("/directory", "/acme")),
                ("ACME_ROOT_FILE", stage.scratch.path().join("root.pem").display().to_string()),
                ("ACMEV2_CHALLENGES_AVAILABLE", r#"["http-01","dns-01"]"#.to_owned()),
                ("ACMEV2_DNS_CHALLENGE_NAMESERVERS", format!("[\"{}\"]", stage.dns.server)),
                ("ACMEV2_AUTHORIZATION_CLIENT_DELAY", "1".to_owned()),
            ];
            if let Some((kid, key)) = external_account {
                variables.push(("ACMEV2_EAB_REQUIRED", "true".to_owned()));
                variables.push(("ACME_EAB_KID", kid.to_owned()));
                variables.push(("ACME_EAB_KEY", key.to_owned()));
                site.external_account = Some((kid.to_owned(), key.to_owned()));
            }
            Ok(variables)
        })?;
    let root = fs::read_to_string(server.scratch.path().join("root.pem"));
    server.site.issuer_roots = vec![root.map_err(|error| error.to_string())?];
    Ok(server)
}
