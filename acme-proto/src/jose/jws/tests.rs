#![allow(clippy::unwrap_used)]

use super::*;
use crate::jose::Algorithm;

const ED1: &str =
    r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const ED2: &str =
    r#"{"crv":"Ed25519","kty":"OKP","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}"#;
const ACCOUNT: &str = "https://example.com/acme/acct/evOfKhNU60wg";

/// A request whose header, payload and signature are known.
struct Vector {
    /// The account key if the header has `jwk`; `None` if it has `kid`.
    jwk: Option<&'static str>,
    nonce: Option<&'static str>,
    url: &'static str,
    header: &'static str,
    payload: &'static [u8],
    body: &'static str,
}

const NEW_ACCOUNT: Vector = Vector {
    jwk: Some(ED1),
    nonce: Some("oFvnlFP1wIhRlYS2jTaXbA"),
    url: "https://example.com/acme/new-account",
    header: r#"{"alg":"EdDSA","jwk":{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},"nonce":"oFvnlFP1wIhRlYS2jTaXbA","url":"https://example.com/acme/new-account"}"#,
    payload: br#"{"termsOfServiceAgreed":true,"contact":["mailto:admin@example.org"]}"#,
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImp3ayI6eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifSwibm9uY2UiOiJvRnZubEZQMXdJaFJsWVMyalRhWGJBIiwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL25ldy1hY2NvdW50In0","payload":"eyJ0ZXJtc09mU2VydmljZUFncmVlZCI6dHJ1ZSwiY29udGFjdCI6WyJtYWlsdG86YWRtaW5AZXhhbXBsZS5vcmciXX0","signature":"e5wHM0uCMdF-f4uU1bcXIBQVX7Lf258CNK97lSXkxeoVZMOuQGFTULHlN4VNJtBGxXV0IvczIgrySAv5ZN7oDg"}"#,
};

const FIND: Vector = Vector {
    jwk: Some(ED1),
    nonce: Some("oFvnlFP1wIhRlYS2jTaXbA"),
    url: "https://example.com/acme/new-account",
    header: NEW_ACCOUNT.header,
    payload: br#"{"onlyReturnExisting":true}"#,
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImp3ayI6eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifSwibm9uY2UiOiJvRnZubEZQMXdJaFJsWVMyalRhWGJBIiwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL25ldy1hY2NvdW50In0","payload":"eyJvbmx5UmV0dXJuRXhpc3RpbmciOnRydWV9","signature":"k6OHrNlfofKpmhhztjabM0GALWFKz40m6llPCNr8Yrh_xYUynapzVgtRWR-X6NRZYtbFsy1pAbNQu_K5CJN8DQ"}"#,
};

const POST_AS_GET: Vector = Vector {
    jwk: None,
    nonce: Some("6S8IqOGY7eL2lsGoTZYifg"),
    url: "https://example.com/acme/order/TOlocE8rfgo",
    header: r#"{"alg":"EdDSA","kid":"https://example.com/acme/acct/evOfKhNU60wg","nonce":"6S8IqOGY7eL2lsGoTZYifg","url":"https://example.com/acme/order/TOlocE8rfgo"}"#,
    payload: b"",
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiNlM4SXFPR1k3ZUwybHNHb1RaWWlmZyIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9vcmRlci9UT2xvY0U4cmZnbyJ9","payload":"","signature":"k5T5xnk4VPGWBPNMk34dRqGx6C-za4o3HA2LKUqFTQ3kTEiQiZEGIEiI94uZy94ITFS8Ve-56sLLVNmfthahCw"}"#,
};

const CHALLENGE: Vector = Vector {
    jwk: None,
    nonce: Some("UQI1PoRi5OuXzxuX7V7wL0"),
    url: "https://example.com/acme/chall/prV_B7yEyA4",
    header: r#"{"alg":"EdDSA","kid":"https://example.com/acme/acct/evOfKhNU60wg","nonce":"UQI1PoRi5OuXzxuX7V7wL0","url":"https://example.com/acme/chall/prV_B7yEyA4"}"#,
    payload: b"{}",
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiVVFJMVBvUmk1T3VYenh1WDdWN3dMMCIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9jaGFsbC9wclZfQjd5RXlBNCJ9","payload":"e30","signature":"my4Orzhloqo_NgaWEbeKzmSaWBYSHvnSqdy8L9eeZmkb8IslHMjjUbDV5W34uYC6Cjz5iPL77s73im5f_S-YAw"}"#,
};

