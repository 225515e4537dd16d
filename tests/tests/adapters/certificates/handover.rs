//! What one certificate leaves to the next: files, records, and what was not stored yet.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use acme_adapter::error::BoxError;
use acme_adapter::keeper::{CertificateEvent, CertificateEventKind};
use acme_adapter::keys::{self, KeyKind};
use acme_adapter::storage::layout::load_certificate;
use acme_adapter::storage::{FolderStorage, run};
use acme_adapter::tls::Roots;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::renewal::LifecycleEvent;
use acme_proto::wire::ChallengeKind;
use acme_testca::{FaultAction, FaultRule, Faults, RequestKind, TestCa};
use acme_tests::scratch;
use serde_json::Value;

use super::A_WHILE;
use super::faults::{is_empty, wait_until};
use super::site::{Site, Wanted};
use super::storage_down::bound;

#[test]
fn a_certificate_for_names_that_were_changed_meanwhile_replaces_no_file_of_the_present_ones() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("changed-twice"));
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example", "c.example"]]));
        let orders = folder.path().join("orders");
        let bundle = folder.path().join("certificates/a.example/bundle.pem");
        wait_until("it is stored", || bundle.exists() && is_empty(&orders));
        let storage = FolderStorage::open(folder.path()).expect("a folder");
        let stored_names = || {
            let stored = run(&storage, load_certificate("a.example")).expect("it can be read");
            let stored = stored.certificate().expect("a certificate");
            stored.leaf().dns_names().to_vec()
        };
        let busy = FaultRule::next(FaultAction::unavailable(None)).times(usize::MAX);
        ca.set_faults(Faults::none().with(busy.on(RequestKind::Finalize)));
        site.add(&["a.example", "b.example"]);
        wait_until("there is an order", || ca.order_objects().len() == 2);
        site.add(&["a.example", "c.example"]);
        ca.set_faults(Faults::none());
        let aside = folder.path().join("damaged");
        // A file that is being written begins with a dot.
        let set_aside = || {
            let files =
                fs::read_dir(&aside).into_iter().flatten().flatten().map(|file| file.path());
            let mut files = files.filter(|file| !file.to_string_lossy().contains("/."));
            files.find_map(|file| fs::read_to_string(file).ok())
        };
        wait_until("the other one is set aside", || {
            assert_eq!(stored_names(), ["a.example", "c.example"], "{}", site.adapter);
            set_aside().is_some()
        });
        assert_eq!(stored_names(), ["a.example", "c.example"], "{}", site.adapter);
        let text = set_aside().expect("a file");
        assert!(text.contains("PRIVATE KEY") && text.contains("BEGIN CERTIFICATE"));
    }
}

/// A solver that fails to remove what it published, and notes for what.
#[derive(Clone, Default)]
struct Stuck(Arc<Mutex<Vec<Challenge>>>);

const DNS01: &[ChallengeKind] = &[ChallengeKind::Dns01];

impl Stuck {
    fn remove(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.0.lock().expect("no panic").push(challenge.clone());
        Err("the API of the zone is away".into())
    }
}

impl acme_blocking::Solver for Stuck {
    fn kinds(&self) -> &[ChallengeKind] {
        DNS01
    }

    fn present(&self, _challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        Err("it is never asked for this kind".into())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.remove(challenge)
    }
}

impl acme_tokio::Solver for Stuck {
    fn kinds(&self) -> &[ChallengeKind] {
        DNS01
    }

    async fn present(&self, _challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        Err("it is never asked for this kind".into())
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.remove(challenge)
    }
}

/// Stores an order whose record a process published before it was killed.
fn leave_an_order(folder: &Path, ca: &TestCa) {
    let snapshot = include_str!("../../../golden/snapshot-1-published.json");
    let mut snapshot: Value = serde_json::from_str(snapshot).expect("JSON");
    snapshot["directory"] = ca.directory_url().into();
    // It is not known yet which account the CA will make.
    snapshot.as_object_mut().expect("an object").remove("account");
    snapshot["challenges"][0]["kind"] = "dns-01".into();
    let orders = folder.join("orders");
    fs::create_dir_all(&orders).expect("a folder");
    fs::write(orders.join("a.example.json"), snapshot.to_string()).expect("a file");
    let key = keys::generate(KeyKind::Es256).expect("a key");
    fs::write(orders.join("a.example.key.pem"), key.as_bytes()).expect("a file");
}

