#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::string::String;

use super::*;
use crate::jose::{KeyAuthorization, Thumbprint};
use crate::token::Token;
use crate::x509::Certificate;

const NOW: i64 = 1_700_000_000;

/// The digest of the key authorization of RFC 8555's http-01 token and the key of RFC 7515 Appendix
/// A.3.
fn digest() -> [u8; 32] {
    let token = Token::parse("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA").unwrap();
    let thumbprint = Thumbprint::parse("oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U").unwrap();
    KeyAuthorization::new(&token, &thumbprint).digest()
}

fn certificate(identifier: &Identifier) -> Certificate {
    let key = Jwk::ed25519(&[1; 32]);
    let now = Timestamp::from_unix_seconds(NOW);
    let builder = TlsAlpnCertificateBuilder::new(identifier, digest(), &key, now);
    let algorithm = crate::jose::Algorithm::EdDsa;
    let signature = Signature::from_bytes(algorithm, &[1; 64]).unwrap();
    Certificate::parse(builder.finish(&signature)).unwrap()
}

fn dns(name: &str) -> Identifier {
    Identifier::dns(name).unwrap()
}

#[test]
fn the_extension_matches_byte_for_byte_and_is_there_once() {
    let expected = "303106082b0601050507011f0101ff0422042065a26016d215e16034b7633337b91b4a4d2c7d17\
        761998dac51a9a49300aea52";
    let extension = acme_identifier(digest());
    let hex: String = extension.iter().map(|octet| format!("{octet:02x}")).collect();
    // covers 8737-3-4, 8737-3-5
    assert_eq!((extension.len(), hex.as_str()), (51, expected));

    let certificate = certificate(&dns("example.org"));
    let windows = certificate.as_der().windows(extension.len());
    assert_eq!(windows.filter(|window| *window == extension).count(), 1);
}

#[test]
fn there_is_exactly_one_name() {
    let name = certificate(&dns("example.org"));
    // covers 8737-3-3
    assert_eq!(name.dns_names(), ["example.org"]);
    assert!(name.ip_addresses().is_empty());
    let address = Identifier::Ip("2001:db8::1".parse().unwrap());
    let certificate = certificate(&address);
    assert!(certificate.dns_names().is_empty());
    // covers 8738-6-1
    assert_eq!(certificate.identifiers(), [address]);
}

#[test]
fn it_is_self_issued_and_valid_around_now() {
    let certificate = certificate(&dns("example.org"));
    // covers 8737-3-2, 8737-4-3
    assert_eq!(certificate.issuer_der(), certificate.subject_der());
    assert_eq!(certificate.not_before().unix_seconds(), NOW - 3600);
    assert_eq!(certificate.not_after().unix_seconds(), NOW + 7 * 24 * 3600);
    assert_eq!(certificate.public_key().unwrap(), Jwk::ed25519(&[1; 32]));
}

// RFC 5280 Section 4.1.2.2: positive, 20 octets at most.
#[test]
fn serial_numbers_are_positive_and_differ() {
    let key = Jwk::ed25519(&[1; 32]);
    let first = serial([0; 32], &key);
    assert_eq!((first.len(), first[2] & 0xc0), (18, 0x40));
    assert_ne!(first, serial([1; 32], &key));
    assert_ne!(first, serial([0; 32], &Jwk::ed25519(&[2; 32])));
    assert_eq!(first, serial([0; 32], &key));
}

#[test]
fn an_identifier_of_another_type_makes_no_name() {
    let certificate = certificate(&Identifier::from_wire("email", "a@example.org"));
    assert!(certificate.identifiers().is_empty());
}

#[cfg(feature = "es256")]
#[test]
fn a_certificate_signed_with_es256_verifies() {
    use p256::ecdsa::signature::Verifier;
    use p256::ecdsa::{DerSignature, VerifyingKey};
    use p256::pkcs8::DecodePublicKey;

    use crate::x509::asn1::Element;

    let key = crate::signer::Es256Key::from_scalar(&[7; 32]).unwrap();
    let now = Timestamp::from_unix_seconds(NOW);
    let identifier = dns("example.org");
    let builder = TlsAlpnCertificateBuilder::new(&identifier, digest(), &key.public_key(), now);
    let signature = key.sign(&builder.to_be_signed());
    let certificate = Certificate::parse(builder.finish(&signature)).unwrap();

    let mut parts = Element::parse(certificate.as_der()).unwrap().children().unwrap();
    let body = parts.next().unwrap().unwrap();
    parts.next().unwrap();
    let octets = parts.next().unwrap().unwrap().bit_string_octets().unwrap();
    let verifier = VerifyingKey::from_public_key_der(certificate.spki_der()).unwrap();
    verifier.verify(body.raw, &DerSignature::try_from(octets).unwrap()).unwrap();
}
