//! Programs from the Go module proxy.

use std::fs;
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

/// The version of Boulder, the server behind Let's Encrypt.
pub(crate) const BOULDER_VERSION: &str = "v0.20260901.0";

/// Builds Boulder, with the CT logs of its tests and the schemas of its database, and returns their directory.
///
/// The checksums of all modules are in this repository. A C compiler is needed, because Boulder can keep its keys in
/// hardware.
///
/// # Panics
///
/// As [`GoProgram::install`] does.
pub(crate) fn install_boulder() -> PathBuf {
    const MODULE: &str = "github.com/letsencrypt/boulder";
    let source = source("boulder");
    let modules = texts(&source, &["go.mod", "go.sum"]);
    assert!(modules.contains(&format!("{MODULE} {BOULDER_VERSION} ")), "{modules}");
    once("servers/boulder", &modules, |dir| {
        let mut build = go(dir);
        build.env("CGO_ENABLED", "1").args(["build", "-mod=readonly", "-o"]).arg(dir);
        build.args(["cmd/boulder", "test/ct-test-srv"].map(|path| format!("{MODULE}/{path}")));
        manager(build.current_dir(&source), NEEDS);
        let mut list = go(dir);
        list.args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", MODULE]).current_dir(&source);
        let sources = PathBuf::from(manager(&mut list, NEEDS).trim());
        for (own, theirs) in [("schema.sql", ""), ("schema-next.sql", "_next")] {
            let schema = ["boulder_sa", "incidents_sa"].map(|name| {
                let file = sources.join("sa").join("db").join(format!("01-{name}{theirs}.sql"));
                let text = fs::read_to_string(file).expect("Boulder has its schemas");
                let text = text.replace(&format!("USE {name}{theirs};"), &format!("USE {name};"));
                format!("CREATE DATABASE {name};\n{text}")
            });
            fs::write(dir.join(own), schema.concat()).expect("the target directory is writable");
        }
    })
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
