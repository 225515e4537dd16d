//! What any version has stored in files is used by both adapters: the folders of `tests/golden/adapters`, which nobody
//! changes. Its README says what is in them, and what a change of a form needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use acme_adapter::account_file::AccountFile;
use acme_adapter::keeper::{CertificateEventKind, CertificateState};
use acme_adapter::keys::{AccountKey, KeyKind, ProviderKey, default_provider};
use acme_adapter::storage::layout::{
    self, LoadedCertificate, StoredAccount, StoredCertificate, StoredLife, StoredValidation,
};
use acme_adapter::storage::{Access, FolderStorage, Found, Key, Storage as _, StorageError, run};
use acme_proto::challenge::Challenge;
use acme_proto::jose::Jwk;
use acme_proto::renewal::{Lifecycle, LifecycleEvent};
use acme_proto::session::SessionMemory;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::x509::{Certificate, CertificateChain};
use acme_testca::TestCa;
use acme_tests::scratch;
use serde_json::Value;

use crate::both::{on_blocking, on_tokio};
use crate::certificates::A_WHILE;
use crate::certificates::site::{Site, Wanted};

/// Paths below a folder, with `/`, and what is there.
type Files = BTreeMap<String, Vec<u8>>;

/// The CA of the certificates, and the one at which the account key was being changed.
const CA: &str = "https://ca.test/directory";
const OTHER_CA: &str = "https://other.test/directory";
const ACCOUNT: &str = "https://ca.test/account/1";
/// When the user wanted a new key, and when a challenge was published.
const WISH: &str = "2020-03-04T05:06:07Z";
const PUBLISHED: &str = "2020-01-02T03:04:05Z";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Returns a key or a chain that the stored files are made of.
fn text(name: &str) -> String {
    let path = golden().join("adapters/made-of").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns what the core stored, as `core::golden` keeps it.
fn of_core(name: &str) -> Value {
    let text = fs::read_to_string(golden().join(name)).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a time")
}

/// The order in flight of `a.example`, for a CA without profiles.
fn snapshot() -> Snapshot {
    let mut stored = of_core("snapshot-1-published.json");
    stored["request"].as_object_mut().expect("an object").retain(|name, _| name == "identifiers");
    serde_json::from_value(stored).expect("a snapshot")
}

fn challenge() -> Challenge {
    snapshot().challenges()[0].clone()
}

fn memory() -> SessionMemory {
    serde_json::from_value(of_core("session-memory-1-issued.json")).expect("a memory")
}

fn certificate(file: &str) -> StoredCertificate {
    let chain = CertificateChain::parse_pem(text(file).as_bytes()).expect("a chain");
    StoredCertificate::new(chain, text("certificate.key.pem")).expect("they belong together")
}

/// The certificate of `b.example`, with all that is known of it.
fn known_certificate() -> StoredCertificate {
    certificate("b.example.pem")
        .with_directory(url(CA))
        .with_issued_at(at("2020-01-02T03:04:05Z"))
        .with_key_made_at(at("2020-01-02T03:00:00Z"))
}

fn life(certificate: &StoredCertificate, new_key_wanted: Option<Timestamp>) -> StoredLife {
    let mut life = Lifecycle::new([url(CA)], 7);
    life.on_registered(&url(CA));
    life.hold(&url(CA), certificate.leaf(), certificate.issued_at());
    StoredLife::new(life, new_key_wanted)
}

fn registered() -> StoredAccount {
    StoredAccount::new(url(CA), text("account.key.pem"))
        .expect("a key")
        .with_account(url(ACCOUNT))
        .with_contacts(vec!["mailto:me@example.org".to_owned()])
        .with_agreed_terms("https://ca.test/terms")
        .with_external_account("kid-1")
}

/// Everything that the layout has a place for, as this version stores it.
fn storage() -> Files {
    let folder = scratch("golden-storage");
    let storage = FolderStorage::open(folder.path()).expect("a folder");
    store(&storage).expect("stored");
    let files = read(folder.path()).into_iter();
    files.map(|(name, content)| (format!("storage/{name}"), content)).collect()
}

fn store(storage: &FolderStorage) -> Result<(), StorageError> {
    let put = |access: Access<()>| run(storage, access);
    put(layout::open())?;
    put(layout::save_account(&registered())?)?;
    let mut changing = StoredAccount::new(url(OTHER_CA), text("account.key.pem"))?;
    changing.set_new_key(text("new-account.key.pem"))?;
    put(layout::save_account(&changing)?)?;
    let (b, c) = (known_certificate(), certificate("c.example.pem").with_directory(url(CA)));
    put(layout::save_certificate("b.example", &b)?)?;
    put(layout::save_certificate("c.example", &c)?)?;
    put(layout::save_certificate("*.d.example", &certificate("d.example.pem"))?)?;
    put(layout::save_json(&layout::renewal("b.example"), &life(&b, None))?)?;
    put(layout::save_json(&layout::renewal("c.example"), &life(&c, Some(at(WISH))))?)?;
    put(layout::save_order("a.example", &snapshot())?)?;
    // The layout would generate another one.
    let key = Key::parse("orders/a.example.key.pem").expect("a key");
    storage.put(&key, text("order.key.pem").as_bytes())?;
    put(layout::save_json(&layout::session(&url(CA)), &memory())?)?;
    let validation = layout::validation(&challenge());
    put(layout::save_json(&validation, &StoredValidation::new(challenge(), at(PUBLISHED)))?)
}

/// The files of accounts in each of their states, as this version writes them.
fn account_files() -> Files {
    let folder = scratch("golden-accounts");
    let mut account = AccountFile::new(url(CA), text("account.key.pem")).expect("a key");
    let mut files = Files::new();
    let mut keep = |name: &str, account: &AccountFile| {
        let path = folder.path().join(name);
        account.save(&path).expect("saved");
        files.insert(format!("accounts/{name}"), fs::read(path).expect("a file"));
    };
    keep("new.json", &account);
    account.set_account(url(ACCOUNT));
    keep("registered.json", &account);
    account.set_new_key(text("new-account.key.pem")).expect("a key");
    keep("changing.json", &account);
    files
}

/// Returns what is in a folder, but for locks, which are empty files that stay.
fn read(folder: &Path) -> Files {
    let (mut files, mut folders) = (Files::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below it").to_str().expect("text");
            if path.is_file() {
                files.insert(name.to_owned(), fs::read(&path).expect("a file"));
            } else if name != ".locks" {
                folders.push(path);
            }
        }
    }
    files
}

