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
//! `account` is missing until the account is registered. `key` is PKCS#8 PEM. Members that are not known
//! are ignored.

use core::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use acme_proto::url::Url;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::atomic::{self, Visibility};
use crate::keys::{KeyError, check_pkcs8_pem};

/// An account as it is kept in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountFile {
    directory: Url,
    account: Option<Url>,
    key_pem: Zeroizing<String>,
}

impl AccountFile {
    /// Describes an account that is to be registered with this key in PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] if it is no such key.
    pub fn new(directory: Url, key_pem: impl Into<Zeroizing<String>>) -> Result<Self, KeyError> {
        let key_pem = key_pem.into();
        check_pkcs8_pem(&key_pem)?;
        Ok(Self { directory, account: None, key_pem })
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
        // The parser's own words may quote the file, and the file holds a key.
        let wrong = |error: serde_json::Error| {
            let what = if error.is_data() { "members are missing or wrong" } else { "no JSON" };
            foreign(format!("{what} (line {}, column {})", error.line(), error.column()))
        };
        let version: Version = serde_json::from_slice(&text).map_err(wrong)?;
        if version.version != VERSION {
            return Err(foreign(format!("it has version {}, not {VERSION}", version.version)));
        }
        let content: Content = serde_json::from_slice(&text).map_err(wrong)?;
        let key_pem = Zeroizing::new(content.key);
        let mut file =
            Self::new(content.directory, key_pem).map_err(|error| foreign(error.to_string()))?;
        file.account = content.account;
        Ok(file)
    }

    /// Writes the file at once, readable by its owner alone.
    ///
    /// # Errors
    ///
    /// [`AccountFileError::Io`]; the file is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), AccountFileError> {
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN));
        let content = ContentRef {
            version: VERSION,
            directory: &self.directory,
            account: self.account.as_ref(),
            key: &self.key_pem,
        };
        let io = |source| AccountFileError::Io { path: path.to_owned(), source };
        serde_json::to_writer_pretty(&mut *text, &content)
            .map_err(|error| io(io::Error::other(error)))?;
        text.push(b'\n');
        atomic::write(path, &text, Visibility::Secret).map_err(io)
    }

    /// Sets the URL of the account, once it is registered.
    pub fn set_account(&mut self, url: Url) {
        self.account = Some(url);
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
        &self.key_pem
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
    #[error("account file {}: {source}; check that it and its directory may be read and written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is something else.
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

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
struct Content {
    directory: Url,
    #[serde(default)]
    account: Option<Url>,
    key: String,
}

#[derive(Serialize)]
struct ContentRef<'a> {
    version: u64,
    directory: &'a Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a Url>,
    key: &'a str,
}

/// Reads a file, one octet further than it may be long.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
    File::open(path)?.take(MAX_LEN as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

const VERSION: u64 = 1;
const MAX_LEN: usize = 64 * 1024;
