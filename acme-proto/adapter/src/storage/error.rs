//! Why something cannot be stored or read.

use std::io;
use std::path::PathBuf;

use super::Key;
use crate::keys::KeyError;

/// Why a storage failed; `Display` is one line that names the place and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A file or folder cannot be read or written.
    #[error("{} cannot be read or written; check its owner, its mode and the space on its disk", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A folder can be written by everyone, so anyone could replace what is in it.
    #[error("{} can be written by every user; take that right away with `chmod o-w`", path.display())]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
    /// There is a symbolic link, or something else that is neither a file nor a folder.
    #[error("{} is no plain file or folder, and may lead out of the storage; remove it", path.display())]
    NotPlain {
        /// The file.
        path: PathBuf,
    },
    /// The value is longer than [`MAX_VALUE_LEN`](super::MAX_VALUE_LEN).
    #[error("the value of {key} is too long to be one of this program; move it away")]
    TooLong {
        /// The key.
        key: Key,
    },
    /// Someone else holds the lock, and did not release it in time.
    #[error("{key} is in use by another process or task; try again when that has ended")]
    Locked {
        /// The name of the lock.
        key: Key,
    },
    /// The storage was written by another version of this program.
    #[error(
        "the storage has layout {found}, and this program knows layout {known}; use the program that wrote it, or another storage"
    )]
    Version {
        /// What the storage says.
        found: String,
        /// What this program writes.
        known: u64,
    },
    /// There is another account at this CA, whose key would be overwritten.
    #[error("{key} is another account's key, which is kept; use another storage, or move it away")]
    OtherAccount {
        /// The key of that account.
        key: Key,
    },
    /// A key cannot be generated.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A value cannot be encoded, which is a fault of its type.
    #[error("a value cannot be encoded as JSON")]
    Encode {
        /// What the encoder says.
        source: serde_json::Error,
    },
    /// A storage of another kind failed.
    #[error("the storage failed at {key}")]
    Other {
        /// The key.
        key: Key,
        /// What it says.
        source: Box<dyn core::error::Error + Send + Sync>,
    },
}

impl StorageError {
    /// Wraps the error of a storage of another kind, such as a database.
    pub fn other(key: &Key, source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self::Other { key: key.clone(), source: source.into() }
    }

    pub(super) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
