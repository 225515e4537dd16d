//! `Retry-After`, in seconds or as an HTTP-date (RFC 9110 Section 10.2.3).

use alloc::borrow::Cow;
use core::time::Duration;

use crate::http::Headers;
use crate::time::Timestamp;

/// Returns the time of the next request, or `None` if the header is missing or malformed.
///
/// The time is never before `now`, and saturates at [`Timestamp::MAX`].
///
/// If there are several lines, the first valid one counts. A date is compared with the response's own `Date`: the clock of
/// a server may differ from ours by hours.
pub fn retry_after(headers: &Headers, now: Timestamp) -> Option<Timestamp> {
    let sent = headers.all("date").find_map(|value| date(value.trim(), now));
    headers.all("retry-after").find_map(|value| parse(value.trim(), sent, now))
}

fn parse(value: &str, sent: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits only fail to parse if the number is too large. It still means "much later".
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(now.saturating_add(Duration::from_secs(seconds)));
    }
    let wait = date(value, now)?.saturating_duration_since(sent.unwrap_or(now));
    Some(now.saturating_add(wait))
}

/// Parses an HTTP-date; some servers write `UTC` at its end, and not `GMT`.
fn date(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = match value.strip_suffix("UTC") {
        Some(date) => Cow::Owned(alloc::format!("{date}GMT")),
        None => Cow::Borrowed(value),
    };
    Timestamp::parse_http_date(&value, now).ok()
}

#[cfg(test)]
mod tests {

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(784_111_000);

    fn seconds(value: &str) -> Option<i64> {
        let mut headers = Headers::new();
        headers.append("retry-after", value);
        retry_after(&headers, NOW).map(|at| at.unix_seconds().saturating_sub(NOW.unix_seconds()))
    }

    #[test]
    fn seconds_are_read_and_nonsense_is_none() {
        assert_eq!(seconds("0"), Some(0));
        // covers 9110-10.2.3-1
        assert_eq!(seconds(" 120 "), Some(120));
        for bad in ["1.5", "-1", "soon", "", "+3", "0x10"] {
            // covers 8555-6.6-5
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_read_and_the_past_means_now() {
        // covers 8555-6.6-2
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(777));
        assert_eq!(seconds("Sun Nov  6 08:49:37 1994"), Some(777));
        // covers 9110-10.2.3-2
        assert_eq!(seconds("Sun, 06 Nov 1983 08:49:37 GMT"), Some(0));
    }

    #[test]
    fn a_date_is_compared_with_that_of_the_response() {
        let wait = |date: &str, value: &str| {
            let mut headers = Headers::new();
            headers.append("date", date);
            headers.append("retry-after", value);
            let at = retry_after(&headers, NOW)?;
            Some(at.saturating_duration_since(NOW).as_secs())
        };
        let (sent, later) = ("Tue, 08 Nov 1994 08:49:37 GMT", "Tue, 08 Nov 1994 08:50:07 GMT");
        assert_eq!(wait(sent, later), Some(30));
        assert_eq!(wait(sent, "Tue, 08 Nov 1994 08:50:07 UTC"), Some(30));
        assert_eq!(wait(later, sent), Some(0));
        assert_eq!(wait("yesterday", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(777));
        assert_eq!(wait(sent, "7"), Some(7));
    }

    #[test]
    fn a_huge_value_saturates() {
        // covers 9110-10.2.3-2
        assert!(seconds("99999999999999999999").is_some_and(|s| s > 1 << 60));
        assert!(seconds("18446744073709551615").is_some_and(|s| s > 1 << 60));
    }
}
