//! What is known of the CA's server, kept beside the account: it spares a later run the requests for the directory and
//! for a nonce.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use acme_adapter::atomic::{self, Visibility};
use acme_proto::session::SessionMemory;

use super::Job;

impl Job {
    /// Returns what earlier runs with this account knew of the CA's server.
    ///
    /// A file that cannot be used is no reason to fail: the CA is asked again, and [`remember`](Self::remember) replaces
    /// the file.
    pub fn memory(&self) -> Option<SessionMemory> {
        let path = self.memory_path()?;
        load(&path).unwrap_or_else(|error| {
            self.progress.say(&format!(
                "{} cannot be used ({error}): asking the CA again, and replacing it",
                path.display()
            ));
            None
        })
    }

    /// Keeps what is known of the CA's server for later runs.
    ///
    /// Without it these only ask again, so that a file that cannot be written is no reason to fail.
    pub fn remember(&self, memory: &SessionMemory) {
        let Some(path) = self.memory_path() else { return };
        let written = serde_json::to_vec_pretty(memory)
            .map_err(io::Error::from)
            .and_then(|json| atomic::write(&path, &json, Visibility::Secret));
        if let Err(error) = written {
            self.progress.say(&format!(
                "{} cannot be written ({error}): the next run asks the CA again",
                path.display()
            ));
        }
    }

    /// Returns the path of the file; an embedded CA is gone at the next run.
    fn memory_path(&self) -> Option<PathBuf> {
        self.embedded.is_none().then(|| beside(self.account().path()))
    }
}

fn load(path: &Path) -> io::Result<Option<SessionMemory>> {
    match fs::read(path) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the path beside that of an account: `account.session.json` for `account.json`.
fn beside(account: &Path) -> PathBuf {
    let name = account.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    account.with_file_name(format!("{stem}.session.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_after_that_of_the_account() {
        for (account, expected) in [
            ("out/account.json", "out/account.session.json"),
            ("me", "me.session.json"),
            ("me.staging", "me.staging.session.json"),
        ] {
            assert_eq!(beside(Path::new(account)), Path::new(expected));
        }
    }
}
