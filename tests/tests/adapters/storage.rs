//! What is stored of accounts, certificates and orders, and how it comes back after damage.

use acme_adapter::keys::{AccountKey, KeyKind};
use acme_adapter::storage::conformance::Rule;
use acme_adapter::storage::layout::{
    self, Damage, LoadedCertificate, Name, StoredAccount, StoredCertificate,
};
use acme_adapter::storage::{
    Access, FolderStorage, Found, Key, LockGuard, MemoryStorage, Storage, StorageError, Value,
    Write, run,
};
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::x509::CertificateChain;
use acme_tests::child::ScratchDir;
use rcgen::{CertificateParams, KeyPair};

const NAME: &str = "*.example.org";

fn certificate(names: &[&str]) -> StoredCertificate {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    let chain = CertificateChain::parse_pem(pem.as_bytes()).expect("a chain");
    StoredCertificate::new(chain, key.serialize_pem()).expect("they belong together")
}

fn directory() -> Url {
    Url::parse("https://ca.example:14000/directory").expect("a URL")
}

fn text(storage: &dyn Storage, key: &str) -> Option<String> {
    let key = Key::parse(key).expect("a key");
    let value = storage.get(&key).expect("read")?;
    Some(String::from_utf8(value.to_vec()).expect("text"))
}

fn put(storage: &dyn Storage, key: &str, text: &str) {
    storage.put(&Key::parse(key).expect("a key"), text.as_bytes()).expect("stored");
}

fn delete(storage: &dyn Storage, key: &str) {
    storage.delete(&Key::parse(key).expect("a key")).expect("deleted");
}

fn save(storage: &dyn Storage, certificate: &StoredCertificate) {
    let save = layout::save_certificate(NAME, certificate).expect("an operation");
    run(storage, save).expect("saved");
}

fn load(storage: &dyn Storage) -> LoadedCertificate {
    run(storage, layout::load_certificate(NAME)).expect("loaded")
}

fn in_folder(file: &str) -> String {
    format!("certificates/_wildcard_.example.org/{file}")
}

#[test]
fn a_certificate_comes_back_with_key_ca_and_time() {
    let temporary = ScratchDir::new();
    let folder = FolderStorage::open(temporary.path().join("state")).expect("a folder");
    for storage in [&folder as &dyn Storage, &MemoryStorage::new()] {
        run(storage, layout::open()).expect("version 1");
        run(storage, layout::open()).expect("version 1");
        assert_eq!(load(storage), LoadedCertificate::Missing);
        let stored = certificate(&[NAME, "example.org"])
            .with_directory(directory())
            .with_issued_at(Timestamp::from_unix_seconds(1_900_000_000));
        save(storage, &stored);
        let found = load(storage);
        let LoadedCertificate::Intact { certificate, repaired } = found else {
            panic!("{found:?}")
        };
        assert_eq!((*certificate, repaired), (stored.clone(), vec![]));
        assert_eq!(stored.identifiers().len(), 2);
        let names = run(storage, layout::list_certificates()).expect("a list");
        assert_eq!(names, [Name::new(NAME)]);
        assert_eq!(names[0].text().as_deref(), Some(NAME));

        let chain = stored.chain().to_pem();
        assert_eq!(text(storage, &in_folder("cert.pem")), Some(chain.clone()));
        assert_eq!(text(storage, &in_folder("key.pem")).as_ref(), Some(&**stored.key_pem()));
        let bundle = format!("{}{chain}", stored.key_pem().as_str());
        assert_eq!(text(storage, &in_folder("bundle.pem")), Some(bundle));
        let about = text(storage, &in_folder("certificate.json")).expect("a description");
        let about: serde_json::Value = serde_json::from_str(&about).expect("JSON");
        assert_eq!(about["identifiers"], serde_json::json!([NAME, "example.org"]));
        assert_eq!(about["directory"], directory().as_str());
        assert_eq!(about["issuedAt"], "2030-03-17T17:46:40Z");

        run(storage, layout::remove_certificate(NAME)).expect("removed");
        assert_eq!(load(storage), LoadedCertificate::Missing);
        assert!(run(storage, layout::list_certificates()).expect("a list").is_empty());
    }
}

