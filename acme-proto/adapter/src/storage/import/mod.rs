//! Accounts and certificates of other ACME clients, read from where they keep them.
//!
//! | function | of | usually in |
//! | --- | --- | --- |
//! | [`certbot`] | certbot | `/etc/letsencrypt` |
//! | [`lego`] | lego 4 and 5 | `.lego` |
//! | [`acme_sh`] | acme.sh | `~/.acme.sh` |
//! | [`certmagic`] | certmagic and Caddy 2 | `~/.local/share/caddy` |
//!
//! Nothing is written. Each entry that cannot be used is reported, and the others are returned.
//! Symbolic links are followed, because certbot's certificates are behind them.
//!
//! ```no_run
//! use acme_adapter::storage::{FolderStorage, import, layout, run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = FolderStorage::open("state")?;
//! let found = import::certbot("/etc/letsencrypt");
//! for account in &found.accounts {
//!     if let Some(stored) = account.to_stored() {
//!         run(&storage, layout::save_account(&stored)?)?;
//!     }
//! }
//! for one in &found.certificates {
//!     run(&storage, layout::save_certificate(one.name.as_str(), &one.certificate)?)?;
//! }
//! for problem in &found.problems {
//!     eprintln!("{problem}");
//! }
//! # Ok(())
//! # }
//! ```

mod acme_sh;
mod certbot;
mod certmagic;
mod der;
mod key;
mod lego;

use core::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use acme_proto::url::Url;
use acme_proto::x509::CertificateChain;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use self::acme_sh::acme_sh;
pub use self::certbot::certbot;
pub use self::certmagic::certmagic;
pub use self::key::{InvalidKeyText, pkcs8_from_jwk, pkcs8_from_pem};
pub use self::lego::lego;
use super::Value;
use super::layout::{Damage, StoredAccount, StoredCertificate};
use crate::directories;
use crate::keys::AccountKey;

/// What another client has stored.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Import {
    /// The accounts.
    pub accounts: Vec<ImportedAccount>,
    /// The certificates with their keys.
    pub certificates: Vec<ImportedCertificate>,
    /// The entries that cannot be used.
    pub problems: Vec<ImportProblem>,
}

/// An account of another client.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedAccount {
    /// The directory of its CA; `None` if the client has stored only a part of that URL, and it is
    /// none of the public CAs that are known here. [`place`](Self::place) then says which CA it is.
    pub directory: Option<Url>,
    /// The CA as the client has it in the names of its folders.
    pub place: String,
    /// The URL of the account, if it is stored. Otherwise the CA finds it by its key.
    pub url: Option<Url>,
    /// The contact URLs, if they are stored.
    pub contacts: Vec<String>,
    /// The private key in PKCS#8 PEM.
    pub key_pem: Zeroizing<String>,
    /// The file that the key was read from.
    pub source: PathBuf,
}

impl ImportedAccount {
    /// Returns the account in the form that is stored; `None` without a directory.
    pub fn to_stored(&self) -> Option<StoredAccount> {
        self.to_stored_at(self.directory.clone()?)
    }

    /// Returns the account in the form that is stored, at this directory.
    ///
    /// Returns `None` only if the key is no PKCS#8 PEM, which no import returns.
    pub fn to_stored_at(&self, directory: Url) -> Option<StoredAccount> {
        let stored = StoredAccount::new(directory, self.key_pem.clone()).ok()?;
        let stored = stored.with_contacts(self.contacts.clone());
        Some(match &self.url {
            Some(url) => stored.with_account(url.clone()),
            None => stored,
        })
    }
}

impl From<&ImportedAccount> for AccountKey {
    fn from(account: &ImportedAccount) -> Self {
        Self::from_known(account.key_pem.clone())
    }
}

impl fmt::Debug for ImportedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedAccount")
            .field("directory", &self.directory)
            .field("place", &self.place)
            .field("url", &self.url)
            .field("contacts", &self.contacts)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A certificate of another client, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedCertificate {
    /// What the client calls it: usually its first name.
    pub name: String,
    /// The certificate, its key, and its CA if that is stored.
    pub certificate: StoredCertificate,
    /// The file that the certificate was read from.
    pub source: PathBuf,
}

