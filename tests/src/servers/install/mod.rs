//! Installing servers from their package registries: once, below the target directory, safe to interrupt.
//!
//! Versions are pinned, so that the runs of two machines compare. A file that is written last marks what is complete;
//! what has no such mark is installed anew.

mod debian;
mod go;
mod python;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use super::target_dir;

pub use debian::{DEBIAN_PEBBLE_VERSION, install_debian_pebble};
pub use go::{GoProgram, install_eab_tool};
pub use python::PythonServer;

/// Installs every server that the tests need, several at once.
///
/// # Panics
///
/// If one cannot be installed, with what its package manager said.
pub fn install_all() -> Vec<PathBuf> {
    thread::scope(|scope| {
        let go = scope.spawn(|| {
            let mut programs: Vec<_> = GoProgram::ALL.iter().map(|p| p.install()).collect();
            programs.push(install_eab_tool()); // after step-ca, whose modules it shares
            programs
        });
        let python = scope.spawn(|| PythonServer::ALL.map(PythonServer::install).to_vec());
        let debian = scope.spawn(|| vec![install_debian_pebble()]);
        let all = [go, python, debian].map(|installed| match installed.join() {
            Ok(programs) => programs,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        all.concat()
    })
}

/// Runs `install` in `servers/NAME` of the target directory, unless it succeeded there for this version before.
///
/// Of several processes one installs, and the others wait for it.
fn once(name: &str, version: &str, install: impl FnOnce(&PathBuf)) -> PathBuf {
    let servers = target_dir().join("servers");
    let dir = servers.join(name);
    fs::create_dir_all(&servers).expect("the target directory is writable");
    let lock = File::create(servers.join(format!("{name}.lock")));
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

/// Runs a package manager, and returns what it wrote to standard output.
///
/// # Panics
///
/// If it is not there or fails, with what it wrote and what to do.
fn manager(command: &mut Command, hint: &str) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{hint}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{hint}: {command:?} failed ({})\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
