use acme_proto::issuance::Issuance;
use acme_proto::snapshot::Snapshot;

use crate::check;

/// Reads a snapshot of any content, stores it again, and resumes an issuance from it.
///
/// # Panics
///
/// If the snapshot changes when it is stored and read.
pub fn snapshot(data: &[u8]) {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(data) else { return };
    stored(&snapshot);
    for challenge in snapshot.challenges() {
        let derived = (challenge.http_01(), challenge.dns_01(), challenge.tls_alpn_01());
        let count = [derived.0.is_some(), derived.1.is_some(), derived.2.is_some()];
        assert!(count.iter().filter(|there| **there).count() <= 1);
        if let Some(http) = derived.0 {
            assert!(
                http.path
                    .strip_prefix("/.well-known/acme-challenge/")
                    .is_some_and(|token| { !token.is_empty() && !token.contains(['/', '.', '%']) })
            );
        }
    }
    let identifiers = snapshot.identifiers().to_vec();
    let order = snapshot.order_url().cloned();
    let flow = Issuance::resume(snapshot);
    assert_eq!(flow.identifiers(), identifiers);
    assert_eq!(flow.order_url(), order.as_ref());
}

/// Checks that a snapshot is stored and read without a change.
///
/// A time outside the calendar of RFC 3339 is stored as its first or last second.
fn stored(snapshot: &Snapshot) {
    let value = serde_json::to_value(snapshot).expect("a snapshot can be stored");
    if check::has_fraction(&value) {
        return;
    }
    let text = value.to_string();
    let again: Snapshot = serde_json::from_str(&text).expect("what was stored is a snapshot");
    assert_eq!(serde_json::to_value(&again).ok().as_ref(), Some(&value), "{text}");
    let has_times = ["notBefore", "notAfter"].iter().any(|name| !value["request"][name].is_null());
    assert!(has_times || again == *snapshot, "{text}");
}
