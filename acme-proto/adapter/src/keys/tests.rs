use acme_proto::jose::Algorithm;
use rustls::crypto::ring;
use rustls::pki_types::alg_id;

use super::*;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn load(pem: &str) -> Result<ProviderKey, KeyError> {
    ProviderKey::from_pkcs8_pem(pem, &provider())
}

/// Checks a signature with the provider's own verifiers.
fn verifies(key: &ProviderKey, message: &[u8], signature: &acme_proto::jose::Signature) -> bool {
    let algorithm = key.public_key().algorithm();
    let spki = key.public_key().to_spki_der();
    // The key is the BIT STRING at the end of the SPKI.
    let curve = match algorithm {
        Algorithm::Es256 => alg_id::ECDSA_P256,
        Algorithm::Es384 => alg_id::ECDSA_P384,
        Algorithm::EdDsa => alg_id::ED25519,
        Algorithm::Rs256 => alg_id::RSA_ENCRYPTION,
        other => panic!("{other} has no verifier here"),
    };
    let hash = match algorithm {
        Algorithm::Es256 => alg_id::ECDSA_SHA256,
        Algorithm::Es384 => alg_id::ECDSA_SHA384,
        Algorithm::EdDsa => alg_id::ED25519,
        _ => alg_id::RSA_PKCS1_SHA256,
    };
    let length = match algorithm {
        Algorithm::Es256 => 65,
        Algorithm::Es384 => 97,
        Algorithm::EdDsa => 32,
        _ => 270,
    };
    let public = &spki[spki.len() - length..];
    let der = signature.to_der(algorithm);
    let verifiers = provider().signature_verification_algorithms.all;
    verifiers.iter().any(|verifier| {
        verifier.public_key_alg_id() == curve
            && verifier.signature_alg_id() == hash
            && verifier.verify_signature(public, message, &der).is_ok()
    })
}

#[test]
fn every_kind_that_ring_generates_signs_what_verifies() {
    for kind in [KeyKind::Es256, KeyKind::Es384, KeyKind::Ed25519] {
        let key = load(&generate(kind).expect("a key")).expect("a usable key");
        let signature = key.sign(key.public_key().algorithm(), b"message").expect("a signature");
        assert!(verifies(&key, b"message", &signature), "{kind}");
        assert!(!verifies(&key, b"another message", &signature), "{kind}");
    }
}

#[test]
fn every_generated_key_is_a_new_one() {
    for kind in [KeyKind::Es256, KeyKind::Es384, KeyKind::Ed25519] {
        let made = || load(&generate(kind).expect("a key")).expect("a usable key");
        let (first, second) = (made().public_key().thumbprint(), made().public_key().thumbprint());
        // covers 8555-11.1-4
        assert_ne!(first, second, "{kind}");
    }
}

#[test]
fn an_rsa_key_made_elsewhere_signs_what_verifies() {
    let key = load(RSA_2048).expect("a usable key");
    assert_eq!(key.public_key().algorithm(), Algorithm::Rs256);
    let signature = key.sign(Algorithm::Rs256, b"message").expect("a signature");
    assert_eq!(signature.as_bytes().len(), 256);
    assert!(verifies(&key, b"message", &signature));
}

#[test]
fn an_ecdsa_signature_has_the_fixed_length_of_jws() {
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    for _ in 0..64 {
        let signature = key.sign(Algorithm::Es256, b"message").expect("a signature");
        assert_eq!(signature.as_bytes().len(), 64);
    }
}

