//! Certificates from the test CA, through every ready-made solver.

use core::time::Duration;
use std::sync::Arc;

use crate::both::on_blocking::ca::{Notes, Zone, certificate_key, client};
use crate::both::on_blocking::issue::{Memory, http01, names};
use acme_blocking::{
    BoxError, Cancel, Client, Dns01, Dns01Solver, Error, HookCommand, Http01Listener, OrderFile,
    Policy, ProviderKey, Snapshot, Solver, Store,
};
use acme_proto::error::Error as Acme;
use acme_testca::TestCa;

#[test]
fn issuances_run_on_two_threads_with_a_solver_behind_a_trait_object() {
    let ca = TestCa::start();
    let client = client(&ca);
    let solver: Arc<dyn Solver> = Arc::new(http01(&ca));
    let key = certificate_key();
    std::thread::scope(|scope| {
        let threads = ["a.test", "b.test"].map(|name| {
            let issue = client.issue([name]).key(&key).solver(solver.clone());
            scope.spawn(|| issue.run())
        });
        for thread in threads {
            thread.join().expect("no panic").expect("a certificate");
        }
    });
    assert_eq!(ca.certificates_issued(), 2);
}

#[test]
fn a_hundred_names_are_proved_in_parallel_over_few_connections() {
    let latency = Duration::from_millis(100);
    let ca = TestCa::builder().latency(latency).start().expect("a CA");
    let (client, http) = (client(&ca), http01(&ca));
    let all: Vec<String> = (0..100).map(|n| format!("n{n}.example.test")).collect();
    let issued = client.issue(all).key(&certificate_key()).solver(&http).run();
    assert_eq!(names(&issued.expect("a certificate")).len(), 100);
    assert!(ca.connections() <= 16, "{} connections", ca.connections());
    assert!(ca.max_in_flight() > 8, "{} in flight", ca.max_in_flight());
}

#[test]
fn cancelling_cleans_up_and_ends_as_cancelled() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let zone = Slow::new(&ca, 2);
    let dns = Notes::of(Dns01Solver::new(&zone));
    let issue = client.issue(["a.test", "b.test"]).key(&certificate_key()).solver(&dns);
    let result = issue.cancel_on(&zone.cancel).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert_eq!(dns.names("clean_up").len(), 2);
    assert!(ca.published_txt().values().all(Vec::is_empty));
}

#[test]
fn a_wish_that_was_expressed_before_ends_an_issuance_at_once() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let (before, wish) = (ca.requests().len(), Cancel::new());
    wish.cancel();
    let zone = Slow::new(&ca, 1);
    let (issue, dns) = (client.issue(["a.test"]), Dns01Solver::new(&zone));
    let result = issue.key(&certificate_key()).solver(&dns).cancel_on(&wish).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert_eq!(ca.certificates_issued(), 0);
    assert!(ca.requests().len() <= before + 1);
}

#[test]
fn what_is_presented_when_the_time_for_clean_ups_is_over_is_taken_back_all_the_same() {
    struct Late(Zone, Cancel);
    impl Dns01 for Late {
        fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
            self.1.cancel();
            std::thread::sleep(Duration::from_millis(500));
            self.0.set_txt(name, value)
        }
        fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
            self.0.remove_txt(name, value)
        }
    }
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let mut policy = Policy::default();
    policy.clean_up_time_limit = Duration::from_millis(50);
    client.set_policy(policy);
    let late = Late(Zone(Arc::clone(&ca)), Cancel::new());
    let wish = late.1.clone();
    let issue = client.issue(["a.test"]).key(&certificate_key()).solver(Dns01Solver::new(late));
    let result = issue.cancel_on(&wish).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert!(ca.published_txt().values().all(Vec::is_empty));
}

/// A zone that wishes the issuance cancelled once so many records are there, and propagates only then.
struct Slow {
    zone: Zone,
    records: usize,
    cancel: Cancel,
}

impl Slow {
    fn new(ca: &Arc<TestCa>, records: usize) -> Self {
        Self { zone: Zone(Arc::clone(ca)), records, cancel: Cancel::new() }
    }
}

impl Dns01 for Slow {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.zone.set_txt(name, value)?;
        if self.zone.0.published_txt().len() == self.records {
            self.cancel.cancel();
        }
        Ok(())
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.zone.remove_txt(name, value)
    }

    fn wait_txt(&self, _: &str, _: &str) -> Result<(), BoxError> {
        while !self.cancel.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// A zone that does not forget, so that what is published there stays, as after a crash.
struct Frozen(Slow);

impl Dns01 for Frozen {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.set_txt(name, value)
    }

    fn remove_txt(&self, _: &str, _: &str) -> Result<(), BoxError> {
        Err("the process was killed".into())
    }

    fn wait_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.wait_txt(name, value)
    }
}

