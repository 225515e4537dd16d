#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::jose::Signature;
use crate::x509::asn1::{self, tag};
use crate::x509::csr_builder::CsrBuilder;

fn dns(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::dns(name).unwrap()).collect()
}

fn key() -> Jwk {
    Jwk::ec_p256(&[1; 32], &[2; 32])
}

fn signature() -> Signature {
    Signature::from_bytes(Algorithm::Es256, &[1; 64]).unwrap()
}

fn csr(identifiers: &[Identifier]) -> Csr {
    CsrBuilder::new(&key(), identifiers).finish(&signature()).unwrap()
}

/// A request with the given subject and attributes `[0]`, or none.
fn with_subject(subject: &[u8], attributes: &[u8]) -> Vec<u8> {
    let version = asn1::unsigned_integer(&[]);
    let info = asn1::sequence(&[&version, subject, &key().to_spki_der(), attributes]);
    let algorithm = crate::jose::signature_algorithm(Algorithm::Es256);
    asn1::sequence(&[&info, &algorithm, &asn1::bit_string(&[0; 8])])
}

#[test]
fn a_built_request_has_exactly_the_identifiers_and_the_key() {
    let mut wanted = dns(&["example.org", "*.example.org", "www.example.org"]);
    wanted.push(Identifier::Ip("192.0.2.1".parse().unwrap()));
    wanted.push(Identifier::Ip("2001:db8::1".parse().unwrap()));
    let csr = csr(&wanted);
    // covers 8555-7.4-10, 8555-7.4-11, 8738-3-4
    assert_eq!(csr.identifiers(), wanted);
    assert_eq!(csr.public_key().unwrap(), key());
    assert_eq!(csr.spki_der(), key().to_spki_der());
    wanted.reverse();
    // covers 8555-7.4-9
    assert_eq!(csr.covers(&wanted), Ok(()));
}

#[test]
fn missing_and_extra_identifiers_are_named() {
    let csr = csr(&dns(&["a.example", "b.example"]));
    let mismatch = csr.covers(&dns(&["b.example", "*.b.example"])).unwrap_err();
    // covers 8555-7.4-9
    assert_eq!(mismatch.missing, dns(&["*.b.example"]));
    assert_eq!(mismatch.extra, dns(&["a.example"]));
    assert_eq!(
        mismatch.to_string(),
        r#"certificate request has other names: missing "*.b.example", extra "a.example""#
    );
}

#[test]
fn repeated_identifiers_are_written_once() {
    let csr = csr(&dns(&["a.example", "A.EXAMPLE", "a.example"]));
    assert_eq!(csr.identifiers(), dns(&["a.example"]));
    let needle = b"a.example";
    let found = csr.as_der().windows(needle.len()).filter(|window| window == needle).count();
    assert_eq!(found, 1);
}

// RFC 5280 Section 4.1.2.6: an empty subject makes the subjectAltName critical.
#[test]
fn the_subject_is_empty_and_the_names_are_critical() {
    let info = CsrBuilder::new(&key(), &dns(&["a.example"])).to_be_signed();
    let info = Element::parse(&info).unwrap();
    // INTEGER 0, then an empty Name.
    assert_eq!(info.value[..5], [2, 1, 0, 0x30, 0]);
    let names = extensions_of(&["a.example"]);
    assert!(info.value.windows(names.len()).any(|window| window == names));
}

fn extensions_of(names: &[&str]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = dns(names).iter().filter_map(names::general_name).collect();
    crate::x509::extensions::subject_alt_name(true, &names)
}

#[test]
fn what_cannot_be_asked_for_is_refused_on_finishing() {
    let finish = |identifiers: &[Identifier]| {
        CsrBuilder::new(&key(), identifiers).finish(&signature()).unwrap_err()
    };
    assert_eq!(finish(&[]), InvalidCsr::NoIdentifiers);
    let odd = Identifier::from_wire("odd", "value");
    let kind = "odd".to_string();
    assert_eq!(finish(&[odd]), InvalidCsr::UnsupportedIdentifier { kind });

    let builder = CsrBuilder::new(&Jwk::ed25519(&[1; 32]), &dns(&["a.example"]));
    let (expected, found) = (Algorithm::EdDsa, Algorithm::Es256);
    let refused = builder.finish(&signature()).unwrap_err();
    assert_eq!(refused, InvalidCsr::SignatureAlgorithm { expected, found });
}