#[test]
fn a_crash_after_any_write_of_a_renewal_leaves_the_old_or_the_new_certificate_and_a_pair_that_fits()
{
    let old = certificate(&[NAME]).with_directory(directory());
    let other = Url::parse("https://other.example/directory").expect("a URL");
    let new = certificate(&[NAME]).with_directory(other);
    for first in [None, Some(&old)] {
        let before = || {
            let storage = MemoryStorage::new();
            first.into_iter().for_each(|first| save(&storage, first));
            storage
        };
        let writes =
            writes(&before(), &layout::save_certificate(NAME, &new).expect("an operation"));
        let bundle = writes.iter().position(|write| write.key().as_str().ends_with("bundle.pem"));
        let bundle = bundle.expect("a bundle");
        for done in 0..=writes.len() {
            let storage = before();
            for write in &writes[..done] {
                apply(&storage, write);
            }
            // With its CA: a certificate of an unknown one would be taken for one of the first CA.
            let expected = if done <= bundle { first } else { Some(&new) };
            let found = load(&storage).certificate();
            assert_eq!(found.as_ref(), expected, "after {done} writes");
            let Some(expected) = expected else { continue };
            let pair = ["key.pem", "cert.pem"].map(|file| text(&storage, &in_folder(file)));
            let own = [expected.key_pem().to_string(), expected.chain().to_pem()].map(Some);
            assert_eq!(pair, own, "after {done} writes");
            let again = load(&storage);
            let intact =
                matches!(&again, LoadedCertificate::Intact { repaired, .. } if repaired.is_empty());
            assert!(intact, "{again:?}");
        }
    }
}

/// Returns what an operation writes to this storage.
fn writes<T>(storage: &dyn Storage, access: &Access<T>) -> Vec<Write> {
    let values = access.reads().iter().map(|key| storage.get(key).expect("read")).collect();
    access.decide(Vec::new(), values).expect("a decision").writes().to_vec()
}

fn apply(storage: &dyn Storage, write: &Write) {
    match write {
        Write::Put(key, value) => storage.put(key, value).expect("stored"),
        Write::Delete(key) => storage.delete(key).expect("deleted"),
    }
}

#[test]
fn each_file_beside_the_bundle_is_written_again_if_it_is_missing_or_different() {
    let storage = MemoryStorage::new();
    let stored = certificate(&[NAME]).with_directory(directory());
    let other = certificate(&[NAME]);
    for (file, changed) in [
        ("key.pem", other.key_pem().to_string()),
        ("cert.pem", other.chain().to_pem()),
        ("certificate.json", "{}".to_owned()),
    ] {
        let place = in_folder(file);
        for damage in [None, Some(changed.as_str()), Some("")] {
            save(&storage, &stored);
            let right = text(&storage, &place);
            match damage {
                None => delete(&storage, &place),
                Some(changed) => put(&storage, &place, changed),
            }
            let found = load(&storage);
            let LoadedCertificate::Intact { certificate, repaired } = found else {
                panic!("{found:?}")
            };
            assert_eq!(repaired, [Key::parse(&place).expect("a key")]);
            assert_eq!(certificate.chain(), stored.chain());
            if file != "certificate.json" {
                assert_eq!(text(&storage, &place), right);
                assert_eq!(certificate.directory(), Some(&directory()));
            }
        }
    }
}

#[test]
fn a_damaged_bundle_is_moved_aside_and_the_pair_beside_it_still_serves() {
    let stored = certificate(&[NAME]).with_directory(directory());
    let other = certificate(&[NAME]);
    let (key, chain) = (stored.key_pem().to_string(), stored.chain().to_pem());
    let cut = &key[..key.len() / 2];
    for (bundle, expected) in [
        (String::new(), "no usable private key"),
        (cut.to_owned(), "no usable private key"),
        (key.clone(), "no usable certificate"),
        (chain.clone(), "no usable private key"),
        (format!("{key}{}", &chain[..chain.len() / 2]), "no usable certificate"),
        (format!("{}{chain}", other.key_pem().as_str()), "not that of its certificate"),
    ] {
        let storage = MemoryStorage::new();
        save(&storage, &stored);
        put(&storage, &in_folder("bundle.pem"), &bundle);
        let found = load(&storage);
        let LoadedCertificate::Damaged { damage, aside, rescued } = found else {
            panic!("{found:?}")
        };
        assert!(damage.to_string().contains(expected), "{damage}");
        assert_eq!(text(&storage, aside.as_str()), Some(bundle.clone()));
        assert_eq!(rescued.as_deref(), Some(&stored));
        assert_eq!(load(&storage).certificate(), Some(stored.clone()));

        // Without the pair, the certificate is lost.
        put(&storage, &in_folder("bundle.pem"), &bundle);
        put(&storage, &in_folder("key.pem"), other.key_pem());
        let found = load(&storage);
        assert!(matches!(&found, LoadedCertificate::Damaged { rescued: None, .. }), "{found:?}");
        assert_eq!(load(&storage), LoadedCertificate::Missing);
        assert_eq!(text(&storage, aside.as_str()), Some(bundle));
    }
}

