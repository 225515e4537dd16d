//! step-ca, the CA of smallstep.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::issuing_ca::IssuingCa;
use super::site::{Stage, start_with};
use super::{LOCALHOST, Process, Server, free_port, loopback};
use crate::install::{GoProgram, install_eab_tool};

/// The key that [`step_ca_with_external_accounts`] accepts.
const EXTERNAL_ACCOUNT: (&str, &str) =
    ("step-kid-1", "c3RlcC1jYSdzIE1BQyBrZXkgb2YgMzIgYnl0ZXMhISE");

/// Starts step-ca with an ACME provisioner that everybody may use.
///
/// # Panics
///
/// If it cannot be installed or started.
pub fn step_ca() -> Server {
    start_with("step-ca", || try_start("acme"))
}

/// Starts step-ca with an ACME provisioner that demands external account binding.
///
/// # Panics
///
/// If it cannot be installed or started.
pub fn step_ca_with_external_accounts() -> Server {
    start_with("step-ca", || try_start("eab"))
}

fn try_start(provisioner: &str) -> Result<Server, String> {
    let io = |error: std::io::Error| error.to_string();
    let stage = Stage::set("step-ca", LOCALHOST, free_port())?;
    let dir = stage.scratch.path().to_owned();
    let ca = IssuingCa::generate();
    let [acme, http, tls] = [free_port(), free_port(), free_port()];
    for (name, content) in [
        ("root.pem", ca.root_pem()),
        ("intermediate.pem", ca.intermediate_pem()),
        ("intermediate.key", ca.intermediate_key_pem()),
        ("ca.json", &configuration(&dir, acme)),
    ] {
        fs::write(dir.join(name), content).map_err(io)?;
    }
    add_external_account(&dir)?;

    let [http_flag, tls_flag] = [http, tls].map(|port| port.to_string());
    let (config, dns) = (dir.join("ca.json"), stage.dns.server.to_string());
    let mut line = vec![config.as_os_str()];
    line.extend(["--insecure", "--resolver", &dns, "--acme-http-port", &http_flag].map(OsStr::new));
    line.extend(["--acme-tls-port", &tls_flag].map(OsStr::new));
    let program = GoProgram::STEP_CA.install();
    let process = Process::start(&program, line, [], &dir.join("step-ca.log")).map_err(io)?;

    let url = format!("https://127.0.0.1:{acme}/acme/{provisioner}/directory");
    let mut site = stage.site("step-ca", GoProgram::STEP_CA.version(), &url);
    site.web_root = ca.root_pem().to_owned();
    site.issuer_roots = vec![ca.root_pem().to_owned()];
    site.http = loopback(http);
    site.tls = loopback(tls);
    if provisioner == "eab" {
        let (kid, key) = EXTERNAL_ACCOUNT;
        site.external_account = Some((kid.to_owned(), key.to_owned()));
    }
    stage.serve(site, process)
}

/// The configuration file: two provisioners, and a database that [`add_external_account`] can write.
fn configuration(dir: &Path, port: u16) -> String {
    json!({
        "root": dir.join("root.pem"),
        "crt": dir.join("intermediate.pem"),
        "key": dir.join("intermediate.key"),
        "address": format!("127.0.0.1:{port}"),
        "dnsNames": ["127.0.0.1", "localhost"],
        "logger": {"format": "text"},
        "db": {"type": "bbolt", "dataSource": dir.join("db")},
        "authority": {"provisioners": [
            {
                "type": "ACME",
                "name": "acme",
                "termsOfService": "https://localhost/terms",
                "website": "https://localhost",
                "caaIdentities": ["localhost"],
                "claims": {"maxTLSCertDuration": "2160h", "defaultTLSCertDuration": "24h"},
            },
            {"type": "ACME", "name": "eab", "requireEAB": true},
        ]},
    })
    .to_string()
}

/// Writes the key into the database, which is not open yet: there is no API for it.
fn add_external_account(dir: &Path) -> Result<(), String> {
    let (kid, key) = EXTERNAL_ACCOUNT;
    let mut tool = Command::new(install_eab_tool());
    let output = tool.arg(dir.join("db")).args([kid, key]).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("step-ca-eab: {}", String::from_utf8_lossy(&output.stderr)))
}
