//! Servers from PyPI, each in a virtual environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{manager, once};

/// A server that a requirements file of this repository names, with everything that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PythonServer {
    name: &'static str,
    version: &'static str,
}

impl PythonServer {
    /// serles-acme, an ACME front end for other CAs.
    pub const SERLES: Self = Self { name: "serles", version: "1.3.0" };
    /// acmev2, a library with a server in its tests.
    pub const ACMEV2: Self = Self { name: "acmev2", version: "0.2.1" };
    /// All of them.
    pub const ALL: [Self; 2] = [Self::SERLES, Self::ACMEV2];

    /// Returns the server's version.
    pub const fn version(self) -> &'static str {
        self.version
    }

    /// Returns the directory in this repository with what belongs to the server.
    pub fn source(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(self.name)
    }

    /// Installs the server unless that was done before, and returns its virtual environment.
    ///
    /// # Panics
    ///
    /// If there is no Python with `venv`, or if PyPI cannot be reached.
    pub fn install(self) -> PathBuf {
        let requirements = self.source().join("requirements.txt");
        let wanted = fs::read_to_string(&requirements).expect("the requirements are there");
        assert!(wanted.contains(&format!("=={}\n", self.version)), "{wanted}");
        once(self.name, &wanted, |dir| {
            let hint = "the tests need Python (apt-get install python3-venv) and PyPI";
            manager(Command::new("python3").args(["-m", "venv"]).arg(dir), hint);
            let mut pip = Command::new(dir.join("bin").join("pip"));
            let pip = pip.args(["install", "--quiet", "--no-deps", "-r"]).arg(&requirements);
            manager(pip, hint);
        })
    }
}
