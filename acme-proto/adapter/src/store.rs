//! The state of an order in a file.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use acme_proto::snapshot::Snapshot;

use crate::atomic::{self, Visibility};

/// A file that holds the latest snapshot of an order while it is in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFile {
    path: PathBuf,
}

impl OrderFile {
    /// Names the file, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the snapshot; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// [`OrderFileError::Foreign`] if the file is not a snapshot.
    pub fn load(&self) -> Result<Option<Snapshot>, OrderFileError> {
        let mut text = Vec::new();
        let read =
            File::open(&self.path).and_then(|file| file.take(MAX_LEN + 1).read_to_end(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io(error)),
            Ok(_) => {}
        }
        let foreign = |why| OrderFileError::Foreign { path: self.path.clone(), why };
        if text.len() as u64 > MAX_LEN {
            return Err(foreign("it is too long".into()));
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| foreign(error.to_string()))
    }

    /// Replaces the snapshot atomically.
    ///
    /// # Errors
    ///
    /// [`OrderFileError::Io`]; the file is then unchanged, or new and not durable: see
    /// [`atomic::write`].
    pub fn save(&self, snapshot: &Snapshot) -> Result<(), OrderFileError> {
        let mut text = serde_json::to_vec_pretty(snapshot)
            .map_err(|error| self.io(io::Error::other(error)))?;
        text.push(b'\n');
        // No secret: without the account key, the URLs and tokens of an order are of no use.
        atomic::write(&self.path, &text, Visibility::Public).map_err(|error| self.io(error))
    }

    /// Removes the file, if there is one, after the order has ended.
    ///
    /// # Errors
    ///
    /// [`OrderFileError::Io`].
    pub fn clear(&self) -> Result<(), OrderFileError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.io(error)),
            _ => Ok(()),
        }
    }

    fn io(&self, source: io::Error) -> OrderFileError {
        OrderFileError::Io { path: self.path.clone(), source }
    }
}

/// Why the state of an order cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderFileError {
    /// The file cannot be read or written.
    #[error("order file {} cannot be read or written; check that it and its directory may be read and written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The file is not a snapshot.
    #[error(
        "{} is no saved order of this program: {why}; name another place, or move the file away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// An order of a hundred names has about 100 KiB.
const MAX_LEN: u64 = 16 << 20;
