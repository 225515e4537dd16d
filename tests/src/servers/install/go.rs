//! Servers from the Go module proxy.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{manager, once};

/// A program that `go install` builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoProgram {
    package: &'static str,
    version: &'static str,
}

impl GoProgram {
    /// Pebble, the test CA of Let's Encrypt.
    pub const PEBBLE: Self =
        Self { package: "github.com/letsencrypt/pebble/v2/cmd/pebble", version: "v2.10.1" };
    /// The DNS server that comes with Pebble.
    pub const CHALLTESTSRV: Self = Self {
        package: "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv",
        version: "v2.10.1",
    };
    /// smallstep's CA.
    pub const STEP_CA: Self =
        Self { package: "github.com/smallstep/certificates/cmd/step-ca", version: "v0.30.2" };
    /// Caddy, a web server that can be an ACME server too.
    pub const CADDY: Self =
        Self { package: "github.com/caddyserver/caddy/v2/cmd/caddy", version: "v2.11.9" };
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PEBBLE, Self::CHALLTESTSRV, Self::STEP_CA, Self::CADDY];

    /// Returns the version, without its `v`.
    pub fn version(self) -> &'static str {
        self.version.trim_start_matches('v')
    }

    /// Builds the program unless that was done before, and returns its path.
    ///
    /// # Panics
    ///
    /// If there is no Go or if it cannot build the program: a test that needs it must not pass without it.
    pub fn install(self) -> PathBuf {
        let name = self.package.rsplit('/').next().unwrap_or(self.package);
        let dir = once(name, self.version, |dir| {
            let package = format!("{}@{}", self.package, self.version);
            manager(
                go(dir).args(["install", &package]).env("GOBIN", dir).current_dir(dir),
                "the tests need Go (apt-get install golang) and the Go module proxy",
            );
        });
        dir.join(name)
    }
}

/// Builds the program of this repository that gives step-ca a key for external account binding, and returns its path.
///
/// # Panics
///
/// As [`GoProgram::install`] does.
pub fn install_eab_tool() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("step-ca-eab");
    let version = std::fs::read_to_string(source.join("main.go")).expect("the source is there");
    let dir = once("step-ca-eab", &version, |dir| {
        let output = dir.join("step-ca-eab");
        manager(
            go(dir).args(["build", "-mod=readonly", "-o"]).arg(output).current_dir(&source),
            "the tests need Go (apt-get install golang) and the Go module proxy",
        );
    });
    dir.join("step-ca-eab")
}

/// The Go tool, building for this machine and without a C compiler.
fn go(dir: &Path) -> Command {
    let mut go = Command::new("go");
    go.env("CGO_ENABLED", "0").env("GOTMPDIR", dir).env_remove("GOOS").env_remove("GOARCH");
    go
}
