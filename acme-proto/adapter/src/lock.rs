//! One process at a time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Keeps other processes, and other handles in this one, from using a file at the same time.
///
/// It is an advisory lock on a file beside it (`account.json.lock` for `account.json`), which the
/// operating system lets go when the process ends, however it ends. The empty lock file stays: removing
/// it would let two processes hold a lock on two files of one name. Where the file is a symbolic link, the
/// lock is beside its target, so that all its names share one lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock for `path`, which need not exist, or fails at once.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] if someone else has it.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
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
        /// What the operating system said.
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
