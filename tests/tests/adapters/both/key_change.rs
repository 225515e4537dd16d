//! Changing the account key, with both keys on disk before anything is sent, and external accounts by a signer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use acme_proto::error::Error as Acme;
use acme_proto::flow::{KeyRole, SignFailed, SignRequest, SignatureAlgorithm};
use acme_proto::jose::{Jwk, MacKey, Signature};
use acme_proto::policy::{Policy, Rates};
use acme_testca::{FaultAction, FaultRule, Faults, RequestKind, TestCa};

use super::adapter::{
    self, AccountFile, AccountKey, Client, Error, KeyKind, ProviderKey, Roots, Signer,
};
use super::ca;

/// A directory with an account file in it, which is removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // The two adapters count for themselves.
        let adapter = module_path!().replace("::", "-");
        let name = format!("{adapter}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("account.json")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn load(path: &Path) -> AccountFile {
    AccountFile::load(path).expect("an account")
}

fn new_key() -> AccountKey {
    AccountKey::generate(KeyKind::Es384).expect("a key")
}

/// Connects with what is in the file, and with so many tries.
async fn connect(ca: &TestCa, path: &Path, tries: u32) -> Client {
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.tries = tries;
    let client = Client::builder(ca.directory_url())
        .key(load(path))
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy)
        .connect();
    client.await.expect("a client")
}

/// Registers an account that is in a file.
async fn account(ca: &TestCa, place: &Place, tries: u32) -> Client {
    let pem = new_key().to_pem();
    let file = AccountFile::new(ca.directory_url().parse().expect("a URL"), pem).expect("a key");
    file.save(&place.file()).expect("written");
    let client = connect(ca, &place.file(), tries).await;
    client.register().run().await.expect("an account");
    client
}

fn changes(ca: &TestCa) -> usize {
    ca.requests().iter().filter(|request| request.kind == RequestKind::KeyChange).count()
}

#[tokio::test]
async fn both_keys_are_on_disk_before_the_change_leaves_and_one_is_after_it() {
    let (ca, place) = (TestCa::start(), Place::new());
    let path = place.file();
    let client = account(&ca, &place, 4).await;
    let (old, new) = (load(&path).key_pem().clone(), new_key());
    let mut before = None;
    let asked = client.change_key(&new).account_file(&path).store(|intent| {
        let file = load(&path);
        before = Some(((file.key_pem().clone(), file.new_key_pem().cloned()), changes(&ca)));
        assert_eq!(Some(intent.account_url()), file.account());
        adapter::ready(Ok(()))
    });
    let key = asked.run().await.expect("a new key");
    let (keys, sent) = before.expect("it was stored");
    // covers 8555-7.3.5-11
    assert_eq!(keys, (old, Some(new.to_pem())));
    assert_eq!(sent, 0);
    assert_eq!(client.account_key(), key);
    let file = load(&path);
    assert_eq!((file.key_pem(), file.new_key_pem()), (&new.to_pem(), None));
    assert_eq!(file.account(), client.account_url().as_ref());
    let later = connect(&ca, &path, 4).await;
    later.account().await.expect("the account, by the new key");
}

#[tokio::test]
async fn a_ca_that_falls_silent_leaves_both_keys_and_a_later_client_finds_the_right_one() {
    let (ca, place) = (TestCa::start(), Place::new());
    let path = place.file();
    let client = account(&ca, &place, 1).await;
    let new = new_key();
    let faults = Faults::none()
        .with(FaultRule::next(FaultAction::DropAfter).on(RequestKind::KeyChange))
        .with(FaultRule::next(FaultAction::DropBefore).on(RequestKind::NewAccount));
    ca.set_faults(faults);
    let error = client.change_key(&new).account_file(&path).run().await.expect_err("no answer");
    assert!(matches!(error.acme(), Some(Acme::Transport(_))), "{error}");
    let both = load(&path).new_key_pem().is_some();

    // Nobody said so, but the CA holds the new key.
    let later = connect(&ca, &path, 4).await;
    let found = later.account().await;
    // covers 8555-7.3.5-11
    assert!(both, "{found:?}");
    assert!(found.is_ok(), "{found:?}");
    let key = later.settle_key_change().account_file(&path).run().await.expect("a key");
    assert_eq!(later.account_key(), key);
    let file = load(&path);
    assert_eq!((file.key_pem(), file.new_key_pem()), (&new.to_pem(), None));
    assert_eq!(changes(&ca), 1);
}

#[tokio::test]
async fn a_change_that_never_reached_the_ca_is_seen_done_later() {
    let (ca, place) = (TestCa::start(), Place::new());
    let path = place.file();
    let client = account(&ca, &place, 1).await;
    let faults = Faults::none()
        .with(FaultRule::next(FaultAction::DropBefore).on(RequestKind::KeyChange))
        .with(FaultRule::next(FaultAction::DropBefore).on(RequestKind::NewAccount));
    ca.set_faults(faults);
    client.change_key(new_key()).account_file(&path).run().await.expect_err("no answer");
    let new = load(&path).new_key_pem().cloned().expect("both keys");
    let later = connect(&ca, &path, 4).await;
    later.settle_key_change().account_file(&path).run().await.expect("a key");
    let file = load(&path);
    // covers 8555-7.3.5-11
    assert_eq!(*file.key_pem(), new);
    assert!(file.new_key_pem().is_none());
    connect(&ca, &path, 4).await.account().await.expect("the account, by the new key");
}