const NEW_ORDER: Vector = Vector {
    jwk: None,
    nonce: Some("5XJ1L3lEkMG7tR6pA00clA"),
    url: "https://example.com/acme/new-order",
    header: r#"{"alg":"EdDSA","kid":"https://example.com/acme/acct/evOfKhNU60wg","nonce":"5XJ1L3lEkMG7tR6pA00clA","url":"https://example.com/acme/new-order"}"#,
    payload: br#"{"identifiers":[{"type":"dns","value":"www.example.org"},{"type":"dns","value":"example.org"}]}"#,
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiNVhKMUwzbEVrTUc3dFI2cEEwMGNsQSIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9uZXctb3JkZXIifQ","payload":"eyJpZGVudGlmaWVycyI6W3sidHlwZSI6ImRucyIsInZhbHVlIjoid3d3LmV4YW1wbGUub3JnIn0seyJ0eXBlIjoiZG5zIiwidmFsdWUiOiJleGFtcGxlLm9yZyJ9XX0","signature":"DPW5MHFDJWGlGCAXcTvLp7G083Ns8K8M6EyjFzDWIjfXF4fg5KiLooBUeDX5okcrnAJOYqW8Q75bzEkw0iwfAw"}"#,
};

const KEY_CHANGE_INNER: Vector = Vector {
    jwk: Some(ED2),
    nonce: None,
    url: "https://example.com/acme/key-change",
    header: r#"{"alg":"EdDSA","jwk":{"crv":"Ed25519","kty":"OKP","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"},"url":"https://example.com/acme/key-change"}"#,
    payload: br#"{"account":"https://example.com/acme/acct/evOfKhNU60wg","oldKey":{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#,
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImp3ayI6eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IlBVQVh3LWhEaVZxU3R3cW5UUnQtdkp5WUxNOHV4SmFNd00xVjhTcjBaZ3cifSwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL2tleS1jaGFuZ2UifQ","payload":"eyJhY2NvdW50IjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL2FjY3QvZXZPZktoTlU2MHdnIiwib2xkS2V5Ijp7ImNydiI6IkVkMjU1MTkiLCJrdHkiOiJPS1AiLCJ4IjoiMTFxWUFZS3hDcmZWU183VHlXUUhPZzdoY3ZQYXBpTWxyd0lhYVBjSFVSbyJ9fQ","signature":"D1SbVi03UkbwiMSI3AEgOha1k6Zp3oxpVdhuZiGgGd4_SjBc0hRKf9r4wfCVSQTg55BCrRDZy98U6g79z_Y8AA"}"#,
};

const KEY_CHANGE_OUTER: Vector = Vector {
    jwk: None,
    nonce: Some("S9XaOcxP5McpnTcWPIhYuB"),
    url: "https://example.com/acme/key-change",
    header: r#"{"alg":"EdDSA","kid":"https://example.com/acme/acct/evOfKhNU60wg","nonce":"S9XaOcxP5McpnTcWPIhYuB","url":"https://example.com/acme/key-change"}"#,
    payload: KEY_CHANGE_INNER.body.as_bytes(),
    body: r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiUzlYYU9jeFA1TWNwblRjV1BJaFl1QiIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9rZXktY2hhbmdlIn0","payload":"eyJwcm90ZWN0ZWQiOiJleUpoYkdjaU9pSkZaRVJUUVNJc0ltcDNheUk2ZXlKamNuWWlPaUpGWkRJMU5URTVJaXdpYTNSNUlqb2lUMHRRSWl3aWVDSTZJbEJWUVZoM0xXaEVhVlp4VTNSM2NXNVVVblF0ZGtwNVdVeE5PSFY0U21GTmQwMHhWamhUY2pCYVozY2lmU3dpZFhKc0lqb2lhSFIwY0hNNkx5OWxlR0Z0Y0d4bExtTnZiUzloWTIxbEwydGxlUzFqYUdGdVoyVWlmUSIsInBheWxvYWQiOiJleUpoWTJOdmRXNTBJam9pYUhSMGNITTZMeTlsZUdGdGNHeGxMbU52YlM5aFkyMWxMMkZqWTNRdlpYWlBaa3RvVGxVMk1IZG5JaXdpYjJ4a1MyVjVJanA3SW1OeWRpSTZJa1ZrTWpVMU1Ua2lMQ0pyZEhraU9pSlBTMUFpTENKNElqb2lNVEZ4V1VGWlMzaERjbVpXVTE4M1ZIbFhVVWhQWnpkb1kzWlFZWEJwVFd4eWQwbGhZVkJqU0ZWU2J5SjlmUSIsInNpZ25hdHVyZSI6IkQxU2JWaTAzVWtid2lNU0kzQUVnT2hhMWs2WnAzb3hwVmRodVppR2dHZDRfU2pCYzBoUktmOXI0d2ZDVlNRVGc1NUJDclJEWnk5OFU2Zzc5el9ZOEFBIn0","signature":"aWrWuoG_TwyCA4ev293q6jYLQP-xK6gerzLOS4ciEJyf60YZjkoJqQlA_ksWs0m2MqdI_i2p-trpubnq4M3oDQ"}"#,
};

