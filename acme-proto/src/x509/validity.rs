//! Times in certificates (RFC 5280 Section 4.1.2.5).

use alloc::format;
use alloc::vec::Vec;

use der::Tag;

use crate::time::{Civil, Timestamp};
use crate::x509::asn1::{self, Element, tag};

/// Parses a UTCTime or GeneralizedTime in the only form that certificates allow: with seconds,
/// without a fraction, in UTC.
pub(super) fn decode(time: &Element<'_>) -> Option<Timestamp> {
    let digits = time.value.strip_suffix(b"Z")?;
    let (year, rest) = match time.tag {
        Tag::UtcTime => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            // RFC 5280 Section 4.1.2.5.1 fixes the century of the two digits.
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        Tag::GeneralizedTime => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let mut fields = [0_u8; 5];
    for (field, two) in fields.iter_mut().zip(rest.chunks(2)) {
        *field = u8::try_from(number(two)?).ok()?;
    }
    let [month, day, hour, minute, second] = fields;
    Timestamp::from_civil(Civil { year, month, day, hour, minute, second })
}

/// Writes a time: UTCTime from 1950 to 2049, otherwise GeneralizedTime (RFC 5280 Section 4.1.2.5).
///
/// A time outside the years 0 to 9999 is written as the nearest one inside.
pub(super) fn encode(time: Timestamp) -> Vec<u8> {
    let Civil { year, month, day, hour, minute, second } = time.civil();
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if (1950..2050).contains(&year) {
        let text = format!("{:02}{rest}", year % 100);
        return asn1::tlv(tag::UTC_TIME, &[text.as_bytes()]);
    }
    let text = match year {
        0..=9999 => format!("{year:04}{rest}"),
        10_000.. => "99991231235959Z".into(),
        _ => "00000101000000Z".into(),
    };
    asn1::tlv(tag::GENERALIZED_TIME, &[text.as_bytes()])
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn decoded(tag: u8, text: &str) -> Option<i64> {
        let der = asn1::tlv(tag, &[text.as_bytes()]);
        decode(&Element::parse(&der).unwrap()).map(Timestamp::unix_seconds)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(decoded(tag::UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(decoded(tag::UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(decoded(tag::UTC_TIME, "500101000000Z"), Some(-631_152_000));
        assert_eq!(decoded(tag::GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(decoded(tag::GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
    }

    #[test]
    fn times_round_trip() {
        for seconds in [0, -631_152_001, 2_524_607_999, 2_524_608_000, 253_402_300_799] {
            let der = encode(Timestamp::from_unix_seconds(seconds));
            let read = decode(&Element::parse(&der).unwrap()).unwrap();
            assert_eq!(read.unix_seconds(), seconds);
        }
        let far = encode(Timestamp::from_unix_seconds(300_000_000_000));
        assert_eq!(&far[2..], b"99991231235959Z");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "Z", "7001010000Z", "700101000000", "70010100000xZ", "701301000000Z"] {
            assert_eq!(decoded(tag::UTC_TIME, text), None, "{text}");
        }
        assert_eq!(decoded(tag::GENERALIZED_TIME, "20500101000000.5Z"), None);
        assert_eq!(decoded(tag::OCTET_STRING, "700101000000Z"), None);
    }
}
