//! What OpenSSL says of a chain.

use std::fs;
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Failure;
use crate::servers::target_dir;

/// Has OpenSSL check that a chain ends in a root and that its leaf has exactly these names.
///
/// # Errors
///
/// What OpenSSL says, or the names that the leaf has.
pub fn verify(chain: &str, root: &str, names: &[&str]) -> Result<(), Failure> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let dir = target_dir().join("tmp").join(format!("verify-{}-{number}", process::id()));
    fs::create_dir_all(&dir).map_err(Failure::broken)?;
    let [chain_file, root_file] = ["chain.pem", "root.pem"].map(|name| dir.join(name));
    fs::write(&chain_file, chain).map_err(Failure::broken)?;
    fs::write(&root_file, root).map_err(Failure::broken)?;
    let result = check(&chain_file, &root_file, names);
    let _ = fs::remove_dir_all(&dir);
    result
}

fn check(chain: &Path, root: &Path, names: &[&str]) -> Result<(), Failure> {
    let files = [root, Path::new("-untrusted"), chain, chain];
    openssl(Command::new("openssl").args(["verify", "-no-CApath", "-CAfile"]).args(files))?;
    let show = ["x509", "-noout", "-ext", "subjectAltName", "-in"];
    let shown = openssl(Command::new("openssl").args(show).arg(chain))?;
    let names_of = |text: &str| -> Vec<String> {
        let words = text.lines().flat_map(|line| line.split(", ")).map(str::trim);
        let names = words.filter_map(|name| {
            name.strip_prefix("DNS:").or_else(|| name.strip_prefix("IP Address:"))
        });
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let found = names_of(&shown);
    let mut wanted: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    wanted.sort_unstable();
    if found == wanted {
        return Ok(());
    }
    Err(Failure::Broken(format!("the certificate is for {found:?}, not for {wanted:?}")))
}

fn openssl(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|error| Failure::Broken(format!("openssl: {error}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Failure::Broken(format!("openssl: {}{}", text(&output.stdout), text(&output.stderr))))
}
