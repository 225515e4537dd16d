//! A server from a Debian package, unpacked and not installed, so that the system stays as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{manager, once};

/// The version of Debian's Pebble, from before renewal information and profiles.
pub const DEBIAN_PEBBLE_VERSION: &str = "2.4.0";

/// Downloads and unpacks Debian's package of Pebble unless that was done before, and returns the program's path.
///
/// # Panics
///
/// If there is no `apt-get`, if Debian's archive cannot be reached, or if it has another version.
pub fn install_debian_pebble() -> PathBuf {
    let dir = once("pebble-debian", DEBIAN_PEBBLE_VERSION, |dir| {
        let hint = "the tests need Debian 12's package pebble";
        if candidate().is_none() {
            manager(Command::new("apt-get").args(["-q", "update"]), hint);
        }
        let version =
            candidate().unwrap_or_else(|| panic!("{hint}, which apt-cache does not know"));
        assert!(
            version.starts_with(DEBIAN_PEBBLE_VERSION),
            "{hint} {DEBIAN_PEBBLE_VERSION}, and there is {version}"
        );
        download(dir, &format!("pebble={version}"), hint);
        let package = package(dir).unwrap_or_else(|| panic!("{hint}: apt-get left no package"));
        manager(Command::new("dpkg-deb").arg("-x").arg(package).arg(dir), hint);
    });
    dir.join("usr").join("bin").join("pebble")
}

/// Downloads a package; if the lists are older than the archive, with new lists.
fn download(dir: &Path, package: &str, hint: &str) {
    let fetch = || {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-o", "APT::Sandbox::User=root", "download", package]).current_dir(dir);
        command
    };
    if fetch().output().is_ok_and(|output| output.status.success()) {
        return;
    }
    manager(Command::new("apt-get").args(["-q", "update"]), hint);
    manager(&mut fetch(), hint);
}

/// The version of the package that apt would install.
fn candidate() -> Option<String> {
    let output = Command::new("apt-cache").args(["policy", "pebble"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

fn package(dir: &Path) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "deb"))
}