impl Vector {
    /// Serializes header and payload, and checks the header.
    fn signing_input(&self) -> SigningInput {
        let jwk = self.jwk.map(|json| Jwk::from_json(json).unwrap());
        let nonce = self.nonce.map(|nonce| Nonce::parse(nonce).unwrap());
        let url = Url::parse(self.url).unwrap();
        let key = jwk.as_ref().map_or(KeyId::Kid(ACCOUNT), KeyId::Jwk);
        let protected = Protected::new(Algorithm::EdDsa.as_str(), key, nonce.as_ref(), &url);
        assert_eq!(protected.to_json(), self.header);
        SigningInput::new(&protected, self.payload)
    }

    /// Checks everything but the signature, which is taken from the vector.
    fn check(&self) {
        let body: Value = serde_json::from_str(self.body).unwrap();
        let text = |name: &str| String::from(body[name].as_str().unwrap());
        let input = self.signing_input();
        let expected = [text("protected"), text("payload")].join(".");
        assert_eq!(core::str::from_utf8(input.as_bytes()).unwrap(), expected);
        let signature = base64url::decode(&text("signature")).unwrap();
        let flattened = input.flattened(&signature);
        assert_eq!(core::str::from_utf8(&flattened).unwrap(), self.body);
    }

    /// Checks everything, signing with the key `seed`.
    #[cfg(feature = "ed25519")]
    fn check_signing(&self, seed: &str) {
        let seed = base64url::decode(seed).unwrap();
        let key = crate::signer::Ed25519Key::from_scalar(&seed).unwrap();
        let input = self.signing_input();
        let body = input.flattened(key.sign(input.as_bytes()).as_bytes());
        assert_eq!(core::str::from_utf8(&body).unwrap(), self.body);
    }
}

#[test]
fn request_bodies_match_byte_for_byte() {
    let vectors = [NEW_ACCOUNT, FIND, POST_AS_GET, CHALLENGE, NEW_ORDER];
    for vector in vectors.iter().chain([&KEY_CHANGE_INNER, &KEY_CHANGE_OUTER]) {
        vector.check();
    }
}

// The requests above once more, with their signatures, which Ed25519 makes deterministically.
#[cfg(feature = "ed25519")]
#[test]
fn signed_request_bodies_match_byte_for_byte() {
    const SEED1: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const SEED2: &str = "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs";
    for vector in [NEW_ACCOUNT, FIND, POST_AS_GET, CHALLENGE, NEW_ORDER, KEY_CHANGE_OUTER] {
        vector.check_signing(SEED1);
    }
    KEY_CHANGE_INNER.check_signing(SEED2);
}

#[test]
fn an_empty_payload_is_present_and_the_signing_input_ends_with_the_dot() {
    let input = POST_AS_GET.signing_input();
    // covers 7515-5.1-1
    assert_eq!(input.as_bytes().last(), Some(&b'.'));
    let body: Value = serde_json::from_slice(&input.flattened(&[1])).unwrap();
    // covers 8555-6.2-7
    assert_eq!(body["payload"], "");
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    // covers 7515-7.2.2-1
    assert_eq!(names, ["payload", "protected", "signature"]);
}

#[test]
fn key_identifier_and_url_are_written_as_they_are_and_escaped_for_json() {
    let url = Url::parse("https://h:443/a%2fb?x=1").unwrap();
    let kid = "https://h:443/a%2fb?x=1\"\\\n\u{1}\u{e9}";
    let protected = Protected::new("ES256", KeyId::Kid(kid), None, &url);
    let json: Value = serde_json::from_str(&protected.to_json()).unwrap();
    // covers 8555-6.2-17
    assert_eq!(json["kid"], kid);
    assert_eq!(json["url"], "https://h:443/a%2fb?x=1");
    assert!(protected.to_json().contains(r#""url":"https://h:443/a%2fb?x=1""#));
}
