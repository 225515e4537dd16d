//! Certificates from the test CA, through every ready-made solver.

mod ca;

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use acme_blocking::{
    BoxError, Cancel, ChallengeKind, Client, Csr, Dns01, Dns01Solver, Error, HookCommand,
    Http01Handler, Http01Listener, Identifier, Issued, OrderFile, Policy, ProviderKey, Snapshot,
    Solver, Store, TlsAlpn01Listener, TlsAlpn01Resolver,
};
use acme_proto::error::Error as Acme;
use acme_testca::TestCa;
use ca::{Broken, Notes, Zone, builder, certificate_key, client};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

fn http01(ca: &TestCa) -> Http01Listener {
    let listener = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    ca.set_http_port(listener.local_addr().port());
    listener
}

fn names(issued: &Issued) -> Vec<&str> {
    let leaf = issued.chain().leaf();
    leaf.dns_names().iter().map(AsRef::as_ref).collect()
}

#[test]
fn http_01_issues_a_certificate_for_the_names_and_key() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let key = certificate_key();
    let issued = client
        .issue(["example.test", "www.example.test"])
        .key(&key)
        .solver(&http)
        .run()
        .expect("a certificate");
    assert_eq!(names(&issued), ["example.test", "www.example.test"]);
    assert_eq!(issued.chain().leaf().public_key().expect("a key"), *key.public_key());
    assert!(issued.not_cleaned().is_empty());
    assert_eq!(ca.certificates_issued(), 1);
}

#[test]
fn dns_01_issues_for_a_wildcard_and_its_base_and_leaves_no_record() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let dns = Notes::of(Dns01Solver::new(Zone(ca.clone())));
    let issued = client
        .issue(["example.test", "*.example.test"])
        .key(&certificate_key())
        .solver(&dns)
        .run()
        .expect("a certificate");
    assert_eq!(names(&issued).len(), 2);
    assert!(ca.published_txt().values().all(Vec::is_empty));
    // Both challenges are for one record: their calls follow each other.
    let calls = dns.calls();
    let presents: Vec<_> = calls.iter().filter(|c| c.starts_with("present")).collect();
    assert_eq!(presents, [&"present", &"presented", &"present", &"presented"]);
    let last_present = calls.iter().rposition(|c| *c == "presented");
    assert!(last_present < calls.iter().position(|c| *c == "wait"), "{calls:?}");
}

#[test]
fn tls_alpn_01_issues_for_a_name_and_an_address() {
    let ca = TestCa::start();
    let client = client(&ca);
    let tls = TlsAlpn01Listener::bind("127.0.0.1:0").expect("a free port");
    ca.set_tls_port(tls.local_addr().port());
    let issued = client
        .issue(["example.test", "127.0.0.1"])
        .key(&certificate_key())
        .solver(&tls)
        .run()
        .expect("a certificate");
    assert_eq!(names(&issued), ["example.test"]);
    assert_eq!(issued.chain().leaf().ip_addresses().len(), 1);
}

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
fn half_of_all_nonces_refused_is_no_obstacle() {
    let ca = TestCa::builder().bad_nonce_percent(50).start().expect("a CA");
    let (client, http) = (client(&ca), http01(&ca));
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.run().expect("a certificate");
}

#[test]
fn a_csr_of_the_users_own_is_used() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let key = certificate_key();
    let csr = acme_adapter_csr(&key, &["example.test"]);
    client.issue(["example.test"]).csr(csr).solver(&http).run().expect("a certificate");
}

#[test]
fn a_csr_with_other_names_fails_before_anything_is_ordered() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let before = ca.requests().len();
    let csr = acme_adapter_csr(&certificate_key(), &["example.test"]);
    let result = client.issue(["example.test", "www.example.test"]).csr(csr).solver(&http).run();
    let error = result.expect_err("the CSR lacks a name").to_string();
    assert!(error.contains("www.example.test"), "{error}");
    assert_eq!(ca.requests().len(), before);
}

fn acme_adapter_csr(key: &ProviderKey, names: &[&str]) -> Csr {
    let names: Vec<Identifier> = names.iter().map(|n| (*n).try_into().expect("a name")).collect();
    acme_adapter::keys::make_csr(key, &names).expect("a CSR")
}

#[test]
fn an_issuance_without_csr_and_key_says_so() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let result = client.issue(["example.test"]).solver(&http).run();
    assert!(matches!(result, Err(Error::NoCsr)));
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_sent() {
    let ca = TestCa::start();
    let client = client(&ca);
    let before = ca.requests().len();
    let result = client.issue(["exa mple.test"]).key(&certificate_key()).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Input(_)))), "{result:?}");
    assert_eq!(ca.requests().len(), before);
}

#[test]
fn when_one_solver_fails_the_next_kind_is_tried() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let issued = client
        .issue(["example.test"])
        .key(&certificate_key())
        .solver(Broken(ChallengeKind::Dns01))
        .solver(&http)
        .run()
        .expect("a certificate");
    let not_cleaned = issued.not_cleaned();
    assert_eq!(not_cleaned.len(), 1);
    assert_eq!(not_cleaned[0].1, "the zone is locked still");
}

