//! What is known of the CA's server, kept beside the account: it spares a later run the requests for the directory and
//! for a nonce.

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use acme_adapter::atomic::{self, Visibility};
use acme_proto::error::Error as AcmeError;
use acme_proto::session::SessionMemory;

use zeroize::Zeroizing;

use super::Job;
use crate::failure::find_acme;

impl Job {
    /// Returns what earlier runs with this account knew of the CA's server.
    ///
    /// A file that is no such memory is left alone, and is no reason to fail: the CA is asked.
    pub fn memory(&self) -> Option<SessionMemory> {
        let path = self.memory_path()?;
        let warn = |what: String| self.progress.say(&format!("warning: {} {what}", path.display()));
        match load(&path) {
            Ok(Some(memory)) if *memory.directory_url() != self.directory => {
                let other = memory.directory_url();
                warn(format!(
                    "is about {other}: it is not used, and replaced by what this run learns"
                ));
                None
            }
            Ok(found) => found,
            Err(why) => {
                warn(format!("is not used, and left alone: {why}; remove it, or move it away"));
                None
            }
        }
    }

    /// Keeps what is known of the CA's server for later runs, if this one ends well.
    pub fn remember(&self, memory: SessionMemory) {
        *self.learnt() = Some(memory);
    }

    /// Writes what this run learnt; the certificate is stored by now.
    ///
    /// Without it the next run only asks again, so that a file that cannot be written is no reason to fail.
    pub(super) fn save_memory(&self) {
        let (Some(path), Some(memory)) = (self.memory_path(), self.learnt().take()) else { return };
        // `memory` has said what is wrong with a file of somebody else.
        if load(&path).is_err() {
            return;
        }
        let written = serde_json::to_vec_pretty(&memory)
            .map_err(io::Error::from)
            .and_then(|json| atomic::write(&path, &json, Visibility::Secret));
        if let Err(error) = written {
            self.progress.say(&format!(
                "warning: {} cannot be written ({error}): the next run asks the CA again",
                path.display()
            ));
        }
    }

    /// Removes the file after a run that failed: what is outdated in it must not make the next one fail too.
    pub(super) fn forget_memory(&self, error: &(dyn Error + 'static)) {
        let is_of_ca = find_acme(error).is_some_and(|error| {
            !matches!(error, AcmeError::Cancelled | AcmeError::Input(_) | AcmeError::Misuse(_))
        });
        if let Some(path) = self.memory_path().filter(|_| is_of_ca)
            && let Ok(Some(_)) = load(&path)
        {
            let _ = fs::remove_file(path);
        }
    }

    /// Returns the path of the file; an embedded CA is gone at the next run.
    fn memory_path(&self) -> Option<PathBuf> {
        self.embedded.is_none().then(|| beside(self.account().path()))
    }
}

/// Returns the path beside that of an account: `account.json.session` for `account.json`.
///
/// The whole name is in it, or `me` and `me.json` would share a memory.
fn beside(account: &Path) -> PathBuf {
    let mut name = OsString::from(account.file_name().unwrap_or_default());
    name.push(".session");
    account.with_file_name(name)
}

/// Reads a memory; `None` for a file that is missing or empty.
///
/// # Errors
/// Why it is none, and must not be replaced.
fn load(path: &Path) -> Result<Option<SessionMemory>, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        // Whoever opens a pipe waits for its other end.
        Ok(found) if !found.is_file() => return Err("it is no regular file".to_owned()),
        Ok(found) if found.len() == 0 => return Ok(None),
        Ok(found) if found.len() > MAX_LEN => return Err("it is too long".to_owned()),
        Ok(_) => {}
    }
    let mut text = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(MAX_LEN).read_to_end(&mut text));
    read.map_err(|error| error.to_string())?;
    // Whatever else is in it: no key is ever replaced.
    if text.windows(KEY.len()).any(|words| words == KEY) {
        return Err("it holds a private key".to_owned());
    }
    // The parser's message may quote the file, which may be anything.
    let memory = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "it holds no memory of a session (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    Ok(Some(memory))
}

/// What any key in PEM has.
const KEY: &[u8] = b"PRIVATE KEY";

/// More than the directory of any CA takes.
const MAX_LEN: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_whole_name_of_the_accounts_file() {
        for (account, expected) in [
            ("out/account.json", "out/account.json.session"),
            ("me", "me.session"),
            ("me.json", "me.json.session"),
            ("me.session", "me.session.session"),
        ] {
            assert_eq!(beside(Path::new(account)), Path::new(expected));
        }
    }
}
