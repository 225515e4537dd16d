//! Thin helpers for DER: a reader of elements, and functions that write them.

use alloc::vec::Vec;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, ErrorKind, Reader, SliceReader, Tag, TagNumber};

/// The identifier octets of the elements that are written.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// One element: its tag, its content octets, and its whole encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: Tag,
    pub(crate) value: &'a [u8],
    pub(crate) raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// Parses `bytes` as exactly one element.
    pub(crate) fn parse(bytes: &'a [u8]) -> der::Result<Self> {
        let any = AnyRef::from_der(bytes)?;
        Ok(Self { tag: der::Tagged::tag(&any), value: any.value(), raw: bytes })
    }

    /// Parses `bytes` as exactly one element with this tag.
    pub(crate) fn parse_as(bytes: &'a [u8], tag: Tag) -> der::Result<Self> {
        let element = Self::parse(bytes)?;
        element.tag.assert_eq(tag)?;
        Ok(element)
    }

    /// Returns the elements inside this one.
    pub(crate) fn children(&self) -> der::Result<Elements<'a>> {
        Elements::new(self.value)
    }

    /// Returns whether this is `[number]` of the context-specific class, primitive or constructed.
    pub(crate) fn is_context(&self, number: u32) -> bool {
        self.tag.is_context_specific() && self.tag.number() == TagNumber(number)
    }

    /// Returns whether this is the given object identifier.
    pub(crate) fn is_oid(&self, oid: &ObjectIdentifier) -> bool {
        self.tag == Tag::ObjectIdentifier && self.value == oid.as_bytes()
    }

    /// Returns the octets of a BIT STRING. One with unused bits is an error: keys and signatures
    /// consist of whole octets.
    pub(crate) fn bit_string_octets(&self) -> der::Result<&'a [u8]> {
        self.tag.assert_eq(Tag::BitString)?;
        match self.value.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(Tag::BitString.value_error().into()),
        }
    }

    /// Returns the magnitude of a non-negative INTEGER, without leading zero octets.
    pub(crate) fn unsigned(&self) -> der::Result<&'a [u8]> {
        self.tag.assert_eq(Tag::Integer)?;
        match self.value.first() {
            // The highest bit of the first octet is the sign.
            Some(first) if first & 0x80 == 0 => Ok(strip_leading_zeros(self.value)),
            _ => Err(Tag::Integer.value_error().into()),
        }
    }
}

/// A sequence of elements, read one by one.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    reader: SliceReader<'a>,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> der::Result<Self> {
        Ok(Self { reader: SliceReader::new(bytes)? })
    }

    /// Returns the next element, or `None` at the end.
    pub(crate) fn next(&mut self) -> der::Result<Option<Element<'a>>> {
        if self.reader.is_finished() {
            return Ok(None);
        }
        Element::parse(self.reader.tlv_bytes()?).map(Some)
    }

    /// Returns the next element, which must exist and have this tag.
    pub(crate) fn expect(&mut self, tag: Tag) -> der::Result<Element<'a>> {
        Tag::peek(&self.reader)?.assert_eq(tag)?;
        Element::parse(self.reader.tlv_bytes()?)
    }

    /// Returns the next element if it is a SubjectPublicKeyInfo with nothing after its key (RFC 5280 Section 4.1).
    pub(crate) fn public_key(&mut self) -> der::Result<&'a [u8]> {
        let key = self.expect(Tag::Sequence)?;
        let mut parts = key.children()?;
        parts.expect(Tag::Sequence)?;
        parts.expect(Tag::BitString)?;
        parts.finish()?;
        Ok(key.raw)
    }

    /// Returns the next element if its tag is `[number]`, and otherwise leaves it unread.
    pub(crate) fn context(&mut self, number: u32) -> der::Result<Option<Element<'a>>> {
        let mut ahead = self.clone();
        match ahead.next()? {
            Some(element) if element.is_context(number) => {
                *self = ahead;
                Ok(Some(element))
            }
            _ => Ok(None),
        }
    }

    /// Checks that no element is left.
    pub(crate) fn finish(&self) -> der::Result<()> {
        if self.reader.is_finished() {
            return Ok(());
        }
        let (decoded, remaining) = (self.reader.position(), self.reader.remaining_len());
        Err(ErrorKind::TrailingData { decoded, remaining }.into())
    }
}

/// Removes leading zero octets.
pub(crate) fn strip_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&octet| octet == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Writes an element. Its length is definite and takes the fewest octets (X.690 Section 10.1).
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Room for the tag and a length of up to four octets after its first; more only costs a
    // reallocation.
    let mut out = Vec::with_capacity(length.saturating_add(6));
    out.push(tag);
    if let Some(short) = u8::try_from(length).ok().filter(|&short| short < 0x80) {
        out.push(short);
    } else {
        let octets = length.to_be_bytes();
        let octets = strip_leading_zeros(&octets);
        // A `usize` has at most eight octets, so the count fits beside the flag bit.
        out.push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
        out.extend_from_slice(octets);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Writes a SEQUENCE.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, parts)
}

/// Writes an OBJECT IDENTIFIER.
pub(crate) fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    tlv(tag::OID, &[oid.as_bytes()])
}

/// Writes a BIT STRING of whole octets.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], octets])
}

/// Writes a big-endian magnitude as a non-negative INTEGER.
pub(crate) fn unsigned_integer(magnitude: &[u8]) -> Vec<u8> {
    let magnitude = strip_leading_zeros(magnitude);
    match magnitude.first() {
        Some(first) if first & 0x80 == 0 => tlv(tag::INTEGER, &[magnitude]),
        // A zero octet in front keeps a magnitude with its highest bit set positive. It is also the
        // encoding of zero itself.
        _ => tlv(tag::INTEGER, &[&[0], magnitude]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn lengths_take_the_fewest_octets() {
        assert_eq!(tlv(tag::OCTET_STRING, &[&[7; 127]])[..2], [0x04, 0x7f]);
        assert_eq!(tlv(tag::OCTET_STRING, &[&[7; 128]])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(tlv(tag::OCTET_STRING, &[&[7; 256]])[..4], [0x04, 0x82, 0x01, 0x00]);
        let long = vec![7; 70_000];
        let written = tlv(tag::OCTET_STRING, &[&long]);
        assert_eq!(Element::parse(&written).unwrap().value, long);
    }

    #[test]
    fn unsigned_integers_get_a_sign_octet_only_when_needed() {
        assert_eq!(unsigned_integer(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned_integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned_integer(&[0, 0]), [2, 1, 0]);
    }

    #[test]
    fn negative_integers_are_refused_as_unsigned() {
        assert!(Element::parse(&[2, 1, 0x80]).unwrap().unsigned().is_err());
        assert!(Element::parse(&[2, 0]).unwrap().unsigned().is_err());
    }

    #[test]
    fn truncated_elements_are_errors() {
        let whole = sequence(&[&unsigned_integer(&[1]), &tlv(tag::OCTET_STRING, &[b"abc"])]);
        for end in 0..whole.len() {
            assert!(Element::parse(&whole[..end]).is_err());
        }
        let mut inside = Element::parse(&whole).unwrap().children().unwrap();
        assert!(inside.expect(Tag::OctetString).is_err());
    }
}
