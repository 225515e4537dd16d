//! The account file: the account's key, the CA's directory, and the account URL once there is one.

use std::fs;
use std::path::{Path, PathBuf};

use acme_adapter::account_file::AccountFile;
use acme_adapter::keys::{self, AccountKey, KeyKind};
use acme_adapter::lock::Lock;
use acme_proto::url::Url;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::locking;

/// An account and its file, locked for this run.
#[derive(Debug)]
pub(crate) struct Account {
    path: PathBuf,
    file: AccountFile,
    _lock: Lock,
}

impl Account {
    /// Reads the file, or generates a key for a new one. [`save`](Self::save) writes it.
    ///
    /// `embedded` is true if `directory` is that of the embedded CA, which has no accounts yet.
    pub(crate) fn open(path: PathBuf, directory: &Url, embedded: bool) -> Result<Self, Failure> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| {
                let parent = parent.display();
                Failure::failed(format!(
                    "the directory {parent} cannot be made: {error}; give another --account FILE"
                ))
            })?;
        }
        let lock = locking::acquire(&path).map_err(|error| Failure::failed(error.to_string()))?;
        // A file that cannot be examined counts as existing, so that it is never overwritten.
        let found = path.try_exists().unwrap_or(true);
        let file = if found { load(&path)? } else { Self::create(directory)? };
        let file = if file.directory() == directory {
            file
        } else if embedded && is_embedded(file.directory(), directory) {
            // The earlier CA is gone with its accounts. The key stays, the account URL does not.
            describe(directory, file.key_pem().clone())?
        } else {
            return Err(Failure::failed(format!(
                "the account file {} belongs to {} and not to {directory}; give that --directory, or another --account FILE",
                path.display(),
                file.directory()
            )));
        };
        Ok(Self { path, file, _lock: lock })
    }

    fn create(directory: &Url) -> Result<AccountFile, Failure> {
        let key = keys::generate(KeyKind::Es256);
        describe(directory, key.map_err(|error| Failure::failed(error.to_string()))?)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn url(&self) -> Option<&Url> {
        self.file.account()
    }

    /// Returns the account's key, with the new key of an unfinished key change.
    pub(crate) fn key(&self) -> AccountKey {
        AccountKey::from(&self.file)
    }

    /// Writes the file. Written before the registration, a crash cannot lose the account's key.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.file.save(&self.path).map_err(|error| Failure::failed(error.to_string()))
    }

    /// Adds the account URL to the file.
    pub(crate) fn registered(&mut self, url: &Url) -> Result<(), Failure> {
        self.file.set_account(url.clone());
        self.save()
    }
}

fn describe(directory: &Url, key: Zeroizing<String>) -> Result<AccountFile, Failure> {
    AccountFile::new(directory.clone(), key).map_err(|error| Failure::failed(error.to_string()))
}

fn load(path: &Path) -> Result<AccountFile, Failure> {
    AccountFile::load(path).map_err(|error| Failure::failed(error.to_string()))
}

/// Returns whether `url` is the directory of an earlier run's embedded CA: its URL differs from the
/// `current` one in the port alone.
fn is_embedded(url: &Url, current: &Url) -> bool {
    url.host() == current.host() && url.path_and_query() == current.path_and_query()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_embedded_ca_of_an_earlier_run_is_taken_for_one() {
        let url = |text| Url::parse(text).unwrap();
        let current = url("https://127.0.0.1:4000/directory");
        assert!(is_embedded(&url("https://127.0.0.1:5000/directory"), &current));
        assert!(!is_embedded(&url("https://127.0.0.1:14000/dir"), &current));
        assert!(!is_embedded(&url("https://ca.example/directory"), &current));
    }
}
