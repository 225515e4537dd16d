//! Writing files that are either whole or not there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Who may read a file.
///
/// On Unix this is the file's mode. Elsewhere a file gets the access rights that its directory passes on,
/// so keep secrets in a directory of the user's own there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Its owner alone: mode 0600.
    Secret,
    /// Everyone, as far as the umask allows: mode 0644.
    Public,
}

/// Replaces a file at once: after a crash the old content is there or the new, and nothing in between.
///
/// The content goes to a new file in the same directory, which is flushed to disk, renamed over `path`,
/// and made durable by flushing the directory, as far as the system does that: it is no error where it does not,
/// for the new content is there. A symbolic link at `path` stays, and its target is replaced.
/// A mode that the file had before is not kept: a secret becomes a secret again.
///
/// # Errors
///
/// Those of the operating system; `path` is then as it was, and nothing is left beside it.
pub fn write(path: &Path, content: &[u8], visibility: Visibility) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (temporary, mut file) = create_beside(path, visibility)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    drop(file);
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = renamed {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    let _ = flush_directory(directory_of(path));
    Ok(())
}

/// Writes a file that is not there yet: after a crash it is absent or whole.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if there is a file, which stays as it is, and those of the operating system; nothing is
/// left beside it.
pub fn create(path: &Path, content: &[u8], visibility: Visibility) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path, visibility)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    drop(file);
    // Unlike a rename, a hard link never replaces what another process has put there meanwhile.
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    linked?;
    let _ = flush_directory(directory_of(path));
    Ok(())
}

fn create_beside(path: &Path, visibility: Visibility) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    for _ in 0..TRIES {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        hidden.push(format!(".{}-{number}.tmp", std::process::id()));
        let temporary = directory_of(path).join(hidden);
        match options(visibility).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            // Left behind by a process of the same number that crashed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
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

/// Makes a rename durable.
#[cfg(unix)]
fn flush_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Elsewhere a directory cannot be opened as a file, and a rename is as durable as the system makes it.
#[cfg(not(unix))]
fn flush_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
const TRIES: u32 = 100;
