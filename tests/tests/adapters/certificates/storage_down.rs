//! A storage that fails while the server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use acme_adapter::keeper::{CertificateEvent, CertificateEventKind};
use acme_adapter::storage::layout::{LoadedCertificate, load_certificate};
use acme_adapter::storage::{Key, LockGuard, MemoryStorage, Storage, StorageError, Value, run};
use acme_adapter::tls::Roots;
use acme_proto::renewal::LifecycleEvent;
use acme_testca::TestCa;
use acme_tests::short_lived_ca;

use super::on_tokio::OnTokio;

const LIFETIME: Duration = Duration::from_secs(5);

/// A storage in memory that can be full: it is read, values are removed, and it takes no value and no
/// lock.
#[derive(Clone, Default)]
struct Full {
    storage: Arc<MemoryStorage>,
    is_full: Arc<AtomicBool>,
    refuses_certificates: Arc<AtomicBool>,
}

impl Full {
    fn check(&self, key: &Key) -> Result<(), StorageError> {
        let is_refused = self.refuses_certificates.load(Ordering::SeqCst)
            && key.as_str().starts_with("certificates/")
            && !key.as_str().ends_with("renewal.json");
        if is_refused || self.is_full.load(Ordering::SeqCst) {
            return Err(StorageError::other(key, io::Error::from(io::ErrorKind::StorageFull)));
        }
        Ok(())
    }
}

impl Storage for Full {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.storage.get(key)
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        self.check(key)?;
        self.storage.put(key, value)
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.storage.delete(key)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        self.storage.list(prefix)
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        self.check(key)?;
        self.storage.try_lock(key)
    }
}

/// Counts renewals and failures of the storage.
#[derive(Default)]
struct Counts {
    renewed: AtomicUsize,
    storage_failed: AtomicUsize,
}

impl Counts {
    fn count(&self, event: &CertificateEvent) {
        let counted = match &event.kind {
            CertificateEventKind::Lifecycle(LifecycleEvent::Renewed { .. }) => &self.renewed,
            CertificateEventKind::StorageFailed { .. } => &self.storage_failed,
            _ => return,
        };
        counted.fetch_add(1, Ordering::SeqCst);
    }

