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
        self.go(&self.bench().join("server"), &self.server(), &[&self.plain_pebble()?])?;
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
            self.go(&self.peers.join("lego"), &self.path(Program::Lego), &[])?;
        }
        if has(Program::Certbot) {
            self.python("certbot", &self.peers.join("certbot"))?;
        }
        if has(Program::Aioacme) {
            self.python("aioacme", &self.bench().join("aioacme"))?;
        }
        Ok(())
    }

    fn go(&self, source: &Path, output: &Path, options: &[&str]) -> Result<(), String> {
        let mut go = Command::new("go");
        go.env("CGO_ENABLED", "0").args(["build", "-mod=readonly", "-trimpath"]).args(options);
        go.args(["-ldflags", "-s -w", "-o"]).arg(output).arg(".");
        succeed(go.current_dir(source))
    }

    /// Returns the option of `go build` with which Pebble expects URLs of http in requests that came without TLS: those of a
    /// client that can trust no root of ours. Without it, it expects https whatever the URLs are that it hands out.
    fn plain_pebble(&self) -> Result<String, String> {
        const PEBBLE: &str = "github.com/letsencrypt/pebble/v2";
        const ALWAYS: &str = "Scheme: \"https\",";
        const AS_IT_CAME: &str =
            "Scheme: map[bool]string{false: \"http\", true: \"https\"}[request.TLS != nil],";
        let failed = |error: std::io::Error| error.to_string();
        let server = self.bench().join("server");
        succeed(Command::new("go").args(["mod", "download"]).current_dir(&server))?;
        let mut list = Command::new("go");
        list.args(["list", "-m", "-f", "{{.Dir}}", PEBBLE]).current_dir(&server);
        let output = list.output().map_err(failed)?;
        let module = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let original = module.join("wfe/wfe.go");
        let text = fs::read_to_string(&original).map_err(failed)?;
        if text.matches(ALWAYS).count() != 1 {
            return Err(format!("{}: not one line {ALWAYS}", original.display()));
        }
        let copy = self.target.join("programs/pebble");
        let _ = fs::remove_dir_all(&copy);
        let mut cp = Command::new("cp");
        succeed(cp.args(["-r", "--no-preserve=mode"]).arg(&module).arg(&copy))?;
        fs::write(copy.join("wfe/wfe.go"), text.replace(ALWAYS, AS_IT_CAME)).map_err(failed)?;
        let file = self.target.join("programs/server.mod");
        let own = fs::read_to_string(server.join("go.mod")).map_err(failed)?;
        let replaced = format!("{own}\nreplace {PEBBLE} => {}\n", copy.display());
        fs::write(&file, replaced).map_err(failed)?;
        fs::copy(server.join("go.sum"), file.with_extension("sum")).map_err(failed)?;
        Ok(format!("-modfile={}", file.display()))
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

/// Runs a command, which must not fail.
pub fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}
