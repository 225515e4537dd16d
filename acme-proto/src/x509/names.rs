//! Distinguished names and general names.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::identifier::Identifier;
use crate::sorted::SortedSet;
use crate::x509::asn1::{self, Element, tag};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// The context-specific tags of GeneralName (RFC 5280 Section 4.2.1.6). These three are strings of
/// octets, and so primitive.
const RFC822_NAME: u32 = 1;
const DNS_NAME: u32 = 2;
const IP_ADDRESS: u32 = 7;
/// The identifier type of RFC 8823.
const EMAIL: &str = "email";

/// A subjectAltName extension, sorted by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GeneralNames {
    /// Unchanged, except that octets that are not UTF-8 are replaced. The result equals no valid
    /// name.
    pub(super) dns: Vec<String>,
    pub(super) ip: Vec<IpAddr>,
    pub(super) email: Vec<String>,
    /// The number of names of other kinds, and of malformed ones.
    pub(super) others: usize,
}

impl GeneralNames {
    /// Decodes the GeneralNames of a subjectAltName.
    pub(super) fn decode(der: &[u8]) -> der::Result<Self> {
        let mut names = Self::default();
        let mut elements = Element::parse_as(der, Tag::Sequence)?.children()?;
        while let Some(element) = elements.next()? {
            if element.is_context(DNS_NAME) {
                names.dns.push(String::from_utf8_lossy(element.value).into_owned());
            } else if element.is_context(RFC822_NAME) {
                names.email.push(String::from_utf8_lossy(element.value).into_owned());
            } else if element.is_context(IP_ADDRESS) {
                // Octets of another length are no address, and say nothing of the other names.
                match address(element.value) {
                    Some(address) => names.ip.push(address),
                    None => names.others += 1,
                }
            } else {
                names.others += 1;
            }
        }
        Ok(names)
    }

    /// Returns the names as identifiers, without repetitions. Names of other kinds are omitted.
    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        let dns = self.dns.iter().map(|name| Identifier::from_wire("dns", name));
        let ip = self.ip.iter().map(|&address| Identifier::Ip(address));
        let email = self.email.iter().map(|name| Identifier::from_wire(EMAIL, name));
        let mut all: Vec<Identifier> = dns.chain(ip).chain(email).collect();
        // A certificate may have thousands of names.
        let mut seen = SortedSet::new();
        let is_first: Vec<bool> = all.iter().map(|name| seen.insert(name)).collect();
        let mut is_first = is_first.into_iter();
        all.retain(|_| is_first.next().unwrap_or_default());
        all
    }

    /// Returns how many names there are, of every kind.
    pub(super) const fn len(&self) -> usize {
        self.dns.len() + self.ip.len() + self.email.len() + self.others
    }
}

/// Writes the GeneralName of an identifier, or returns `None` if its type has none.
pub(super) fn general_name(identifier: &Identifier) -> Option<Vec<u8>> {
    let (number, octets) = match identifier {
        Identifier::Dns(name) => (DNS_NAME, name.as_str().as_bytes().to_vec()),
        Identifier::Ip(IpAddr::V4(address)) => (IP_ADDRESS, address.octets().to_vec()),
        Identifier::Ip(IpAddr::V6(address)) => (IP_ADDRESS, address.octets().to_vec()),
        Identifier::Other { kind, value } if kind == EMAIL && is_mailbox(value) => {
            (RFC822_NAME, value.as_bytes().to_vec())
        }
        Identifier::Other { .. } => return None,
    };
    // 0x80 is the context-specific class. All three numbers fit the low five bits.
    Some(asn1::tlv(0x80 | u8::try_from(number).ok()?, &[&octets]))
}

/// Returns whether `value` can be an rfc822Name (RFC 5280 Section 4.2.1.6): ASCII, without a
/// phrase, a comment or angle brackets.
///
/// An address with a local part that is not ASCII needs another kind of name (RFC 8398).
fn is_mailbox(value: &str) -> bool {
    let fits = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'(' | b')' | b',');
    let parts = value.rsplit_once('@');
    value.bytes().all(fits)
        && parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
}

/// Writes a Name that consists of one common name.
pub(super) fn only_common_name(common_name: &str) -> Vec<u8> {
    let value = asn1::tlv(tag::UTF8_STRING, &[common_name.as_bytes()]);
    let attribute = asn1::sequence(&[&asn1::oid(&COMMON_NAME), &value]);
    asn1::sequence(&[&asn1::tlv(tag::SET, &[&attribute])])
}

/// Returns the wanted identifiers that are missing and the found ones that are extra, as sets.
///
/// An identifier of a type without an X.509 general name cannot be compared, and is never missing.
pub(super) fn difference(
    found: &[Identifier],
    wanted: &[Identifier],
) -> (Vec<Identifier>, Vec<Identifier>) {
    // A certificate may have thousands of names.
    let [all_found, all_wanted] = [found, wanted].map(|all| {
        let mut sorted: Vec<_> = all.iter().collect();
        sorted.sort_unstable();
        sorted
    });
    let is_missing = |one: &&Identifier| all_found.binary_search(one).is_err();
    let missing = wanted.iter().filter(is_missing).filter(|one| general_name(one).is_some());
    let extra = found.iter().filter(|one| all_wanted.binary_search(one).is_err());
    (missing.cloned().collect(), extra.cloned().collect())
}

