//! Wall-clock time as a value. Nothing in this crate reads a clock.

mod http_date;
mod rfc3339;

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, with nanosecond precision. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp {
    secs: i64,
    nanos: u32,
}

/// The text is not a date in the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid date")]
pub struct InvalidTimestamp;

/// A date and a time of day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year of the proleptic Gregorian calendar.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

const NANOS: u32 = 1_000_000_000;
const DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z.
const YEAR_0000: Timestamp = Timestamp::from_unix_seconds(-62_167_219_200);
/// 9999-12-31T23:59:59Z.
const YEAR_9999: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self { secs: 0, nanos: 0 };

    /// The latest representable time, which also stands for "never".
    pub const MAX: Self = Self { secs: i64::MAX, nanos: NANOS - 1 };

    /// Creates a time from seconds since the Unix epoch.
    pub const fn from_unix_seconds(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// Creates a time from milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        let nanos = millis.rem_euclid(1000) as u32 * 1_000_000;
        Self { secs: millis.div_euclid(1000), nanos }
    }

    /// Creates a time from seconds since the Unix epoch and nanoseconds.
    ///
    /// A billion nanoseconds or more carry over into the seconds.
    pub const fn from_unix_parts(secs: i64, nanos: u32) -> Self {
        match secs.checked_add((nanos / NANOS) as i64) {
            Some(secs) => Self { secs, nanos: nanos % NANOS },
            None => Self { secs: i64::MAX, nanos: NANOS - 1 },
        }
    }

    /// Creates a time from a date, or returns `None` if there is no such day or time of day.
    pub const fn from_civil(civil: Civil) -> Option<Self> {
        let Civil { year, month, day, hour, minute, second } = civil;
        // The bounds on the year keep the arithmetic below far from overflow.
        let sane = year >= -9999 && year <= 99_999 && month >= 1 && month <= 12 && day >= 1;
        if !sane || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let time = hour as i64 * 3600 + minute as i64 * 60 + second as i64;
        Some(Self::from_unix_seconds(days_from_civil(year, month, day) * DAY + time))
    }

    /// Parses an RFC 3339 date-time.
    ///
    /// The fraction may have any length or be absent, the zone is `Z` or an offset, and a leap second (60) is accepted.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for anything else.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        rfc3339::parse(text).ok_or(InvalidTimestamp)
    }

    /// Parses an HTTP-date in any of its three forms (RFC 9110 Section 5.6.7).
    ///
    /// A two-digit year more than 50 years after `now` belongs to the previous century.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for anything else.
    pub fn parse_http_date(text: &str, now: Self) -> Result<Self, InvalidTimestamp> {
        http_date::parse(text, now).ok_or(InvalidTimestamp)
    }

    /// Returns the whole seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.secs
    }

    /// Returns the nanoseconds after [`unix_seconds`](Self::unix_seconds).
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Returns the time after `duration`, at most [`MAX`](Self::MAX).
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = self.nanos + duration.subsec_nanos();
        let secs = self.secs.checked_add_unsigned(duration.as_secs());
        match secs.and_then(|secs| secs.checked_add(i64::from(nanos / NANOS))) {
            Some(secs) => Self { secs, nanos: nanos % NANOS },
            None => Self { secs: i64::MAX, nanos: NANOS - 1 },
        }
    }

    /// Returns the time before `duration`, at least the earliest representable time.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let borrow = self.nanos < duration.subsec_nanos();
        let nanos = self.nanos + if borrow { NANOS } else { 0 } - duration.subsec_nanos();
        let secs = self.secs.checked_sub_unsigned(duration.as_secs());
        match secs.and_then(|secs| secs.checked_sub(i64::from(borrow))) {
            Some(secs) => Self { secs, nanos },
            None => Self { secs: i64::MIN, nanos: 0 },
        }
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        // The difference of two i64 needs 65 bits, and more in nanoseconds.
        let nanos = i128::from(self.secs) * i128::from(NANOS) + i128::from(self.nanos)
            - i128::from(earlier.secs) * i128::from(NANOS)
            - i128::from(earlier.nanos);
        let secs = u64::try_from(nanos / i128::from(NANOS)).unwrap_or(u64::MAX);
        Duration::new(secs, (nanos % i128::from(NANOS)) as u32)
    }

    /// Returns the date and time of day in UTC. Times beyond some 34,000 years from 1970 are
    /// clamped.
    pub fn civil(self) -> Civil {
        let secs = self.secs.clamp(-(1 << 40), 1 << 40);
        let (year, month, day) = civil_from_days(secs.div_euclid(DAY));
        let time = secs.rem_euclid(DAY);
        Civil {
            year,
            month,
            day,
            hour: (time / 3600) as u8,
            minute: (time / 60 % 60) as u8,
            second: (time % 60) as u8,
        }
    }

    /// Returns the RFC 3339 form without a fraction, which some servers reject
    /// (<https://github.com/caddyserver/caddy/issues/6864>).
    pub fn to_rfc3339_seconds(self) -> String {
        alloc::format!("{self:.0}")
    }
}

impl fmt::Display for Timestamp {
    /// Writes the RFC 3339 form in UTC, with a fraction only if it is not zero; `{:.0}` leaves the fraction out.
    ///
    /// That form has four digits for the year. Times outside the years 0000 to 9999 are written as
    /// the first or last second of these, so that the text can always be parsed again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (*self).clamp(YEAR_0000, YEAR_9999);
        let Civil { year, month, day, hour, minute, second } = shown.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if shown.nanos != 0 && f.precision() != Some(0) {
            let digits = alloc::format!("{:09}", shown.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(de::Error::custom)
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the number of days from the start of the year 0 to that of `year`, in the proleptic
/// Gregorian calendar.
const fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    365 * year + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400)
}

const fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let mut days = days_before_year(year) - days_before_year(1970);
    let mut m = 1;
    while m < month {
        days += days_in(year, m) as i64;
        m += 1;
    }
    days + day as i64 - 1
}