#[test]
fn of_certificates_that_cannot_be_used_the_newest_one_is_kept_for_each_name() {
    let storage = MemoryStorage::new();
    let damaged = "half a bundle";
    put(&storage, &in_folder("bundle.pem"), damaged);
    let LoadedCertificate::Damaged { aside: moved, .. } = load(&storage) else {
        panic!("it is damaged")
    };
    let (first, second) = (certificate(&[NAME]), certificate(&[NAME]));
    for (name, one) in [(NAME, &first), ("other.example", &first), (NAME, &second)] {
        run(&storage, layout::set_aside_certificate(name, one)).expect("stored");
    }
    let bundle = |key: &Key| text(&storage, key.as_str());
    let newest = layout::aside_of_certificate(NAME);
    assert_eq!(bundle(&newest).as_deref(), Some(second.to_bundle().as_str()));
    let other = layout::aside_of_certificate("other.example");
    assert_eq!(bundle(&other).as_deref(), Some(first.to_bundle().as_str()));
    // What the disk or a person has damaged is another matter.
    assert_eq!(bundle(&moved).as_deref(), Some(damaged));
    assert_eq!(storage.list(&Key::parse("damaged").expect("a key")).expect("listed").len(), 3);
}

#[test]
fn a_bundle_that_a_person_has_edited_is_read() {
    let stored = certificate(&[NAME]);
    let edited = format!("# mine\r\n{}\r\n{}", stored.chain().to_pem(), stored.key_pem().as_str())
        .replace('\n', "\r\n");
    let read = StoredCertificate::from_bundle(edited.as_bytes()).expect("a bundle");
    assert_eq!(read, stored);
    assert_eq!(StoredCertificate::from_bundle(b"\xff"), Err(Damage::NotText));
    let shown = format!("{stored:?}");
    assert!(!shown.contains("PRIVATE") && shown.contains("example.org"), "{shown}");
}

fn account(storage: &dyn Storage) -> layout::LoadedAccount {
    run(storage, layout::load_or_make_account(&directory(), KeyKind::Es256)).expect("an account")
}

#[test]
fn an_account_is_made_once_and_keeps_what_is_known_of_it() {
    let temporary = ScratchDir::new();
    let folder = FolderStorage::open(temporary.path().join("state")).expect("a folder");
    for storage in [&folder as &dyn Storage, &MemoryStorage::new()] {
        let made = account(storage);
        assert!(made.is_new && made.damaged.is_empty());
        let url = Url::parse("https://ca.example:14000/acct/1").expect("a URL");
        let registered = made
            .account
            .with_account(url)
            .with_contacts(vec!["mailto:me@example.org".into()])
            .with_agreed_terms("https://ca.example/terms")
            .with_external_account("kid-1");
        let save = layout::save_account(&registered).expect("an operation");
        run(storage, save).expect("saved");
        let found = account(storage);
        assert!(!found.is_new && found.damaged.is_empty());
        assert_eq!(found.account, registered);
        let key = text(storage, "accounts/ca.example+14000,directory/key.pem");
        assert_eq!(key.as_ref(), Some(&**registered.key_pem()));
        let about = text(storage, "accounts/ca.example+14000,directory/account.json");
        assert!(about.is_some_and(|about| !about.contains("PRIVATE") && about.contains("kid-1")));
        assert!(!format!("{registered:?}").contains("PRIVATE"));

        let other = StoredAccount::new(
            directory(),
            AccountKey::generate(KeyKind::Es256).expect("a key").to_pem(),
        )
        .expect("an account");
        let refused = run(storage, layout::save_account(&other).expect("an operation"));
        let refused = refused.expect_err("another key");
        assert!(matches!(refused, StorageError::OtherAccount { .. }), "{refused}");
        assert_eq!(account(storage).account, registered);
    }
}

