//! Makes the programs: crates by Cargo, Go and Python programs as the interop suite pins them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::cell::Cell;
use crate::client::Program;

/// Where everything is.
pub struct Programs {
    /// `tests/peers`.
    peers: PathBuf,
    /// Where it is built.
    target: PathBuf,
}

impl Programs {
    pub fn find() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let peers = here.ancestors().nth(2).expect("tests/peers").to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        Self { peers, target: target.expect("`run` sets CARGO_TARGET_DIR") }
    }

    pub fn bench(&self) -> PathBuf {
        self.peers.join("bench")
    }

    pub fn repository(&self) -> &Path {
        self.peers.ancestors().nth(2).expect("the repository")
    }

    pub fn scratch(&self) -> PathBuf {
        self.target.join(format!("scratch.{}", std::process::id())) // two may run at once
    }

    pub fn server(&self) -> PathBuf {
        self.target.join("programs").join("server")
    }

    pub fn aioacme_script(&self) -> PathBuf {
        self.bench().join("aioacme").join("issue.py")
    }

    pub fn path(&self, program: Program) -> PathBuf {
        let programs = self.target.join("programs");
        match program {
            Program::Crate(_, binary) => self.target.join("release").join(binary),
            Program::Lego => programs.join("lego"),
            Program::Certbot => programs.join("certbot/bin/certbot"),
            Program::Aioacme => programs.join("aioacme/bin/python"),
        }
    }

    /// Makes what the cells need, one after the other.
    pub fn install(&self, cells: &[Cell]) -> Result<(), String> {
        fs::create_dir_all(self.target.join("programs")).map_err(|error| error.to_string())?;
        self.go(&self.bench().join("server"), &self.server())?;
        let packages: BTreeSet<_> = cells
            .iter()
            .filter_map(|cell| match cell.client.program {
                Program::Crate(package, _) => Some(package),
                _ => None,
            })
            .collect();
        for package in packages {
            let mut cargo = Command::new("cargo");
            cargo.args(["build", "--locked", "--release", "--quiet", "-p", package]);
            succeed(cargo.current_dir(self.bench()))?;
        }
        let has = |program| cells.iter().any(|cell| cell.client.program == program);
        if has(Program::Lego) {
            self.go(&self.peers.join("lego"), &self.path(Program::Lego))?;
        }
        if has(Program::Certbot) {
            self.python("certbot", &self.peers.join("certbot"))?;
        }
        if has(Program::Aioacme) {
            self.python("aioacme", &self.bench().join("aioacme"))?;
        }
        Ok(())
    }

    fn go(&self, source: &Path, output: &Path) -> Result<(), String> {
        let mut go = Command::new("go");
        go.env("CGO_ENABLED", "0").args(["build", "-mod=readonly", "-trimpath"]);
        go.args(["-ldflags", "-s -w", "-o"]).arg(output).arg(".");
        succeed(go.current_dir(source))
    }

    /// Makes a virtual environment with the pinned packages, unless it has them.
    fn python(&self, name: &str, source: &Path) -> Result<(), String> {
        let place = self.target.join("programs").join(name);
        let requirements = source.join("requirements.txt");
        let wanted = fs::read(&requirements).map_err(|error| error.to_string())?;
        let mark = place.join("complete");
        if fs::read(&mark).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        let mut pip = Command::new(place.join("bin/pip"));
        succeed(pip.args(["install", "--quiet", "--requirement"]).arg(&requirements))?;
        fs::write(mark, wanted).map_err(|error| error.to_string())
    }

    /// Returns the output of git in this repository.
    pub fn git(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("git").args(arguments).current_dir(self.repository()).output();
        let output = output.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}