fn civil_from_days(days: i64) -> (i64, u8, u8) {
    // A first guess that is never too late: a year has at least 365 days and at most 366. The loop
    // approaches the right year from below, in steps of the years that are certainly left.
    let mut year = 1970 + days.div_euclid(if days < 0 { 365 } else { 366 });
    while days_from_civil(year + 1, 1, 1) <= days {
        year += ((days - days_from_civil(year + 1, 1, 1)) / 366).max(1);
    }
    let mut rest = days - days_from_civil(year, 1, 1);
    let mut month = 1;
    while rest >= i64::from(days_in(year, month)) {
        rest -= i64::from(days_in(year, month));
        month += 1;
    }
    (year, month, rest as u8 + 1)
}

/// Parses a number of exactly `digits` ASCII digits.
fn number(text: &[u8], digits: usize) -> Option<i64> {
    (text.len() == digits && text.iter().all(u8::is_ascii_digit))
        .then(|| text.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn every_day_of_four_centuries_goes_there_and_back() {
        let first = days_from_civil(1600, 1, 1);
        let mut expected = (1600, 1, 1);
        for days in first..first + 146_097 {
            assert_eq!(civil_from_days(days), expected);
            let (y, m, d) = expected;
            assert_eq!(days_from_civil(y, m, d), days);
            expected = match (m, d) {
                (12, 31) => (y + 1, 1, 1),
                (m, d) if d == days_in(y, m) => (y, m + 1, 1),
                (m, d) => (y, m, d + 1),
            };
        }
        assert_eq!(expected, (2000, 1, 1));
    }

    #[test]
    fn arithmetic_saturates_and_borrows() {
        let t = Timestamp::from_unix_parts(10, 200);
        assert_eq!(
            t.saturating_sub(Duration::from_nanos(300)),
            Timestamp::from_unix_parts(9, 999_999_900)
        );
        assert_eq!(t.saturating_add(Duration::MAX).unix_seconds(), i64::MAX);
        assert_eq!(t.saturating_duration_since(t), Duration::ZERO);
        let end = Timestamp::from_unix_parts(i64::MAX, 0);
        assert_eq!(end.saturating_add(Duration::from_secs(1)).unix_seconds(), i64::MAX);
        assert!(
            end.saturating_duration_since(Timestamp::from_unix_parts(i64::MIN, 0))
                > Duration::from_secs(u64::MAX / 2)
        );
    }

    #[test]
    fn later_is_never_earlier_at_the_ends_of_the_range() {
        let end = Timestamp::from_unix_parts(i64::MAX, 999_999_999);
        // covers 9110-10.2.3-2
        assert_eq!(end.saturating_add(Duration::from_nanos(1)), end);
        assert_eq!(Timestamp::UNIX_EPOCH.saturating_add(Duration::MAX), end);
        let start = Timestamp::from_unix_seconds(i64::MIN);
        assert_eq!(start.saturating_sub(Duration::from_nanos(1)), start);
        assert_eq!(Timestamp::from_unix_seconds(-1).saturating_sub(Duration::MAX), start);
        let all = Duration::new(u64::MAX, 999_999_999);
        assert_eq!(start.saturating_add(all), end);
        assert_eq!(end.saturating_sub(all), start);
        assert_eq!(end.saturating_duration_since(start), all);
    }

    #[test]
    fn every_time_is_written_so_that_it_can_be_read() {
        for (secs, shown) in [
            (i64::MIN, "0000-01-01T00:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (0, "1970-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            let text = Timestamp::from_unix_seconds(secs).to_string();
            assert_eq!(text, shown);
            assert!(Timestamp::parse_rfc3339(&text).is_ok(), "{text}");
        }
        let now = Timestamp::from_unix_seconds(1_785_542_400);
        let never = serde_json::to_string(&now.saturating_add(Duration::MAX)).unwrap();
        assert!(serde_json::from_str::<Timestamp>(&never).is_ok(), "{never}");
    }

    #[test]
    fn the_text_has_a_fraction_only_if_there_is_one() {
        assert_eq!(Timestamp::from_unix_millis(1_500).to_string(), "1970-01-01T00:00:01.5Z");
        assert_eq!(Timestamp::from_unix_millis(1_500).to_rfc3339_seconds(), "1970-01-01T00:00:01Z");
        assert_eq!(
            alloc::format!("{:.0}", Timestamp::from_unix_millis(1_500)),
            "1970-01-01T00:00:01Z"
        );
        assert_eq!(Timestamp::from_unix_millis(-500).to_string(), "1969-12-31T23:59:59.5Z");
    }

    #[test]
    fn no_such_day_is_no_time() {
        let day = |year, month, day| Civil { year, month, day, hour: 0, minute: 0, second: 0 };
        assert!(Timestamp::from_civil(day(2023, 2, 29)).is_none());
        assert!(Timestamp::from_civil(day(2024, 2, 29)).is_some());
        assert!(Timestamp::from_civil(day(2024, 13, 1)).is_none());
        assert!(Timestamp::from_civil(day(2024, 4, 31)).is_none());
    }
}
