//! A program that is killed or interrupted at any point, and run again, ends with one certificate and
//! nothing left published.
#![allow(clippy::unwrap_used)] // tests, in functions that two programs share

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use acme_testca::{ExchangePhase, RequestKind, TestCa};
use acme_tests::child::{Child, IssuedFiles, Outcome, Program, ScratchDir, contents};
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

for_both_programs! {
    killed_before_any_answer_of_http_01_it_goes_on, http_01_processed;
    killed_after_any_answer_of_http_01_it_goes_on, http_01_answered;
    killed_before_any_answer_of_dns_01_it_goes_on, dns_01_processed;
    killed_after_any_answer_of_dns_01_it_goes_on, dns_01_answered;
    killed_while_the_ca_issues_it_fetches_that_certificate, slow_issuance;
    killed_while_its_hook_runs_it_cleans_up, killed_in_the_hook;
    an_order_of_an_embedded_ca_that_is_gone_is_given_up, embedded_order;
    interrupted_it_cleans_up_and_can_go_on, interrupted;
    interrupted_in_dns_01_it_withdraws_its_record, interrupted_dns;
}

/// What is done with one exchange of a run.
struct Trap {
    /// The exchange, counted from 1.
    at: u64,
    phase: ExchangePhase,
}

/// A CA that may kill its client at an exchange, and the directory of the client.
struct Scene {
    program: Program,
    dns: bool,
    ca: TestCa,
    dir: ScratchDir,
    victim: Arc<Mutex<Option<Child>>>,
}

impl Scene {
    fn new(program: Program, dns: bool, trap: Option<Trap>, slow: bool) -> Self {
        let victim = Arc::new(Mutex::new(None));
        let mut builder = TestCa::builder().http_port(free_port());
        if slow {
            builder = builder.processing_polls(2).ready_delay_polls(1);
        }
        if let Some(Trap { at, phase }) = trap {
            let victim = Arc::clone(&victim);
            builder = builder.on_exchange(move |now, exchange| {
                if now == phase && exchange.number == at {
                    kill(&victim);
                }
            });
        }
        let ca = builder.start().unwrap();
        let dir = ScratchDir::new();
        dir.write("ca.pem", ca.root_pem());
        // What a run leaves that is killed while it writes its key.
        fs::create_dir_all(dir.file("out")).unwrap();
        fs::write(dir.file("out/.key.pem.1-0.tmp"), "half a key").unwrap();
        Self { program, dns, ca, dir, victim }
    }

