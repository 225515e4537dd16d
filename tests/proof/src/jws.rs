//! A request as a CA reads it.

use acme_proto::http::Request;
use acme_proto::jose::base64url;
use serde_json::Value;

/// Returns an octet string of a JWS by its name, empty if it has none.
pub(crate) fn octets(jws: &Value, name: &str) -> Vec<u8> {
    let text = jws.get(name).and_then(Value::as_str);
    text.and_then(|text| base64url::decode(text).ok()).unwrap_or_default()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body()).unwrap_or_default()
}

/// Returns the payload of a request: empty for POST-as-GET.
pub(crate) fn payload(request: &Request) -> Vec<u8> {
    octets(&body(request), "payload")
}

/// Returns the nonce of a request, if it has one.
pub(crate) fn nonce(request: &Request) -> Option<String> {
    let protected: Value = serde_json::from_slice(&octets(&body(request), "protected")).ok()?;
    Some(protected.get("nonce")?.as_str()?.to_owned())
}
