//! What goes wrong around a server: other processes, the storage, a CA that keeps silent, an exposed key.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use acme_adapter::keeper::CertificateEventKind;
use acme_adapter::keys::{self, KeyKind};
use acme_adapter::storage::{FolderStorage, Storage as _, layout};
use acme_adapter::tls::Roots;
use acme_proto::renewal::LifecycleEvent;
use acme_proto::url::Url;
use acme_testca::{FaultAction, FaultRule, Faults, RequestKind, TestCa};
use acme_tests::{scratch, short_lived_ca};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

use super::A_WHILE;
use super::site::{Site, Wanted};

/// Waits until this is so.
pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + A_WHILE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ends a server, which must not wait for what is under way.
fn shut_down(site: &Site) {
    let start = Instant::now();
    site.shutdown();
    // A connection or a request ends by itself after half a minute or more.
    assert!(start.elapsed() < Duration::from_secs(10), "{}: {:?}", site.adapter, start.elapsed());
}

fn has_begun(kind: &CertificateEventKind) -> bool {
    matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::Renewing { .. }))
}

fn is_damaged(kind: &CertificateEventKind) -> bool {
    matches!(kind, CertificateEventKind::Damaged { .. })
}

fn all_requests_late() -> Faults {
    Faults::none().with(FaultRule::next(FaultAction::Delay(120_000)).times(usize::MAX))
}

#[test]
fn the_end_waits_for_no_connection_that_is_under_way() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("silent"));
        ca.set_faults(all_requests_late());
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        wait_until("the directory is asked for", || !ca.requests().is_empty());
        shut_down(&site);
        // Nothing failed: the next process begins again.
        assert!(site.health().certificates[0].last_error.is_none(), "{}", site.adapter);
    }
}

#[test]
fn the_end_waits_for_no_registration_that_is_under_way() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("registering"));
        let late = FaultRule::next(FaultAction::Delay(120_000)).on(RequestKind::NewAccount);
        ca.set_faults(Faults::none().with(late));
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        wait_until("an account is asked for", || ca.account_objects().len() == 1);
        shut_down(&site);
        // The next process finds the account by its key, which was stored before.
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.wait_for_renewals(1, A_WHILE);
        assert_eq!(ca.account_objects().len(), 1, "{}", site.adapter);
    }
}

#[test]
fn the_end_waits_for_no_other_process_that_registers() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("registered-elsewhere"));
        let storage = FolderStorage::open(folder.path()).expect("a folder");
        let directory = Url::parse(ca.directory_url()).expect("a URL");
        let lock = layout::registration_lock(&directory);
        let guard = storage.try_lock(&lock).expect("a storage").expect("a free lock");
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        // The account's key is made under another lock, before this one is wanted.
        wait_until("a key is stored", || {
            !storage.list(&acme_adapter::storage::Key::new("accounts")).expect("a list").is_empty()
        });
        shut_down(&site);
        drop(guard);
    }
}

#[test]
fn a_process_that_hangs_with_the_lock_is_reported() {
    for start in Site::EACH {
        let (ca, folder) = (short_lived_ca(Duration::from_secs(4)), scratch("hung"));
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.get("a.example").expect("a handshake");
        let storage = FolderStorage::open(folder.path()).expect("a folder");
        let lock = layout::issuance_lock("a.example");
        let mut guard = None;
        let end = Instant::now() + A_WHILE;
        while guard.is_none() {
            assert!(Instant::now() < end, "the lock is never free");
            guard = storage.try_lock(&lock).expect("a storage");
        }
        let is_held =
            |kind: &CertificateEventKind| matches!(kind, CertificateEventKind::LockHeld { .. });
        site.wait_for(1, Duration::from_secs(60), is_held);
        assert!(site.has_said("issuing/a.example"), "{}", site.adapter);
        let file = fs::read_dir(folder.path().join(".locks")).expect("a folder");
        let mut files = file.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        assert!(files.any(|file| site.has_said(&format!(".locks/{file}"))), "{}", site.adapter);
        let health = site.health();
        assert!(!health.is_healthy && health.certificates[0].lock_held_since.is_some());
        drop(guard);
        let renewed = site.count(|kind| {
            matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::Renewed { .. }))
        });
        site.wait_for_renewals(renewed + 1, A_WHILE);
        assert!(site.health().certificates[0].lock_held_since.is_none());
        // It was said once, however often the lock was looked at.
        assert_eq!(site.count(is_held), 1, "{}", site.adapter);
    }
}

