//! A lock file, which admits one process at a time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Keeps other processes, and other handles in this one, from using a file at the same time.
///
/// It is an advisory lock on a file beside it (`account.json.lock` for `account.json`). The
/// operating system releases it when the process ends, even by a crash. The empty lock file stays:
/// if it were removed, a process that waits with the old file open and one that creates a new file
/// could both hold a lock. If the file is a symbolic link, the lock file is beside the target, so
/// that all names of a file share one lock.
#[derive(Debug)]
pub struct Lock {
    /// Closing it releases the lock.
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock for `path`, which need not exist, or fails without waiting.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] if someone else holds it.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        // Appended, and not `with_extension`: `a.json` and `a.toml` are different files.
        let mut name = OsString::from(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        name.push(".lock");
        let lock = PathBuf::from(name);
        let io = |source| LockError::Io { path: lock.clone(), source };
        let file = options().open(&lock).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file, path: path.to_owned() }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Returns the path that the lock is for.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Why a lock was not obtained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Someone else holds it.
    #[error("{} is in use by another process: wait until it has ended, then try again", path.display())]
    Held {
        /// The path that the lock is for.
        path: PathBuf,
    },
    /// The lock file cannot be created or locked.
    #[error("cannot lock {}; make the directory exist and writable", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options
}