#[test]
fn a_common_name_is_in_the_subject_and_leaves_the_names_uncritical() {
    let names = dns(&["a.example", "b.example"]);
    let info = CsrBuilder::new(&key(), &names).with_common_name(&names[1]).to_be_signed();
    let info = Element::parse(&info).unwrap();
    // SEQUENCE { SET { SEQUENCE { OID 2.5.4.3, UTF8String "b.example" } } }, after INTEGER 0.
    let subject = b"\x30\x14\x31\x12\x30\x10\x06\x03\x55\x04\x03\x0c\x09b.example";
    assert_eq!(info.value[3..][..subject.len()], *subject);
    let critical = extensions_of(&["a.example", "b.example"]);
    assert!(!info.value.windows(critical.len()).any(|window| window == critical));
    let finished = CsrBuilder::new(&key(), &names).with_common_name(&names[1]).finish(&signature());
    assert_eq!(finished.unwrap().covers(&names), Ok(()));
}

#[test]
fn a_common_name_is_one_of_the_names_and_fits_the_subject() {
    let long = format!("{}.example", "a".repeat(57));
    let ip = Identifier::Ip("192.0.2.1".parse().unwrap());
    let mut names = dns(&["a.example", &long, &long[1..]]);
    names.push(ip.clone());
    let finish = |name: &Identifier| {
        CsrBuilder::new(&key(), &names).with_common_name(name).finish(&signature())
    };
    assert_eq!(long.len(), 65);
    assert!(finish(&names[2]).is_ok(), "64 octets");
    for name in [&names[1], &ip, &dns(&["other.example"])[0]] {
        let refused = finish(name).unwrap_err();
        assert_eq!(refused, InvalidCsr::CommonName { name: name.to_string() });
    }
}

// RFC 7633 Section 6: a feature extension with status_request is 30 03 02 01 05.
#[test]
fn must_staple_is_asked_for_only_on_demand() {
    let extension = b"\x30\x11\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x18\x04\x05\x30\x03\x02\x01\x05";
    let has = |builder: CsrBuilder| {
        let info = builder.to_be_signed();
        info.windows(extension.len()).any(|window| window == extension)
    };
    let builder = CsrBuilder::new(&key(), &dns(&["a.example"]));
    assert!(!has(builder.clone()));
    assert!(has(builder.must_staple()));
}

#[test]
fn a_mail_address_is_an_rfc822_name_and_nothing_else_is() {
    let mail = |value: &str| Identifier::from_wire("email", value);
    let finish = |value: &str| CsrBuilder::new(&key(), &[mail(value)]).finish(&signature());
    let made = finish("me@example.org").unwrap();
    assert_eq!(made.identifiers(), [mail("me@example.org")]);
    assert!(made.as_der().windows(16).any(|window| window == b"\x81\x0eme@example.org"));
    for odd in ["example.org", "@example.org", "me@", "Me <me@example.org>", "m\u{e9}@example.org"]
    {
        let kind = "email".to_string();
        assert_eq!(finish(odd).unwrap_err(), InvalidCsr::UnsupportedIdentifier { kind }, "{odd}");
    }
}

#[test]
fn pem_is_read_by_its_own_function_only() {
    let csr = csr(&dns(&["a.example"]));
    let text = csr.to_pem();
    assert_eq!(Csr::from_pem(text.as_bytes()).unwrap(), csr);
    let old = text.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    assert_eq!(Csr::from_pem(old.as_bytes()).unwrap(), csr);
    // covers 8555-7.4-8
    assert_eq!(Csr::from_der(text.into_bytes()), Err(InvalidCsr::LooksLikePem));
    assert!(matches!(Csr::from_pem(csr.as_der()), Err(InvalidCsr::Pem(_))));
    let other = pem::encode("CERTIFICATE", csr.as_der());
    assert!(matches!(Csr::from_pem(other.as_bytes()), Err(InvalidCsr::Pem(_))));
}

