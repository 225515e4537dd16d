//! RFC 3339 dates, the format of times in JSON members.

use core::time::Duration;

use super::{Civil, Timestamp, number};

/// Parses `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
///
/// RFC 3339 Section 5.6 also allows `t` and `z` in lower case, and a space in place of the `T`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (head, rest) = bytes.split_at_checked(19)?;
    let separators: [(usize, &[u8]); 5] =
        [(4, b"--"), (7, b"--"), (10, b"Tt "), (13, b"::"), (16, b"::")];
    if separators.iter().any(|(at, any)| !any.contains(&head[*at])) {
        return None;
    }
    let field = |from: usize, to: usize| number(&head[from..to], to - from);
    let second = field(17, 19)?;
    let civil = Civil {
        year: field(0, 4)?,
        month: field(5, 7)? as u8,
        day: field(8, 10)? as u8,
        hour: field(11, 13)? as u8,
        minute: field(14, 16)? as u8,
        // `Civil` has no leap second; it is added below, and becomes the first second of the next
        // minute.
        second: second.min(59) as u8,
    };
    if second > 60 {
        return None;
    }
    let leap = Duration::from_secs(u64::from(second == 60));
    let (fraction, zone) = fraction(rest)?;
    let local = Timestamp::from_civil(civil)?.saturating_add(leap);
    let utc = local.unix_seconds().checked_sub(offset(zone)?)?;
    Some(Timestamp::from_unix_parts(utc, fraction))
}

/// Parses a fraction. Returns its nanoseconds, rounded down, and the rest of the text.
///
/// Boulder sends up to nine digits (<https://github.com/letsencrypt/boulder/issues/6631>); further
/// ones are dropped.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let Some(after) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let length = after.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, zone) = after.split_at(length);
    if digits.is_empty() {
        return None;
    }
    let nanos = (0..9).fold(0, |n, i| n * 10 + digits.get(i).map_or(0, |d| u32::from(d - b'0')));
    Some((nanos, zone))
}

/// Parses an offset. Returns the seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = rest else {
        return None;
    };
    let (hours, minutes) = (number(&[*h1, *h2], 2)?, number(&[*m1, *m2], 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;
    use alloc::string::ToString;

    #[test]
    fn fractions_offsets_and_leap_seconds_are_read() {
        let table = [
            ("2016-01-20T14:09:07.99Z", "2016-01-20T14:09:07.99Z"),
            ("2016-01-01T00:04:00+04:00", "2015-12-31T20:04:00Z"),
            ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00Z"),
            ("2016-01-20t14:09:07z", "2016-01-20T14:09:07Z"),
            ("2026-06-01T10:00:00.18333333412345Z", "2026-06-01T10:00:00.183333334Z"),
            ("1937-01-01T12:00:27.87-00:20", "1937-01-01T12:20:27.87Z"),
        ];
        for (text, shown) in table {
            // covers http-hdr-2
            assert_eq!(parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2016-01-20",
            "2016-01-20T14:09:07",
            "2016-13-20T14:09:07Z",
            "2016-02-30T14:09:07Z",
            "2016-01-20T24:09:07Z",
            "2016-01-20T14:09:61Z",
            "2016-01-20T14:09:07.Z",
            "2016-01-20T14:09:07+4:00",
            "2016-01-20T14:09:07+24:00",
            "2016-01-20T14:09:07ZZ",
            "20160120T140907Z",
            "２016-01-20T14:09:07Z",
            "-016-01-20T14:09:07Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
