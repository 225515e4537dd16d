//! Signing requests, read and verified by OpenSSL.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use acme_proto::identifier::Identifier;
use acme_proto::jose::{Jwk, Signature};
use acme_proto::x509::CsrBuilder;
use acme_tokio::acme_adapter::keys::{make_csr, make_csr_with};
use acme_tokio::{AccountKey, KeyKind, ProviderKey};

/// Runs OpenSSL with this on its standard input, and returns what it writes.
fn openssl(words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let pipes = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().expect("openssl");
    child.stdin.take().expect("a pipe").write_all(input).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {words:?}: {said}");
    output.stdout
}

/// Verifies a request's signature and returns it in words.
fn verified(der: &[u8]) -> String {
    let words = ["req", "-inform", "DER", "-verify", "-noout", "-text"];
    String::from_utf8(openssl(&words, der)).expect("text")
}

fn provider_key(pem: &str) -> ProviderKey {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ProviderKey::from_pkcs8_pem(pem, &provider).expect("a key")
}

fn identifiers(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

#[test]
fn every_kind_of_name_is_where_openssl_looks_for_it() {
    let mut names = identifiers(&["example.org", "*.example.org", "192.0.2.7", "2001:db8::7"]);
    names.push(Identifier::from_wire("email", "me@example.org"));
    let key = provider_key(&AccountKey::generate(KeyKind::Es256).expect("a key").to_pem());
    let text = verified(make_csr(&key, &names).expect("a CSR").as_der());
    // covers 8555-7.4-10
    assert!(text.contains("DNS:example.org, "), "{text:?}");
    // covers 8555-7.4-11
    assert!(text.contains("DNS:*.example.org, "), "{text:?}");
    let addresses = "IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, ";
    // covers 8738-3-4
    assert!(text.contains(addresses), "{text:?}");
    assert!(text.contains("email:me@example.org"), "{text}");
    assert!(text.contains("Subject Alternative Name: critical"), "{text}");
    assert!(text.contains("Subject: \n") && !text.contains("Key Usage"), "{text}");
}

#[test]
fn every_kind_of_key_makes_a_request_that_verifies() {
    let generated = [KeyKind::Es256, KeyKind::Es384, KeyKind::Ed25519]
        .map(|kind| AccountKey::generate(kind).expect("a key").to_pem().to_string());
    let rsa = openssl(&["genpkey", "-algorithm", "RSA"], b"");
    let rsa = String::from_utf8(rsa).expect("PEM");
    for pem in generated.iter().chain([&rsa]) {
        let key = provider_key(pem);
        let algorithm = key.public_key().algorithm();
        let text = verified(make_csr(&key, &identifiers(&["a.example"])).expect("a CSR").as_der());
        assert!(text.contains("DNS:a.example"), "{algorithm}: {text}");
    }
}

/// The key is another process's, which signs in DER, as most devices do.
#[test]
fn a_key_outside_makes_a_request_that_verifies() {
    let dir = std::env::temp_dir().join(format!("acme-csr-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    for (curve, digest) in [("P-256", "-sha256"), ("P-384", "-sha384"), ("P-521", "-sha512")] {
        let option = format!("ec_paramgen_curve:{curve}");
        let pem = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &option], b"");
        let spki = openssl(&["pkey", "-pubout", "-outform", "DER"], &pem);
        let public = Jwk::from_spki_der(&spki).expect("a key");
        let names = identifiers(&["a.example", "198.51.100.1"]);
        let builder = CsrBuilder::new(&public, &names).with_common_name(&names[0]);
        let file = dir.join(curve);
        std::fs::write(&file, &pem).expect("a file");
        let path = file.to_str().expect("a path");
        let der = openssl(&["dgst", digest, "-sign", path], &builder.to_be_signed());
        let signature = Signature::from_der(public.algorithm(), &der).expect("a signature");
        let text = verified(builder.finish(&signature).expect("a CSR").as_der());
        assert!(text.contains("DNS:a.example, IP Address:198.51.100.1"), "{curve}: {text}");
    }
    std::fs::remove_dir_all(&dir).expect("the directory");
}

#[test]
fn a_common_name_and_must_staple_are_read_as_such() {
    let key = provider_key(&AccountKey::generate(KeyKind::Es256).expect("a key").to_pem());
    let names = identifiers(&["a.example", "b.example"]);
    let csr = make_csr_with(&key, &names, |csr| csr.with_common_name(&names[1]).must_staple());
    let text = verified(csr.expect("a CSR").as_der());
    assert!(text.contains("Subject: CN = b.example") || text.contains("CN=b.example"), "{text}");
    assert!(text.contains("Alternative Name: \n"), "not critical: {text}");
    assert!(text.contains("TLS Feature: \n") && text.contains("status_request"), "{text}");
}
