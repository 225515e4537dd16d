use std::time::UNIX_EPOCH;

use acme_proto::time::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Parses dates beside two independent crates: `httpdate` for those of HTTP, `time` for those of RFC 3339.
///
/// # Panics
///
/// If they accept a date that acme-proto refuses, or takes for another one.
pub fn dates(data: &[u8]) {
    let now = Timestamp::from_unix_seconds(1_790_000_000);
    for line in String::from_utf8_lossy(data).lines() {
        if let Some(theirs) = httpdate::parse_http_date(line).ok().filter(|_| has_form(line)) {
            let ours = Timestamp::parse_http_date(line, now);
            let ours = ours.unwrap_or_else(|error| panic!("{line}: {error}")).unix_seconds();
            let theirs =
                theirs.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
            // The century of a year with two digits depends on the present, which httpdate does not ask for.
            let has_century = !line.contains('-');
            assert!(ours == theirs || !has_century, "{line}: {ours} and {theirs}");
        }
        // `time` moves a leap second to the end of the second before it, and takes any octet for the T.
        let is_compared =
            !line.contains(":60") && line.get(10..11).is_some_and(|t| t == "T" || t == "t");
        let theirs = OffsetDateTime::parse(line, &Rfc3339).ok().filter(|_| is_compared);
        if let Some(theirs) = theirs {
            let ours = Timestamp::parse_rfc3339(line);
            let ours = ours.unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(ours.unix_seconds(), theirs.unix_timestamp(), "{line}");
            assert_eq!(ours.subsec_nanos(), theirs.nanosecond(), "{line}");
        }
    }
}

/// Returns whether a line has the punctuation of an HTTP-date, some of which `httpdate` does not look at.
fn has_form(line: &str) -> bool {
    let shape: String = line
        .chars()
        .map(|c| match c {
            '0'..='9' => '0',
            'a'..='z' | 'A'..='Z' => 'a',
            other => other,
        })
        .collect();
    let rfc850 = shape.trim_start_matches('a') == ", 00-aaa-00 00:00:00 aaa";
    rfc850
        || shape == "aaa, 00 aaa 0000 00:00:00 aaa"
        || shape == "aaa aaa 00 00:00:00 0000"
        || shape == "aaa aaa  0 00:00:00 0000"
}
