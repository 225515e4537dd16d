use std::time::Duration;

use acme_proto::time::Timestamp;

use crate::bytes::Bytes;

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the first and the last time that RFC 3339 can
/// write.
const WRITABLE: [i64; 2] = [-62_167_219_200, 253_402_300_799];

/// Parses text as dates of both kinds, and calculates with times from the bytes.
///
/// # Panics
///
/// If a date changes when it is written and read, or if an addition that does not saturate is not
/// undone by the subtraction.
pub fn time(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let now = Timestamp::from_unix_seconds(1_790_000_000);
    for line in text.lines() {
        Timestamp::parse_rfc3339(line).into_iter().for_each(there_and_back);
        Timestamp::parse_http_date(line, now).into_iter().for_each(there_and_back);
    }

    let mut bytes = Bytes::new(data);
    let a = Timestamp::from_unix_parts(bytes.i64(), bytes.u32());
    let b = Timestamp::from_unix_parts(bytes.i64(), bytes.u32());
    let _ = Timestamp::parse_http_date(&text, a);
    there_and_back(a);
    let since = b.saturating_duration_since(a);
    assert_eq!(since == Duration::ZERO, b <= a);
    if b > a {
        assert_eq!(a.saturating_add(since), b);
        assert_eq!(b.saturating_sub(since), a);
    }
    let step = Duration::new(bytes.u32().into(), bytes.u32() % 1_000_000_000);
    assert!(a.saturating_add(step) >= a && a.saturating_sub(step) <= a);
}

fn there_and_back(time: Timestamp) {
    assert!(time.subsec_nanos() < 1_000_000_000);
    let shown = time.to_string();
    let read = Timestamp::parse_rfc3339(&shown);
    let seconds = read.map(Timestamp::unix_seconds);
    assert_eq!(seconds, Ok(time.unix_seconds().clamp(WRITABLE[0], WRITABLE[1])), "{shown}");
    if (WRITABLE[0]..WRITABLE[1]).contains(&time.unix_seconds()) {
        assert_eq!(read, Ok(time), "{shown}");
        let whole = Timestamp::from_unix_seconds(time.unix_seconds());
        assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339_seconds()), Ok(whole));
        assert_eq!(Timestamp::from_civil(time.civil()), Some(whole));
    }
}