    fn wait_for_renewals(&self, number: usize) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.renewed.load(Ordering::SeqCst) < number {
            assert!(Instant::now() < end, "no renewal {number}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Fills the storage, waits for a renewal, and makes room again: what is in memory is stored then.
fn check(full: &Full, counts: &Counts) {
    counts.wait_for_renewals(1);
    full.is_full.store(true, Ordering::SeqCst);
    let before = counts.renewed.load(Ordering::SeqCst);
    counts.wait_for_renewals(before + 1);
    assert!(counts.storage_failed.load(Ordering::SeqCst) > 0);
    full.is_full.store(false, Ordering::SeqCst);
    counts.wait_for_renewals(before + 2);
    let stored = run(full, load_certificate("a.example")).expect("it can be read");
    assert!(matches!(stored, LoadedCertificate::Intact { .. }), "{stored:?}");
}

/// Keeps a certificate with acme-blocking.
fn on_blocking(
    ca: &TestCa,
    full: &Full,
    counts: &Arc<Counts>,
) -> (acme_blocking::Certificates, acme_blocking::TlsListener) {
    let (roots, events) = (Roots::Pem(ca.root_pem().into()), Arc::clone(counts));
    let certificates = acme_blocking::Certificates::in_storage(full.clone())
        .ca(ca.directory_url())
        .names(["a.example"])
        .client(move |client| client.roots(roots.clone()))
        .on_event(move |event| events.count(event))
        .start()
        .expect("certificates");
    let listener = certificates.listener().listen_on(bound(ca)).expect("a listener");
    (certificates, listener)
}

/// The same with acme-tokio.
fn on_tokio(
    ca: &TestCa,
    full: &Full,
    counts: &Arc<Counts>,
) -> (tokio::runtime::Runtime, acme_tokio::Certificates, acme_tokio::TlsListener) {
    let (roots, events) = (Roots::Pem(ca.root_pem().into()), Arc::clone(counts));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (certificates, listener) = runtime.block_on(async {
        let certificates = acme_tokio::Certificates::in_storage(OnTokio(full.clone()))
            .ca(ca.directory_url())
            .names(["a.example"])
            .client(move |client| client.roots(roots.clone()))
            .on_event(move |event| events.count(event))
            .start()
            .await
            .expect("certificates");
        let socket = bound(ca);
        socket.set_nonblocking(true).expect("a socket option");
        let socket = tokio::net::TcpListener::from_std(socket).expect("a socket");
        let listener = certificates.listener().listen_on(socket).expect("a listener");
        (certificates, listener)
    });
    (runtime, certificates, listener)
}

#[test]
fn a_storage_that_is_full_lets_no_certificate_expire_for_long() {
    let (ca, full, counts) = (short_lived_ca(LIFETIME), Full::default(), Arc::<Counts>::default());
    let (certificates, listener) = on_blocking(&ca, &full, &counts);
    check(&full, &counts);
    certificates.shutdown();
    drop(listener);

    let (ca, full, counts) = (short_lived_ca(LIFETIME), Full::default(), Arc::<Counts>::default());
    let (runtime, certificates, listener) = on_tokio(&ca, &full, &counts);
    check(&full, &counts);
    runtime.block_on(certificates.shutdown());
    drop(listener);
}

/// Waits until this is so.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Removes a name during its order, when the storage is full; wanted again, it has the certificate.
fn remove_and_want(
    (ca, full, counts): (&TestCa, &Full, &Counts),
    remove: impl FnOnce(),
    want: impl FnOnce(),
) {
    wait_until("there is an order", || !ca.order_objects().is_empty());
    let key = || {
        let keys = full.storage.list(&Key::new("orders")).expect("a list");
        let key = keys.iter().find(|key| key.as_str().ends_with(".key.pem"))?;
        full.storage.get(key).expect("it can be read").map(|text| text.to_vec())
    };
    wait_until("the order is stored", || key().is_some());
    let before = key();
    remove();
    // The snapshots that the order needs are stored; the certificate is not.
    full.refuses_certificates.store(true, Ordering::SeqCst);
    wait_until("the storage failed", || counts.storage_failed.load(Ordering::SeqCst) > 0);
    assert_eq!(ca.certificates_issued(), 1);
    assert_eq!(key(), before, "the key stays until its certificate is stored");
    full.refuses_certificates.store(false, Ordering::SeqCst);
    want();
    counts.wait_for_renewals(1);
    assert_eq!(ca.certificates_issued(), 1, "it is the same one");
}

#[test]
fn a_full_storage_keeps_the_order_and_key_of_a_name_that_is_removed_meanwhile() {
    let ca = || TestCa::builder().validation_delay(Duration::from_secs(2)).start().expect("a CA");
    let (ca_of_blocking, full, counts) = (ca(), Full::default(), Arc::<Counts>::default());
    let (certificates, listener) = on_blocking(&ca_of_blocking, &full, &counts);
    remove_and_want(
        (&ca_of_blocking, &full, &counts),
        || assert!(certificates.remove("a.example")),
        || certificates.add(["a.example"]).expect("names"),
    );
    certificates.shutdown();
    drop(listener);

    let (ca, full, counts) = (ca(), Full::default(), Arc::<Counts>::default());
    let (runtime, certificates, listener) = on_tokio(&ca, &full, &counts);
    remove_and_want(
        (&ca, &full, &counts),
        || assert!(certificates.remove("a.example")),
        || runtime.block_on(certificates.add(["a.example"])).expect("names"),
    );
    runtime.block_on(certificates.shutdown());
    drop(listener);
}

/// Binds a port, which the CA validates at.
/// Returns a storage that takes no certificate.
fn refusing() -> Full {
    let full = Full::default();
    full.refuses_certificates.store(true, Ordering::SeqCst);
    full
}

/// Wants the same names again while the storage takes no certificate: the one in memory is not lost.
fn want_again((ca, full, counts): (&TestCa, &Full, &Counts), want: impl FnOnce()) {
    counts.wait_for_renewals(1);
    wait_until("the storage failed", || counts.storage_failed.load(Ordering::SeqCst) > 0);
    want();
    full.refuses_certificates.store(false, Ordering::SeqCst);
    wait_until("it is stored", || {
        let stored = run(full, load_certificate("a.example")).expect("it can be read");
        matches!(stored, LoadedCertificate::Intact { .. })
    });
    assert_eq!(ca.certificates_issued(), 1, "it is the same one");
}

#[test]
fn a_certificate_that_is_only_in_memory_outlives_a_new_configuration() {
    let (ca, full, counts) = (TestCa::start(), refusing(), Arc::<Counts>::default());
    let (certificates, listener) = on_blocking(&ca, &full, &counts);
    want_again((&ca, &full, &counts), || certificates.add(["a.example"]).expect("names"));
    certificates.shutdown();
    drop(listener);

    let (ca, full, counts) = (TestCa::start(), refusing(), Arc::<Counts>::default());
    let (runtime, certificates, listener) = on_tokio(&ca, &full, &counts);
    want_again((&ca, &full, &counts), || {
        runtime.block_on(certificates.add(["a.example"])).expect("names");
    });
    runtime.block_on(certificates.shutdown());
    drop(listener);
}

pub(super) fn bound(ca: &TestCa) -> std::net::TcpListener {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    ca.set_tls_port(socket.local_addr().expect("an address").port());
    socket
}
