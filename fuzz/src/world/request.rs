//! Checks of requests, which hold whatever the server does.

use std::collections::BTreeSet;

use acme_proto::http::{Method, Request};
use acme_proto::jose::base64url;
use serde_json::{Map, Value};

/// Checks a request, and returns the nonce if it is a signed one.
pub(crate) fn check(request: &Request, signatures: &BTreeSet<Vec<u8>>) -> Option<String> {
    assert!(request.url().is_https(), "{} is not https", request.url());
    assert!(request.headers().first("user-agent").is_some());
    if request.method() != Method::Post {
        assert!(request.body().is_empty());
        return None;
    }
    assert_eq!(request.headers().first("content-type"), Some("application/jose+json"));
    let jws = object(request.body());
    assert!(jws.keys().eq(["payload", "protected", "signature"]), "{jws:?}");
    let payload = decoded(&jws, "payload");
    assert!(payload.is_empty() || serde_json::from_slice::<Value>(&payload).is_ok());
    assert!(signatures.contains(&decoded(&jws, "signature")), "a signature nobody made");

    let header = object(&decoded(&jws, "protected"));
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    assert_eq!(text("alg"), Some("EdDSA"));
    assert_eq!(text("url"), Some(request.url().as_str()));
    assert!(header.contains_key("jwk") != header.contains_key("kid"), "{header:?}");
    assert_eq!(header.len(), 4);
    let nonce = text("nonce").expect("every signed request has a nonce");
    Some(nonce.to_owned())
}

/// Returns whether a request has a CSR. A faulty server can hand out any finalize URL, so that the
/// URL does not show it.
pub(crate) fn finalizes(request: &Request) -> bool {
    request.method() == Method::Post
        && serde_json::from_slice::<Value>(&decoded(&object(request.body()), "payload"))
            .is_ok_and(|payload| payload.get("csr").is_some())
}

fn decoded(jws: &Map<String, Value>, name: &str) -> Vec<u8> {
    let text = jws.get(name).and_then(Value::as_str).expect("a string");
    base64url::decode(text).expect("base64url")
}

fn object(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).expect("a JSON object")
}
