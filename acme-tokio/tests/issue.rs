//! Certificates from the test CA, through every ready-made solver.

mod ca;

use core::future::{pending, ready};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use acme_proto::error::Error as Acme;
use acme_testca::TestCa;
use acme_tokio::{
    BoxError, ChallengeKind, Client, Csr, Dns01Solver, DynSolver, Error, HookCommand,
    Http01Handler, Http01Listener, Identifier, Issued, OrderFile, Snapshot, Store,
    TlsAlpn01Listener, TlsAlpn01Resolver,
};
use ca::{Broken, Notes, Zone, builder, certificate_key, client};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

async fn http01(ca: &TestCa) -> Http01Listener {
    let listener = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_http_port(listener.local_addr().port());
    listener
}

fn names(issued: &Issued) -> Vec<&str> {
    let leaf = issued.chain().leaf();
    leaf.dns_names().iter().map(AsRef::as_ref).collect()
}

#[tokio::test]
async fn http_01_issues_a_certificate_for_the_names_and_key() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let key = certificate_key();
    let issued = client
        .issue(["example.test", "www.example.test"])
        .key(&key)
        .solver(&http)
        .await
        .expect("a certificate");
    assert_eq!(names(&issued), ["example.test", "www.example.test"]);
    assert_eq!(issued.chain().leaf().public_key().expect("a key"), *key.public_key());
    assert!(issued.not_cleaned().is_empty());
    assert_eq!(ca.certificates_issued(), 1);
}

#[tokio::test]
async fn dns_01_issues_for_a_wildcard_and_its_base_and_leaves_no_record() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let dns = Notes::of(Dns01Solver::new(Zone(ca.clone())));
    let issued = client
        .issue(["example.test", "*.example.test"])
        .key(&certificate_key())
        .solver(&dns)
        .await
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

#[tokio::test]
async fn tls_alpn_01_issues_for_a_name_and_an_address() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let tls = TlsAlpn01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_tls_port(tls.local_addr().port());
    let issued = client
        .issue(["example.test", "127.0.0.1"])
        .key(&certificate_key())
        .solver(&tls)
        .await
        .expect("a certificate");
    assert_eq!(names(&issued), ["example.test"]);
    assert_eq!(issued.chain().leaf().ip_addresses().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuance_runs_as_a_task_with_a_solver_behind_a_trait_object() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let solver: Arc<dyn DynSolver> = Arc::new(http01(&ca).await);
    let key = certificate_key();
    let tasks = ["a.test", "b.test"].map(|name| {
        let issue = client.issue([name]).key(&key).solver(solver.clone());
        tokio::spawn(issue.into_future())
    });
    for task in tasks {
        task.await.expect("no panic").expect("a certificate");
    }
    assert_eq!(ca.certificates_issued(), 2);
}

#[tokio::test]
async fn a_hundred_names_are_proved_in_parallel_over_one_connection() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let all: Vec<String> = (0..100).map(|n| format!("n{n}.example.test")).collect();
    let issued = client.issue(all).key(&certificate_key()).solver(&http).await;
    assert_eq!(names(&issued.expect("a certificate")).len(), 100);
    assert_eq!(ca.connections(), 1);
    assert!(ca.max_in_flight() > 8, "{} in flight", ca.max_in_flight());
}

#[tokio::test]
async fn a_ca_without_http2_is_spoken_to_over_few_connections() {
    let ca = TestCa::builder().http2(false).start().expect("a CA");
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let all: Vec<String> = (0..30).map(|n| format!("n{n}.example.test")).collect();
    client.issue(all).key(&certificate_key()).solver(&http).await.expect("a certificate");
    assert!(ca.connections() <= 16, "{} connections", ca.connections());
}

#[tokio::test]
async fn half_of_all_nonces_refused_is_no_obstacle() {
    let ca = TestCa::builder().bad_nonce_percent(50).start().expect("a CA");
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    issue.await.expect("a certificate");
}

