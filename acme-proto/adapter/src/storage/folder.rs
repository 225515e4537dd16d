//! A storage in a folder.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Key, LockGuard, MAX_VALUE_LEN, Storage, StorageError, Value};
use crate::atomic::{self, Visibility};
use crate::lock::{Lock, LockError};

/// A storage in a folder: the path of each file is its key.
///
/// Folders have mode 0700 and files 0600. A value is written to a temporary file beside it, flushed,
/// and renamed; then its folder is flushed, and an error of any of these is returned. Locks are
/// those of the operating system, on empty files in `.locks`, which stay. Any number of processes
/// may share the folder, on one machine or over a network file system with locks.
///
/// A symbolic link below the folder is refused, never followed. Clones are cheap.
#[derive(Clone, Debug)]
pub struct FolderStorage {
    root: Arc<Path>,
}

impl FolderStorage {
    /// Opens the folder, and creates it with mode 0700 if it is missing.
    ///
    /// Temporary files that a killed process left behind, which may hold keys, are removed.
    ///
    /// # Errors
    ///
    /// [`StorageError::Exposed`] if every user can write to the folder, and [`StorageError::Io`] if it cannot be created, read or
    /// cleaned.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        let path = path.as_ref();
        let io = |source| StorageError::io(path, source);
        create_folder(path)?;
        // The folder itself may be a link: it is the user's choice. It is resolved once.
        let root = fs::canonicalize(path).map_err(io)?;
        let metadata = fs::metadata(&root).map_err(io)?;
        if !metadata.is_dir() {
            return Err(io(io::ErrorKind::NotADirectory.into()));
        }
        if is_exposed(&metadata) {
            return Err(StorageError::Exposed { path: root });
        }
        let storage = Self { root: root.into() };
        let left = |folder: &Path| match atomic::remove_stale(folder) {
            // Removed meanwhile by another process.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::io(folder, error))
            }
            _ => Ok(()),
        };
        left(&storage.root)?;
        storage.walk(&storage.root, &mut |path, is_folder| {
            if is_folder { left(path) } else { Ok(()) }
        })?;
        Ok(storage)
    }

    /// Returns the folder, with links resolved.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Returns the file of a key, for programs such as a web server that read it.
    pub fn file(&self, key: &Key) -> PathBuf {
        let mut path = self.root.to_path_buf();
        path.extend(key.segments());
        path
    }

    /// Returns the file of a key, or `None` if there is none on the way to it.
    ///
    /// Only the owner of the folder could change what is checked here before it is used.
    fn plain(&self, key: &Key) -> Result<Option<PathBuf>, StorageError> {
        let mut path = self.root.to_path_buf();
        for segment in key.segments() {
            path.push(segment);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() || found.is_file() => {}
                Ok(_) => return Err(StorageError::NotPlain { path }),
                Err(error) if is_absent(&error) => return Ok(None),
                Err(source) => return Err(StorageError::Io { path, source }),
            }
        }
        Ok(Some(path))
    }

    /// Calls `visit` for what is below a folder, hidden names aside, a folder before its content.
    fn walk(
        &self,
        folder: &Path,
        visit: &mut impl FnMut(&Path, bool) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found.map_err(|source| StorageError::io(folder, source))?,
        };
        for entry in entries {
            let entry = entry.map_err(|source| StorageError::io(folder, source))?;
            let kind =
                entry.file_type().map_err(|source| StorageError::io(entry.path(), source))?;
            // No key begins with a dot, and a link is none of ours.
            if entry.file_name().as_encoded_bytes().starts_with(b".") || kind.is_symlink() {
                continue;
            }
            visit(&entry.path(), kind.is_dir())?;
            if kind.is_dir() {
                self.walk(&entry.path(), visit)?;
            }
        }
        Ok(())
    }

    /// Returns the key of a file; `None` for one that this storage did not name.
    fn key(&self, path: &Path) -> Option<Key> {
        let segments = path.strip_prefix(&self.root).ok()?.iter();
        let segments: Option<Vec<&str>> = segments.map(|segment| segment.to_str()).collect();
        Key::parse(&segments?.join("/")).ok()
    }
}

impl Storage for FolderStorage {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        let Some(path) = self.plain(key)? else { return Ok(None) };
        match read(&path) {
            Ok(value) if value.len() > MAX_VALUE_LEN => {
                Err(StorageError::TooLong { key: key.clone() })
            }
            Ok(value) => Ok(Some(value)),
            // A folder has no value.
            Err(error) if is_absent(&error) || path.is_dir() => Ok(None),
            Err(source) => Err(StorageError::Io { path, source }),
        }
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        if value.len() > MAX_VALUE_LEN {
            return Err(StorageError::TooLong { key: key.clone() });
        }
        self.plain(key)?;
        let path = self.file(key);
        // A folder of the path may be removed by someone who tidies up, between two of these steps.
        let mut tries = 3;
        loop {
            create_folder(path.parent().unwrap_or(&self.root))?;
            tries -= 1;
            match atomic::replace(&path, value, Visibility::Secret, atomic::flush_directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries > 0 => {}
                done => return done.map_err(|source| StorageError::Io { path, source }),
            }
        }
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let Some(path) = self.plain(key)? else { return Ok(()) };
        let removed = match fs::remove_file(&path) {
            Err(error) if is_absent(&error) || path.is_dir() => return Ok(()),
            removed => removed,
        };
        let folder = path.parent().unwrap_or(&self.root);
        removed
            .and_then(|()| atomic::flush_directory(folder))
            .map_err(|source| StorageError::io(&path, source))
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        let Some(folder) = self.plain(prefix)? else { return Ok(Vec::new()) };
        let mut keys = Vec::new();
        if fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
            self.walk(&folder, &mut |path, is_folder| {
                if !is_folder {
                    keys.extend(self.key(path));
                }
                Ok(())
            })?;
        }
        keys.sort();
        Ok(keys)
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        let folder = self.root.join(".locks");
        create_folder(&folder)?;
        match Lock::acquire(&folder.join(key.flat())) {
            Ok(lock) => Ok(Some(LockGuard::new(lock))),
            Err(LockError::Held { .. }) => Ok(None),
            Err(LockError::Io { path, source }) => Err(StorageError::Io { path, source }),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Creates a folder and those above it that are missing, each durable before the next.
fn create_folder(path: &Path) -> Result<(), StorageError> {
    if path.as_os_str().is_empty() || fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(parent)?;
    match builder().create(path) {
        // Someone else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created
            .and_then(|()| atomic::flush_directory(parent))
            .map_err(|source| StorageError::io(path, source)),
    }
}

#[cfg(unix)]
fn builder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;

    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn builder() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(unix)]
fn is_exposed(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    metadata.permissions().mode() & 0o002 != 0
}

/// Elsewhere a folder inherits the access rights of the one above it.
#[cfg(not(unix))]
fn is_exposed(_: &Metadata) -> bool {
    false
}

/// Reads a file up to one octet above the maximum length, which shows that it is too long.
fn read(path: &Path) -> io::Result<Value> {
    let file = File::open(path)?;
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // The whole capacity up front: a buffer that grows would leave copies of a key in freed memory.
    let mut value = Value::new(Vec::with_capacity(len.min(MAX_VALUE_LEN) + 1));
    file.take(MAX_VALUE_LEN as u64 + 1).read_to_end(&mut value)?;
    Ok(value)
}