fn write(folder: &Path, files: &Files) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }
}

/// Returns the files that are committed, in each form that they have had; the newest comes last.
fn forms() -> Vec<Files> {
    let forms = written();
    assert!(!forms.is_empty(), "tests/golden/adapters has no form");
    forms
}

fn written() -> Vec<Files> {
    (1..).map(place).take_while(|path| path.is_dir()).map(|path| read(&path)).collect()
}

fn place(form: usize) -> PathBuf {
    golden().join(format!("adapters/{form}"))
}

#[test]
fn what_is_stored_today_has_the_newest_form_to_the_octet() {
    let mut today = storage();
    today.extend(account_files());
    let is_written = written().last() == Some(&today);
    if !is_written && env::var_os("ACME_WRITE_GOLDEN").is_some() {
        write(&place(written().len() + 1), &today);
    }
    let newest = forms().pop().expect("a form");
    for name in newest.keys().chain(today.keys()) {
        let shown =
            |files: &Files| files.get(name).map(|text| String::from_utf8_lossy(text).into_owned());
        assert_eq!(
            shown(&newest),
            shown(&today),
            "{name} had another form: tests/golden/README.md says what to do"
        );
    }
}

/// Puts the files of a form below this name into a folder.
fn put_down(form: &Files, below: &str, folder: &Path) {
    let files = form.iter().filter_map(|(name, content)| {
        let name = name.strip_prefix(below)?.strip_prefix('/')?;
        Some((name.to_owned(), content.clone()))
    });
    write(folder, &files.collect());
}

fn public(pem: &str) -> Jwk {
    let provider = default_provider().expect("a provider");
    ProviderKey::from_pkcs8_pem(pem, &provider).expect("a key").public_key().clone()
}