#[tokio::test]
async fn a_csr_of_the_users_own_is_used() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let key = certificate_key();
    let csr = acme_adapter_csr(&key, &["example.test"]);
    client.issue(["example.test"]).csr(csr).solver(&http).await.expect("a certificate");
}

#[tokio::test]
async fn a_csr_with_other_names_fails_before_anything_is_ordered() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let before = ca.requests().len();
    let csr = acme_adapter_csr(&certificate_key(), &["example.test"]);
    let result = client.issue(["example.test", "www.example.test"]).csr(csr).solver(&http).await;
    let error = result.expect_err("the CSR lacks a name").to_string();
    assert!(error.contains("www.example.test"), "{error}");
    assert_eq!(ca.requests().len(), before);
}

fn acme_adapter_csr(key: &acme_tokio::ProviderKey, names: &[&str]) -> Csr {
    let names: Vec<Identifier> = names.iter().map(|n| (*n).try_into().expect("a name")).collect();
    acme_adapter::keys::make_csr(key, &names).expect("a CSR")
}

#[tokio::test]
async fn an_issuance_without_csr_and_key_says_so() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let result = client.issue(["example.test"]).solver(&http).await;
    assert!(matches!(result, Err(Error::NoCsr)));
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_is_sent() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let before = ca.requests().len();
    let result = client.issue(["exa mple.test"]).key(&certificate_key()).await;
    assert!(matches!(result, Err(Error::Acme(Acme::Input(_)))), "{result:?}");
    assert_eq!(ca.requests().len(), before);
}

#[tokio::test]
async fn when_one_solver_fails_the_next_kind_is_tried() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issued = client
        .issue(["example.test"])
        .key(&certificate_key())
        .solver(Broken(ChallengeKind::Dns01))
        .solver(&http)
        .await
        .expect("a certificate");
    let not_cleaned = issued.not_cleaned();
    assert_eq!(not_cleaned.len(), 1);
    assert_eq!(not_cleaned[0].1, "the zone is locked still");
}

#[tokio::test]
async fn the_error_says_what_the_last_solver_said() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let broken = Broken(ChallengeKind::Dns01);
    let result = client.issue(["example.test"]).key(&certificate_key()).solver(broken).await;
    let error = result.expect_err("no solver works").to_string();
    assert!(error.contains("the zone is locked"), "{error}");
}

#[tokio::test]
async fn without_a_suitable_solver_the_error_says_which_kinds_are_offered() {
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let result = client.issue(["*.example.test"]).key(&certificate_key()).solver(&http).await;
    let error = result.expect_err("no solver suits").to_string();
    assert!(error.contains("no solver was given for dns-01"), "{error}");
}

#[tokio::test]
async fn without_an_account_an_issuance_fails_and_registers_none() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().await.expect("a client");
    let http = http01(&ca).await;
    let result = client.issue(["example.test"]).key(&certificate_key()).solver(&http).await;
    assert!(matches!(result, Err(Error::Acme(Acme::NoAccount { .. }))), "{result:?}");
}

#[tokio::test]
async fn cancelling_cleans_up_and_ends_as_cancelled() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let dns = Notes::of(Dns01Solver::new(Slow(Zone(ca.clone()))));
    let result = client
        .issue(["a.test", "b.test"])
        .key(&certificate_key())
        .solver(&dns)
        .cancel_on(async {
            while ca.published_txt().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert_eq!(dns.names("clean_up").len(), 2);
    assert!(ca.published_txt().values().all(Vec::is_empty));
}

/// A zone that never propagates.
#[derive(Clone)]
struct Slow(Zone);

impl acme_tokio::Dns01 for Slow {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.set_txt(name, value).await
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.remove_txt(name, value).await
    }

    async fn wait_txt(&self, _: &str, _: &str) -> Result<(), BoxError> {
        pending().await
    }
}

