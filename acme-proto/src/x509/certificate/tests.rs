#![allow(clippy::unwrap_used)]

use alloc::format;

use super::*;
use crate::x509::asn1;

/// The example of RFC 9773 Appendix A.
const RFC_9773: &str = "-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

fn example() -> Certificate {
    let der = crate::pem::decode_one(RFC_9773.as_bytes(), "CERTIFICATE").unwrap();
    Certificate::parse(der).unwrap()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

// Its validity period lies in the year 0001, which some X.509 parsers reject.
#[test]
fn the_example_of_rfc_9773_is_read() {
    let certificate = example();
    assert_eq!(certificate.as_der().len(), 327);
    assert_eq!(
        hex(&certificate.fingerprint_sha256()),
        "4488f983790f68fff82e7d27dd56d8da0ee4a751db510d35e54360abad069ea2"
    );
    assert_eq!(certificate.issuer_common_name().unwrap(), "Example CA");
    assert_eq!(certificate.subject_common_name().unwrap(), "example.com");
    assert!(certificate.dns_names().is_empty());
    assert!(certificate.not_after() < Timestamp::UNIX_EPOCH);
    assert_eq!(certificate.not_after(), certificate.not_before());
    let key = certificate.public_key().unwrap();
    assert_eq!(key.to_spki_der(), certificate.spki_der());
}

#[test]
fn key_identifier_and_serial_make_the_identifier_for_renewal() {
    let certificate = example();
    let authority = certificate.authority_key_id().unwrap();
    // covers 9773-4.1-2
    assert_eq!(hex(authority), "69885b6b87464041e1b37b847ba0ae2cde01c8d4");
    // covers 9773-4.1-3
    assert_eq!(hex(certificate.serial()), "0087654321");
    let identifier =
        [base64url::encode(authority), base64url::encode(certificate.serial())].join(".");
    // covers 9773-4.1-1, 9773-4.1-4
    assert_eq!(identifier, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

#[test]
fn damaged_certificates_are_errors_or_others_and_never_panics() {
    let der = example().as_der().to_vec();
    for end in 0..der.len() {
        assert!(Certificate::parse(der[..end].to_vec()).is_err());
    }
    for at in 0..der.len() {
        for flip in [0x01, 0x55, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[at] ^= flip;
            let _ = Certificate::parse(damaged).map(|read| format!("{read:?}"));
        }
    }
    let mut longer = der;
    longer.push(0);
    assert_eq!(Certificate::parse(longer), Err(InvalidCertificate::Der));
}

#[test]
fn oversized_certificates_are_refused() {
    let der = alloc::vec![0x30; Certificate::MAX_LEN + 1];
    assert_eq!(Certificate::parse(der), Err(InvalidCertificate::TooLong));
}

/// A minimal certificate with this serial number, given as content octets.
fn with_serial(serial: &[u8]) -> Result<Certificate, InvalidCertificate> {
    let time = validity::encode(Timestamp::UNIX_EPOCH);
    let empty = asn1::sequence(&[]);
    let body = asn1::sequence(&[
        &asn1::tlv(asn1::tag::INTEGER, &[serial]),
        &empty,
        &empty,
        &asn1::sequence(&[&time, &time]),
        &empty,
        &Jwk::ed25519(&[1; 32]).to_spki_der(),
    ]);
    Certificate::parse(asn1::sequence(&[&body, &empty, &asn1::bit_string(&[])]))
}

#[test]
fn serial_numbers_are_the_content_octets() {
    let known = [
        (1_u16, "AQ"),
        (127, "fw"),
        (128, "AIA"),
        (255, "AP8"),
        (256, "AQA"),
        (32767, "f_8"),
        (32768, "AIAA"),
    ];
    for (number, text) in known {
        let integer = asn1::unsigned_integer(&number.to_be_bytes());
        let certificate = with_serial(&integer[2..]).unwrap();
        // covers 9773-4.1-3
        assert_eq!(base64url::encode(certificate.serial()), text);
    }
    assert_eq!(with_serial(&[]), Err(InvalidCertificate::Der));
}

#[test]
fn a_certificate_without_extensions_has_no_authority_and_no_names() {
    let certificate = with_serial(&[1]).unwrap();
    // covers 9773-4.1-7
    assert_eq!(certificate.authority_key_id(), None);
    assert!(certificate.identifiers().is_empty());
    assert_eq!(certificate.issuer_common_name(), None);
    assert_eq!(certificate.public_key().unwrap(), Jwk::ed25519(&[1; 32]));
}