/// Leaves an order behind in the middle, with its challenge published.
fn broken_off(ca: &Arc<TestCa>, client: &Client, key: &ProviderKey) -> Snapshot {
    let (store, zone) = (Memory::default(), Frozen(Slow::new(ca, 1)));
    let solver = Dns01Solver::new(&zone);
    let issue = client.issue(["example.test"]).key(key).solver(&solver);
    let result = issue.durable(&store).cancel_on(&zone.0.cancel).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert_eq!(ca.published_txt().values().flatten().count(), 1, "left published");
    store.0.into_inner().expect("no panic").expect("a snapshot")
}

#[test]
fn a_durable_issuance_that_broke_off_is_resumed_and_ends_with_one_certificate() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let snapshot = broken_off(&ca, &client, &certificate_key());
    assert_eq!(snapshot.challenges().len(), 1);
    let zone = Dns01Solver::new(Zone(ca.clone()));
    client.resume(snapshot).solver(&zone).run().expect("a certificate");
    assert!(ca.published_txt().values().all(Vec::is_empty));
    assert_eq!(ca.certificates_issued(), 1);
}

#[test]
fn resuming_and_cancelling_at_once_cleans_up() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let snapshot = broken_off(&ca, &client, &certificate_key());
    let (zone, wish) = (Dns01Solver::new(Zone(ca.clone())), Cancel::new());
    wish.cancel();
    let result = client.resume(snapshot).solver(&zone).cancel_on(&wish).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert!(ca.published_txt().values().all(Vec::is_empty));
}

#[test]
fn a_file_keeps_the_state_of_a_durable_issuance() {
    let directory = std::env::temp_dir().join(format!("acme-blocking-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = OrderFile::new(directory.join("order.json"));
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let issue = client.issue(["example.test"]).key(&certificate_key());
    issue.solver(&http).durable(&file).run().expect("a certificate");
    let snapshot = file.load().expect("readable").expect("a snapshot");
    assert!(snapshot.order_url().is_some() && snapshot.challenges().is_empty());
    std::fs::remove_dir_all(&directory).expect("a directory");
}

#[test]
fn a_store_that_fails_ends_the_issuance_before_anything_is_published() {
    struct Full;
    impl Store for Full {
        fn save(&self, _: &Snapshot) -> Result<(), BoxError> {
            Err("the disk is full".into())
        }
    }
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let dns = Notes::of(Dns01Solver::new(Zone(ca)));
    let issue = client.issue(["example.test"]).key(&certificate_key());
    let error = issue.solver(&dns).durable(Full).run().expect_err("nothing is stored").to_string();
    assert!(error.contains("the disk is full"), "{error}");
    assert!(dns.names("present").is_empty());
}

#[cfg(unix)]
#[test]
fn a_hook_is_run_with_name_and_value_and_its_failure_is_told() {
    let directory = std::env::temp_dir().join(format!("acme-blocking-hook-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let (script, log) = (directory.join("hook.sh"), directory.join("log"));
    let text = format!("echo \"$@\" >> {}; echo the zone is locked >&2; exit 3", log.display());
    std::fs::write(&script, text).expect("a file");
    let hook = HookCommand::new(&format!("/bin/sh '{}'", script.display()));
    let ca = TestCa::start();
    let client = client(&ca);
    let issue = client.issue(["*.example.test"]).key(&certificate_key()).solver(hook);
    let error = issue.run().expect_err("the hook fails").to_string();
    assert!(error.contains("the zone is locked"), "{error}");
    let log = std::fs::read_to_string(&log).expect("a log");
    let calls: Vec<&str> =
        log.lines().filter_map(|line| line.rsplit_once(' ')).map(|c| c.0).collect();
    let name = "_acme-challenge.example.test";
    assert_eq!(calls, [format!("present {name}"), format!("cleanup {name}")]);
    std::fs::remove_dir_all(&directory).expect("a directory");
}

#[test]
fn a_dropped_listener_frees_its_port() {
    let first = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    let address = first.local_addr();
    drop(first);
    Http01Listener::bind(address).expect("the port is free again");
}

/// Not a test: that these are `Send` and `Sync` is checked by compiling it.
#[allow(dead_code, reason = "compiling it is the test")]
fn what_is_send_and_sync(client: &Client, key: &ProviderKey, snapshot: Snapshot) {
    fn both<T: Send + Sync + 'static>() {}
    fn send<T: Send>(_: T) {}
    both::<Client>();
    both::<Error>();
    both::<Cancel>();
    both::<acme_blocking::UreqTransport>();
    both::<Arc<dyn acme_blocking::Transport>>();
    both::<Arc<dyn acme_blocking::Signer>>();
    both::<Arc<dyn Solver>>();
    both::<Arc<dyn Dns01>>();
    both::<Arc<dyn Store>>();
    send(client.issue(["a.test"]).key(key));
    send(client.resume(snapshot));
    send(client.register().agree_to_terms(|_| true));
}