/// Keeps the latest snapshot in memory.
#[derive(Default)]
struct Memory(Mutex<Option<Snapshot>>);

impl Store for Memory {
    async fn save(&self, snapshot: &Snapshot) -> Result<(), BoxError> {
        *self.0.lock().expect("no panic") = Some(snapshot.clone());
        Ok(())
    }
}

#[tokio::test]
async fn a_dropped_durable_issuance_is_resumed_and_ends_with_one_certificate() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let (key, store) = (certificate_key(), Memory::default());
    let slow = Dns01Solver::new(Slow(Zone(ca.clone())));
    let dropped = client.issue(["example.test"]).key(&key).solver(slow).durable(&store).run();
    let _ = tokio::time::timeout(Duration::from_millis(500), dropped).await;
    assert_eq!(ca.published_txt().values().flatten().count(), 1, "left published");
    let snapshot = store.0.lock().expect("no panic").take().expect("a snapshot");
    let zone = Dns01Solver::new(Zone(ca.clone()));
    client.resume(snapshot).solver(&zone).durable(&store).await.expect("a certificate");
    assert!(ca.published_txt().values().all(Vec::is_empty));
    assert_eq!(ca.certificates_issued(), 1);
}

#[tokio::test]
async fn resuming_and_cancelling_at_once_cleans_up() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let (key, store) = (certificate_key(), Memory::default());
    let slow = Dns01Solver::new(Slow(Zone(ca.clone())));
    let dropped = client.issue(["example.test"]).key(&key).solver(slow).durable(&store).run();
    let _ = tokio::time::timeout(Duration::from_millis(500), dropped).await;
    let snapshot = store.0.lock().expect("no panic").take().expect("a snapshot");
    let zone = Dns01Solver::new(Zone(ca.clone()));
    let result = client.resume(snapshot).solver(&zone).cancel_on(ready(())).await;
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert!(ca.published_txt().values().all(Vec::is_empty));
}

#[tokio::test]
async fn a_file_keeps_the_state_of_a_durable_issuance() {
    let directory = std::env::temp_dir().join(format!("acme-tokio-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = OrderFile::new(directory.join("order.json"));
    let ca = TestCa::start();
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issue = client.issue(["example.test"]).key(&certificate_key());
    issue.solver(&http).durable(&file).await.expect("a certificate");
    let snapshot = file.load().expect("readable").expect("a snapshot");
    assert!(snapshot.order_url().is_some() && snapshot.challenges().is_empty());
    std::fs::remove_dir_all(&directory).expect("a directory");
}

#[tokio::test]
async fn a_store_that_fails_ends_the_issuance_before_anything_is_published() {
    struct Full;
    impl Store for Full {
        async fn save(&self, _: &Snapshot) -> Result<(), BoxError> {
            Err("the disk is full".into())
        }
    }
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let dns = Notes::of(Dns01Solver::new(Zone(ca.clone())));
    let issue = client.issue(["example.test"]).key(&certificate_key());
    let error = issue.solver(&dns).durable(Full).await.expect_err("nothing is stored").to_string();
    assert!(error.contains("the disk is full"), "{error}");
    assert!(dns.names("present").is_empty());
}

#[tokio::test]
async fn a_handler_in_the_users_own_server_answers_by_host_and_path() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let handler = Http01Handler::new();
    let port = own_server(handler.clone()).await;
    ca.set_http_port(port);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&handler);
    issue.await.expect("a certificate");
}

/// The smallest server that has a handler mounted.
async fn own_server(handler: Http01Handler) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 2048];
            let length = stream.read(&mut head).await.expect("a request");
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).expect("a path");
            let host = head
                .lines()
                .find_map(|l| l.to_lowercase().strip_prefix("host: ").map(str::to_owned));
            let body = handler.respond(host.as_deref(), path).expect("a published challenge");
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
    });
    port
}

