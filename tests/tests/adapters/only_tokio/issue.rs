//! Certificates from the test CA, through every ready-made solver.

use core::future::{pending, ready};
use core::time::Duration;
use std::sync::Arc;

use crate::both::on_tokio::ca::{Notes, Zone, certificate_key, client};
use crate::both::on_tokio::issue::{Memory, http01, names};
use acme_proto::error::Error as Acme;
use acme_testca::TestCa;
use acme_tokio::{
    BoxError, Client, Dns01Solver, DynSolver, Error, HookCommand, Http01Listener, OrderFile,
    Snapshot, Store,
};

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
