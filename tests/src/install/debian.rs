//! Debian's packages, unpacked and not installed, so that the system stays as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{manager, once};

/// A package of Debian 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DebianPackage {
    pub(crate) name: &'static str,
    /// The version without Debian's own part.
    pub(crate) version: &'static str,
    /// Where it is unpacked, below the target directory.
    pub(crate) place: &'static str,
}

impl DebianPackage {
    /// Downloads and unpacks it unless that was done before, and returns the path of the program of its name.
    ///
    /// # Panics
    ///
    /// If there is no `apt-get`, if Debian's archive cannot be reached, or if it has another version.
    pub(crate) fn install(self) -> PathBuf {
        let dir = once(self.place, self.version, |dir| {
            let needs =
                format!("the tests need Debian 12's package {} {}", self.name, self.version);
            if self.candidate().is_none() {
                update(&needs);
            }
            let version = self.candidate();
            let version =
                version.unwrap_or_else(|| panic!("{needs}, which apt-cache does not know"));
            let is_pinned = version.strip_prefix(self.version).is_some_and(|rest| {
                // Debian's part follows, perhaps after the mark of a repacked source.
                rest.starts_with(['-', '+'])
            });
            assert!(is_pinned, "{needs}, and there is {version}");
            download(dir, &format!("{}={version}", self.name), &needs);
            let package = downloaded(dir);
            let package = package.unwrap_or_else(|| panic!("{needs}: apt-get left no package"));
            manager(Command::new("dpkg-deb").arg("-x").arg(package).arg(dir), &needs);
        });
        dir.join("usr").join("bin").join(self.name)
    }

    /// The version of the package that apt would install.
    fn candidate(self) -> Option<String> {
        let output = Command::new("apt-cache").args(["policy", self.name]).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
        (version != "(none)").then(|| version.to_owned())
    }
}

fn update(needs: &str) {
    manager(Command::new("apt-get").args(["-q", "update"]), needs);
}

/// Downloads a package; if the lists are older than the archive, with new lists.
fn download(dir: &Path, package: &str, needs: &str) {
    let fetch = || {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-o", "APT::Sandbox::User=root", "download", package]).current_dir(dir);
        command
    };
    if fetch().output().is_ok_and(|output| output.status.success()) {
        return;
    }
    update(needs);
    manager(&mut fetch(), needs);
}

fn downloaded(dir: &Path) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "deb"))
}
