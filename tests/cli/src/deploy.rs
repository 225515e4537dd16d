//! The command that is run after a new certificate, such as to have a server load it.

use core::time::Duration;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};

use acme_adapter::hook::{self, Ended, Group};
use acme_proto::identifier::Identifier;

/// A certificate to deploy, and the command that does so.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    pub(crate) hook: &'a str,
    pub(crate) names: &'a [Identifier],
    pub(crate) certificate: PathBuf,
    pub(crate) key: Option<PathBuf>,
    /// The key, the certificate and its issuers in one file.
    pub(crate) bundle: Option<PathBuf>,
}

/// Runs the command, with the paths and the names of the certificate in its environment, for as long as it is wanted.
///
/// What it writes goes to standard error.
///
/// # Errors
/// How it failed, such as "failed (exit status: 1)".
pub(crate) fn run(deployment: &Deployment<'_>, wanted: impl Fn() -> bool) -> Result<(), String> {
    let mut words = hook::words(deployment.hook).into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(std::io::stderr());
    let files = [
        ("ACME_CERT_PATH", Some(&deployment.certificate)),
        ("ACME_KEY_PATH", deployment.key.as_ref()),
        ("ACME_BUNDLE_PATH", deployment.bundle.as_ref()),
    ];
    for (variable, file) in files {
        match file.map(|file| absolute(file)).filter(|path| path.exists()) {
            Some(path) => command.env(variable, path),
            None => command.env_remove(variable),
        };
    }
    let names: Vec<String> = deployment.names.iter().map(Identifier::value).collect();
    // A service of systemd alone speaks for itself.
    command.env("ACME_NAMES", names.join(" ")).env_remove("NOTIFY_SOCKET");
    let cannot_run = |error| format!("cannot be run: {error}");
    let mut group = Group::start(&mut command).map_err(cannot_run)?;
    match group.wait(TIME_LIMIT, wanted).map_err(cannot_run)? {
        Ended::Status(status) if status.success() => Ok(()),
        Ended::Status(status) => Err(format!("failed ({status})")),
        Ended::Stopped => Err("was stopped".to_owned()),
        _ => Err(format!("did not end within {} s and was stopped", TIME_LIMIT.as_secs())),
    }
}

/// Returns a path that holds in whichever folder the hook works.
fn absolute(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

const TIME_LIMIT: Duration = Duration::from_secs(120);
