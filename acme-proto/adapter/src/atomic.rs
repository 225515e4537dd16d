//! Writing files so that a crash leaves them complete or absent.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Who may read a file.
///
/// On Unix this is the file's mode. Elsewhere a file inherits the access rights of its directory,
/// so secrets belong in a directory that only their owner can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Only its owner: mode 0600.
    Secret,
    /// Everyone, as far as the umask allows: mode 0644.
    Public,
}

/// Replaces a file atomically: after a crash it has the old content or the new one.
///
/// The content is written to a new file in the same directory, flushed to disk and renamed over
/// `path`. Then the directory is flushed, which makes the rename durable. A symbolic link at `path`
/// stays, and its target is replaced. The former mode of the file is not kept, so a secret that
/// others could read becomes a secret. What a killed process left of an earlier write of this file
/// is removed.
///
/// # Errors
///
/// Those of the operating system, and no temporary file is left. `path` is then unchanged, except
/// if the flush of the directory failed: the new content is in place, and may not survive a crash.
pub fn write(path: &Path, content: &[u8], visibility: Visibility) -> io::Result<()> {
    // A rename would replace the link itself. A file that does not exist yet has no canonical path.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // Housekeeping, which the write does not need.
    let _ = remove_stale_of(path);
    replace(path, content, visibility, flush_directory)
}

/// Writes a new file: after a crash it is absent or complete.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if the file exists, which is then unchanged, and those of the
/// operating system; no temporary file is left. If the flush of the directory failed, the file is
/// there, and may not survive a crash.
pub fn create(path: &Path, content: &[u8], visibility: Visibility) -> io::Result<()> {
    let _ = remove_stale_of(path);
    link_new(path, content, visibility, flush_directory)
}

/// Removes the temporary files of writers that no longer live from a directory.
///
/// A writer locks its temporary file, and the operating system releases the lock when the process
/// ends, even by a crash. So this works across containers, where process IDs say nothing. Returns
/// how many files were removed.
///
/// # Errors
///
/// Those of the operating system, for the directory or one of the files.
pub fn remove_stale(directory: &Path) -> io::Result<usize> {
    remove_stale_if(directory, |name| is_temporary(name, ""))
}

fn remove_stale_of(path: &Path) -> io::Result<usize> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(0) };
    remove_stale_if(directory_of(path), |found| is_temporary(found, name))
}

fn remove_stale_if(directory: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(&is_ours) || !entry.file_type()?.is_file() {
            continue;
        }
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let file = match OpenOptions::new().write(true).open(entry.path()) {
            Err(error) if gone(&error) => continue,
            opened => opened?,
        };
        if file.try_lock().is_ok() {
            match fs::remove_file(entry.path()) {
                Err(error) if gone(&error) => {}
                done => {
                    done?;
                    removed += 1;
                }
            }
        }
    }
    Ok(removed)
}

/// Returns whether this is the name of a temporary file, of `target` unless that is empty.
fn is_temporary(name: &str, target: &str) -> bool {
    let parts = || {
        let (of, numbers) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
        let (process, number) = numbers.split_once('-')?;
        Some((of, process, number))
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    parts().is_some_and(|(of, process, number)| {
        is_number(process) && is_number(number) && (target.is_empty() || of == target)
    })
}

/// Replaces the file at a path that is no symbolic link.
pub(crate) fn replace(
    path: &Path,
    content: &[u8],
    visibility: Visibility,
    flush: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path, visibility)?;
    // Flushed before the rename: a crash could otherwise leave an empty file under the final name.
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    // Only now, because its lock keeps others from removing it.
    drop(file);
    if let Err(error) = renamed {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    flush(directory_of(path))
}

fn link_new(
    path: &Path,
    content: &[u8],
    visibility: Visibility,
    flush: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path, visibility)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    // Unlike a rename, a hard link never replaces a file that another process has created
    // meanwhile.
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    drop(file);
    let _ = fs::remove_file(&temporary);
    linked?;
    flush(directory_of(path))
}

/// Creates a temporary file in the directory of `path`: a rename is atomic within one file system.
///
/// The file is locked for as long as it is open, where the file system has locks.
fn create_beside(path: &Path, visibility: Visibility) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    for _ in 0..TRIES {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        hidden.push(format!(".{}-{number}.tmp", std::process::id()));
        let temporary = directory_of(path).join(hidden);
        match options(visibility).open(&temporary) {
            Ok(file) if is_kept(&file, &temporary) => return Ok((temporary, file)),
            // Someone took it for a stale file before it was locked.
            Ok(_) => {}
            // A process with the same ID has crashed and left its file; the next number is free.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Locks a new file, and returns whether it is still there.
fn is_kept(file: &File, path: &Path) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && fs::symlink_metadata(path).is_ok()
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn options(visibility: Visibility) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    // The mode is set as the file is created: a later chmod would leave a secret readable until
    // then. `create_new` does not follow a symbolic link that someone has put there.
    options.write(true).create_new(true).mode(match visibility {
        Visibility::Secret => 0o600,
        Visibility::Public => 0o644,
    });
    options
}

#[cfg(not(unix))]
fn options(_: Visibility) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

/// Makes what was done to the names in a directory durable.
#[cfg(unix)]
pub(crate) fn flush_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // File systems that have no such operation: nothing more can be done there.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        done => done,
    }
}

/// Does nothing: elsewhere a directory cannot be opened as a file.
#[cfg(not(unix))]
pub(crate) fn flush_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
const TRIES: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_flush_of_the_directory_is_an_error() {
        let directory = std::env::temp_dir().join(format!("acme-atomic-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("file");
        let fails = |_: &Path| Err(io::Error::from(io::ErrorKind::StorageFull));
        let created = link_new(&path, b"1", Visibility::Secret, fails).expect_err("not flushed");
        assert_eq!(created.kind(), io::ErrorKind::StorageFull);
        let replaced = replace(&path, b"2", Visibility::Secret, fails).expect_err("not flushed");
        assert_eq!(replaced.kind(), io::ErrorKind::StorageFull);
        let names = fs::read_dir(&directory).expect("a directory").count();
        assert_eq!((fs::read(&path).expect("a file").as_slice(), names), (&b"2"[..], 1));
        fs::remove_dir_all(&directory).expect("our directory");
    }

    #[test]
    fn only_names_that_a_writer_makes_are_temporary() {
        for (name, target) in [(".a.7-0.tmp", ""), (".a.7-0.tmp", "a"), (".a.b.12-34.tmp", "a.b")] {
            assert!(is_temporary(name, target), "{name}");
        }
        for (name, target) in [
            ("a.7-0.tmp", ""),
            (".a.tmp", ""),
            (".a.7.tmp", ""),
            (".a.7-.tmp", ""),
            (".a.7-x.tmp", ""),
            (".a.7-0.tmp", "b"),
            (".a.7-0", ""),
        ] {
            assert!(!is_temporary(name, target), "{name}");
        }
    }
}
