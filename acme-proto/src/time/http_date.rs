//! HTTP-dates (RFC 9110 Section 5.6.7) in their three forms: IMF-fixdate, RFC 850 and asctime.

use super::{Civil, Timestamp, number};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Parses an HTTP-date in any form. The day name must be valid, but need not match the date.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim_matches([' ', '\t']);
    if text.len() > 64 {
        return None;
    }
    match text.split_once(',') {
        // IMF-fixdate abbreviates the day name, RFC 850 spells it out, and asctime has no comma.
        Some((day, rest)) if day.len() == 3 => imf_fixdate(day, rest),
        Some((day, rest)) => rfc850(day, rest, now),
        None => asctime(text),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(day: &str, rest: &str) -> Option<Timestamp> {
    let mut parts = rest.split_ascii_whitespace();
    let date = (parts.next()?, parts.next()?, parts.next()?);
    let time = parts.next()?;
    let known = DAYS.iter().any(|name| name[..3] == *day);
    if !known || parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    civil(digits(date.2, 4)?, date.1, digits(date.0, 2)?, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(day: &str, rest: &str, now: Timestamp) -> Option<Timestamp> {
    let mut parts = rest.split_ascii_whitespace();
    let (date, time) = (parts.next()?, parts.next()?);
    if !DAYS.contains(&day) || parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    let mut date = date.split('-');
    let (day, month, year) = (date.next()?, date.next()?, digits(date.next()?, 2)?);
    if date.next().is_some() {
        return None;
    }
    let Civil { year: this_year, month: m, day: d, hour, minute, second } = now.civil();
    // RFC 9110 Section 5.6.7: a date more than 50 years in the future means the most recent past
    // year with the same digits. `full` is the latest such year that is at most 50 years ahead; the
    // rest of the date decides if it is exactly 50.
    let full = this_year + 50 - (this_year + 50 - year).rem_euclid(100);
    let at = civil(full, month, digits(day, 2)?, time);
    let then = at.map(Timestamp::civil);
    let too_far = |t: Civil| {
        t.year == this_year + 50
            && (t.month, t.day, t.hour, t.minute, t.second) > (m, d, hour, minute, second)
    };
    if then.is_some_and(too_far) {
        return civil(full - 100, month, digits(day, 2)?, time);
    }
    at
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Timestamp> {
    let mut parts = text.split_ascii_whitespace();
    let (day_name, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, year) = (parts.next()?, parts.next()?);
    let known = DAYS.iter().any(|name| name[..3] == *day_name);
    if !known || parts.next().is_some() {
        return None;
    }
    civil(digits(year, 4)?, month, digits(day, day.len().min(2))?, time)
}

fn civil(year: i64, month: &str, day: i64, time: &str) -> Option<Timestamp> {
    let month = MONTHS.iter().position(|name| *name == month)? as u8 + 1;
    let mut time = time.split(':');
    let (hour, minute) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?);
    let second = digits(time.next()?, 2)?;
    if time.next().is_some() || second > 60 {
        return None;
    }
    Timestamp::from_civil(Civil {
        year,
        month,
        day: day as u8,
        hour: hour as u8,
        minute: minute as u8,
        // A leap second counts as the second before it.
        second: second.min(59) as u8,
    })
}

fn digits(text: &str, count: usize) -> Option<i64> {
    number(text.as_bytes(), count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339("2026-11-01T00:00:00Z").unwrap()
    }

    #[test]
    fn all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            // covers 9110-5.6.7-1
            assert_eq!(
                parse(text, now()),
                Some(Timestamp::from_unix_seconds(784_111_777)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_has_another_form_is_no_date() {
        let long = alloc::format!("Sun, 06 Nov 1994 08:49:37 GMT{}GMT", " ".repeat(60));
        for text in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sunday, 06-Nov-94 08:49:37 UTC",
            "Sunday, 06-Nov-94 08:49:37 GMT GMT",
            "Sonntag, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-94-1 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Son Nov  6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov 006 08:49:37 1994",
            &long,
        ] {
            assert_eq!(parse(text, now()), None, "{text}");
        }
        let second = |text| parse(text, now()).unwrap().civil().second;
        assert_eq!(second("Sun, 06 Nov 1994 08:49:60 GMT"), 59);
    }

    #[test]
    fn a_two_digit_year_far_ahead_means_the_past() {
        let year = |text| parse(text, now()).unwrap().civil().year;
        assert_eq!(year("Sunday, 31-Oct-76 23:59:59 GMT"), 2076);
        assert_eq!(year("Sunday, 01-Nov-76 00:00:00 GMT"), 2076);
        // covers 9110-5.6.7-2
        assert_eq!(year("Sunday, 01-Nov-76 00:00:01 GMT"), 1976);
        assert_eq!(year("Sunday, 06-Nov-75 08:49:37 GMT"), 2075);
        assert_eq!(year("Sunday, 06-Nov-77 08:49:37 GMT"), 1977);
        assert_eq!(year("Sunday, 06-Nov-27 08:49:37 GMT"), 2027);
    }

    #[test]
    fn a_two_digit_year_may_belong_to_the_next_century() {
        let new_year = Timestamp::parse_rfc3339("2099-12-31T23:50:00Z").unwrap();
        let at = parse("Friday, 01-Jan-00 00:10:00 GMT", new_year).unwrap();
        // covers 9110-5.6.7-2
        assert_eq!(at.saturating_duration_since(new_year).as_secs(), 1200);
        for secs in [i64::MIN, i64::MAX] {
            parse("Friday, 01-Jan-00 00:10:00 GMT", Timestamp::from_unix_seconds(secs));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Foo, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 94",
        ] {
            assert_eq!(parse(text, now()), None, "{text}");
        }
    }
}
