use acme_proto::jose::{Jwk, KeyId, Protected, SigningInput, base64url};
use acme_proto::token::Nonce;
use acme_proto::url::Url;
use serde_json::{Map, Value};

use crate::bytes::Bytes;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes a flattened JWS with any header, payload and signature, and reads it with a JSON parser.
///
/// # Panics
///
/// If a part differs from the input, or the signed octets differ from the sent ones.
pub fn jws(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let choice = bytes.u8();
    let jwk = Jwk::ed25519(&bytes.array());
    let letters = bytes.some(40).iter().map(|b| char::from(ALPHABET[usize::from(b % 64)]));
    let nonce = Nonce::parse(&letters.collect::<String>()).ok();
    let path = String::from_utf8_lossy(bytes.some(60)).into_owned();
    let url = Url::parse(&format!("https://ca.example/{path}"))
        .unwrap_or_else(|_| Url::parse("https://ca.example/a?b=%22").expect("a URL"));
    let kid = String::from_utf8_lossy(bytes.some(60)).into_owned();
    let signature = bytes.some(132).to_vec();
    let payload = bytes.rest();

    let key = if choice & 1 == 0 { KeyId::Jwk(&jwk) } else { KeyId::Kid(&kid) };
    let alg = if choice & 2 == 0 { "EdDSA" } else { "ES256" };
    let nonce = nonce.as_ref().filter(|_| choice & 4 == 0);
    let input = SigningInput::new(&Protected::new(alg, key, nonce, &url), payload);
    let body = input.flattened(&signature);

    let members = object(&body);
    let member = |name: &str| members.get(name).and_then(Value::as_str).expect(name);
    assert_eq!(members.len(), 3);
    assert_eq!(base64url::decode(member("payload")).as_deref(), Ok(payload));
    assert_eq!(base64url::decode(member("signature")).as_ref(), Ok(&signature));
    let signed = format!("{}.{}", member("protected"), member("payload"));
    assert_eq!(signed.as_bytes(), input.as_bytes());

    let header = object(&base64url::decode(member("protected")).expect("base64url"));
    assert_eq!(header.get("alg").and_then(Value::as_str), Some(alg));
    assert_eq!(header.get("url").and_then(Value::as_str), Some(url.as_str()));
    assert_eq!(header.get("nonce").and_then(Value::as_str), nonce.map(Nonce::as_str));
    if choice & 1 == 0 {
        let read = header.get("jwk").map(|jwk| Jwk::from_json(&jwk.to_string()));
        assert_eq!(read, Some(Ok(jwk)));
    } else {
        assert_eq!(header.get("kid").and_then(Value::as_str), Some(&*kid));
    }
    assert_eq!(header.len(), 3 + usize::from(nonce.is_some()));
}

fn object(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).expect("a JSON object")
}
