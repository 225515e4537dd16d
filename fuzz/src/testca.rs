use acme_proto::jose::{KeyId, Protected, SigningInput, base64url};
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::token::Nonce;
use acme_proto::url::Url;
use acme_proto::x509::CsrBuilder;
use acme_testca::{Ca, CaConfig, CaRequest, CaResponse, Problem};
use serde_json::Value;

use crate::bytes::Bytes;

/// The time of the first request.
const BEGINNING: u64 = 1_790_000_000_000;

/// Sends up to 16 requests of any content to the test CA: raw, or signed with any header and payload.
///
/// # Panics
///
/// If a response is none that a server may send.
pub fn testca(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut config = CaConfig::default();
    config.reuse_authorizations = bytes.one_in(2);
    let mut ca = Ca::new(config, BEGINNING).expect("a CA can be made");
    let key = Ed25519Key::from_scalar(&[1; 32]).expect("32 octets are a key");
    let (mut nonce, mut account) = (None, None);
    for turn in 0..16 {
        if bytes.is_over() {
            return;
        }
        let base = ca.directory_url().trim_end_matches("/directory").to_owned();
        let url = format!("{base}{}", path(&mut bytes));
        let method = bytes.pick(&["POST", "POST", "POST", "GET", "HEAD", "PUT"]);
        let body = match bytes.below(4) {
            0 => bytes.some(255).to_vec(),
            _ => signed(&mut bytes, &key, &url, nonce.take(), account.as_deref()),
        };
        let content = bytes.pick(&["application/jose+json", "application/json", ""]);
        let request = CaRequest::new(method, url)
            .with_header("user-agent", "fuzz")
            .with_header("content-type", content)
            .with_body(body);
        let response = ca.handle(&request, BEGINNING + turn * 1_000);
        look(&response, method);
        for validation in ca.take_validations() {
            let failed = Problem::new(403, "connection", "nobody there");
            let outcome = if bytes.one_in(4) { Err(failed) } else { Ok(()) };
            ca.validated(validation.id, outcome, BEGINNING + turn * 1_000);
        }
        let header = |name: &str| {
            let found = response.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        nonce = header("replay-nonce").and_then(|text| Nonce::parse(&text).ok());
        if request.path().ends_with("/new-account") || account.is_none() {
            account = header("location").or(account);
        }
    }
}

fn path(bytes: &mut Bytes<'_>) -> String {
    let number = bytes.u8() & 3;
    match bytes.below(18) {
        0 => "/directory".into(),
        1 => "/new-nonce".into(),
        2 => "/new-account".into(),
        3 => "/new-order".into(),
        4 => "/new-authz".into(),
        5 => format!("/account/{number}"),
        6 => format!("/account/{number}/orders?cursor={number}"),
        7 => format!("/order/{number}"),
        8 => format!("/authz/{number}"),
        9 => format!("/challenge/{number}"),
        10 => format!("/order/{number}/finalize"),
        11 => format!("/cert/{number}"),
        12 => format!("/cert/{number}/1"),
        13 => "/key-change".into(),
        14 => "/revoke-cert".into(),
        15 => format!("/terms/agree/{number}"),
        16 => format!("/renewal-info/{}", String::from_utf8_lossy(bytes.some(40))),
        _ => format!("/{}", String::from_utf8_lossy(bytes.some(40))),
    }
}

/// Returns a signing request for `a.example`, in base64url.
fn csr() -> String {
    let key = Es256Key::from_scalar(&[3; 32]).expect("a scalar in range");
    let name = "a.example".parse().expect("a name");
    let builder = CsrBuilder::new(&key.public_key(), &[name]);
    let csr = {
        let signature = key.sign(&builder.to_be_signed());
        builder.finish(&signature)
    }
    .expect("it has a name");
    base64url::encode(csr.as_der())
}

/// Signs a payload, mostly one that the CA can read.
fn signed(
    bytes: &mut Bytes<'_>,
    key: &Ed25519Key,
    url: &str,
    nonce: Option<Nonce>,
    account: Option<&str>,
) -> Vec<u8> {
    let signer = key.public_key();
    let Ok(target) = Url::parse(&url.replace("http://", "https://")) else { return Vec::new() };
    let kid = account.unwrap_or_default();
    let id =
        if account.is_some() && !bytes.one_in(8) { KeyId::Kid(kid) } else { KeyId::Jwk(&signer) };
    let names = bytes.some(20).to_vec();
    let name = String::from_utf8_lossy(&names);
    let payload = match bytes.below(7) {
        0 => String::new(),
        1 => "{}".into(),
        2 => r#"{"termsOfServiceAgreed":true}"#.into(),
        3 => serde_json::json!({ "identifiers": [{ "type": "dns", "value": name }] }).to_string(),
        4 => serde_json::json!({ "csr": name, "status": name, "certificate": name }).to_string(),
        5 => serde_json::json!({ "csr": csr() }).to_string(),
        _ => String::from_utf8_lossy(bytes.some(200)).into_owned(),
    };
    let input = SigningInput::new(
        &Protected::new("EdDSA", id, nonce.as_ref(), &target),
        payload.as_bytes(),
    );
    let mut signature = key.sign(input.as_bytes()).as_bytes().to_vec();
    if bytes.one_in(16) {
        signature[0] ^= 1;
    }
    input.flattened(&signature)
}

fn look(response: &CaResponse, method: &str) {
    assert!((200..600).contains(&response.status), "{}", response.status);
    for (name, value) in &response.headers {
        let is_token = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        assert!(is_token && !name.is_empty(), "{name:?}");
        assert!(!value.contains(char::is_control), "{name}: {value:?}");
    }
    if method == "HEAD" {
        assert!(response.body.is_empty(), "content in response to HEAD");
    } else if response.status >= 400 {
        let problem: Value = serde_json::from_slice(&response.body).expect("a problem document");
        assert!(problem["type"].is_string() && problem["detail"].is_string(), "{problem}");
    }
}