type Events = Arc<Mutex<Vec<CertificateEvent>>>;

/// Sets up a certificate for more names than the order has.
macro_rules! of_other_names {
    ($adapter:ident, $ca:expr, $folder:expr, $solver:expr, $events:expr) => {{
        let (ca, solver, events): (&TestCa, &Stuck, Events) = ($ca, $solver, Arc::clone($events));
        let roots = Roots::Pem(ca.root_pem().into());
        $adapter::Certificates::in_folder($folder)
            .ca(ca.directory_url())
            .names(["a.example", "b.example"])
            .solver(solver.clone())
            .client(move |client| client.roots(roots.clone()))
            .on_event(move |event| events.lock().expect("no panic").push(event.clone()))
    }};
}

fn wait_for_the_report(folder: &Path, solver: &Stuck, events: &Events) {
    let is_reported =
        |event: &CertificateEvent| matches!(event.kind, CertificateEventKind::NotCleaned { .. });
    wait_until("what remains is reported", || {
        events.lock().expect("no panic").iter().any(is_reported)
    });
    let events = events.lock().expect("no panic");
    let report = events.iter().find(|event| is_reported(event)).expect("a report");
    assert_eq!(
        report.to_string(),
        "a.example: dns-01 for a.example may still be published; remove it by hand: \
         the API of the zone is away"
    );
    assert!(report.is_loud());
    drop(events);
    // The order after it asks the solver for challenges of its own, and is stored under the same name.
    let asked = solver.0.lock().expect("no panic").clone();
    let of_it: Vec<_> =
        asked.iter().filter(|one| one.url().as_str() == "https://ca.test/challenge/1").collect();
    assert_eq!(of_it.len(), 1, "{asked:?}");
    wait_until("the order is gone", || {
        let stored = fs::read_to_string(folder.join("orders/a.example.json"));
        !stored.is_ok_and(|text| text.contains("https://ca.test/order/1"))
    });
}

#[test]
fn what_an_order_that_is_given_up_has_published_is_removed_first() {
    let ca = TestCa::start();
    let (folder, solver, events) = (scratch("given-up"), Stuck::default(), Events::default());
    leave_an_order(folder.path(), &ca);
    let builder = of_other_names!(acme_blocking, &ca, folder.path(), &solver, &events);
    let certificates = builder.start().expect("certificates");
    wait_for_the_report(folder.path(), &solver, &events);
    certificates.shutdown();

    let (folder, solver, events) = (scratch("given-up"), Stuck::default(), Events::default());
    leave_an_order(folder.path(), &ca);
    let builder = of_other_names!(acme_tokio, &ca, folder.path(), &solver, &events);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let certificates = runtime.block_on(builder.start()).expect("certificates");
    wait_for_the_report(folder.path(), &solver, &events);
    runtime.block_on(certificates.shutdown());
}

#[test]
fn a_certificate_is_stored_though_the_function_that_hears_of_it_panics() {
    let (ca, folder) = (TestCa::start(), scratch("panics"));
    let roots = Roots::Pem(ca.root_pem().into());
    let has_panicked = Arc::new(AtomicBool::new(false));
    let panicked = Arc::clone(&has_panicked);
    let certificates = acme_blocking::Certificates::in_folder(folder.path())
        .ca(ca.directory_url())
        .names(["a.example"])
        .client(move |client| client.roots(roots.clone()))
        .on_event(move |event| {
            let is_renewed = matches!(
                &event.kind,
                CertificateEventKind::Lifecycle(LifecycleEvent::Renewed { .. })
            );
            assert!(!is_renewed || panicked.swap(true, Ordering::SeqCst), "on purpose");
        })
        .start()
        .expect("certificates");
    let _listener = certificates.listener().listen_on(bound(&ca)).expect("a listener");
    assert!(certificates.obtained("a.example", A_WHILE));
    let bundle = folder.path().join("certificates/a.example/bundle.pem");
    wait_until("it is stored", || bundle.exists());
    wait_until("its order is over", || is_empty(&folder.path().join("orders")));
    assert!(has_panicked.load(Ordering::SeqCst));
    assert_eq!(ca.certificates_issued(), 1);
    certificates.shutdown();
}
