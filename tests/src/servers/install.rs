//! Installing servers from their package registries, once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::target_dir;

const PEBBLE_VERSION: &str = "v2.10.1";
const PEBBLE: &str = "github.com/letsencrypt/pebble/v2/cmd/pebble";
const CHALLTESTSRV: &str = "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv";

/// Where the programs of Pebble are.
#[derive(Clone, Debug)]
pub struct PebblePrograms {
    pebble: PathBuf,
    challtestsrv: PathBuf,
}

impl PebblePrograms {
    /// Returns the path of `pebble`.
    pub fn pebble(&self) -> &Path {
        &self.pebble
    }

    /// Returns the path of `pebble-challtestsrv`, its DNS server.
    pub fn challtestsrv(&self) -> &Path {
        &self.challtestsrv
    }
}

/// Installs Pebble into `servers/bin` of the target directory, unless it is there already.
///
/// # Panics
///
/// If there is no Go or if it cannot build Pebble: a test that needs it must not pass without it.
pub fn install_pebble() -> &'static PebblePrograms {
    static PROGRAMS: OnceLock<PebblePrograms> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let bin = target_dir().join("servers").join("bin");
        fs::create_dir_all(&bin).expect("the target directory is writable");
        let lock = File::create(bin.join("lock")).expect("the target directory is writable");
        lock.lock().expect("the file system has locks");
        PebblePrograms {
            pebble: go_install(&bin, PEBBLE),
            challtestsrv: go_install(&bin, CHALLTESTSRV),
        }
    })
}

/// Installs a package of Pebble's version; the caller holds the lock.
fn go_install(bin: &Path, package: &str) -> PathBuf {
    let name = package.rsplit('/').next().unwrap_or(package);
    let program = bin.join(name);
    let done = bin.join(format!("{name}@{PEBBLE_VERSION}"));
    if done.exists() && program.exists() {
        return program;
    }
    let package = format!("{package}@{PEBBLE_VERSION}");
    let output = Command::new("go")
        .args(["install", &package])
        .env("CGO_ENABLED", "0")
        .env("GOBIN", bin)
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .current_dir(bin)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("tests against Pebble need Go (apt-get install golang): `go`: {error}")
        });
    assert!(
        output.status.success(),
        "tests against Pebble need `go install {package}`, which failed ({}); is the Go module proxy reachable?\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    File::create(&done).expect("the target directory is writable");
    program
}
