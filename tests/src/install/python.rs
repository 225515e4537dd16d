//! Servers and clients from PyPI, each in a virtual environment of its own.

use std::path::PathBuf;
use std::process::Command;

use super::{manager, once, source, texts};

/// A server that a requirements file of this repository names, with everything that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PythonServer {
    name: &'static str,
    version: &'static str,
}

impl PythonServer {
    /// serles-acme, an ACME front end for other CAs.
    pub(crate) const SERLES: Self = Self { name: "serles", version: "1.3.0" };
    /// acmev2, a library with a server in its tests.
    pub(crate) const ACMEV2: Self = Self { name: "acmev2", version: "0.2.1" };
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::SERLES, Self::ACMEV2];

    /// Returns the server's version.
    pub(crate) const fn version(self) -> &'static str {
        self.version
    }

    /// Returns the directory in this repository with what belongs to the server.
    pub(crate) fn source(self) -> PathBuf {
        source(self.name)
    }

    /// Installs the server unless that was done before, and returns its virtual environment.
    ///
    /// # Panics
    ///
    /// If there is no Python with `venv`, or if PyPI cannot be reached.
    pub(crate) fn install(self) -> PathBuf {
        virtual_environment(&format!("servers/{}", self.name), self.name, self.version)
    }
}

/// Installs what `requirements.txt` of a server or client names, unless that was done before, and returns its virtual
/// environment.
///
/// # Panics
///
/// If there is no Python with `venv`, if PyPI cannot be reached, or if the requirements have another version.
pub(crate) fn virtual_environment(place: &str, name: &str, version: &str) -> PathBuf {
    let source = source(name);
    let wanted = texts(&source, &["requirements.txt"]);
    assert!(wanted.contains(&format!("=={version}\n")), "{wanted}");
    once(place, &wanted, |dir| {
        let needs = "the tests need Python (apt-get install python3-venv) and PyPI";
        manager(Command::new("python3").args(["-m", "venv"]).arg(dir), needs);
        let mut pip = Command::new(dir.join("bin").join("pip"));
        pip.args(["install", "--quiet", "--no-deps", "-r"]).arg(source.join("requirements.txt"));
        manager(&mut pip, needs);
    })
}
