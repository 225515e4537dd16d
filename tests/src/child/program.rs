//! Building, starting, interrupting and killing an example program.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::files::ScratchDir;
use crate::servers::target_dir;

/// One of the two example programs, which have the same options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `issue`, of `acme-tokio`.
    Tokio,
    /// `issue-blocking`, of `acme-blocking`.
    Blocking,
}

impl Program {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Tokio, Self::Blocking];

    /// Returns the program's file, after building it if need be.
    ///
    /// # Panics
    ///
    /// If it does not compile.
    pub fn path(self) -> PathBuf {
        example(match self {
            Self::Tokio => "issue",
            Self::Blocking => "issue-blocking",
        })
    }

    /// Starts the program in `dir`, where its outputs go, too; it is killed when the result is dropped.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        self,
        dir: &ScratchDir,
        arguments: impl IntoIterator<Item = A>,
    ) -> Child {
        self.start_with(dir, arguments, &[])
    }

    /// Starts the program as [`start`](Self::start) does, with more in its environment.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start_with<A: AsRef<OsStr>>(
        self,
        dir: &ScratchDir,
        arguments: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Child {
        let number = dir.number();
        let [stdout, stderr] =
            ["out", "err"].map(|name| dir.path().join(format!("{name}.{number}")));
        let file = |path: &Path| File::create(path).expect("the scratch directory is writable");
        let program = self.path();
        let process = Command::new(&program)
            .args(arguments)
            .envs(env.iter().copied())
            .current_dir(dir.work())
            .stdin(Stdio::null())
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .spawn()
            .expect("an example program starts");
        Child { process, program, stdout, stderr, started: Instant::now(), peak_memory: 0 }
    }

    /// Runs the program in `dir` to its end.
    ///
    /// # Panics
    ///
    /// If it takes longer than a minute.
    pub fn run<A: AsRef<OsStr>>(
        self,
        dir: &ScratchDir,
        arguments: impl IntoIterator<Item = A>,
    ) -> Outcome {
        self.start(dir, arguments).wait(Duration::from_secs(60))
    }
}

/// Returns the file of an example of this workspace, after building it if need be.
///
/// # Panics
///
/// If it does not compile.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(build).join(name)
}

/// A program that runs.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    program: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
    started: Instant,
    /// The most memory that it was seen to have had, in octets.
    peak_memory: u64,
}

impl Child {
    /// Kills it at once, by SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
    }

    /// Sends it what Ctrl-C sends.
    ///
    /// # Panics
    ///
    /// If there is no program named `kill`.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Panics
    ///
    /// If there is no program named `kill`.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.expect("there is a kill program").success());
    }

    /// Returns how it ended, if it has.
    pub fn try_wait(&mut self) -> Option<Outcome> {
        let peak = peak_memory(self.process.id(), &self.program).unwrap_or(0);
        self.peak_memory = self.peak_memory.max(peak);
        let status = self.process.try_wait().expect("a child can be waited for")?;
        Some(self.outcome(status))
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it takes longer than `limit`; the message has what it wrote.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        loop {
            if let Some(outcome) = self.try_wait() {
                return outcome;
            }
            assert!(self.started.elapsed() < limit, "no end within {limit:?}: {}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until its outputs contain `text`.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_for(&self, text: &str) {
        while !self.said().contains(text) {
            let late = self.started.elapsed() > Duration::from_secs(60);
            assert!(!late, "{text:?} is not among: {}", self.said());
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn said(&self) -> String {
        read(&self.stdout) + &read(&self.stderr)
    }

    fn outcome(&self, status: ExitStatus) -> Outcome {
        Outcome {
            code: status.code(),
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
            elapsed: self.started.elapsed(),
            peak_memory: self.peak_memory,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        let _ = self.process.wait();
    }
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it ran.
    pub elapsed: Duration,
    /// The most memory that it had, in octets, as seen some milliseconds before its end; 0 where the system does not say.
    pub peak_memory: u64,
}

impl Outcome {
    /// Asserts that it ended with exit code 0.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn assert_issued(&self) {
        assert_eq!(self.code, Some(0), "{self:#?}");
    }

    /// Asserts that it failed with this exit code, and one error, which has all these words.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn assert_failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let mut errors = self.stderr.lines().filter(|line| line.starts_with("error: "));
        let error = errors.next().unwrap_or_else(|| panic!("no error: {self:#?}"));
        assert_eq!(errors.next(), None, "a second message: {self:#?}");
        // The parser of the command line says what is wrong on several lines.
        let said = if code == 2 { &self.stderr } else { error };
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
}

/// Returns the most memory that a process has had since it became this program, in octets.
///
/// For a moment after it was started, it still has the memory and the name of the process that started it. Its name
/// changes last, so that what is read after the name was seen is its own.
fn peak_memory(id: u32, program: &Path) -> Option<u64> {
    let read = || std::fs::read_to_string(format!("/proc/{id}/status")).ok();
    let before = read()?;
    let name = before.lines().find_map(|line| line.strip_prefix("Name:")).map(str::trim)?;
    // Linux keeps 15 octets of a name.
    if name.is_empty() || !program.file_name()?.to_str()?.starts_with(name) {
        return None;
    }
    let status = read()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Builds the examples, which costs nothing if `cargo test --workspace` has done so.
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--workspace", "--examples", "--quiet"]);
    cargo
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml"));
    cargo.arg("--target-dir").arg(target_dir());
    let program = env::current_exe().expect("the system knows the path of a running program");
    let profile = profile(&program);
    if profile == "release" {
        cargo.arg("--release");
    }
    // What Cargo tells a test must not make build scripts run again.
    for (name, _) in env::vars_os() {
        if is_about_this_package(&name) {
            cargo.env_remove(name);
        }
    }
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "the examples do not compile");
    target_dir().join(profile).join("examples")
}

/// Returns the name of the directory of the profile: `…/debug/deps/test` is of `debug`.
fn profile(program: &Path) -> String {
    let dir = program.strip_prefix(target_dir()).ok().and_then(|path| path.iter().next());
    dir.map_or_else(|| "debug".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn is_about_this_package(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|p| name.starts_with(p))
        || matches!(&*name, "CARGO" | "CARGO_PRIMARY_PACKAGE" | "CARGO_TARGET_TMPDIR")
}
