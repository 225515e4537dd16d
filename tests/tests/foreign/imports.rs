//! What other people's programs have stored themselves is imported and used. certbot's and Caddy's files are imported
//! in each of their rows: see `tests/src/clients/imported.rs`.

use acme_adapter::storage::import;
use acme_adapter::storage::{MemoryStorage, layout, run};
use acme_adapter::tls::Roots;
use acme_testca::{ChallengeKind, TestCa};
use acme_tests::clients::obtain_with_lego4;
use acme_tests::scratch;

#[test]
fn the_account_and_certificate_of_lego_4_are_imported_and_the_account_is_used_to_renew() {
    let ca = TestCa::builder().challenges([ChallengeKind::Http01]).start().expect("a CA");
    let folder = scratch("lego4");
    let names = ["a.example.test", "b.example.test"];
    obtain_with_lego4(&ca, folder.path(), &names);
    let found = import::lego(folder.path());
    assert!(found.problems.is_empty(), "{found:?}");
    let [account] = &found.accounts[..] else { panic!("{found:?}") };
    let [certificate] = &found.certificates[..] else { panic!("{found:?}") };
    let named: Vec<_> =
        certificate.certificate.identifiers().iter().map(|one| one.value()).collect();
    assert_eq!(named, names);
    let directory = ca.directory_url().parse().expect("a URL");
    let account = account.to_stored_at(directory).expect("a key");

    let storage = MemoryStorage::new();
    run(&storage, layout::save_account(&account).expect("an operation")).expect("stored");
    let save = layout::save_certificate(names[0], &certificate.certificate);
    run(&storage, save.expect("an operation")).expect("stored");
    let roots = Roots::Pem(ca.root_pem().into());
    let certificates = acme_blocking::Certificates::in_storage(storage)
        .ca(ca.directory_url())
        .names(names)
        .client(move |client| client.roots(roots.clone()))
        .start()
        .expect("certificates");
    // It is served at once, before anything is ordered.
    assert!(certificates.covers(names[1]));
    let listener = certificates.listen_http(("127.0.0.1", ca.http_port())).expect("a listener");
    assert!(certificates.order_now(names[0]));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while ca.certificates_issued() < 2 {
        assert!(std::time::Instant::now() < end, "{:?}", certificates.health());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    certificates.shutdown();
    drop(listener);
    assert_eq!(ca.account_objects().len(), 1, "lego's account was used");
}