#[test]
fn the_storage_of_any_version_is_read_whole_and_nothing_in_it_is_damaged() {
    for form in forms() {
        let folder = scratch("golden-read");
        put_down(&form, "storage", folder.path());
        let before = read(folder.path());
        let storage = FolderStorage::open(folder.path()).expect("a folder");
        run(&storage, layout::open()).expect("a version that is known");
        reads_accounts(&storage);
        reads_certificates(&storage);
        let Found::Intact(order) = run(&storage, layout::load_order("a.example")).expect("read")
        else {
            panic!("no order")
        };
        assert_eq!(order.snapshot, snapshot());
        assert_eq!(order.key_pem.expect("a key").as_str(), text("order.key.pem"));
        assert_eq!(run(&storage, layout::list_orders()).expect("listed").len(), 1);
        let session = layout::session(&url(CA));
        let found = run(&storage, layout::load_json::<SessionMemory>(&session)).expect("read");
        assert!(matches!(found, Found::Intact(found) if found == memory()));
        let place = layout::validation(&challenge());
        let found = run(&storage, layout::load_json::<StoredValidation>(&place)).expect("read");
        assert!(
            matches!(found, Found::Intact(found) if found.clone().current(at(PUBLISHED)) == Some(challenge()))
        );
        // What only reads changes nothing.
        assert_eq!(read(folder.path()), before);
    }
}

fn reads_accounts(storage: &FolderStorage) {
    let load = |ca: &str| {
        let access = layout::load_or_make_account(&url(ca), KeyKind::Es256);
        let found = run(storage, access).expect("read");
        assert!(!found.is_new && found.damaged.is_empty(), "{found:?}");
        found.account
    };
    assert_eq!(load(CA), registered());
    let changing = load(OTHER_CA);
    assert_eq!(changing.key_pem().as_str(), text("account.key.pem"));
    assert_eq!(changing.new_key_pem().expect("a key").as_str(), text("new-account.key.pem"));
}

fn reads_certificates(storage: &FolderStorage) {
    let names = run(storage, layout::list_certificates()).expect("listed");
    let names: Vec<_> = names.iter().filter_map(layout::Name::text).collect();
    assert_eq!(names, ["*.d.example", "b.example", "c.example"]);
    let load = |name: &str| match run(storage, layout::load_certificate(name)).expect("read") {
        LoadedCertificate::Intact { certificate, repaired } if repaired.is_empty() => *certificate,
        found => panic!("{name}: {found:?}"),
    };
    assert_eq!(load("b.example"), known_certificate());
    assert_eq!(load("*.d.example"), certificate("d.example.pem"));
    let renewal = |name: &str| {
        let access = layout::load_json::<StoredLife>(&layout::renewal(name));
        let Found::Intact(life) = run(storage, access).expect("read") else {
            panic!("{name}: no renewal")
        };
        let wish = life.new_key_wanted();
        assert!(life.into_life().holds(load(name).leaf()), "{name}");
        wish
    };
    assert_eq!((renewal("b.example"), renewal("c.example")), (None, Some(at(WISH))));
}

/// A CA at which these keys have accounts, the first of which has this URL.
fn ca_that_knows(key: &str) -> (TestCa, String) {
    let ca = TestCa::start();
    let key = AccountKey::from_pem(&text(key)).expect("a key");
    let client = on_blocking::ca::builder(&ca).key(key).connect().expect("a client");
    client.register().contact("mailto:me@example.org").run().expect("an account");
    let account = client.account_url().expect("an account").to_string();
    ca.clear_log();
    (ca, account)
}

/// Puts the test CA in the place of the one that the files name.
fn moved(form: &Files, from: &str, ca: &TestCa, account: &str) -> Files {
    let session = |directory: &str| layout::session(&url(directory)).to_string();
    let segment = |key: String| key["sessions/".len()..key.len() - ".json".len()].to_owned();
    let (old, new) = (segment(session(from)), segment(session(ca.directory_url())));
    let origin =
        |directory: &str| directory.strip_suffix("/directory").expect("its path").to_owned();
    let one = |(name, content): (&String, &Vec<u8>)| {
        let text = String::from_utf8(content.clone()).expect("text");
        let text =
            text.replace(ACCOUNT, account).replace(&origin(from), &origin(ca.directory_url()));
        (name.replace(&old, &new), text.into_bytes())
    };
    form.iter().map(one).collect()
}

