//! The example programs as processes, as operators run them.
#![allow(clippy::unwrap_used)] // tests, in functions that two programs share

mod cron;
mod daemon;
mod daemon_files;
mod dialects;
mod hooks;
mod memory;
mod messages;
mod public_ca;
#[cfg(target_os = "linux")]
mod terminal;

use std::cell::RefCell;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use acme_testca::{RequestKind, TestCa, TestCaBuilder};
use acme_tests::child::{Child, Outcome, Program, ScratchDir};
use acme_tests::servers::free_port;

/// A CA, and the directory of a program that orders from it into `out`.
struct Scene {
    program: Program,
    ca: TestCa,
    dir: ScratchDir,
    /// What is in the program's environment beside that of the test.
    env: RefCell<Vec<(&'static str, &'static str)>>,
}

impl Scene {
    fn new(program: Program) -> Self {
        Self::with(program, TestCa::builder())
    }

    fn with(program: Program, builder: TestCaBuilder) -> Self {
        let ca = builder.http_port(free_port()).start().unwrap();
        let dir = ScratchDir::new();
        dir.write("ca.pem", ca.root_pem());
        Self { program, ca, dir, env: RefCell::default() }
    }

    /// Starts the program with these arguments beside those that name the CA.
    fn start(&self, more: &[&str]) -> Child {
        self.program.start_with(&self.dir, self.line(more), &self.env.borrow())
    }

    /// Returns the arguments that name the CA, and more.
    fn line(&self, more: &[&str]) -> Vec<String> {
        let port = self.ca.http_port().to_string();
        let line = ["--directory", self.ca.directory_url(), "--ca-file", "ca.pem", "--out", "out"];
        let http = ["--http-port", &port];
        let has_own = more.contains(&"--http-port") || more.contains(&"--http-hook");
        let http = http.iter().filter(|_| !has_own);
        line.iter().chain(http).chain(more).map(ToString::to_string).collect()
    }

    /// Sets a variable in the environment of later runs.
    fn env(&self, name: &'static str, value: &'static str) {
        self.env.borrow_mut().push((name, value));
    }

    fn run(&self, more: &[&str]) -> Outcome {
        self.start(more).wait(Duration::from_secs(60))
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.dir.file(file)).unwrap_or_default()
    }

    /// Returns how many requests of a kind arrived.
    fn count(&self, kind: RequestKind) -> usize {
        self.ca.requests().iter().filter(|request| request.kind == kind).count()
    }
}

/// Returns how many processes sleep for this time.
fn sleepers(time: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.starts_with("sleep") && line.contains(time)).count()
}

/// Waits until something is so.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