#[test]
fn the_error_says_what_the_last_solver_said() {
    let ca = TestCa::start();
    let client = client(&ca);
    let broken = Broken(ChallengeKind::Dns01);
    let result = client.issue(["example.test"]).key(&certificate_key()).solver(broken).run();
    let error = result.expect_err("no solver works").to_string();
    assert!(error.contains("the zone is locked"), "{error}");
}

#[test]
fn without_a_suitable_solver_the_error_says_which_kinds_are_offered() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca), http01(&ca));
    let result = client.issue(["*.example.test"]).key(&certificate_key()).solver(&http).run();
    let error = result.expect_err("no solver suits").to_string();
    assert!(error.contains("no solver was given for dns-01"), "{error}");
}

#[test]
fn without_an_account_an_issuance_fails_and_registers_none() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().expect("a client");
    let http = http01(&ca);
    let result = client.issue(["example.test"]).key(&certificate_key()).solver(&http).run();
    assert!(matches!(result, Err(Error::Acme(Acme::NoAccount { .. }))), "{result:?}");
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
    let ca = TestCa::start();
    let client = client(&ca);
    let (before, wish) = (ca.requests().len(), Cancel::new());
    wish.cancel();
    let result = client.issue(["a.test"]).key(&certificate_key()).cancel_on(&wish).run();
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

/// Keeps the latest snapshot in memory.
#[derive(Default)]
struct Memory(Mutex<Option<Snapshot>>);

impl Store for Memory {
    fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        *self.0.lock().expect("no panic") = Some(snapshot.clone());
        Ok(())
    }
}

/// Leaves an order behind in the middle, with its challenge published.
fn broken_off(ca: &Arc<TestCa>, client: &Client, key: &ProviderKey) -> Snapshot {
    let (store, zone) = (Memory::default(), Frozen(Slow::new(ca, 1)));
    let issue = client.issue(["example.test"]).key(key).solver(Dns01Solver::new(&zone));
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
fn a_solver_that_panics_has_failed_and_what_it_published_is_cleaned_up() {
    struct Panics(Zone);
    impl Dns01 for Panics {
        fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
            self.0.set_txt(name, value)?;
            panic!("on purpose");
        }
        fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
            self.0.remove_txt(name, value)
        }
    }
    let ca = Arc::new(TestCa::start());
    let client = client(&ca);
    let dns = Dns01Solver::new(Panics(Zone(ca.clone())));
    let issue = client.issue(["a.test", "*.a.test"]).key(&certificate_key()).solver(dns);
    let error = issue.run().expect_err("no solver works").to_string();
    assert!(error.contains("it panicked"), "{error}");
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

#[test]
fn a_handler_in_the_users_own_server_answers_by_host_and_path() {
    let ca = TestCa::start();
    let client = client(&ca);
    let handler = Http01Handler::new();
    let port = own_server(handler.clone());
    ca.set_http_port(port);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&handler);
    issue.run().expect("a certificate");
}

/// The smallest server that has a handler mounted.
fn own_server(handler: Http01Handler) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 2048];
            let length = stream.read(&mut head).expect("a request");
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).expect("a path");
            let host = head
                .lines()
                .find_map(|l| l.to_lowercase().strip_prefix("host: ").map(str::to_owned));
            let body = handler.respond(host.as_deref(), path).expect("a published challenge");
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    port
}

#[test]
fn a_resolver_in_the_users_own_rustls_server_answers_validations_only() {
    let ca = TestCa::start();
    let client = client(&ca);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let resolver = TlsAlpn01Resolver::new(&provider).around(Arc::new(NoCertificate));
    ca.set_tls_port(own_tls_server(resolver.clone()));
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&resolver);
    issue.run().expect("a certificate");
    assert!(resolver.is_empty());
}

/// The user's own resolver, which has nothing yet.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

/// The smallest rustls server that has a resolver.
fn own_tls_server(resolver: TlsAlpn01Resolver) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"acme-tls/1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut tls = rustls::ServerConnection::new(config.clone()).expect("a configuration");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    port
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
fn a_name_that_the_ca_refuses_is_named_in_the_error() {
    let ca = TestCa::builder().block_name("evil.test").start().expect("a CA");
    let (client, http) = (client(&ca), http01(&ca));
    let issue = client.issue(["good.test", "evil.test"]).key(&certificate_key()).solver(&http);
    let error = issue.run().expect_err("a blocked name").to_string();
    assert!(error.contains("evil.test"), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let first = Http01Listener::bind("127.0.0.1:0").expect("a free port");
    let error = Http01Listener::bind(first.local_addr()).expect_err("in use").to_string();
    assert!(error.contains(&format!("port {} is in use", first.local_addr().port())), "{error}");
    let error = TlsAlpn01Listener::bind(first.local_addr()).expect_err("in use");
    assert!(matches!(error, Error::Listen { .. }));
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