#[test]
fn of_two_that_make_an_account_at_once_both_get_the_same_key() {
    let storage = MemoryStorage::new();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| account(&storage).account.key_pem().to_string()))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an account")).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn a_key_change_is_stored_with_both_keys_until_it_is_settled() {
    let storage = MemoryStorage::new();
    let mut changing = account(&storage).account;
    let old = changing.key_pem().clone();
    let new = AccountKey::generate(KeyKind::Es256).expect("a key").to_pem();
    changing.set_new_key(new.clone()).expect("a key");
    for write in
        writes(&MemoryStorage::new(), &layout::save_account(&changing).expect("an operation"))
    {
        apply(&storage, &write);
    }
    let found = account(&storage).account;
    assert_eq!((found.key_pem(), found.new_key_pem()), (&old, Some(&new)));
    let mut settled = found;
    settled.adopt_new_key();
    // Whenever the process ends, the key that the CA holds is there.
    let settle =
        writes(&MemoryStorage::new(), &layout::save_account(&settled).expect("an operation"));
    for done in 0..=settle.len() {
        for write in &settle[..done] {
            apply(&storage, write);
        }
        let found = account(&storage).account;
        assert!([Some(found.key_pem()), found.new_key_pem()].contains(&Some(&new)), "{done}");
    }
    assert_eq!(account(&storage).account.new_key_pem(), None);
}

#[test]
fn a_damaged_account_is_moved_aside_and_only_what_is_lost_is_made_again() {
    let storage = MemoryStorage::new();
    let url = Url::parse("https://ca.example:14000/acct/1").expect("a URL");
    let stored = account(&storage).account.with_account(url);
    run(&storage, layout::save_account(&stored).expect("an operation")).expect("saved");
    let folder = "accounts/ca.example+14000,directory";

    put(&storage, &format!("{folder}/account.json"), "{ half");
    let found = account(&storage);
    assert!(!found.is_new && found.account.account().is_none());
    assert_eq!(found.account.key_pem(), stored.key_pem());
    assert!(matches!(&found.damaged[..], [(Damage::Json, _)]), "{found:?}");
    assert_eq!(text(&storage, found.damaged[0].1.as_str()).as_deref(), Some("{ half"));

    put(&storage, &format!("{folder}/key.pem"), "half a key");
    let found = account(&storage);
    assert!(found.is_new && found.account.account().is_none());
    assert_eq!(text(&storage, found.damaged[0].1.as_str()).as_deref(), Some("half a key"));
    let again = account(&storage);
    assert!(!again.is_new && again.damaged.is_empty());
    assert_eq!(again.account, found.account);
}

#[test]
fn the_key_of_an_order_is_made_once_and_a_damaged_state_is_moved_aside() {
    let storage = MemoryStorage::new();
    let make =
        || run(&storage, layout::load_or_make_order_key(NAME, KeyKind::Es256)).expect("a key");
    let (first, second) = (make(), make());
    assert!(first.is_new && !second.is_new && first.key_pem == second.key_pem);
    let load = || run(&storage, layout::load_order(NAME)).expect("loaded");
    assert!(matches!(load(), Found::Missing));
    put(&storage, "orders/_wildcard_.example.org.json", "{}");
    assert_eq!(run(&storage, layout::list_orders()).expect("a list"), [Name::new(NAME)]);
    let Found::Damaged { aside } = load() else { panic!("it is no order") };
    assert_eq!(text(&storage, aside.as_str()).as_deref(), Some("{}"));
    assert!(matches!(load(), Found::Missing));
    put(&storage, "orders/_wildcard_.example.org.key.pem", "half");
    let third = make();
    assert!(third.is_new && third.damaged.is_some());
    run(&storage, layout::clear_order(NAME)).expect("cleared");
    assert!(storage.list(&Key::new("orders")).expect("a list").is_empty());
}

#[test]
fn other_values_are_json_and_another_version_is_refused() {
    let storage = MemoryStorage::new();
    let keys = [layout::renewal(NAME), layout::session(&directory())];
    let texts = [
        "certificates/_wildcard_.example.org/renewal.json",
        "sessions/ca.example+14000,directory.json",
    ];
    for (key, expected) in keys.iter().zip(texts) {
        assert_eq!(key.as_str(), expected);
        let load = || run(&storage, layout::load_json::<Vec<u8>>(key)).expect("loaded");
        assert_eq!(load(), Found::Missing);
        run(&storage, layout::save_json(key, &vec![1_u8]).expect("JSON")).expect("saved");
        assert_eq!(load().intact(), Some(vec![1]));
        put(&storage, expected, "[1,");
        assert!(matches!(load(), Found::Damaged { .. }));
        assert_eq!(load(), Found::Missing);
    }
    put(&storage, "version", "2\n");
    let error = run(&storage, layout::open()).expect_err("another version");
    assert!(error.to_string().contains("layout 2"), "{error}");
}