#[tokio::test]
async fn a_refused_key_does_not_stay_in_the_file() {
    let (ca, place, other) = (TestCa::start(), Place::new(), Place::new());
    account(&ca, &other, 4).await;
    let taken = AccountKey::from(load(&other.file()));
    let client = account(&ca, &place, 4).await;
    let old = load(&place.file());
    let error =
        client.change_key(taken).account_file(place.file()).run().await.expect_err("another's key");
    let typed = matches!(error.acme(), Some(Acme::KeyInUse { .. }));
    // covers 8555-7.3.5-10
    assert!(typed, "{error}");
    let file = load(&place.file());
    // covers 8555-7.3.5-9
    assert_eq!(file.key_pem(), old.key_pem());
    assert!(file.new_key_pem().is_none());
    client.account().await.expect("the account, by the old key");
}

#[tokio::test]
async fn an_intent_that_cannot_be_stored_changes_nothing() {
    let (ca, place, other) = (TestCa::start(), Place::new(), Place::new());
    account(&ca, &other, 4).await;
    let client = account(&ca, &place, 4).await;
    // The file of another account, and a store that fails.
    let foreign = client.change_key(new_key()).account_file(other.file()).run().await;
    let refusing = client
        .change_key(new_key())
        .store(|_| adapter::ready(Err("the disk is full".into())))
        .run()
        .await;
    for result in [foreign, refusing] {
        let stored = matches!(&result, Err(Error::Acme(Acme::Storage(_))));
        // covers 8555-7.3.5-11
        assert!(stored, "{result:?}");
        assert_eq!(changes(&ca), 0, "{result:?}");
    }
    client.account().await.expect("the account, by the old key");
}

#[tokio::test]
async fn settling_where_nothing_is_open_tells_the_key() {
    let (ca, place) = (TestCa::start(), Place::new());
    let client = account(&ca, &place, 4).await;
    let before = ca.requests().len();
    let key = client.settle_key_change().account_file(place.file()).run().await.expect("a key");
    assert_eq!((key, ca.requests().len()), (client.account_key(), before));
}

/// A device that holds the account's keys and the MAC key of an external account.
struct Device {
    keys: Vec<ProviderKey>,
    mac: MacKey,
}

impl Device {
    fn new() -> Self {
        Self {
            keys: vec![ca::certificate_key(), ca::certificate_key()],
            mac: MacKey::from_bytes(vec![7; 32]).expect("a key"),
        }
    }
}

impl Signer for Device {
    fn account_key(&self) -> Jwk {
        self.keys[0].public_key().clone()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        match (&request.key, request.algorithm) {
            (KeyRole::ExternalAccount(kid), SignatureAlgorithm::Mac(algorithm))
                if kid == "kid-1" =>
            {
                Ok(Signature::from_mac(self.mac.sign(algorithm, &request.message)))
            }
            (
                KeyRole::Account(named) | KeyRole::NewAccount(named),
                SignatureAlgorithm::Jws(alg),
            ) => {
                let key = self.keys.iter().find(|key| key.thumbprint() == named);
                key.ok_or(SignFailed::UnknownKey)?.sign(alg, &request.message)
            }
            _ => Err(SignFailed::UnknownKey),
        }
    }
}

#[tokio::test]
async fn a_device_signs_for_the_external_account_and_for_both_keys() {
    let ca = TestCa::builder()
        .require_external_account(true)
        .external_account("kid-1", vec![7; 32])
        .start()
        .expect("a CA");
    let device = Device::new();
    let new = device.keys[1].public_key().clone();
    let client = Client::builder(ca.directory_url())
        .signer(device)
        .roots(Roots::Pem(ca.root_pem().into()))
        .connect()
        .await
        .expect("a client");
    let entry = client.register().external_account_signer("kid-1").run().await.expect("an account");
    assert!(entry.account().has_external_account_binding());
    let place = Place::new();
    let filed = client.change_key(new.clone()).account_file(place.file()).run().await;
    assert!(matches!(filed, Err(Error::NewKeyWithSigner)), "{filed:?}");
    let key = client.change_key(new.clone()).run().await.expect("a new key");
    // covers 8555-7.3.5-8
    assert_eq!(key, new);
    assert!(client.account().await.is_ok());
}

#[tokio::test]
async fn every_spelling_of_a_mac_key_binds() {
    let octets = [vec![0xfb, 0xff, 0xfe], vec![7; 29]].concat();
    let ca = TestCa::builder()
        .require_external_account(true)
        .external_account("kid-1", octets)
        .start()
        .expect("a CA");
    let tail = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    for (head, padding) in [("-__-", ""), ("+//+", "="), (" -__-", "=\n")] {
        let client = ca::builder(&ca).connect().await.expect("a client");
        let bound = client.register().external_account("kid-1", format!("{head}{tail}{padding}"));
        let entry = bound.run().await;
        // covers 8555-7.3.4-7
        assert!(entry.is_ok(), "{head} {padding:?}: {entry:?}");
    }
}
