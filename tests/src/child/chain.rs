//! What `openssl` says of the files that an example wrote.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of a certificate in an output directory.
#[derive(Clone, Debug)]
pub struct IssuedFiles {
    dir: PathBuf,
    root: PathBuf,
}

impl IssuedFiles {
    /// Names the directory, and the root that the chain should end in.
    pub fn new(dir: impl Into<PathBuf>, root: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), root: root.into() }
    }

    /// Asserts that the chain verifies for exactly these names, that the key belongs to it and is a
    /// secret, and that no order is in flight.
    ///
    /// # Panics
    ///
    /// If any of this is not so.
    #[track_caller]
    pub fn assert_complete(&self, names: &[&str]) {
        self.assert_chain(names);
        let key = self.dir.join("key.pem");
        let mode = fs::metadata(&key).expect("there is a key.pem").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the mode of key.pem");
        let of_key = openssl(["pkey", "-pubout", "-in"], [&key]);
        let of_leaf = openssl(["x509", "-noout", "-pubkey", "-in"], [&self.dir.join("cert.pem")]);
        assert_eq!(of_key, of_leaf, "key.pem is not the key of cert.pem");
    }

    /// Asserts what [`assert_complete`](Self::assert_complete) does, but for the key.
    ///
    /// # Panics
    ///
    /// If any of this is not so.
    #[track_caller]
    pub fn assert_chain(&self, names: &[&str]) {
        let chain = self.dir.join("cert.pem");
        let args = [self.root.as_path(), Path::new("-untrusted"), &chain, &chain];
        let said = openssl(["verify", "-CAfile"], args);
        assert!(said.trim_end().ends_with(": OK"), "{said}");
        let said = openssl(["x509", "-noout", "-ext", "subjectAltName", "-in"], [&chain]);
        let mut found: Vec<&str> = said
            .lines()
            .flat_map(|line| line.split(", "))
            .filter_map(|name| {
                let name = name.trim();
                name.strip_prefix("DNS:").or_else(|| name.strip_prefix("IP Address:"))
            })
            .collect();
        let mut names = names.to_vec();
        found.sort_unstable();
        names.sort_unstable();
        assert_eq!(found, names, "{said}");
        assert!(!self.dir.join("order.json").exists(), "order.json is still there");
    }
}

/// Runs `openssl` and returns what it wrote to standard output.
///
/// # Panics
///
/// If there is no `openssl`, or if it fails.
#[track_caller]
pub fn openssl<'a, A: AsRef<OsStr>>(
    words: impl IntoIterator<Item = &'a str>,
    files: impl IntoIterator<Item = A>,
) -> String {
    let output = Command::new("openssl").args(words).args(files).output();
    let output = output.expect("these tests need the program openssl");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("openssl writes text")
}