    fn names(&self) -> &'static [&'static str] {
        // The two share one TXT name.
        if self.dns { &["*.a.test", "a.test"] } else { &["a.test", "b.test"] }
    }

    fn start(&self) -> Child {
        let hook = self.hook();
        let port = self.ca.http_port().to_string();
        let mut line =
            vec!["--directory", self.ca.directory_url(), "--ca-file", "ca.pem", "--out", "out"];
        if self.dns {
            line.extend(["--challenge", "dns-01", "--dns-hook", &hook]);
        } else {
            line.extend(["--http-port", &port]);
        }
        self.program.start(&self.dir, line.iter().chain(self.names()))
    }

    /// The hook publishes through the CA's management endpoint.
    fn hook(&self) -> String {
        let hook = env!("CARGO_BIN_EXE_testca-hook");
        let origin = self.ca.directory_url().trim_end_matches("/directory");
        format!("'{hook}' {origin} '{}'", self.dir.file("ca.pem").display())
    }

    /// Runs until the trap springs, or to the end.
    fn run_into_trap(&self) -> Outcome {
        *self.victim.lock().unwrap() = Some(self.start());
        let start = Instant::now();
        loop {
            let outcome = self.victim.lock().unwrap().as_mut().unwrap().try_wait();
            if let Some(outcome) = outcome {
                *self.victim.lock().unwrap() = None;
                return outcome;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "no end");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn run(&self) -> Outcome {
        self.start().wait(Duration::from_secs(60))
    }

    /// Whether a killed run had its certificate already, and its order was over.
    fn has_finished(&self) -> bool {
        self.dir.file("out/cert.pem").exists() && !self.dir.file("out/order.json").exists()
    }

    fn assert_one_certificate(&self) {
        IssuedFiles::new(self.dir.file("out"), self.dir.file("ca.pem"))
            .assert_complete(self.names());
        assert_eq!(self.ca.certificates_issued(), 1, "{:#?}", self.ca.requests());
        let accounts = self
            .ca
            .requests()
            .into_iter()
            .filter(|request| request.kind == RequestKind::NewAccount && request.status == 201);
        assert_eq!(accounts.count(), 1, "accounts");
        let left = contents(&self.dir.file("out")).into_keys();
        let left: Vec<_> = left.filter(|path| path.to_string_lossy().ends_with(".tmp")).collect();
        assert!(left.is_empty(), "of a writer that was killed: {left:?}");
        self.assert_nothing_published();
    }

    fn assert_nothing_published(&self) {
        let published = self.ca.published_txt();
        assert!(published.values().all(Vec::is_empty), "{published:?}");
    }
}

/// Kills the victim, which may just be starting, or be over.
fn kill(victim: &Mutex<Option<Child>>) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if let Some(child) = victim.lock().unwrap().as_mut() {
            child.kill();
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills at the first exchange, the second, and so on, until a run is over before its trap springs.
///
/// A run mostly waits, so a few go side by side.
fn kill_at_every_exchange(program: Program, dns: bool, phase: ExchangePhase, slow: bool) {
    let next = AtomicU64::new(1);
    let exchanges = AtomicU64::new(u64::MAX);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while exchanges.load(Ordering::SeqCst) == u64::MAX {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    assert!(at < 100, "no run came to its end");
                    if !kill_at(&Scene::new(program, dns, Some(Trap { at, phase }), slow), at) {
                        exchanges.fetch_min(at - 1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let exchanges = exchanges.into_inner();
    assert!((9..60).contains(&exchanges), "{exchanges} exchanges");
}

/// Runs into the trap and then again; returns whether the trap sprang.
fn kill_at(scene: &Scene, at: u64) -> bool {
    let first = scene.run_into_trap();
    if first.code.is_some() {
        first.assert_issued();
    } else if !scene.has_finished() {
        let second = scene.run();
        assert_eq!(second.code, Some(0), "killed at {at}: {second:#?}\n{:#?}", scene.ca.requests());
    }
    scene.assert_one_certificate();
    first.code.is_none()
}

fn http_01_processed(program: Program) {
    kill_at_every_exchange(program, false, ExchangePhase::Processed, false);
}

fn http_01_answered(program: Program) {
    kill_at_every_exchange(program, false, ExchangePhase::Answered, false);
}

fn dns_01_processed(program: Program) {
    kill_at_every_exchange(program, true, ExchangePhase::Processed, false);
}

fn dns_01_answered(program: Program) {
    kill_at_every_exchange(program, true, ExchangePhase::Answered, false);
}

fn slow_issuance(program: Program) {
    kill_at_every_exchange(program, false, ExchangePhase::Processed, true);
}

/// Writes a hook that publishes, and then does not come back.
fn hanging_hook(scene: &Scene) -> String {
    let script = format!("{} \"$@\" && touch published && exec sleep 60\n", scene.hook());
    scene.dir.write("hook.sh", script);
    "sh hook.sh".to_owned()
}

fn wait_for(file: &Path) {
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {}", file.display());
        thread::sleep(Duration::from_millis(5));
    }
}

fn killed_in_the_hook(program: Program) {
    let scene = Scene::new(program, true, None, false);
    let hook = hanging_hook(&scene);
    let line = [
        "--directory",
        scene.ca.directory_url(),
        "--ca-file",
        "ca.pem",
        "--out",
        "out",
        "--dns-hook",
        &hook,
    ];
    let mut child = program
        .start(&scene.dir, line.iter().chain(&["--challenge", "dns-01"]).chain(scene.names()));
    wait_for(&scene.dir.file("published"));
    child.kill();
    drop(child);
    assert!(!scene.ca.published_txt().is_empty());
    scene.run().assert_issued();
    scene.assert_one_certificate();
}

fn embedded_order(program: Program) {
    let dir = ScratchDir::new();
    dir.write("hook.sh", "touch published && exec sleep 60\n");
    let line = ["--out", "out", "a.test", "--challenge", "dns-01"];
    let mut child = program.start(&dir, line.iter().chain(&["--dns-hook", "sh hook.sh"]));
    wait_for(&dir.file("published"));
    child.kill();
    drop(child);
    let account = fs::read_to_string(dir.file("out/embedded-account.json")).unwrap();
    assert!(dir.file("out/embedded-order.json").exists());
    let outcome = program.run(&dir, line);
    outcome.assert_issued();
    assert!(outcome.stderr.contains("starting over"), "{}", outcome.stderr);
    let out = dir.file("out");
    IssuedFiles::new(&out, out.join("root.pem")).assert_complete(&["a.test"]);
    let key = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["key"].clone();
    assert_eq!(key(&fs::read_to_string(out.join("embedded-account.json")).unwrap()), key(&account));
}

/// Interrupts a run that waits for the CA, and runs again.
fn interrupt(scene: &Scene) {
    let child = scene.start();
    child.wait_for("the CA validates");
    child.interrupt();
    let outcome = child.wait(Duration::from_secs(10));
    outcome.assert_failed(1, &["cancelled"]);
    assert!(outcome.stderr.contains("run again"), "{}", outcome.stderr);
    scene.assert_nothing_published();
    assert_eq!(scene.ca.certificates_issued(), 0);
    let order = fs::read_to_string(scene.dir.file("out/order.json")).unwrap();
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    assert_eq!(order["challenges"], serde_json::json!([]), "{order}");
    scene.run().assert_issued();
    scene.assert_one_certificate();
}

fn slow_validation(program: Program, dns: bool) -> Scene {
    let scene = Scene::new(program, dns, None, false);
    let builder = TestCa::builder().http_port(free_port()).validation_delay(Duration::from_secs(2));
    let ca = builder.start().unwrap();
    scene.dir.write("ca.pem", ca.root_pem());
    Scene { ca, ..scene }
}

fn interrupted(program: Program) {
    interrupt(&slow_validation(program, false));
}

fn interrupted_dns(program: Program) {
    interrupt(&slow_validation(program, true));
}
