//! Caddy's `acme_server`: smallstep's ACME code behind Caddy's own CA.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::resolved::{free_address, start_resolved};
use super::site::{Stage, start_with};
use super::{Server, free_port};
use crate::install::GoProgram;

/// Starts Caddy as an ACME server.
///
/// # Panics
///
/// If it cannot be installed or started; it needs root.
pub fn caddy() -> Server {
    start_with("Caddy", try_start)
}

fn try_start() -> Result<Server, String> {
    let io = |error: std::io::Error| error.to_string();
    let stage = Stage::set("caddy", free_address(), 53)?;
    let dir = stage.scratch.path().to_owned();
    let port = free_port();
    let config = dir.join("caddy.json");
    let resolver = stage.dns.server.to_string();
    fs::write(&config, configuration(&dir, port, &resolver)).map_err(io)?;
    let home = |name: &str| dir.join(name).display().to_string();
    let variables = [
        ("HOME", home("home")),
        ("XDG_DATA_HOME", home("data")),
        ("XDG_CONFIG_HOME", home("config")),
    ];
    let program = GoProgram::CADDY.install();
    let line = [OsStr::new("run"), OsStr::new("--config"), config.as_os_str()];
    let log = dir.join("caddy.log");
    let resolver = stage.dns.server.ip();
    let process = start_resolved(&dir, resolver, &program, line, variables, &log).map_err(io)?;

    let url = format!("https://127.0.0.1:{port}/acme/local/directory");
    let site = stage.site("Caddy", GoProgram::CADDY.version(), &url);
    let mut server = stage.serve(site, process)?;
    let root = dir.join("storage").join("pki").join("authorities").join("local").join("root.crt");
    server.site.issuer_roots = vec![fs::read_to_string(root).map_err(io)?];
    Ok(server)
}

/// The configuration; without `install_trust: false`, Caddy would change which roots the system trusts.
fn configuration(dir: &Path, port: u16, resolver: &str) -> String {
    let handler = json!({
        "handler": "acme_server",
        "ca": "local",
        "resolvers": [resolver],
        "challenges": ["http-01", "dns-01", "tls-alpn-01"],
        "lifetime": "48h",
        "policy": {"allow_wildcard_names": true},
    });
    let server = json!({
        "listen": [format!("127.0.0.1:{port}")],
        "protocols": ["h1", "h2"],
        "automatic_https": {"disable": true},
        "tls_connection_policies": [{"default_sni": "localhost", "fallback_sni": "localhost"}],
        "routes": [{"handle": [handler]}],
    });
    let files = json!([{"certificate": dir.join("web.pem"), "key": dir.join("web.key")}]);
    json!({
        "admin": {"disabled": true},
        "storage": {"module": "file_system", "root": dir.join("storage")},
        "apps": {
            "pki": {"certificate_authorities": {
                "local": {"name": "acme-tests Caddy", "install_trust": false},
            }},
            "tls": {"certificates": {"load_files": files}},
            "http": {"servers": {"acme": server}},
        },
    })
    .to_string()
}