#[test]
fn both_adapters_go_on_with_the_storage_of_any_version() {
    for form in forms() {
        for start in Site::EACH {
            let (folder, (ca, account)) =
                (scratch("golden-site"), ca_that_knows("account.key.pem"));
            put_down(&moved(&form, CA, &ca, &account), "storage", folder.path());
            let names: [&[&str]; 3] = [&["b.example"], &["a.example"], &["c.example"]];
            let site = start(&Wanted::new(folder.path(), &ca, &names));
            let stored = known_certificate();
            let seen = site.get("b.example").expect("a handshake").certificate;
            let seen = Certificate::parse(seen).expect("a certificate");
            assert_eq!(&seen, stored.leaf(), "{}", site.adapter);
            // The order in flight and the wish for a new key.
            site.wait_for(2, A_WHILE, |kind| matches!(kind, CertificateEventKind::Saved));
            let key = |name: &str| {
                let file = folder.path().join(format!("certificates/{name}/key.pem"));
                fs::read_to_string(file).expect("a key")
            };
            assert_eq!(key("a.example"), text("order.key.pem"), "{}", site.adapter);
            assert_ne!(key("c.example"), text("certificate.key.pem"), "{}", site.adapter);
            assert_eq!(ca.certificates_issued(), 2, "{}", site.adapter);
            let accounts = ca.account_objects();
            assert_eq!(accounts.len(), 1, "{}: {accounts:?}", site.adapter);
            let is_damaged = |kind: &CertificateEventKind| {
                matches!(
                    kind,
                    CertificateEventKind::Damaged { .. }
                        | CertificateEventKind::Lifecycle(LifecycleEvent::AccountLost { .. })
                )
            };
            assert_eq!(site.count(is_damaged), 0, "{}", site.adapter);
            let health = site.health();
            assert!(
                health.certificates.iter().all(|one| one.state == CertificateState::Valid),
                "{health:#?}"
            );
        }
    }
}

#[test]
fn both_adapters_settle_a_key_change_that_any_version_has_stored() {
    for form in forms() {
        for start in Site::EACH {
            // keyChange took effect, and the process died before it knew.
            let (folder, (ca, account)) =
                (scratch("golden-change"), ca_that_knows("new-account.key.pem"));
            put_down(&moved(&form, OTHER_CA, &ca, &account), "storage", folder.path());
            let site = start(&Wanted::new(folder.path(), &ca, &[&["e.example"]]));
            site.get("e.example").expect("a handshake");
            assert_eq!(ca.account_objects().len(), 1, "{}", site.adapter);
        }
    }
}

/// Writes a test of the account files for one adapter.
macro_rules! account_files_are_used {
    ($name:ident, $adapter:ident $(, $await:tt)?) => {
        async fn $name(form: &Files) {
            for (file, key, is_registered) in ACCOUNT_FILES {
                let (folder, (ca, account)) = (scratch("golden-account"), ca_that_knows(key));
                put_down(&moved(form, CA, &ca, &account), "accounts", folder.path());
                let path = folder.path().join(file);
                let stored = AccountFile::load(&path).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(stored.directory().as_str(), ca.directory_url());
                assert_eq!(stored.account().is_some(), *is_registered, "{file}");
                let client = $adapter::ca::builder(&ca).key(stored).connect()$(.$await)?;
                let client = client.expect("a client");
                let found = client.account()$(.$await)?;
                found.unwrap_or_else(|error| panic!("{file}: {error}"));
                assert_eq!(client.account_key(), public(&text(key)), "{file}");
                assert_eq!(client.account_url().expect("an account").as_str(), account, "{file}");
                assert_eq!(ca.account_objects().len(), 1, "{file}");
            }
        }
    };
}

account_files_are_used!(on_tokio_accounts, on_tokio, await);
account_files_are_used!(on_blocking_accounts, on_blocking);

/// Each file, the key that the account has, and whether its URL is in it.
const ACCOUNT_FILES: &[(&str, &str, bool)] = &[
    ("new.json", "account.key.pem", false),
    ("registered.json", "account.key.pem", true),
    ("changing.json", "account.key.pem", true),
    ("changing.json", "new-account.key.pem", true),
];

#[tokio::test(flavor = "multi_thread")]
async fn both_adapters_use_the_account_files_of_any_version() {
    for form in forms() {
        on_tokio_accounts(&form).await;
        on_blocking_accounts(&form).await;
    }
}