#[test]
fn a_damaged_account_key_is_an_event_and_another_account_is_registered() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("account-key"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        start(&wanted).get("a.example").expect("a handshake");
        let accounts = fs::read_dir(folder.path().join("accounts")).expect("a folder");
        for account in accounts {
            fs::write(account.expect("an entry").path().join("key.pem"), "dust").expect("a file");
        }
        let site = start(&wanted);
        assert!(site.order_now("a.example"));
        site.wait_for_renewals(1, A_WHILE);
        assert_eq!(site.count(is_damaged), 1, "{}", site.adapter);
        assert!(site.has_said("the account at https://") && site.has_said("moved to damaged/"));
        assert_eq!(ca.account_objects().len(), 2);
    }
}

#[test]
fn an_order_that_a_person_wants_has_a_new_key_even_if_one_is_stored_already() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("exposed"));
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.get("a.example").expect("a handshake");
        site.wait_for_renewals(1, A_WHILE);
        let exposed = keys::generate(KeyKind::Es256).expect("a key");
        let orders = folder.path().join("orders");
        wait_until("the order is over", || is_empty(&orders));
        fs::create_dir_all(&orders).expect("a folder");
        fs::write(orders.join("a.example.key.pem"), exposed.as_bytes()).expect("a file");
        assert!(site.order_now("a.example"));
        site.wait_for_renewals(2, A_WHILE);
        wait_until("the order is over", || is_empty(&orders));
        let file = folder.path().join("certificates/a.example/key.pem");
        assert_ne!(fs::read_to_string(file).expect("a key"), *exposed, "{}", site.adapter);
    }
}

pub(super) fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// The keys of ring; while it is armed, it loads none twice.
#[derive(Debug)]
struct Forgetful {
    is_armed: AtomicBool,
    seen: Mutex<BTreeSet<Vec<u8>>>,
}

static FORGETFUL: Forgetful =
    Forgetful { is_armed: AtomicBool::new(false), seen: Mutex::new(BTreeSet::new()) };

impl KeyProvider for Forgetful {
    fn load_private_key(
        &self,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let is_new = self.seen.lock().expect("no panic").insert(key.secret_der().to_vec());
        if self.is_armed.load(Ordering::SeqCst) && !is_new {
            return Err(rustls::Error::General("this key was loaded before".to_owned()));
        }
        rustls::crypto::ring::default_provider().key_provider.load_private_key(key)
    }
}

#[test]
fn a_new_certificate_that_cannot_be_served_is_set_aside_and_the_old_one_stays() {
    for start in Site::EACH {
        FORGETFUL.is_armed.store(false, Ordering::SeqCst);
        let (ca, folder) = (TestCa::start(), scratch("useless"));
        let mut wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let ring = rustls::crypto::ring::default_provider();
        wanted.provider = Some(Arc::new(CryptoProvider { key_provider: &FORGETFUL, ..ring }));
        let site = start(&wanted);
        let before = site.get("a.example").expect("a handshake").certificate;
        let bundle = folder.path().join("certificates/a.example/bundle.pem");
        wait_until("it is stored", || bundle.exists());
        let stored = fs::read(&bundle).expect("a file");
        FORGETFUL.is_armed.store(true, Ordering::SeqCst);
        assert!(site.order_now("a.example"));
        site.wait_for(1, A_WHILE, is_damaged);
        let aside = folder.path().join("damaged");
        wait_until("it is set aside", || !is_empty(&aside));
        site.shutdown();
        assert_eq!(ca.certificates_issued(), 2, "{}", site.adapter);
        assert_eq!(site.get("a.example").expect("a handshake").certificate, before);
        assert_eq!(fs::read(&bundle).expect("a file"), stored, "the old one stays");
        let mut files = fs::read_dir(&aside).expect("a folder").map(|file| file.expect("a file"));
        let set_aside = fs::read_to_string(files.next().expect("a file").path()).expect("text");
        assert!(set_aside.contains("PRIVATE KEY") && set_aside.contains("BEGIN CERTIFICATE"));
        let name = files.next().map(|file| file.file_name());
        assert!(name.is_none() && site.has_said("moved to damaged/"), "{name:?}");
        let health = site.health();
        assert!(!health.is_healthy);
        let cause = health.certificates[0].last_error.as_deref().expect("an error");
        assert!(cause.contains("this key was loaded before"), "{}: {cause}", site.adapter);
    }
}