#[cfg(not(feature = "aws-lc-rs"))]
#[test]
fn what_ring_cannot_generate_names_the_feature_that_can() {
    for kind in [KeyKind::Es512, KeyKind::Rsa2048, KeyKind::Rsa3072, KeyKind::Rsa4096] {
        let error = generate(kind).expect_err("ring cannot").to_string();
        assert!(error.contains("aws-lc-rs") && error.contains(kind.as_str()), "{error}");
    }
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn aws_lc_generates_what_ring_cannot_and_signs_with_it() {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // The larger RSA keys take minutes in a debug build, and differ by a number alone.
    for kind in [KeyKind::Es256, KeyKind::Es512, KeyKind::Ed25519, KeyKind::Rsa2048] {
        let pem = generate(kind).expect("a key");
        let key = ProviderKey::from_pkcs8_pem(&pem, &provider).expect("a usable key");
        key.sign(key.public_key().algorithm(), b"message").expect("a signature");
    }
}

#[test]
fn an_algorithm_other_than_the_keys_own_is_refused() {
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let refused = key.sign(Algorithm::Es384, b"message");
    assert_eq!(refused, Err(acme_proto::flow::SignFailed::UnsupportedAlgorithm));
}

#[test]
fn text_that_is_no_pkcs8_key_is_described_with_the_remedy() {
    let certificate = acme_proto::pem::encode("CERTIFICATE", b"0");
    let sec1 = acme_proto::pem::encode("EC PRIVATE KEY", b"0");
    for text in ["", "hello", &certificate, &sec1, "-----BEGIN PRIVATE KEY-----\nAA"] {
        let error = load(text).expect_err("no key");
        assert!(matches!(error, KeyError::Pem(_)), "{text:?}: {error}");
        assert!(error.to_string().contains("openssl pkcs8"), "{error}");
    }
    let garbage = acme_proto::pem::encode("PRIVATE KEY", b"garbage");
    check_pkcs8_pem(&garbage).expect("PEM is all that can be told without a provider");
    assert!(matches!(load(&garbage), Err(KeyError::Refused(_))));
}

#[test]
fn a_short_rsa_key_is_refused() {
    let error = load(RSA_1024).expect_err("too short");
    assert!(matches!(error, KeyError::Refused(_) | KeyError::Unusable(_)), "{error}");
}

#[test]
fn a_generated_key_comes_back_from_its_pem_with_the_same_public_half() {
    let pem = generate(KeyKind::Ed25519).expect("a key");
    let (first, second) = (load(&pem).expect("a key"), load(&pem).expect("a key"));
    assert_eq!(first.public_key(), second.public_key());
    let other = load(&generate(KeyKind::Ed25519).expect("a key")).expect("a key");
    assert_ne!(first.public_key(), other.public_key());
}

#[test]
fn debug_shows_the_public_half_and_not_the_private_one() {
    let pem = generate(KeyKind::Es256).expect("a key");
    let secret = pem.lines().nth(1).expect("a line of base64");
    let key = load(&pem).expect("a key");
    assert!(!format!("{key:?}").contains(secret));
    let account = AccountKey::from_pem(&pem).expect("a key");
    assert!(!format!("{account:?}").contains(secret));
}

#[test]
fn a_csr_has_exactly_the_names_and_is_signed_by_the_key() {
    let names: Vec<Identifier> = ["example.org", "*.example.org", "192.0.2.1", "2001:db8::1"]
        .map(|name| name.try_into().expect("a name"))
        .to_vec();
    for kind in [KeyKind::Es256, KeyKind::Es384, KeyKind::Ed25519] {
        let key = ProviderKey::generate(kind).expect("a key");
        let csr = make_csr(&key, &names).expect("a CSR");
        csr.covers(&names).expect("the same names");
        assert_eq!(csr.public_key().expect("a key"), *key.public_key());
    }
}

#[test]
fn an_identifier_that_fits_no_csr_is_refused() {
    let other = Identifier::from_wire("device", "serial-1");
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    assert!(matches!(make_csr(&key, &[other]), Err(KeyError::Csr(_))));
}

#[test]
fn kinds_are_read_as_they_are_written() {
    for kind in KeyKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(kind.to_string().to_uppercase().parse(), Ok(kind));
    }
    let error = "rsa1024".parse::<KeyKind>().expect_err("no such kind").to_string();
    assert!(error.contains("rsa1024") && error.contains("es256"), "{error}");
}

const RSA_2048: &str = include_str!("testdata/rsa2048.pem");
const RSA_1024: &str = include_str!("testdata/rsa1024.pem");
