//! Programs of this repository that are outside the workspace, because they need crates that nothing else here may need.

use std::path::PathBuf;
use std::process::Command;

use super::{manager, source};
use crate::servers::target_dir;

/// Builds the worked example of a solver over the crate `dns-update`, and returns its path.
///
/// Cargo sees whether there is anything to do, so that it always is of the current sources.
///
/// # Panics
///
/// If it does not compile, with what Cargo wrote.
pub(crate) fn install_dns_update() -> PathBuf {
    let target = target_dir().join("peers").join("dns-update");
    let manifest = source("dns-update").join("Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet", "--manifest-path"]).arg(manifest);
    cargo.arg("--target-dir").arg(&target);
    manager(&mut cargo, "the example over dns-update needs cargo and its registry");
    target.join("debug").join("issue-dns-update")
}