#[test]
fn a_certificate_whose_name_is_removed_during_its_order_is_stored_with_its_key() {
    for start in Site::EACH {
        let delay = Duration::from_secs(2);
        let ca = TestCa::builder().validation_delay(delay).start().expect("a CA");
        let folder = scratch("removed");
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.wait_for(1, A_WHILE, has_begun);
        wait_until("there is an order", || !ca.order_objects().is_empty());
        assert!(site.remove("a.example"));
        let files = folder.path().join("certificates/a.example");
        wait_until("it is stored", || files.join("key.pem").exists());
        wait_until("the order is over", || is_empty(&folder.path().join("orders")));
        assert_eq!(ca.certificates_issued(), 1, "{}", site.adapter);
        assert!(site.get("a.example").is_err(), "{}: it is not served", site.adapter);
        // Wanted again, it is there.
        site.add(&["a.example"]);
        site.get("a.example").expect("a handshake");
        assert_eq!(ca.certificates_issued(), 1);
    }
}

#[test]
fn an_order_of_a_ca_that_another_one_stood_in_for_is_gone_on_with_later() {
    for start in Site::EACH {
        let first = TestCa::start();
        let unavailable = FaultRule::next(FaultAction::unavailable(None)).times(usize::MAX);
        let unavailable = unavailable.on(RequestKind::Finalize);
        first.set_faults(Faults::none().with(unavailable));
        let second = short_lived_ca(Duration::from_secs(8));
        let folder = scratch("stand-in");
        let mut wanted = Wanted::new(folder.path(), &first, &[&["a.example"]]);
        wanted.cas.push(&second);
        wanted.time_limit = Some(Duration::from_secs(8));
        let site = start(&wanted);
        site.wait_for_renewals(1, Duration::from_secs(60));
        assert_eq!(second.certificates_issued(), 1, "{}", site.adapter);
        assert_eq!(first.order_objects().len(), 1, "{}", site.adapter);
        first.set_faults(Faults::none());
        let end = Instant::now() + Duration::from_secs(120);
        while first.certificates_issued() == 0 {
            assert!(Instant::now() < end, "{}: {:#?}", site.adapter, site.health());
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(first.order_objects().len(), 1, "{}: not a new one", site.adapter);
    }
}

/// With acme-tokio only: acme-blocking takes one step after the other.
#[test]
fn a_ca_that_keeps_silent_delays_no_question_to_another_one() {
    let (silent, second, folder) = (TestCa::start(), TestCa::start(), scratch("one-is-silent"));
    Site::tokio(&Wanted::new(folder.path(), &second, &[&["b.example"]]))
        .wait_for_renewals(1, A_WHILE);
    silent.set_faults(all_requests_late());
    let asked = || {
        let requests = second.requests();
        requests.iter().filter(|one| one.kind == RequestKind::RenewalInfo).count()
    };
    let before = asked();
    // Without its renewal state, `b` has a question to its CA at once; `a` is new, and wants the first one.
    fs::remove_file(folder.path().join("certificates/b.example/renewal.json")).expect("a file");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let roots = [silent.root_pem(), second.root_pem()].concat();
    let (certificates, listener) = runtime.block_on(async {
        let certificates = acme_tokio::Certificates::in_folder(folder.path())
            .ca(silent.directory_url())
            .ca(second.directory_url())
            .names(["a.example"])
            .names(["b.example"])
            .client(move |client| client.roots(Roots::Pem(roots.clone().into_bytes())))
            .prepare()
            .await
            .expect("certificates");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("a socket option");
        let socket = tokio::net::TcpListener::from_std(socket).expect("a socket");
        let listener = certificates.listener().listen_on(socket).expect("a listener");
        let running = certificates.clone();
        tokio::spawn(async move { running.run().await });
        (certificates, listener)
    });
    wait_until("the silent one is asked", || !silent.requests().is_empty());
    wait_until("the second is asked meanwhile", || asked() > before);
    runtime.block_on(certificates.shutdown());
    drop(listener);
}
