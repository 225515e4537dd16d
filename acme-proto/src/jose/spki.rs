//! Conversion between SubjectPublicKeyInfo (RFC 5280 Section 4.1.2.7) and JWK.

use alloc::vec::Vec;

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::jose::Algorithm;
use crate::jose::jwk::{InvalidJwk, Jwk, Key};
use crate::x509::asn1::{self, Element, tag};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// Parses a SubjectPublicKeyInfo in DER.
pub(super) fn decode(der: &[u8]) -> Result<Jwk, InvalidJwk> {
    let (algorithm, parameters, key) = parts(der).map_err(|_| InvalidJwk::Der)?;
    if algorithm.is_oid(&ED25519) && parameters.is_none() {
        let x = <[u8; 32]>::try_from(key).map_err(|_| InvalidJwk::Length {
            member: "x",
            expected: 32,
            found: key.len(),
        })?;
        return Ok(Jwk::ed25519(&x));
    }
    if algorithm.is_oid(&RSA) && parameters.is_none() {
        let (n, e) = rsa_numbers(key).map_err(|_| InvalidJwk::Der)?;
        return Jwk::rsa(n, e);
    }
    // Only named curves are supported. Explicit parameters (RFC 5480 Section 2.1.1 forbids them)
    // are not an OID and fall through to `UnsupportedKey`.
    let curve = parameters.filter(|_| algorithm.is_oid(&EC_PUBLIC_KEY));
    let curves = [(P256, Algorithm::Es256), (P384, Algorithm::Es384), (P521, Algorithm::Es512)];
    match curve.and_then(|curve| curves.iter().find(|(oid, _)| curve.is_oid(oid))) {
        Some(&(_, algorithm)) => Jwk::from_sec1(algorithm, key),
        None => Err(InvalidJwk::UnsupportedKey),
    }
}

/// Serializes a key as a SubjectPublicKeyInfo in DER.
pub(super) fn encode(key: &Key) -> Vec<u8> {
    match key {
        Key::Ec { curve, x, y } => {
            let named = match curve {
                Algorithm::Es384 => P384,
                Algorithm::Es512 => P521,
                _ => P256,
            };
            let algorithm = asn1::sequence(&[&asn1::oid(&EC_PUBLIC_KEY), &asn1::oid(&named)]);
            // No unused bits, then `04`: the point is uncompressed (RFC 5480 Section 2.2).
            let point = asn1::tlv(tag::BIT_STRING, &[&[0, 0x04], x, y]);
            asn1::sequence(&[&algorithm, &point])
        }
        Key::Ed25519 { x } => {
            asn1::sequence(&[&asn1::sequence(&[&asn1::oid(&ED25519)]), &asn1::bit_string(x)])
        }
        Key::Rsa { n, e } => {
            let algorithm = asn1::sequence(&[&asn1::oid(&RSA), &[tag::NULL, 0]]);
            let numbers = asn1::sequence(&[&asn1::unsigned_integer(n), &asn1::unsigned_integer(e)]);
            asn1::sequence(&[&algorithm, &asn1::bit_string(&numbers)])
        }
    }
}

/// Returns the AlgorithmIdentifier of X.509 signatures made with `algorithm`.
///
/// The parameters are absent for ECDSA (RFC 5758 Section 3.2) and Ed25519 (RFC 8410 Section 3), and
/// NULL for RSA (RFC 4055 Section 5).
pub(crate) fn signature_algorithm(algorithm: Algorithm) -> Vec<u8> {
    match algorithm {
        Algorithm::Es256 => asn1::sequence(&[&asn1::oid(&ECDSA_SHA256)]),
        Algorithm::Es384 => asn1::sequence(&[&asn1::oid(&ECDSA_SHA384)]),
        Algorithm::Es512 => asn1::sequence(&[&asn1::oid(&ECDSA_SHA512)]),
        Algorithm::EdDsa => asn1::sequence(&[&asn1::oid(&ED25519)]),
        Algorithm::Rs256 => asn1::sequence(&[&asn1::oid(&RSA_SHA256), &[tag::NULL, 0]]),
    }
}

/// Splits a SubjectPublicKeyInfo into the algorithm, its parameters, and the octets of the key.
#[allow(clippy::type_complexity)]
fn parts(der: &[u8]) -> der::Result<(Element<'_>, Option<Element<'_>>, &[u8])> {
    let mut spki = Element::parse_as(der, Tag::Sequence)?.children()?;
    let mut identifier = spki.expect(Tag::Sequence)?.children()?;
    let key = spki.expect(Tag::BitString)?.bit_string_octets()?;
    spki.finish()?;
    let algorithm = identifier.expect(Tag::ObjectIdentifier)?;
    // RSA has NULL here, which carries no information; some encoders omit it.
    let parameters = identifier.next()?.filter(|element| element.raw != [tag::NULL, 0]);
    identifier.finish()?;
    Ok((algorithm, parameters, key))
}

fn rsa_numbers(key: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut numbers = Element::parse_as(key, Tag::Sequence)?.children()?;
    let n = numbers.expect(Tag::Integer)?.unsigned()?;
    let e = numbers.expect(Tag::Integer)?.unsigned()?;
    numbers.finish()?;
    Ok((n, e))
}
