//! Installing the clients from their package registries: once, below the target directory, safe to interrupt.
//!
//! Versions are pinned here and in `tests/peers`. A file that is written last marks what is complete; what has no such
//! mark is installed anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::matrix::Client;
use super::{Acme4j, AcmeClient, Caddy, Certbot, Dehydrated, Lego};
use crate::servers::target_dir;

/// Installs every client that the tests need.
///
/// # Panics
///
/// If one cannot be installed, with what its package manager said.
pub fn install_clients() {
    thread::scope(|scope| {
        // The Go programs one after the other: each build uses all cores.
        scope.spawn(|| (Lego.install(), Caddy.install()));
        scope.spawn(|| (Certbot.install(), Dehydrated.install()));
        scope.spawn(|| (AcmeClient.install(), Acme4j.install()));
    });
}

/// Returns the directory in this repository with what belongs to a client.
pub(super) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Runs `install` in `clients/NAME` of the target directory, unless it succeeded there for this version before.
///
/// Of several processes one installs, and the others wait for it.
pub(super) fn once(name: &str, version: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let clients = target_dir().join("clients");
    let dir = clients.join(name);
    fs::create_dir_all(&clients).expect("the target directory is writable");
    let lock = File::create(clients.join(format!("{name}.lock")));
    let lock = lock.expect("the target directory is writable");
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

/// Returns the text of files of this repository, which says when something must be installed anew.
pub(super) fn texts(dir: &Path, files: &[&str]) -> String {
    let read = |file| fs::read_to_string(dir.join(file)).expect("the repository has its files");
    files.iter().map(read).collect()
}

/// Runs a package manager or a compiler.
///
/// # Panics
///
/// If it is not there or fails, with what it wrote and what it needs.
pub(super) fn manager(command: &mut Command, needs: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{needs}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{needs}: {command:?} failed ({})\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
