//! X.509 extensions (RFC 5280 Section 4.1).

use alloc::vec::Vec;

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::x509::asn1::{self, Element, tag};
use crate::x509::names::GeneralNames;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");

/// The extensions that a client uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) names: GeneralNames,
    pub(super) authority_key_id: Option<Vec<u8>>,
    /// Also `None` if it is malformed: only the choice among chains depends on it.
    pub(super) subject_key_id: Option<Vec<u8>>,
}

impl Extensions {
    /// Decodes a SEQUENCE OF Extension. A repeated subjectAltName or authorityKeyIdentifier is an
    /// error.
    pub(super) fn decode(extensions: &Element<'_>) -> der::Result<Self> {
        extensions.tag.assert_eq(Tag::Sequence)?;
        let (mut names, mut authority_key_id, mut subject_key_id) = (None, None, None);
        let mut extensions = extensions.children()?;
        while let Some(extension) = extensions.next()? {
            let mut parts = extension.children()?;
            let kind = parts.expect(Tag::ObjectIdentifier)?;
            let mut value = parts.next()?;
            // `critical` is present only if true, since false is its default.
            if value.is_some_and(|element| element.tag == Tag::Boolean) {
                value = parts.next()?;
            }
            let value = value.ok_or_else(|| Tag::OctetString.value_error())?;
            value.tag.assert_eq(Tag::OctetString)?;
            // RFC 5280 Section 4.2 forbids a second extension of a kind. With two, it would be up
            // to each program which names the certificate has.
            let seen = if kind.is_oid(&SUBJECT_ALT_NAME) {
                names.replace(GeneralNames::decode(value.value)?).is_some()
            } else if kind.is_oid(&AUTHORITY_KEY_ID) {
                authority_key_id.replace(key_identifier(value.value)?).is_some()
            } else {
                if kind.is_oid(&SUBJECT_KEY_ID) {
                    let id = Element::parse_as(value.value, Tag::OctetString).ok();
                    subject_key_id = id.map(|id| id.value.to_vec());
                }
                false
            };
            if seen {
                return Err(kind.tag.value_error().into());
            }
        }
        Ok(Self {
            names: names.unwrap_or_default(),
            authority_key_id: authority_key_id.flatten(),
            subject_key_id,
        })
    }
}

/// Writes one Extension. `critical` is omitted when false, as DER requires for a default value.
pub(super) fn extension(oid: &ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
    asn1::sequence(&[&asn1::oid(oid), critical, &asn1::tlv(tag::OCTET_STRING, &[value])])
}

/// Writes a subjectAltName extension with the given GeneralNames, each in DER.
pub(super) fn subject_alt_name(critical: bool, names: &[Vec<u8>]) -> Vec<u8> {
    extension(&SUBJECT_ALT_NAME, critical, &asn1::sequence(&[&names.concat()]))
}

/// Returns the content octets of keyIdentifier `[0]` of an AuthorityKeyIdentifier.
fn key_identifier(der: &[u8]) -> der::Result<Option<Vec<u8>>> {
    let mut parts = Element::parse_as(der, Tag::Sequence)?.children()?;
    Ok(parts.context(0)?.map(|element| element.value.to_vec()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    fn decoded(extensions: &[&[u8]]) -> der::Result<Extensions> {
        let der = asn1::sequence(extensions);
        Extensions::decode(&Element::parse(&der)?)
    }

    #[test]
    fn only_the_key_identifier_of_the_authority_is_taken() {
        let key = asn1::tlv(0x80, &[b"key"]);
        let issuer = asn1::tlv(0xa1, &[&asn1::tlv(0x82, &[b"x"])]);
        let serial = asn1::tlv(0x82, &[&[1]]);
        let whole = asn1::sequence(&[&key, &issuer, &serial]);
        let read = decoded(&[&extension(&AUTHORITY_KEY_ID, false, &whole)]).unwrap();
        // covers 9773-4.1-2
        assert_eq!(read.authority_key_id.unwrap(), b"key");

        let without = asn1::sequence(&[&issuer, &serial]);
        let read = decoded(&[&extension(&AUTHORITY_KEY_ID, true, &without)]).unwrap();
        // covers 9773-4.1-7
        assert_eq!(read.authority_key_id, None);
    }

    #[test]
    fn a_subject_key_identifier_that_cannot_be_read_is_none() {
        let id = asn1::tlv(tag::OCTET_STRING, &[b"key"]);
        let read = decoded(&[&extension(&SUBJECT_KEY_ID, false, &id)]).unwrap();
        assert_eq!(read.subject_key_id.unwrap(), b"key");
        let read = decoded(&[&extension(&SUBJECT_KEY_ID, false, b"junk")]).unwrap();
        assert_eq!(read.subject_key_id, None);
    }

    #[test]
    fn repeated_extensions_are_refused_and_unknown_ones_skipped() {
        let unknown = extension(&ObjectIdentifier::new_unwrap("1.2.3"), true, b"\xff");
        let names = subject_alt_name(false, &[asn1::tlv(0x82, &[b"a.example"])]);
        assert_eq!(decoded(&[&unknown, &names, &unknown]).unwrap().names.dns, ["a.example"]);
        assert!(decoded(&[&names, &names]).is_err());
        assert!(decoded(&[&asn1::sequence(&[&asn1::oid(&SUBJECT_ALT_NAME)])]).is_err());
    }
}
