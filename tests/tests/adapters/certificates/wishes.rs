//! An order that a person wants, because a key is exposed: whenever the wish comes, the key is a new one.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use acme_adapter::keeper::CertificateEventKind;
use acme_adapter::keys::{self, KeyKind};
use acme_adapter::storage::{FolderStorage, LockGuard, Storage as _, layout};
use acme_proto::renewal::LifecycleEvent;
use acme_testca::{FaultAction, FaultRule, Faults, RequestKind, TestCa};
use acme_tests::scratch;

use super::A_WHILE;
use super::faults::{is_empty, wait_until};
use super::site::{Site, Wanted};

fn has_begun(kind: &CertificateEventKind) -> bool {
    matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::Renewing { .. }))
}

fn key_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("certificates/a.example/key.pem")).expect("a key")
}

/// Takes the lock of the order, as another process does.
fn locked(folder: &Path) -> LockGuard {
    let storage = FolderStorage::open(folder).expect("a folder");
    let mut guard = None;
    wait_until("the lock is free", || {
        let lock = layout::issuance_lock("a.example");
        storage.try_lock(&lock).expect("a storage").is_some()
    });
    while guard.is_none() {
        guard = storage.try_lock(&layout::issuance_lock("a.example")).expect("a storage");
        thread::sleep(Duration::from_millis(5));
    }
    guard.expect("a lock")
}

/// Stores a key that an order may have begun with, and returns it.
fn expose(folder: &Path) -> String {
    let exposed = keys::generate(KeyKind::Es256).expect("a key");
    let orders = folder.join("orders");
    wait_until("the order is over", || is_empty(&orders));
    fs::create_dir_all(&orders).expect("a folder");
    fs::write(orders.join("a.example.key.pem"), exposed.as_bytes()).expect("a file");
    (*exposed).clone()
}

#[test]
fn a_wish_during_an_order_is_one_for_another_key_than_that_of_the_order() {
    for start in Site::EACH {
        let delay = Duration::from_secs(2);
        let ca = TestCa::builder().validation_delay(delay).start().expect("a CA");
        let folder = scratch("wish-during-order");
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.wait_for(1, A_WHILE, has_begun);
        wait_until("there is an order", || !ca.order_objects().is_empty());
        let file = folder.path().join("orders/a.example.key.pem");
        let exposed = fs::read_to_string(file).expect("the key of the order");
        assert!(site.order_now("a.example"));
        site.wait_for_renewals(2, A_WHILE);
        wait_until("the order is over", || is_empty(&folder.path().join("orders")));
        assert_ne!(key_of(folder.path()), exposed, "{}", site.adapter);
        assert_eq!(ca.certificates_issued(), 2, "{}", site.adapter);
    }
}

#[test]
fn a_certificate_of_another_process_fulfils_a_wish_if_its_key_was_made_after_it() {
    for start in Site::EACH {
        let delay = Duration::from_secs(3);
        let ca = TestCa::builder().validation_delay(delay).start().expect("a CA");
        let folder = scratch("wish-and-another");
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let other = start(&wanted);
        wait_until("there is an order", || !ca.order_objects().is_empty());
        let site = start(&wanted);
        assert!(site.order_now("a.example"));
        // It adopts that of the other process, whose key is older than the wish, and then has its own.
        site.wait_for_renewals(2, A_WHILE);
        assert_eq!(ca.certificates_issued(), 2, "{}", site.adapter);
        drop(other);
    }
}

#[test]
fn a_wish_outlives_the_process_and_a_change_of_the_names() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("wish-restart"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let site = start(&wanted);
        site.wait_for_renewals(1, A_WHILE);
        let exposed = expose(folder.path());
        let guard = locked(folder.path());
        let renewal = folder.path().join("certificates/a.example/renewal.json");
        let is_stored =
            || fs::read_to_string(&renewal).is_ok_and(|text| text.contains("newKeyWanted"));
        assert!(site.order_now("a.example"));
        wait_until("the wish is stored", is_stored);
        drop(site);
        let site = start(&wanted);
        site.add(&["a.example", "b.example"]);
        drop(guard);
        site.wait_for_renewals(1, A_WHILE);
        wait_until("the order is over", || is_empty(&folder.path().join("orders")));
        assert_ne!(key_of(folder.path()), exposed, "{}", site.adapter);
        wait_until("the wish is fulfilled", || !is_stored());
    }
}

#[test]
fn the_end_during_a_question_for_renewal_information_silences_it_for_no_time() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("info-at-the-end"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let late = FaultRule::next(FaultAction::Delay(120_000)).on(RequestKind::RenewalInfo);
        ca.set_faults(Faults::none().with(late));
        let asked = || {
            let requests = ca.requests();
            requests.iter().filter(|one| one.kind == RequestKind::RenewalInfo).count()
        };
        let site = start(&wanted);
        wait_until("the CA is asked", || asked() == 1);
        site.shutdown();
        drop(site);
        ca.set_faults(Faults::none());
        let site = start(&wanted);
        wait_until("the CA is asked again", || asked() == 2);
        assert_eq!(ca.certificates_issued(), 1, "{}", site.adapter);
    }
}
