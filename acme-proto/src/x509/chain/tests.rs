#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::jose::Algorithm;
use crate::time::Timestamp;
use crate::x509::{asn1, extensions, validity};

/// A certificate with a signature of zeros.
fn certificate(key: &Jwk, identifiers: &[Identifier]) -> Vec<u8> {
    let general_names: Vec<Vec<u8>> = identifiers.iter().filter_map(names::general_name).collect();
    let names = extensions::subject_alt_name(false, &general_names);
    let algorithm = crate::jose::signature_algorithm(Algorithm::Es256);
    let time = validity::encode(Timestamp::UNIX_EPOCH);
    let body = asn1::sequence(&[
        &asn1::unsigned_integer(&[1]),
        &algorithm,
        &names::only_common_name("Test CA"),
        &asn1::sequence(&[&time, &time]),
        &asn1::sequence(&[]),
        &key.to_spki_der(),
        &asn1::tlv(0xa3, &[&asn1::sequence(&[&names])]),
    ]);
    asn1::sequence(&[&body, &algorithm, &asn1::bit_string(&[0; 8])])
}

fn dns(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::dns(name).unwrap()).collect()
}

fn key() -> Jwk {
    Jwk::ec_p256(&[1; 32], &[2; 32])
}

fn chain(identifiers: &[Identifier]) -> CertificateChain {
    let leaf = pem::encode(LABEL, &certificate(&key(), identifiers));
    let issuer = pem::encode(LABEL, &certificate(&Jwk::ed25519(&[3; 32]), &dns(&["ca.example"])));
    CertificateChain::parse_pem(format!("{leaf}\n{issuer}").as_bytes()).unwrap()
}

#[test]
fn chains_are_read_and_written_anew() {
    let chain = chain(&dns(&["a.example"]));
    assert_eq!(chain.certificates().len(), 2);
    assert_eq!(chain.leaf().dns_names(), ["a.example"]);
    assert_eq!(chain.leaf().issuer_common_name().unwrap(), "Test CA");
    assert_eq!(chain.leaf().not_before(), Timestamp::UNIX_EPOCH);
    assert_eq!(chain.leaf().serial(), [1]);
    assert_eq!(chain.leaf().authority_key_id(), None);
    let text = chain.to_pem();
    // covers 8555-11.4-3
    assert!(!text.contains("\n\n"), "{text:?}");
    assert_eq!(CertificateChain::parse_pem(text.as_bytes()).unwrap(), chain);
}

#[test]
fn files_with_anything_but_certificates_are_refused() {
    let good = chain(&dns(&["a.example"])).to_pem();
    for label in ["PRIVATE KEY", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"] {
        let text = format!("{good}{}", pem::encode(label, b"secret"));
        let refused = CertificateChain::parse_pem(text.as_bytes());
        // covers 8555-11.4-2
        assert!(matches!(refused, Err(InvalidChain::Pem(_))), "{label}");
    }
    for text in ["", "<html>"] {
        // covers 8555-11.4-1
        assert!(CertificateChain::parse_pem(text.as_bytes()).is_err());
    }
    let noted = CertificateChain::parse_pem(format!("notes\n{good}text\n").as_bytes()).unwrap();
    // covers 8555-11.4-3
    assert_eq!(noted.to_pem(), good);
    let text = format!("{good}{}", pem::encode(LABEL, b"junk"));
    let refused = CertificateChain::parse_pem(text.as_bytes()).unwrap_err();
    let source = InvalidCertificate::Der;
    assert_eq!(refused, InvalidChain::Certificate { index: 2, source });
    let text = good.repeat(9);
    assert!(CertificateChain::parse_pem(text.as_bytes()).is_err());
}

#[test]
fn more_names_than_are_kept_are_refused_in_a_certificate_and_in_a_chain() {
    let with = |names: Vec<Identifier>| pem::encode(LABEL, &certificate(&key(), &names));
    let many = |count: usize| (0..count).map(|n| Identifier::dns(&format!("n{n}")).unwrap());
    let most = with(many(Certificate::MAX_NAMES).collect());
    assert_eq!(parse(&most).unwrap().leaf().dns_names().len(), Certificate::MAX_NAMES);
    let source = InvalidCertificate::TooManyNames;
    let more = with(many(Certificate::MAX_NAMES + 1).collect());
    assert_eq!(parse(&more), Err(InvalidChain::Certificate { index: 0, source }));
    assert_eq!(parse(&format!("{most}{}", with(dns(&["a"])))), Err(InvalidChain::TooManyNames));
    // Repetitions take room, too.
    let repeated = with(vec![Identifier::dns("a").unwrap(); Certificate::MAX_NAMES / 2 + 1]);
    assert_eq!(parse(&repeated).unwrap().leaf().identifiers(), dns(&["a"]));
    assert_eq!(parse(&repeated.repeat(2)), Err(InvalidChain::TooManyNames));
}

fn parse(text: &str) -> Result<CertificateChain, InvalidChain> {
    CertificateChain::parse_pem(text.as_bytes())
}

#[test]
fn the_leaf_must_have_the_key_and_exactly_the_identifiers() {
    let mut wanted = dns(&["a.example", "*.b.example"]);
    wanted.push(Identifier::Ip("2001:db8::1".parse().unwrap()));
    let chain = chain(&wanted);
    let spki = key().to_spki_der();
    wanted.reverse();
    assert_eq!(chain.matches(&spki, &wanted), Ok(()));

    let other = Jwk::ed25519(&[3; 32]).to_spki_der();
    // covers 8555-7.4-21
    assert_eq!(chain.matches(&other, &wanted), Err(ChainMismatch::Key));
    assert_eq!(chain.matches(b"", &wanted), Err(ChainMismatch::Key));

    let extra = vec![wanted.pop().unwrap()];
    wanted.extend(dns(&["b.example"]));
    let mismatch = chain.matches(&spki, &wanted).unwrap_err();
    let missing = dns(&["b.example"]);
    // covers 8555-7.4-21
    assert_eq!(mismatch, ChainMismatch::Names { missing, extra });
    assert_eq!(
        mismatch.to_string(),
        r#"certificate is for other names: missing "b.example", extra "a.example""#
    );
}

#[test]
fn names_compare_without_regard_to_case() {
    let upper = asn1::tlv(0x82, &[b"A.Example"]);
    let plain = asn1::tlv(0x82, &[b"a.example"]);
    let der = certificate(&key(), &dns(&["a.example"]));
    let at = der.windows(plain.len()).position(|window| window == plain).unwrap();
    let mut changed = der;
    changed[at..at + upper.len()].copy_from_slice(&upper);
    let text = pem::encode(LABEL, &changed);
    let chain = CertificateChain::parse_pem(text.as_bytes()).unwrap();
    assert_eq!(chain.leaf().dns_names(), ["A.Example"]);
    assert_eq!(chain.matches(&key().to_spki_der(), &dns(&["a.example"])), Ok(()));
}