#[tokio::test]
async fn a_resolver_in_the_users_own_rustls_server_answers_validations_only() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let resolver = TlsAlpn01Resolver::new(&provider).around(Arc::new(NoCertificate));
    ca.set_tls_port(own_tls_server(resolver.clone()).await);
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&resolver);
    issue.await.expect("a certificate");
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
async fn own_tls_server(resolver: TlsAlpn01Resolver) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"acme-tls/1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let _ = acceptor.accept(stream).await;
        }
    });
    port
}

#[cfg(unix)]
#[tokio::test]
async fn a_hook_is_run_with_name_and_value_and_its_failure_is_told() {
    let directory = std::env::temp_dir().join(format!("acme-tokio-hook-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let (script, log) = (directory.join("hook.sh"), directory.join("log"));
    let text = format!("echo \"$@\" >> {}; echo the zone is locked >&2; exit 3", log.display());
    std::fs::write(&script, text).expect("a file");
    let hook = HookCommand::new(&format!("/bin/sh '{}'", script.display()));
    let ca = TestCa::start();
    let client = client(&ca).await;
    let issue = client.issue(["*.example.test"]).key(&certificate_key()).solver(hook);
    let error = issue.await.expect_err("the hook fails").to_string();
    assert!(error.contains("the zone is locked"), "{error}");
    let log = std::fs::read_to_string(&log).expect("a log");
    let calls: Vec<&str> =
        log.lines().filter_map(|line| line.rsplit_once(' ')).map(|c| c.0).collect();
    let name = "_acme-challenge.example.test";
    assert_eq!(calls, [format!("present {name}"), format!("cleanup {name}")]);
    std::fs::remove_dir_all(&directory).expect("a directory");
}

#[tokio::test]
async fn a_name_that_the_ca_refuses_is_named_in_the_error() {
    let ca = TestCa::builder().block_name("evil.test").start().expect("a CA");
    let (client, http) = (client(&ca).await, http01(&ca).await);
    let issue = client.issue(["good.test", "evil.test"]).key(&certificate_key()).solver(&http);
    let error = issue.await.expect_err("a blocked name").to_string();
    assert!(error.contains("evil.test"), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    let error = Http01Listener::bind(first.local_addr()).await.expect_err("in use").to_string();
    assert!(error.contains(&format!("port {} is in use", first.local_addr().port())), "{error}");
    let error = TlsAlpn01Listener::bind(first.local_addr()).await.expect_err("in use");
    assert!(matches!(error, Error::Listen { .. }));
}

#[tokio::test]
async fn a_dropped_listener_frees_its_port() {
    let first = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    let address = first.local_addr();
    drop(first);
    tokio::task::yield_now().await;
    Http01Listener::bind(address).await.expect("the port is free again");
}

/// Not a test: that these are `Send` and `Sync` is checked by compiling it.
#[allow(dead_code, reason = "compiling it is the test")]
fn what_is_send_and_sync(client: &Client, key: &acme_tokio::ProviderKey, snapshot: Snapshot) {
    fn both<T: Send + Sync>() {}
    fn send<T: Send>(_: T) {}
    both::<Client>();
    both::<Error>();
    both::<acme_tokio::HyperTransport>();
    both::<Arc<dyn acme_tokio::DynTransport>>();
    both::<Arc<dyn acme_tokio::DynSigner>>();
    both::<Arc<dyn DynSolver>>();
    both::<Arc<dyn acme_tokio::DynStore>>();
    send(client.issue(["a.test"]).key(key).run());
    send(client.issue(["a.test"]).key(key).into_future());
    send(client.resume(snapshot).run());
    send(client.register().agree_to_terms(|_| true).run());
    send(client.directory());
    send(client.find_account());
    send(client.new_authorization("a.test".try_into().expect("a name")));
    send(Client::connect(acme_tokio::LETS_ENCRYPT, key_to_send()));
}

fn key_to_send() -> acme_tokio::AccountKey {
    acme_tokio::AccountKey::from_pem("").expect("never called")
}
