//! The few elements of DER that private keys consist of, in memory that is wiped.

use zeroize::Zeroizing;

pub(super) type Der = Zeroizing<Vec<u8>>;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;
/// NULL with its length.
pub(super) const NULL: [u8; 2] = [0x05, 0];

/// Encodes an element whose content is these parts.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Der {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // The whole capacity up front: a buffer that grows would leave copies in freed memory.
    let mut der = Zeroizing::new(Vec::with_capacity(length + 6));
    der.push(tag);
    let octets = length.to_be_bytes();
    let significant = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
    match significant {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            // A length has at most eight octets.
            der.push(0x80 | long.len() as u8);
            der.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

/// Encodes an unsigned number, whatever zeros it begins with.
pub(super) fn unsigned(number: &[u8]) -> Der {
    let number = strip(number);
    let sign: &[u8] = if number.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    element(INTEGER, &[sign, number])
}

/// Returns a number without the zeros that it begins with.
pub(super) fn strip(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|octet| **octet == 0).count()..]
}

/// Splits off the first element if it has this tag, and returns its content and what follows it.
pub(super) fn split(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form_are_written_and_read() {
        for length in [0, 1, 127, 128, 255, 256, 65535, 65536] {
            let content = vec![7; length];
            let der = element(OCTET_STRING, &[&content, &[]]);
            assert_eq!(split(&der, OCTET_STRING), Some((&content[..], &[][..])), "{length}");
            assert_eq!(split(&der, INTEGER), None);
            if length > 0 {
                assert_eq!(split(&der[..der.len() - 1], OCTET_STRING), None);
            }
        }
        assert_eq!(split(&[], OCTET_STRING), None);
        assert_eq!(split(&[4], OCTET_STRING), None);
        assert_eq!(split(&[4, 0x80], OCTET_STRING), None);
        assert_eq!(split(&[4, 0x84, 0, 0, 0, 0], OCTET_STRING), None);
    }

    #[test]
    fn numbers_are_unsigned_and_as_short_as_they_can_be() {
        for (number, der) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 1, 0], &[2, 2, 1, 0]),
        ] {
            assert_eq!(unsigned(number).as_slice(), der);
        }
    }
}
