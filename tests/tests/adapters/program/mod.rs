//! The example programs as processes, as operators run them.
#![allow(clippy::unwrap_used)] // tests, in functions that two programs share

mod cron;
mod hooks;
mod messages;

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
}

impl Scene {
    fn new(program: Program) -> Self {
        Self::with(program, TestCa::builder())
    }

    fn with(program: Program, builder: TestCaBuilder) -> Self {
        let ca = builder.http_port(free_port()).start().unwrap();
        let dir = ScratchDir::new();
        dir.write("ca.pem", ca.root_pem());
        Self { program, ca, dir }
    }

    /// Starts the program with these arguments beside those that name the CA.
    fn start(&self, more: &[&str]) -> Child {
        let port = self.ca.http_port().to_string();
        let line = ["--directory", self.ca.directory_url(), "--ca-file", "ca.pem", "--out", "out"];
        let http = ["--http-port", &port];
        let http = http.iter().filter(|_| !more.contains(&"--http-port"));
        self.program.start(&self.dir, line.iter().chain(http).chain(more))
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

/// Waits until something is so.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
