use core::time::Duration;

use acme_proto::session::{Session, SessionMemory};
use acme_proto::signer::Ed25519Key;
use acme_proto::time::Timestamp;
use serde_json::Value;

use crate::check;

/// Takes up a memory of any content, and stores what the session then knows.
///
/// # Panics
///
/// If that cannot be read, is about another directory, or grows when it is taken up again.
pub fn session_memory(data: &[u8]) {
    let Ok(memory) = serde_json::from_slice::<SessionMemory>(data) else { return };
    let shown = format!("{memory:?}");
    let now = Timestamp::from_unix_seconds(1_790_000_000);
    let key = Ed25519Key::from_scalar(&[1; 32]).expect("32 octets are a key").public_key();
    let take_up = |memory: SessionMemory| {
        let url = memory.directory_url().clone();
        Session::new(url, 7).with_account_key(key.clone()).with_memory(memory, now)
    };
    // A text in a member that is ignored may be none.
    let Ok(held) = serde_json::from_slice::<Value>(data) else { return };
    for nonce in held["nonces"].as_array().into_iter().flatten() {
        let nonce = nonce["nonce"].as_str().unwrap_or_default();
        assert!(nonce.len() < 16 || !shown.contains(nonce), "a nonce in {shown}");
    }
    let first = take_up(memory).memory();
    let text = serde_json::to_string(&first).expect("a memory can be stored");
    assert!(check::has_fraction(&held) || text.len() <= data.len() * 12 + 4096, "it grows");
    let read: SessionMemory = serde_json::from_str(&text).expect("what was stored is a memory");
    let second = take_up(read).memory();
    let later = now.saturating_add(Duration::from_secs(86_400 * 365));
    let old = Session::new(second.directory_url().clone(), 7).with_memory(second.clone(), later);
    assert_eq!(old.memory().directory_url(), second.directory_url());
    let (first, second) = (value(&first), value(&second));
    assert_eq!(first["account"], second["account"]);
    assert_eq!(first["directory"], second["directory"]);
    assert_eq!(first["nonces"], second["nonces"]);
}

fn value(memory: &SessionMemory) -> Value {
    serde_json::to_value(memory).expect("JSON")
}
