//! `health.json`, which says how the certificates are, and what reads it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acme_adapter::atomic::{self, Visibility};
use acme_adapter::clock;
use acme_adapter::keeper::Health;
use acme_adapter::lock::{Lock, LockError};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::progress::plain;

/// Returns the path whose lock the daemon holds.
pub(super) fn lock_path(folder: &Path) -> PathBuf {
    folder.join("daemon")
}

/// Writes the state of all certificates.
pub(super) fn write(folder: &Path, healths: &[Health]) -> io::Result<()> {
    let certificates = healths.iter().flat_map(|health| &health.certificates);
    let value = json!({
        "isHealthy": healths.iter().all(|health| health.is_healthy),
        "at": clock::wall(),
        "certificates": certificates.collect::<Vec<_>>(),
    });
    let text = format!("{value:#}\n");
    atomic::write(&folder.join(FILE), text.as_bytes(), Visibility::Secret)
}

/// Prints the state of the daemon and its certificates; the exit code is 0 if it runs and all of them are well.
pub(super) fn print(folder: &Path) -> Result<ExitCode, Failure> {
    let path = folder.join(FILE);
    let failed = |what: String| {
        Failure::failed(format!("{}: {what}; start the daemon with this file", path.display()))
    };
    let text = fs::read(&path).map_err(|error| failed(error.to_string()))?;
    let health: Value = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
    let runs = matches!(Lock::acquire(&lock_path(folder)), Err(LockError::Held { .. }));
    let is_healthy = health["isHealthy"] == true;
    let mut lines = vec![format!(
        "the daemon {}, and {}",
        if runs { "runs" } else { "does not run" },
        if is_healthy { "all certificates are well" } else { "a certificate is not well" },
    )];
    for one in health["certificates"].as_array().into_iter().flatten() {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        let mut line = format!("{}: {}", text("name"), text("state"));
        let words = [
            ("notAfter", "until"),
            ("renewAt", "renewal due at"),
            ("nextAttempt", "next attempt at"),
        ];
        for (key, word) in words {
            if let Some(at) = text(key).get(..SECONDS) {
                line += &format!(", {word} {at}Z");
            }
        }
        if !text("lastError").is_empty() {
            line += &format!(", last error: {}", plain(text("lastError")));
        }
        lines.push(line);
    }
    println!("{}", lines.join("\n"));
    Ok(ExitCode::from(if runs && is_healthy { 0 } else { Failure::FAILED }))
}

const FILE: &str = "health.json";
/// The length of a time without what is shorter than a second.
const SECONDS: usize = 19;