#[test]
fn a_lock_that_someone_holds_ends_the_wait_of_an_operation_with_its_name() {
    let key = layout::issuance_lock(NAME);
    let storage = MemoryStorage::new();
    let held = storage.try_lock(&key).expect("a lock").expect("it is free");
    // No operation takes it.
    save(&storage, &certificate(&[NAME]));
    account(&storage);
    drop(held);
}

fn snapshot() -> Snapshot {
    let json = r#"{"version": 1, "directory": "https://ca.example/directory",
        "request": {"identifiers": [{"type": "dns", "value": "example.org"}]}}"#;
    serde_json::from_str(json).expect("a snapshot")
}

/// The asynchronous form, which runs the same operations and keeps the same rules.
mod on_tokio {
    use std::sync::Arc;
    use std::time::Duration;

    use acme_tokio::storage::{StoredInFlight, check, run};
    use acme_tokio::{DynStorage, FolderStorage, Storage, Store};

    use super::*;

    #[tokio::test]
    async fn every_storage_keeps_the_rules() {
        let temporary = ScratchDir::new();
        let folder = FolderStorage::open(temporary.path().join("state")).expect("a folder");
        check(folder.clone()).await.expect("the rules hold");
        check(MemoryStorage::new()).await.expect("the rules hold");
        check(Arc::new(folder) as Arc<dyn DynStorage>).await.expect("the rules hold");
    }

    /// One that keeps no rule about locks.
    struct Broken(MemoryStorage);

    impl Storage for Broken {
        async fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
            Storage::get(&self.0, key).await
        }

        async fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
            Storage::put(&self.0, key, value).await
        }

        async fn delete(&self, key: &Key) -> Result<(), StorageError> {
            Storage::delete(&self.0, key).await
        }

        async fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
            Storage::list(&self.0, prefix).await
        }

        async fn try_lock(&self, _: &Key) -> Result<Option<LockGuard>, StorageError> {
            Ok(Some(LockGuard::new(())))
        }
    }

    #[tokio::test]
    async fn a_storage_that_breaks_a_rule_is_found() {
        let violation = check(Broken(MemoryStorage::new())).await.expect_err("no lock");
        assert_eq!(violation.rule(), Rule::LockExcludes, "{violation}");
    }

    #[tokio::test]
    async fn what_one_form_writes_the_other_reads() {
        let memory = MemoryStorage::new();
        run(&memory, layout::open()).await.expect("version 1");
        let stored = certificate(&[NAME]).with_directory(directory());
        run(&memory, layout::save_certificate(NAME, &stored).expect("an operation"))
            .await
            .expect("saved");
        assert_eq!(load(&memory).certificate(), Some(stored.clone()));
        delete(&memory, &in_folder("cert.pem"));
        let found = run(&memory, layout::load_certificate(NAME)).await.expect("loaded");
        assert_eq!(found.certificate(), Some(stored));
        assert!(text(&memory, &in_folder("cert.pem")).is_some());
        let names = run(&memory, layout::list_certificates()).await.expect("a list");
        assert_eq!(names, [Name::new(NAME)]);
        let made = run(&memory, layout::load_or_make_account(&directory(), KeyKind::Es256));
        assert_eq!(made.await.expect("an account").account, account(&memory).account);
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_waits_for_its_lock_and_then_says_who_has_it() {
        let memory = MemoryStorage::new();
        let made = || run(&memory, layout::load_or_make_account(&directory(), KeyKind::Es256));
        let lock = Key::parse("accounts/ca.example+14000,directory").expect("a key");
        let held = Storage::try_lock(&memory, &lock).await.expect("a lock").expect("it is free");
        let refused = made().await.expect_err("it is held");
        assert!(matches!(refused, StorageError::Locked { .. }), "{refused}");
        let (made, ()) = tokio::join!(made(), async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(held);
        });
        assert!(made.expect("an account").is_new);
    }

    #[tokio::test]
    async fn the_state_of_an_order_in_flight_is_a_store() {
        let memory = MemoryStorage::new();
        let snapshot = snapshot();
        let store = StoredInFlight::new(memory.clone(), NAME);
        store.save(&snapshot).await.expect("saved");
        let found = run(&memory, layout::load_order(NAME)).await.expect("loaded");
        assert_eq!(found.intact().expect("an order").snapshot, snapshot);
        let store = StoredInFlight::new(&memory, "b.example");
        acme_blocking::Store::save(&store, &snapshot).expect("saved");
        let names = run(&memory, layout::list_orders()).await.expect("a list");
        assert_eq!(names, [Name::new(NAME), Name::new("b.example")]);
    }
}
