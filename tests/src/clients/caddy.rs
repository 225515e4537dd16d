//! Caddy, a web server that gets its certificates itself.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use acme_adapter::storage::import;
use serde_json::{Value, json};

use super::case::{Case, EAB_KEY, EAB_KID, PROFILE};
use super::matrix::Client;
use super::row::Row;
use super::{chain, imported};
use crate::install::GoProgram;
use crate::servers::{Process, free_port};

const PATIENCE: Duration = Duration::from_secs(60);

/// Caddy, with certmagic and acmez.
#[derive(Clone, Copy, Debug)]
pub struct Caddy;

impl Caddy {
    fn start(self, case: &Case, config: &Value) -> Result<Process, String> {
        let config = case.write("caddy.json", &config.to_string());
        let arguments = ["run", "--config", &config].map(OsStr::new);
        // What it finds in HOME and its relatives is the case's own.
        let home = case.file("home").display().to_string();
        let variables =
            [("HOME", home.clone()), ("XDG_CONFIG_HOME", home.clone()), ("XDG_DATA_HOME", home)];
        let log = case.file("caddy.log");
        Process::start(&GoProgram::CADDY.install(), arguments, variables, &log)
            .map_err(|e| e.to_string())
    }
}

/// Returns Caddy's configuration for a row: obtain one certificate, and serve it on `port` if there is one.
fn config(row: Row, case: &Case, port: Option<u16>) -> Value {
    let mut issuer = json!({
        "module": "acme",
        "ca": case.ca().directory_url(),
        "email": "first@example.test",
        "trusted_roots_pem_files": [case.root_file()],
        "challenges": {
            "bind_host": "127.0.0.1",
            "http": { "alternate_port": case.http_port(), "disabled": row == Row::TlsAlpn01 },
            "tls-alpn": { "alternate_port": case.ca().tls_port(), "disabled": row != Row::TlsAlpn01 },
        },
    });
    match row {
        Row::Eab => issuer["external_account"] = json!({ "key_id": EAB_KID, "mac_key": EAB_KEY }),
        Row::Profile => issuer["profile"] = json!(PROFILE),
        Row::NotAfter => issuer["certificate_lifetime"] = json!("168h"),
        Row::Chain => {
            issuer["preferred_chains"] =
                json!({ "root_common_name": [case.alternate_root_name()] });
        }
        _ => {}
    }
    let mut apps = json!({ "tls": {
        "certificates": { "automate": case.names() },
        "disable_ocsp_stapling": true,
        "automation": { "policies": [{ "issuers": [issuer] }], "renew_interval": "1s" },
    }});
    if let Some(port) = port {
        apps["http"] = json!({ "servers": { "it": {
            "listen": [format!("127.0.0.1:{port}")],
            "protocols": ["h1"],
            "automatic_https": { "disable_redirects": true },
            "tls_connection_policies": [{}],
            "routes": [{
                "match": [{ "host": case.names() }],
                "handle": [{ "handler": "static_response", "body": "it serves" }],
            }],
        }}});
    }
    json!({
        "admin": { "disabled": true },
        "storage": { "module": "file_system", "root": case.file("storage") },
        "apps": apps,
    })
}

/// Returns the certificate that Caddy has stored.
fn stored(case: &Case) -> Option<Vec<u8>> {
    let name = case.names()[0];
    let issuers = fs::read_dir(case.file("storage/certificates")).ok()?;
    let file = |dir: &Path| dir.join(name).join(format!("{name}.crt"));
    issuers.flatten().find_map(|entry| fs::read(file(&entry.path())).ok())
}

/// Asks the running Caddy for a page, and verifies the certificate that it shows.
fn visit(case: &Case, port: u16) -> Result<(), String> {
    let mut stream = chain::connect(port, case.ca().root_pem(), case.names()[0])?;
    let request =
        format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", case.names()[0]);
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    // Whether it closes TLS properly is no matter here.
    let _ = stream.read_to_string(&mut answer);
    if answer.ends_with("it serves") { Ok(()) } else { Err(format!("it answered {answer:?}")) }
}

impl Client for Caddy {
    fn name(&self) -> &'static str {
        "caddy"
    }

    fn version(&self) -> &'static str {
        GoProgram::CADDY.version()
    }

    fn install(&self) {
        GoProgram::CADDY.install();
    }

    fn lacks(&self, row: Row) -> Option<&'static str> {
        match row {
            Row::Names => Some("a certificate for each name"),
            Row::Dns01 => Some("no DNS provider in the standard build"),
            Row::PreAuthorization => Some("no newAuthz"),
            Row::Authorization => Some("deactivates authorizations only after a failure"),
            Row::Orders => Some("no list of orders"),
            Row::Update | Row::Rollover | Row::Deactivate => Some("no command for accounts"),
            Row::Replaces => Some("sends no `replaces`"),
            Row::Revoke | Row::RevokeKey => Some("no command for revocation"),
            _ => None,
        }
    }

    fn run(&self, row: Row, case: &Case) -> Result<(), String> {
        let port = (row == Row::Serves).then(free_port);
        let config = config(row, case, port);
        let mut caddy = self.start(case, &config)?;
        let log = case.file("caddy.log");
        if row == Row::Failure {
            let failed = || {
                let log = fs::read_to_string(&log).ok()?;
                log.contains("could not get certificate from issuer").then_some(log)
            };
            return Err(caddy.wait_until(PATIENCE, failed)?);
        }
        let first = caddy.wait_until(PATIENCE, || stored(case))?;
        fs::write(case.chain(), &first).map_err(|error| error.to_string())?;
        if let Some(port) = port {
            let shown = || visit(case, port).ok();
            caddy.wait_until(PATIENCE, shown)?;
        }
        if row == Row::Renewal {
            case.end_renewal_windows();
            let second = || stored(case).filter(|second| *second != first);
            let second = caddy.wait_until(PATIENCE, second)?;
            fs::write(case.chain(), second).map_err(|error| error.to_string())?;
        }
        // It writes the key and the account beside the certificate, in an order of its own.
        let check = || imported::check(&import::certmagic(case.file("storage")), case);
        caddy.wait_until(PATIENCE, || check().ok()).map_err(|late| check().err().unwrap_or(late))
    }
}
