//! An account in a file: where it is registered, under which URL, with which key.
//!
//! The file is JSON, and a secret:
//!
//! ```json
//! {
//!   "version": 1,
//!   "directory": "https://ca.example/directory",
//!   "account": "https://ca.example/acct/1",
//!   "key": "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n"
//! }
//! ```
//!
//! `account` is missing until the account is registered. `key` is PKCS#8 PEM. During a key change,
//! `newKey` holds the new key. Unknown members are ignored.

use core::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use acme_proto::pem;
use acme_proto::url::Url;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::atomic::{self, Visibility};
use crate::keys::{AccountKey, KeyError};
use crate::secret_json;

/// An account that is stored in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountFile {
    directory: Url,
    account: Option<Url>,
    key: AccountKey,
}

impl AccountFile {
    /// Describes an account that is not registered yet, with its key in PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] for any other text.
    pub fn new(directory: Url, key_pem: impl Into<Zeroizing<String>>) -> Result<Self, KeyError> {
        let key = AccountKey::from_text(key_pem.into())?;
        Ok(Self { directory, account: None, key })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Names the path, what is wrong with it, and what to do.
    pub fn load(path: &Path) -> Result<Self, AccountFileError> {
        let text =
            read(path).map_err(|source| AccountFileError::Io { path: path.to_owned(), source })?;
        let foreign = |why: String| AccountFileError::Foreign { path: path.to_owned(), why };
        if text.len() > MAX_LEN {
            return Err(foreign("it is too long".into()));
        }
        // The parser's message may quote the file, and the file holds a key.
        let wrong = |error: serde_json::Error| {
            let what = if error.is_data() { "members are missing or wrong" } else { "no JSON" };
            foreign(format!("{what} (line {}, column {})", error.line(), error.column()))
        };
        // The version first: a later version may have members that `Content` does not fit.
        let version: Version = serde_json::from_slice(&text).map_err(wrong)?;
        if version.version != VERSION {
            return Err(foreign(format!("it has version {}, not {VERSION}", version.version)));
        }
        let content: Content<'_> = serde_json::from_slice(&text).map_err(wrong)?;
        let secret = |raw: &RawValue| {
            secret_json::text(raw).ok_or_else(|| foreign("a key in it is no text".into()))
        };
        let mut file = Self::new(content.directory, secret(content.key)?)
            .map_err(|error| foreign(error.to_string()))?;
        file.account = content.account;
        if let Some(new_key) = content.new_key {
            file.set_new_key(secret(new_key)?).map_err(|error| foreign(error.to_string()))?;
        }
        Ok(file)
    }

    /// Writes the file atomically, readable by its owner only.
    ///
    /// An existing file is replaced only if it is empty or has a key in common with this one.
    ///
    /// # Errors
    ///
    /// [`AccountFileError::OtherKey`] and [`AccountFileError::Foreign`] for a file that must not be
    /// replaced, and [`AccountFileError::Io`]; the file is then unchanged, or new and not durable: see
    /// [`atomic::write`].
    pub fn save(&self, path: &Path) -> Result<(), AccountFileError> {
        self.check_replaces(path)?;
        // The whole capacity up front: a buffer that grows would leave copies of the key in memory.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN));
        let content = ContentRef {
            version: VERSION,
            directory: &self.directory,
            account: self.account.as_ref(),
            key: self.key_pem(),
            new_key: self.new_key_pem().map(|pem| pem.as_str()),
        };
        let io = |source| AccountFileError::Io { path: path.to_owned(), source };
        serde_json::to_writer_pretty(&mut *text, &content)
            .map_err(|error| io(io::Error::other(error)))?;
        text.push(b'\n');
        atomic::write(path, &text, Visibility::Secret).map_err(io)
    }

    /// Refuses to replace a file that may hold the only copy of another key, or foreign content.
    fn check_replaces(&self, path: &Path) -> Result<(), AccountFileError> {
        // Such as a file from `mktemp`: there is nothing to lose.
        if fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0) {
            return Ok(());
        }
        match Self::load(path) {
            Ok(there) if there.keys().any(|key| self.keys().any(|own| is_same(own, key))) => Ok(()),
            Ok(_) => Err(AccountFileError::OtherKey { path: path.to_owned() }),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        [Some(self.key_pem()), self.new_key_pem()].into_iter().flatten().map(|pem| pem.as_str())
    }

    /// Adds the new key of a key change beside the current one.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] if it is no private key in PKCS#8 PEM.
    pub fn set_new_key(&mut self, pem: impl Into<Zeroizing<String>>) -> Result<(), KeyError> {
        self.key.set_new(pem.into())
    }

    /// Replaces the key by the new one, after the CA has accepted it.
    pub fn adopt_new_key(&mut self) {
        self.key.adopt_new();
    }

    /// Removes the new key, after the CA has refused it.
    pub fn drop_new_key(&mut self) {
        self.key.drop_new();
    }

    /// Sets the URL of the account, after it is registered.
    pub fn set_account(&mut self, url: Url) {
        self.account = Some(url);
    }

    /// Returns the key, with the new one of an unsettled key change.
    pub(crate) const fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Returns the directory that the account belongs to.
    pub const fn directory(&self) -> &Url {
        &self.directory
    }

    /// Returns the URL of the account, if it is registered.
    pub const fn account(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    /// Returns the private key in PKCS#8 PEM.
    pub const fn key_pem(&self) -> &Zeroizing<String> {
        self.key.pem()
    }

    /// Returns the new private key of an unsettled key change, if there is one.
    pub const fn new_key_pem(&self) -> Option<&Zeroizing<String>> {
        self.key.new_pem()
    }
}

impl fmt::Debug for AccountFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountFile")
            .field("directory", &self.directory)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// Why an account file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountFileError {
    /// The file cannot be read or written.
    #[error("account file {} cannot be read or written; check that it and its directory may be read and written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The file holds the key of another account, which would be overwritten.
    #[error(
        "{} holds another account's key, which is kept: name another file, or move this one away",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is not an account file.
    #[error(
        "{} is no account file of this program: {why}; name another file, or move this one away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        why: String,
    },
}

impl AccountFileError {
    /// Returns whether there is no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl From<&AccountFile> for AccountKey {
    fn from(file: &AccountFile) -> Self {
        file.key().clone()
    }
}

impl From<AccountFile> for AccountKey {
    fn from(file: AccountFile) -> Self {
        Self::from(&file)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The members of the file. The keys are borrowed as raw JSON, so that serde makes no copy of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    directory: Url,
    #[serde(default)]
    account: Option<Url>,
    #[serde(borrow)]
    key: &'a RawValue,
    #[serde(borrow, default)]
    new_key: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentRef<'a> {
    version: u64,
    directory: &'a Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a Url>,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_key: Option<&'a str>,
}

/// Returns whether two texts are the same key, whatever their line ends.
fn is_same(one: &str, other: &str) -> bool {
    let der = |pem: &str| pem::decode_one(pem.as_bytes(), "PRIVATE KEY").map(Zeroizing::new).ok();
    der(one) == der(other)
}

/// Reads a file up to one octet above the maximum length, which shows that it is too long.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
    File::open(path)?.take(MAX_LEN as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

const VERSION: u64 = 1;
const MAX_LEN: usize = 64 * 1024;