// Host names count as identifiers, human-readable titles do not.
#[test]
fn the_common_name_counts_if_it_is_a_domain_name() {
    let no_attributes = asn1::tlv(0xa0, &[]);
    let identifiers = |name: &str, attributes: &[u8]| {
        let der = with_subject(&names::only_common_name(name), attributes);
        Csr::from_der(der).unwrap().identifiers().to_vec()
    };
    // covers 8555-7.4-10
    assert_eq!(identifiers("A.example", &no_attributes), dns(&["a.example"]));
    assert_eq!(identifiers("A.example", &[]), dns(&["a.example"]));
    let address = Identifier::Ip("192.0.2.1".parse().unwrap());
    assert_eq!(identifiers("192.0.2.1", &[]), vec![address]);
    assert_eq!(identifiers("My Device", &[]), vec![]);
    assert_eq!(identifiers("device", &[]), vec![]);

    let value = asn1::tlv(tag::SET, &[&asn1::sequence(&[&extensions_of(&["b.example"])])]);
    let request = asn1::sequence(&[&asn1::oid(&EXTENSION_REQUEST), &value]);
    let challenge = asn1::sequence(&[
        &asn1::oid(&ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7")),
        &asn1::tlv(tag::SET, &[&asn1::tlv(tag::UTF8_STRING, &[b"password"])]),
    ]);
    let attributes = asn1::tlv(0xa0, &[&challenge, &request]);
    assert_eq!(identifiers("a.example", &attributes), dns(&["b.example", "a.example"]));
    assert_eq!(identifiers("b.example", &attributes), dns(&["b.example"]));

    let twice = asn1::tlv(0xa0, &[&request, &request]);
    let der = with_subject(&asn1::sequence(&[]), &twice);
    assert_eq!(Csr::from_der(der), Err(InvalidCsr::Der));
}

#[test]
fn damaged_requests_are_errors_or_others_and_never_panics() {
    let der = csr(&dns(&["a.example", "*.b.example"])).as_der().to_vec();
    for end in 0..der.len() {
        assert_eq!(Csr::from_der(der[..end].to_vec()), Err(InvalidCsr::Der));
    }
    for at in 0..der.len() {
        for flip in [0x01, 0x55, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[at] ^= flip;
            let _ = Csr::from_der(damaged).map(|read| format!("{read:?}"));
        }
    }
    assert_eq!(Csr::from_der(vec![0x30; Csr::MAX_LEN + 1]), Err(InvalidCsr::TooLong));
}

// The key of the certificate signs the request, whatever its kind (RFC 2986 Section 4.2).
#[cfg(feature = "es256")]
#[test]
fn a_request_signed_with_es256_verifies() {
    use p256::ecdsa::signature::Verifier;
    use p256::ecdsa::{DerSignature, VerifyingKey};
    use p256::pkcs8::DecodePublicKey;

    let key = crate::signer::Es256Key::from_scalar(&[7; 32]).unwrap();
    let builder = CsrBuilder::new(&key.public_key(), &dns(&["a.example"]));
    let signature = key.sign(&builder.to_be_signed());
    let csr = builder.finish(&signature).unwrap();

    let mut parts = Element::parse(csr.as_der()).unwrap().children().unwrap();
    let info = parts.next().unwrap().unwrap();
    parts.next().unwrap();
    let octets = parts.next().unwrap().unwrap().bit_string_octets().unwrap();
    let verifier = VerifyingKey::from_public_key_der(csr.spki_der()).unwrap();
    verifier.verify(info.raw, &DerSignature::try_from(octets).unwrap()).unwrap();
}
