//! The program of lego 4, Debian's, for what it leaves on disk.

use std::path::Path;
use std::process::{Command, Stdio};

use acme_testca::TestCa;

use crate::install::DebianPackage;

const LEGO: DebianPackage =
    DebianPackage { name: "lego", version: "4.9.1", place: "clients/lego4" };

/// Installs lego 4.
///
/// # Panics
///
/// If it cannot be installed.
pub(super) fn install() {
    LEGO.install();
}

/// Has lego 4 register an account at this CA and obtain a certificate for these names by http-01, with its files in
/// this folder.
///
/// # Panics
///
/// If it cannot be installed, or fails.
pub fn obtain_with_lego4(ca: &TestCa, folder: &Path, names: &[&str]) {
    let root = folder.join("root.pem");
    std::fs::write(&root, ca.root_pem()).expect("the folder is writable");
    let mut command = Command::new(LEGO.install());
    command.arg("--path").arg(folder).args(["--server", ca.directory_url(), "--accept-tos"]);
    command.args(["--email", "me@example.test", "--http", "--http.port"]);
    command.arg(format!("127.0.0.1:{}", ca.http_port()));
    for name in names {
        command.args(["--domains", name]);
    }
    command.arg("run").env("LEGO_CA_CERTIFICATES", root).stdin(Stdio::null());
    let output = command.output().expect("lego starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "lego failed ({}): {said}", output.status);
}
