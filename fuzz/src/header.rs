use acme_proto::header::{links, location, media_type, replay_nonce, retry_after};
use acme_proto::http::Headers;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;

/// Parses every header field that the core knows, from fields of any content.
///
/// Each line of `data` is a field, with its name before the first colon.
///
/// # Panics
///
/// If a parsed value is not one that its field can have.
pub fn header(data: &[u8]) {
    let mut headers = Headers::new();
    for line in String::from_utf8_lossy(data).lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        headers.append(name, value.trim());
    }
    let base = Url::parse("https://ca.example/acme/order/1").expect("the base is a URL");
    let now = Timestamp::from_unix_seconds(1_700_000_000);

    let found = links(&headers, &base);
    assert!(found.len() <= 64);
    for link in &found {
        assert_eq!(Url::parse(link.target().as_str()).as_ref(), Ok(link.target()));
    }
    if let Some(at) = retry_after(&headers, now) {
        assert!(at >= now, "{at} is before {now}");
    }
    if let Some(nonce) = replay_nonce(&headers) {
        let in_alphabet = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(!nonce.as_str().is_empty() && nonce.as_str().chars().all(in_alphabet));
    }
    if let Some(url) = location(&headers, &base) {
        assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url));
    }
    if let Some(essence) = media_type(&headers) {
        assert_eq!(essence, essence.to_ascii_lowercase());
        assert!(!essence.contains(';'));
    }
}
