//! Keys are generated on threads that may block: RSA takes seconds. A process of its own, because it installs a crypto
//! provider.

use std::sync::Mutex;
use std::thread::{self, ThreadId};

use acme_tokio::KeyKind;
use acme_tokio::acme_proto::url::Url;
use acme_tokio::storage::{MemoryStorage, layout, run};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom};

static USED_ON: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());

/// Notes on which thread a key is generated: that of an Ed25519 key is all random.
#[derive(Debug)]
struct Watched;

impl SecureRandom for Watched {
    fn fill(&self, octets: &mut [u8]) -> Result<(), GetRandomFailed> {
        USED_ON.lock().expect("no panic").push(thread::current().id());
        rustls::crypto::ring::default_provider().secure_random.fill(octets)
    }
}

#[test]
fn no_key_is_generated_on_a_thread_of_the_runtime() {
    let ring = rustls::crypto::ring::default_provider();
    let provider = CryptoProvider { secure_random: &Watched, ..ring };
    provider.install_default().expect("the first one");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let storage = MemoryStorage::new();
        let directory = Url::parse("https://ca.example/directory").expect("a URL");
        let account = layout::load_or_make_account(&directory, KeyKind::Ed25519);
        assert!(run(&storage, account).await.expect("an account").is_new);
        let order = layout::load_or_make_order_key("a.example", KeyKind::Ed25519);
        assert!(run(&storage, order).await.expect("a key").is_new);
    });
    let used_on = USED_ON.lock().expect("no panic");
    assert!(used_on.len() >= 2 && !used_on.contains(&thread::current().id()), "{used_on:?}");
}