/// Displays at most five identifiers, for an error message.
pub(super) struct List<'a>(pub(super) &'a [Identifier]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let Some((first, rest)) = self.0.split_first() else {
            return f.write_str("none");
        };
        // Values come from certificates. `Debug` escapes control characters in them.
        write!(f, "{:?}", first.value())?;
        for identifier in rest.iter().take(SHOWN - 1) {
            write!(f, ", {:?}", identifier.value())?;
        }
        match self.0.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// Returns the last, most specific common name in a Name. `None` if there is none or the Name is
/// malformed.
pub(super) fn common_name(name: &[u8]) -> Option<String> {
    let mut common_name = None;
    let mut sets = Element::parse_as(name, Tag::Sequence).ok()?.children().ok()?;
    while let Some(set) = sets.next().ok()? {
        let mut attributes = set.children().ok()?;
        while let Some(attribute) = attributes.next().ok()? {
            let mut parts = attribute.children().ok()?;
            let (kind, value) = (parts.next().ok()??, parts.next().ok()??);
            if kind.is_oid(&COMMON_NAME) {
                common_name = Some(directory_string(&value));
            }
        }
    }
    common_name
}

/// Decodes any of the string types of a DirectoryString. What cannot be decoded is replaced.
pub(super) fn directory_string(value: &Element<'_>) -> String {
    match value.tag {
        // BMPString is UTF-16.
        Tag::BmpString => {
            let units = value.value.chunks(2).map(|pair| match *pair {
                [high, low] => u16::from_be_bytes([high, low]),
                _ => u16::from(b'?'),
            });
            let characters = char::decode_utf16(units);
            characters.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        // T.61 has its own character set, but issuers put Latin-1 into a TeletexString.
        Tag::TeletexString => value.value.iter().copied().map(char::from).collect(),
        // The other types are UTF-8 or ASCII.
        _ => String::from_utf8_lossy(value.value).to_string(),
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn common_names_of_every_string_type_are_read() {
        let name = |tag: u8, value: &[u8]| {
            let value = asn1::tlv(tag, &[value]);
            let attribute = asn1::sequence(&[&asn1::oid(&COMMON_NAME), &value]);
            common_name(&asn1::sequence(&[&asn1::tlv(tag::SET, &[&attribute])]))
        };
        assert_eq!(name(tag::UTF8_STRING, "Größe".as_bytes()).unwrap(), "Größe");
        assert_eq!(name(0x13, b"Example CA").unwrap(), "Example CA");
        assert_eq!(name(0x14, b"Gr\xf6\xdfe").unwrap(), "Größe");
        assert_eq!(name(0x1e, b"\0C\0A").unwrap(), "CA");
        assert_eq!(name(0x1e, b"\0C\0").unwrap(), "C?");
        assert_eq!(name(tag::UTF8_STRING, b"\xff").unwrap(), "\u{fffd}");
        assert_eq!(common_name(&only_common_name("x")).unwrap(), "x");
        assert_eq!(common_name(&asn1::sequence(&[])), None);
        assert_eq!(common_name(b"junk"), None);
    }

    #[test]
    fn general_names_round_trip() {
        let wanted = vec![
            Identifier::dns("*.example.org").unwrap(),
            Identifier::Ip("192.0.2.1".parse().unwrap()),
            Identifier::Ip("2001:db8::1".parse().unwrap()),
            Identifier::Other { kind: EMAIL.into(), value: "a@example.org".into() },
        ];
        let encoded: Vec<Vec<u8>> = wanted.iter().filter_map(general_name).collect();
        // covers 8738-3-4
        assert_eq!(encoded[1], [0x87, 4, 192, 0, 2, 1]);
        let names = GeneralNames::decode(&asn1::sequence(&[&encoded.concat()])).unwrap();
        // covers 8738-6-1
        assert_eq!(names.identifiers(), wanted);
        assert_eq!(names.others, 0);
    }

    #[test]
    fn unknown_kinds_and_addresses_of_another_length_are_counted_and_hide_no_other_name() {
        let uri = asn1::tlv(0x86, &[b"https://example.org"]);
        let names = GeneralNames::decode(&asn1::sequence(&[&uri])).unwrap();
        assert_eq!((names.others, names.identifiers().len()), (1, 0));
        let address = asn1::tlv(0x87, &[&[1, 2, 3, 4, 5]]);
        let name = asn1::tlv(0x82, &[b"a.example"]);
        let names = GeneralNames::decode(&asn1::sequence(&[&address, &name])).unwrap();
        assert_eq!(names.others, 1);
        assert_eq!(names.identifiers(), [Identifier::dns("a.example").unwrap()]);
    }

    #[test]
    fn lists_are_short_and_escaped() {
        let odd = |value: &str| Identifier::Other { kind: "odd".into(), value: value.into() };
        assert_eq!(List(&[]).to_string(), "none");
        assert_eq!(List(&[odd("a\n"), odd("b")]).to_string(), r#""a\n", "b""#);
        let text = List(&vec![odd("a"); 7]).to_string();
        assert_eq!(text, r#""a", "a", "a", "a", "a" and 2 more"#);
    }

    #[test]
    fn differences_are_of_sets() {
        let [a, b, c] = ["a.example", "b.example", "c.example"];
        let [a, b, c] = [a, b, c].map(|name| Identifier::dns(name).unwrap());
        let odd = Identifier::Other { kind: "odd".into(), value: "1".into() };
        let same = difference(&[a.clone(), b.clone()], &[b.clone(), a.clone(), b.clone(), odd]);
        assert_eq!(same, (vec![], vec![]));
        let other = difference(&[a.clone(), b.clone()], &[b, c.clone()]);
        assert_eq!(other, (vec![c], vec![a]));
    }
}
