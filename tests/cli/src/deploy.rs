//! The command that is run after a new certificate, such as to have a server load it.

use core::time::Duration;
use std::path::{self, PathBuf};
use std::process::{Command, Stdio};

use acme_adapter::hook::{self, Ended, Group};
use acme_proto::identifier::Identifier;

use crate::failure::Failure;
use crate::output::{CERTIFICATE, KEY, Output};

/// Runs `--deploy-hook`, with the paths and the names of the certificate in its environment.
///
/// What it writes goes to standard error.
pub(crate) fn run(hook: &str, output: &Output, names: &[Identifier]) -> Result<(), Failure> {
    let failed = |why: String| {
        Failure::deploy(format!(
            "the certificate is in {}, but --deploy-hook {hook:?} {why}; correct it: the next run starts it again",
            output.file(CERTIFICATE).display()
        ))
    };
    let mut words = hook::words(hook).into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(std::io::stderr());
    for (variable, file) in [("ACME_CERT_PATH", CERTIFICATE), ("ACME_KEY_PATH", KEY)] {
        let path = absolute(output.file(file));
        match path.exists() {
            true => command.env(variable, path),
            false => command.env_remove(variable),
        };
    }
    let names: Vec<String> = names.iter().map(Identifier::value).collect();
    command.env("ACME_NAMES", names.join(" "));
    let cannot_run = |error| failed(format!("cannot be run: {error}"));
    let mut group = Group::start(&mut command).map_err(cannot_run)?;
    match group.wait(TIME_LIMIT, || true).map_err(cannot_run)? {
        Ended::Status(status) if status.success() => Ok(()),
        Ended::Status(status) => Err(failed(format!("failed ({status})"))),
        _ => Err(failed(format!("did not end within {} s and was stopped", TIME_LIMIT.as_secs()))),
    }
}

/// Returns a path that holds in whichever folder the hook works.
fn absolute(path: PathBuf) -> PathBuf {
    path::absolute(&path).unwrap_or(path)
}

const TIME_LIMIT: Duration = Duration::from_secs(120);
