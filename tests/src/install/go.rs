//! Programs from the Go module proxy.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{manager, once, source, texts};

/// A program that `go install` builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoProgram {
    package: &'static str,
    version: &'static str,
}

impl GoProgram {
    /// Pebble, the test CA of Let's Encrypt.
    pub(crate) const PEBBLE: Self =
        Self { package: "github.com/letsencrypt/pebble/v2/cmd/pebble", version: "v2.10.1" };
    /// The DNS server that comes with Pebble.
    pub(crate) const CHALLTESTSRV: Self = Self {
        package: "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv",
        version: "v2.10.1",
    };
    /// smallstep's CA.
    pub(crate) const STEP_CA: Self =
        Self { package: "github.com/smallstep/certificates/cmd/step-ca", version: "v0.30.2" };
    /// Caddy, a web server that is an ACME client and can be an ACME server.
    pub(crate) const CADDY: Self =
        Self { package: "github.com/caddyserver/caddy/v2/cmd/caddy", version: "v2.11.9" };
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::PEBBLE, Self::CHALLTESTSRV, Self::STEP_CA, Self::CADDY];

    /// Returns the version, without its `v`.
    pub(crate) fn version(self) -> &'static str {
        self.version.trim_start_matches('v')
    }

    /// Builds the program unless that was done before, and returns its path.
    ///
    /// # Panics
    ///
    /// If there is no Go or if it cannot build the program: a test that needs it must not pass without it.
    pub(crate) fn install(self) -> PathBuf {
        let name = self.package.rsplit('/').next().unwrap_or(self.package);
        let dir = once(&format!("servers/{name}"), self.version, |dir| {
            let package = format!("{}@{}", self.package, self.version);
            manager(go(dir).args(["install", &package]).env("GOBIN", dir).current_dir(dir), NEEDS);
        });
        dir.join(name)
    }
}

/// Builds the program of this repository that gives step-ca a key for external account binding, and returns its path.
///
/// # Panics
///
/// As [`GoProgram::install`] does.
pub(crate) fn install_eab_tool() -> PathBuf {
    let source = source("step-ca-eab");
    build("servers/step-ca-eab", &texts(&source, &["main.go"]), &source, "step-ca-eab")
}

/// Builds the Go program of this repository in `source` to `place` of the target directory, and returns its path.
///
/// # Panics
///
/// As [`GoProgram::install`] does.
pub(crate) fn build(place: &str, version: &str, source: &Path, name: &str) -> PathBuf {
    let dir = once(place, version, |dir| {
        let output = dir.join(name);
        let mut go = go(dir);
        go.args(["build", "-mod=readonly", "-o"]).arg(output).current_dir(source);
        manager(&mut go, NEEDS);
    });
    dir.join(name)
}

const NEEDS: &str = "the tests need Go (apt-get install golang) and the Go module proxy";

/// The Go tool, building for this machine and without a C compiler.
fn go(dir: &Path) -> Command {
    let mut go = Command::new("go");
    go.env("CGO_ENABLED", "0").env("GOTMPDIR", dir).env_remove("GOOS").env_remove("GOARCH");
    go
}
