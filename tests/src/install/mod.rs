//! Installing other people's servers and clients from their package registries: once, below the target directory, safe
//! to interrupt.
//!
//! Versions are pinned, so that the runs of two machines compare. A file that is written last marks what is complete;
//! what has no such mark is installed again.

mod cargo;
mod debian;
mod go;
mod python;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::servers::target_dir;

pub(crate) use cargo::install_dns_update;
pub(crate) use debian::DebianPackage;
pub(crate) use go::build;
pub(crate) use go::{BOULDER_VERSION, GoProgram, install_boulder, install_eab_tool};
pub(crate) use python::PythonServer;
pub(crate) use python::virtual_environment;

/// Returns the directory in this repository with what belongs to a server or client.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Returns the text of files of this repository, which says when something must be installed again.
pub(crate) fn texts(dir: &Path, files: &[&str]) -> String {
    let read = |file| fs::read_to_string(dir.join(file)).expect("the repository has its files");
    files.iter().map(read).collect()
}

/// Runs `install` in `place` of the target directory, unless it succeeded there for this version before.
///
/// Of several processes one installs, and the others wait for it.
pub(crate) fn once(place: &str, version: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let dir = target_dir().join(place);
    let lock = dir.with_extension("lock");
    fs::create_dir_all(&dir).expect("the target directory is writable");
    let lock = File::create(lock).expect("the target directory is writable");
    lock.lock().expect("the file system has locks");
    let mark = dir.join("complete");
    if fs::read_to_string(&mark).is_ok_and(|found| found == version) {
        return dir;
    }
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the target directory is writable");
    install(&dir);
    fs::write(&mark, version).expect("the target directory is writable");
    dir
}

/// Runs a package manager or a compiler, and returns what it wrote.
///
/// # Panics
///
/// If it is not there or fails, with what it wrote and what it needs.
pub(crate) fn manager(command: &mut Command, needs: &str) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{needs}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{needs}: {command:?} failed ({})\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
