//! Dates of ACME and HTTP, from and to Unix milliseconds.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// Returns the calendar date of a moment, or the epoch for one beyond the end of the calendar.
pub(crate) fn date_time(millis: u64) -> OffsetDateTime {
    i64::try_from(millis / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Formats a date of RFC 3339 in UTC. `nanos` adds nine fraction digits.
pub(crate) fn rfc3339(millis: u64, nanos: bool) -> String {
    let d = date_time(millis);
    let fraction = if nanos {
        format!(".{:09}", (millis % 1000) * 1_000_000 + 333_334)
    } else {
        String::new()
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        d.year(),
        u8::from(d.month()),
        d.day(),
        d.hour(),
        d.minute(),
        d.second()
    )
}

/// Formats an IMF-fixdate (RFC 9110 Section 5.6.7).
pub(crate) fn http_date(millis: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let d = date_time(millis);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        DAYS[usize::from(d.weekday().number_days_from_monday())],
        d.day(),
        MONTHS[usize::from(u8::from(d.month())) - 1],
        d.year(),
        d.hour(),
        d.minute(),
        d.second()
    )
}

/// Parses a date of RFC 3339 to Unix milliseconds. Dates before 1970 are refused.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let field = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, b)| bytes.get(at).is_none_or(|c| !c.eq_ignore_ascii_case(&b))) {
        return None;
    }
    let small = |from| field(from, from + 2).and_then(|n| u8::try_from(n).ok());
    let month = Month::try_from(small(5)?).ok()?;
    let date =
        Date::from_calendar_date(i32::try_from(field(0, 4)?).ok()?, month, small(8)?).ok()?;
    let time = Time::from_hms(small(11)?, small(14)?, small(17)?).ok()?;
    let (fraction_millis, zone) = fraction(text.get(19..)?)?;
    let seconds =
        PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp() - offset_seconds(zone)?;
    Some(u64::try_from(seconds).ok()? * 1000 + fraction_millis)
}

fn fraction(rest: &str) -> Option<(u64, &str)> {
    let Some(digits_on) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let end = digits_on.bytes().position(|b| !b.is_ascii_digit())?;
    if end == 0 {
        return None;
    }
    let millis: String = digits_on[..end].chars().chain("000".chars()).take(3).collect();
    Some((millis.parse().ok()?, &digits_on[end..]))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two = |text: &str, most: i64| {
        let ok = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|&n| ok && n <= most)
    };
    Some(sign * (two(hours, 23)? * 3600 + two(minutes, 59)? * 60))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{http_date, parse_rfc3339, rfc3339};

    #[test]
    fn dates_are_written_and_read_back() {
        let moment = 1_767_323_045_000; // 2026-01-02T03:04:05Z
        assert_eq!(rfc3339(moment, false), "2026-01-02T03:04:05Z");
        assert_eq!(http_date(moment), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(parse_rfc3339("2026-01-02T03:04:05Z"), Some(moment));
        assert_eq!(parse_rfc3339("2026-01-02T04:04:05.25+01:00"), Some(moment + 250));
        for bad in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+1:00",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }
}
