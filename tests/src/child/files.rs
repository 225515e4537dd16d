//! Directories for tests, and what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::servers::target_dir;

/// A new directory below the target directory, removed when the test has passed.
#[derive(Debug)]
pub struct ScratchDir {
    path: PathBuf,
    numbers: AtomicU32,
}

impl ScratchDir {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// If the target directory is not writable.
    #[must_use]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = target_dir().join("tmp").join(format!("scratch-{}-{number}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).expect("the target directory is writable");
        Self { path, numbers: AtomicU32::new(0) }
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory in it that programs run in.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Returns the path of a file or directory in the working directory.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    /// Writes a file into the working directory, and returns its path as text.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        fs::write(&path, content).expect("the target directory is writable");
        path.to_str().expect("the target directory's path is text").to_owned()
    }

    pub(super) fn number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for ScratchDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Returns all files below a directory with their contents, but for lock files.
///
/// # Panics
///
/// If one cannot be read.
pub fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.expect("a directory can be listed").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_none_or(|extension| extension != "lock") {
                let content = fs::read(&path).expect("a file of the test can be read");
                files.insert(path, content);
            }
        }
    }
    files
}
