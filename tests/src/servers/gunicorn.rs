//! Servers in Python: a WSGI application under gunicorn, with TLS.

use std::ffi::OsStr;

use super::resolved::{free_address, start_resolved};
use super::site::{Site, Stage};
use super::{Server, free_port};
use crate::install::PythonServer;

/// Starts an application of a package; `prepare` writes its files and says its environment.
pub(super) fn start_gunicorn(
    package: PythonServer,
    name: &'static str,
    application: &str,
    prepare: impl FnOnce(&Stage, &mut Site) -> std::io::Result<Vec<(&'static str, String)>>,
) -> Result<Server, String> {
    let io = |error: std::io::Error| error.to_string();
    let environment = package.install();
    let stage = Stage::set(name, free_address(), 53)?;
    let dir = stage.scratch.path().to_owned();
    let port = free_port();
    let url = format!("https://127.0.0.1:{port}/directory");
    let mut site = stage.site(name, package.version(), &url);
    let mut variables = prepare(&stage, &mut site).map_err(io)?;
    variables.push(("PYTHONPATH", package.source().display().to_string()));
    variables.push(("PYTHONDONTWRITEBYTECODE", "1".to_owned()));

    let (certificate, key) = (dir.join("web.pem"), dir.join("web.key"));
    let listen = format!("127.0.0.1:{port}");
    let mut line = vec![OsStr::new("--chdir"), dir.as_os_str()];
    line.extend(["-w", "1", "--threads", "8", "-b", &listen, "--certfile"].map(OsStr::new));
    line.extend([certificate.as_os_str(), OsStr::new("--keyfile"), key.as_os_str()]);
    line.push(OsStr::new(application));
    let program = environment.join("bin").join("gunicorn");
    let log = dir.join(format!("{name}.log"));
    let resolver = stage.dns.server.ip();
    let process = start_resolved(&dir, resolver, &program, line, variables, &log).map_err(io)?;
    stage.serve(site, process)
}
