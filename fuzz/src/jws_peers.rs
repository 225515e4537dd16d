use acme_proto::jose::{Jwk, KeyId, Protected, SigningInput, base64url};
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::url::Url;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::Value;

use crate::bytes::Bytes;

/// Signs a JWS of any payload, and verifies it with the independent crates `base64`, `serde_json` and `ring`; reads any text as
/// base64url beside `base64`, and compares the thumbprint of the key.
///
/// # Panics
///
/// If they disagree.
pub fn jws_peers(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let by_curve = bytes.one_in(2);
    let scalar: [u8; 32] = bytes.array();
    let kid = String::from_utf8_lossy(bytes.some(40)).into_owned();
    let url = Url::parse("https://ca.example/acme/new-order").expect("a URL");
    let payload = bytes.rest();
    let sign = |alg: &str, public: &Jwk, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let key = if kid.is_empty() { KeyId::Jwk(public) } else { KeyId::Kid(&kid) };
        let input = SigningInput::new(&Protected::new(alg, key, None, &url), payload);
        input.flattened(&sign(input.as_bytes()))
    };
    if by_curve {
        // A scalar beyond the order of the curve is no key.
        let Ok(key) = Es256Key::from_scalar(&scalar) else { return };
        let public = key.public_key();
        let body = sign("ES256", &public, &|message| key.sign(message).as_bytes().to_vec());
        let jwk: Value = serde_json::from_str(&public.to_json()).expect("JSON");
        let point = [&[4], &*decoded(&jwk["x"]), &*decoded(&jwk["y"])].concat();
        verify(&body, &ECDSA_P256_SHA256_FIXED, &point, payload);
        let canonical =
            format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        has_thumbprint(&public, &canonical);
    } else {
        let key = Ed25519Key::from_scalar(&scalar).expect("any 32 octets");
        let public = key.public_key();
        let body = sign("EdDSA", &public, &|message| key.sign(message).as_bytes().to_vec());
        let jwk: Value = serde_json::from_str(&public.to_json()).expect("JSON");
        verify(&body, &ED25519, &decoded(&jwk["x"]), payload);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#, jwk["x"]);
        has_thumbprint(&public, &canonical);
    }
    if let Ok(text) = core::str::from_utf8(data) {
        assert_eq!(base64url::decode(text).ok(), URL_SAFE_NO_PAD.decode(text).ok(), "{text}");
    }
    assert_eq!(base64url::encode(data), URL_SAFE_NO_PAD.encode(data));
}

fn decoded(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}

fn verify(
    body: &[u8],
    algorithm: &'static dyn VerificationAlgorithm,
    public: &[u8],
    payload: &[u8],
) {
    let jws: Value = serde_json::from_slice(body).expect("JSON");
    let part = |name: &str| jws[name].as_str().expect("text");
    let signed = format!("{}.{}", part("protected"), part("payload"));
    let signature = decoded(&jws["signature"]);
    let verified = UnparsedPublicKey::new(algorithm, public).verify(signed.as_bytes(), &signature);
    assert!(verified.is_ok(), "{jws}");
    assert_eq!(decoded(&jws["payload"]), payload);
}

fn has_thumbprint(public: &Jwk, canonical: &str) {
    let theirs = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
    assert_eq!(public.thumbprint().to_string(), theirs, "{canonical}");
}