/// An entry that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} is not imported", path.display())]
pub struct ImportProblem {
    path: PathBuf,
    source: Unusable,
}

impl ImportProblem {
    /// Returns the file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what is wrong with it.
    pub const fn reason(&self) -> &Unusable {
        &self.source
    }
}

/// Why an entry cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// It is longer than anything that belongs there.
    #[error("it is too long")]
    TooLong,
    /// It is not the JSON that belongs there.
    #[error("it is not the JSON that belongs there")]
    Json,
    /// It is no private key that can be used.
    #[error("it is no usable private key")]
    Key(#[from] InvalidKeyText),
    /// The certificate, or the key beside it, cannot be used.
    #[error("it is no usable certificate with its key")]
    Certificate(#[from] Damage),
}

/// The folder of a client, and what was found in it.
struct Reader {
    import: Import,
}

impl Reader {
    fn new() -> Self {
        Self { import: Import::default() }
    }

    fn problem(&mut self, path: &Path, source: impl Into<Unusable>) {
        self.import.problems.push(ImportProblem { path: path.to_owned(), source: source.into() });
    }

    /// Returns the result, or reports the entry.
    fn keep<T>(&mut self, path: &Path, found: Result<T, Unusable>) -> Option<T> {
        found.map_err(|error| self.problem(path, error)).ok()
    }

    /// Returns what is in a folder, in order; a folder that is missing has nothing.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let read = fs::read_dir(folder).and_then(|entries| {
            entries.take(MAX_ENTRIES).map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()
        });
        match read {
            Ok(mut entries) => {
                entries.sort();
                entries
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.problem(folder, error);
                Vec::new()
            }
        }
    }

    fn folders(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut entries = self.entries(folder);
        entries.retain(|entry| entry.is_dir());
        entries
    }

    /// Reports the folder of the client if it is not there.
    fn root(&mut self, root: &Path) {
        if let Err(error) = fs::read_dir(root) {
            self.problem(root, error);
        }
    }

    /// Adds a certificate of two files, which may be in any form of PEM.
    fn certificate(&mut self, name: String, certificate: &Path, key: &Path, ca: Option<Url>) {
        let Some(key_pem) = self.keep(key, read_key(key)) else { return };
        let joined = read(certificate).and_then(|text| {
            let chain = CertificateChain::parse_pem(&text).map_err(Damage::from)?;
            Ok(StoredCertificate::new(chain, key_pem)?)
        });
        let Some(mut found) = self.keep(certificate, joined) else { return };
        if let Some(directory) = ca {
            found = found.with_directory(directory);
        }
        let source = certificate.to_owned();
        self.import.certificates.push(ImportedCertificate { name, certificate: found, source });
    }
}

/// Reads a file, which may hold a key.
fn read(path: &Path) -> Result<Value, Unusable> {
    let mut text = Value::new(Vec::with_capacity(MAX_LEN + 1));
    File::open(path)?.take(MAX_LEN as u64 + 1).read_to_end(&mut text)?;
    if text.len() > MAX_LEN { Err(Unusable::TooLong) } else { Ok(text) }
}

/// Reads JSON that holds no secret.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Unusable> {
    serde_json::from_slice(&read(path)?).map_err(|_| Unusable::Json)
}

fn read_key(path: &Path) -> Result<Zeroizing<String>, Unusable> {
    Ok(pkcs8_from_pem(&read(path)?)?)
}

/// Returns whether a file is missing, and not just unreadable.
fn is_missing<T>(read: &Result<T, Unusable>) -> bool {
    matches!(read, Err(Unusable::Io(error)) if error.kind() == io::ErrorKind::NotFound)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn url(text: &str) -> Option<Url> {
    Url::parse(text).ok()
}

/// Returns the directories of public CAs.
fn known_directories() -> impl Iterator<Item = Url> {
    directories::ALL.iter().filter_map(|ca| url(ca.directory()))
}

const MAX_LEN: usize = 1 << 20;
const MAX_ENTRIES: usize = 100_000;
