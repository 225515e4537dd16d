//! Distinguished names as users write them (RFC 4514), compared with those in certificates.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::asn1::Element;
use super::names::directory_string;

/// The attributes that have a short name (RFC 4514 Section 3), and the serial number.
const SHORT_NAMES: [(&str, &str); 9] = [
    ("CN", "2.5.4.3"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("DC", "0.9.2342.19200300.100.1.25"),
];

/// Returns whether a Name in DER matches the text that a user wrote.
///
/// Text with `=` lists attributes, each of which the Name must have. Any other text is a whole
/// common name. ASCII case and surrounding white space do not matter.
pub(super) fn is_named(name: &[u8], text: &str) -> bool {
    let Some(found) = attributes(name) else { return false };
    let wanted = if text.contains('=') { parse(text) } else { common_name(text) };
    wanted.is_some_and(|wanted| {
        !wanted.is_empty() && wanted.iter().all(|one| found.iter().any(|other| same(one, other)))
    })
}

type Attribute = (ObjectIdentifier, String);

fn same(one: &Attribute, other: &Attribute) -> bool {
    one.0 == other.0 && one.1.trim().eq_ignore_ascii_case(other.1.trim())
}

fn common_name(text: &str) -> Option<Vec<Attribute>> {
    if text.trim().is_empty() {
        return None;
    }
    Some(alloc::vec![(oid("CN")?, text.to_string())])
}

/// Returns every attribute of a Name, or `None` if it is malformed.
fn attributes(name: &[u8]) -> Option<Vec<Attribute>> {
    let mut all = Vec::new();
    let mut sets = Element::parse_as(name, Tag::Sequence).ok()?.children().ok()?;
    while let Some(set) = sets.next().ok()? {
        let mut set = set.children().ok()?;
        while let Some(attribute) = set.next().ok()? {
            let mut parts = attribute.children().ok()?;
            let (kind, value) = (parts.next().ok()??, parts.next().ok()??);
            // An attribute whose type has no representable OID is skipped: no text can name it.
            let kind = ObjectIdentifier::from_bytes(kind.value).ok();
            all.extend(kind.map(|kind| (kind, directory_string(&value))));
        }
    }
    Some(all)
}

/// Parses a list of attributes, or returns `None` if the text is not one.
fn parse(text: &str) -> Option<Vec<Attribute>> {
    let mut all = Vec::new();
    for part in split(text)? {
        let (kind, value) = part.split_once('=')?;
        all.push((oid(kind.trim())?, value.to_string()));
    }
    Some(all)
}

/// Splits a text at its separators and decodes escapes (RFC 4514 Section 2.4).
fn split(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    // Octets, because a character outside ASCII is escaped as several pairs: `\C3\B6` is `ö`.
    let mut current = Vec::new();
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => {
                let escaped = octets.next()?;
                // No character that needs a backslash is a hexadecimal digit, so that a digit
                // always starts a pair.
                current.push(match hex_digit(escaped) {
                    Some(high) => high << 4 | hex_digit(octets.next()?)?,
                    None => escaped,
                });
            }
            // `+` joins the attributes of one RDN. RFC 2253 Section 4 also separated RDNs by `;`.
            // The comparison does not depend on how attributes are grouped.
            b',' | b'+' | b';' => parts.push(core::mem::take(&mut current)),
            other => current.push(other),
        }
    }
    parts.push(current);
    parts.into_iter().map(|part| String::from_utf8(part).ok()).collect()
}

fn hex_digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn oid(kind: &str) -> Option<ObjectIdentifier> {
    // A type without a short name is written as a dotted OID.
    let known = SHORT_NAMES.iter().find(|(short, _)| short.eq_ignore_ascii_case(kind));
    ObjectIdentifier::new(known.map_or(kind, |(_, dotted)| dotted)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::x509::asn1::{self, tag};

    fn name(attributes: &[(&str, &str)]) -> Vec<u8> {
        let sets: Vec<Vec<u8>> = attributes
            .iter()
            .map(|(kind, value)| {
                let value = asn1::tlv(tag::UTF8_STRING, &[value.as_bytes()]);
                let kind = asn1::oid(&oid(kind).unwrap());
                asn1::tlv(tag::SET, &[&asn1::sequence(&[&kind, &value])])
            })
            .collect();
        asn1::sequence(&[&sets.concat()])
    }

    #[test]
    fn a_plain_text_is_the_whole_common_name() {
        let real = name(&[("C", "US"), ("O", "Example, Inc."), ("CN", "Example Root X1")]);
        for yes in ["Example Root X1", "example root x1", " Example Root X1 "] {
            assert!(is_named(&real, yes), "{yes}");
        }
        for no in ["Example Root X", "Example", "", "  ", "US", "Example Root X12"] {
            assert!(!is_named(&real, no), "{no}");
        }
    }

    #[test]
    fn a_text_of_attributes_has_to_be_in_the_name_in_any_sequence() {
        let real = name(&[("C", "US"), ("O", "Example, Inc."), ("CN", "Example Root X1")]);
        for yes in [
            "CN=Example Root X1",
            "cn=example root x1, c=us",
            "C=US,O=Example\\, Inc.,CN=Example Root X1",
            "2.5.4.6=US + CN=Example Root X1",
        ] {
            assert!(is_named(&real, yes), "{yes}");
        }
        for no in [
            "CN=Example Root X1, O=Other",
            "O=Example",
            "CN=Example Root X1, OU=Example, Inc.",
            "CN=Example Root X1,",
            "PIGEON=x",
            "=",
            "CN=Example Root X1\\",
        ] {
            assert!(!is_named(&real, no), "{no}");
        }
    }

    #[test]
    fn hexadecimal_escapes_are_octets_of_utf_8() {
        let real = name(&[("O", "Größe, Inc."), ("CN", "Example")]);
        for yes in ["O=Größe\\2C Inc.", "O=Gr\\C3\\B6\\c3\\9fe\\, Inc.", "C\\4E=Example"] {
            assert!(is_named(&real, yes), "{yes}");
        }
        for no in ["O=Größe\\2", "O=Größe\\2x Inc.", "O=Gr\\C3e\\2C Inc.", "O=Gr\\F6"] {
            assert!(!is_named(&real, no), "{no}");
        }
    }

    #[test]
    fn what_is_no_name_has_no_name() {
        for text in ["x", "CN=x", ""] {
            assert!(!is_named(b"junk", text));
            assert!(!is_named(&asn1::sequence(&[]), text));
        }
    }
}
