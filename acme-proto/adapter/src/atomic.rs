//! Writing files so that a crash leaves them complete or absent.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
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
/// `path`. Then the directory is flushed, which makes the rename durable. A failure of that last
/// step is no error, because the new content is in place. A symbolic link at `path` stays, and its
/// target is replaced. The former mode of the file is not kept, so a secret that others could read
/// becomes a secret.
///
/// # Errors
///
/// Those of the operating system; `path` is then unchanged, and no temporary file is left.
pub fn write(path: &Path, content: &[u8], visibility: Visibility) -> io::Result<()> {
    // A rename would replace the link itself. A file that does not exist yet has no canonical path.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (temporary, mut file) = create_beside(path, visibility)?;
    // Flushed before the rename: a crash could otherwise leave an empty file under the final name.
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

/// Writes a new file: after a crash it is absent or complete.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if the file exists, which is then unchanged, and those of the
/// operating system; no temporary file is left.
pub fn create(path: &Path, content: &[u8], visibility: Visibility) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path, visibility)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    drop(file);
    // Unlike a rename, a hard link never replaces a file that another process has created
    // meanwhile.
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    linked?;
    let _ = flush_directory(directory_of(path));
    Ok(())
}

/// Creates a temporary file in the directory of `path`: a rename is atomic within one file system.
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
            // A process with the same ID has crashed and left its file; the next number is free.
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

/// Makes a rename durable.
#[cfg(unix)]
fn flush_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Does nothing: elsewhere a directory cannot be opened as a file.
#[cfg(not(unix))]
fn flush_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
const TRIES: u32 = 100;
