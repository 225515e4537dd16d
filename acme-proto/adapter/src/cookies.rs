//! Cookies of a CA's balancer, in memory: a small part of RFC 6265.
//!
//! Nonces may hold on one machine of a CA only, and a balancer names that machine by a cookie. So cookies are kept for the
//! life of a transport, and go back to the origin that set them and to no other: no `Domain` widens that. Without TLS,
//! none is kept.

use core::fmt;
use core::fmt::Write as _;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use acme_proto::http::Response;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use zeroize::Zeroizing;

use crate::clock;
use crate::locked;

/// The cookies of one transport.
///
/// It has at most 32 cookies, of 1,024 octets each; the oldest makes room.
pub struct CookieJar {
    kept: Mutex<VecDeque<Cookie>>,
    off: AtomicBool,
}

impl CookieJar {
    /// Creates an empty jar.
    pub const fn new() -> Self {
        Self { kept: Mutex::new(VecDeque::new()), off: AtomicBool::new(false) }
    }

    /// Keeps no cookie from now on, or keeps them again.
    pub fn keep(&self, keep: bool) {
        self.off.store(!keep, Ordering::Relaxed);
        if !keep {
            locked(&self.kept).clear();
        }
    }

    /// Returns the value of the header `Cookie` for a request (RFC 6265 section 5.4); none without a cookie.
    pub fn header(&self, url: &Url) -> Option<Zeroizing<String>> {
        self.header_at(url, Instant::now())
    }

    fn header_at(&self, url: &Url, now: Instant) -> Option<Zeroizing<String>> {
        let mut header = Zeroizing::new(String::new());
        let mut kept = locked(&self.kept);
        kept.retain(|cookie| cookie.expires.is_none_or(|expires| expires > now));
        // Longer paths first; the order of creation among those of one length.
        let mut fit: Vec<&Cookie> = Vec::new();
        for cookie in kept.iter().filter(|cookie| cookie.fits(url)) {
            let place = fit.partition_point(|other| other.path.len() >= cookie.path.len());
            fit.insert(place, cookie);
        }
        for cookie in fit {
            let separator = if header.is_empty() { "" } else { "; " };
            let value: &str = &cookie.value;
            // Writing to a string does not fail.
            let _ = write!(header, "{separator}{}={value}", cookie.name);
        }
        (!header.is_empty()).then_some(header)
    }

    /// Keeps the cookies of a response from `url` (RFC 6265 section 5.3).
    pub fn take(&self, url: &Url, response: &Response) {
        let fields = response.headers().all("set-cookie").take(MAX_FIELDS);
        self.take_at(url, fields, Instant::now(), clock::wall());
    }

    fn take_at<'a>(
        &self,
        url: &Url,
        fields: impl Iterator<Item = &'a str>,
        now: Instant,
        wall: Timestamp,
    ) {
        if self.off.load(Ordering::Relaxed) || !url.is_https() {
            return;
        }
        let mut kept = locked(&self.kept);
        for field in fields {
            let Some(mut cookie) = Cookie::parse(url, field, now, wall) else { continue };
            let known = kept.iter().position(|known| known.is_replaced_by(&cookie));
            let is_over = cookie.expires.is_some_and(|expires| expires <= now);
            match known {
                Some(place) if is_over => drop(kept.remove(place)),
                // It keeps its place in the order of creation.
                Some(place) => core::mem::swap(&mut kept[place], &mut cookie),
                None if is_over => {}
                None => kept.push_back(cookie),
            }
            if kept.len() > MAX_COOKIES {
                kept.pop_front();
            }
        }
    }
}

impl Default for CookieJar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").finish_non_exhaustive()
    }
}

struct Cookie {
    host: String,
    port: u16,
    name: String,
    value: Zeroizing<String>,
    path: String,
    /// `None` as long as the jar lives.
    expires: Option<Instant>,
}

impl Cookie {
    fn parse(url: &Url, field: &str, now: Instant, wall: Timestamp) -> Option<Self> {
        if field.len() > MAX_LENGTH || field.chars().any(char::is_control) {
            return None;
        }
        let mut parts = field.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return None;
        }
        let host = url.host().to_ascii_lowercase();
        let (mut path, mut max_age, mut date) = (None, None, None);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match attribute.trim().to_ascii_lowercase().as_str() {
                "path" => path = value.starts_with('/').then(|| value.to_owned()),
                "max-age" => max_age = value.parse::<i64>().ok().or(max_age),
                "expires" => date = expiry_date(value).or(date),
                // Only whether the cookie is this host's to set; it goes back to this host alone.
                "domain" if !covers(value, &host) => return None,
                _ => {}
            }
        }
        // Max-Age goes before Expires.
        let seconds = max_age
            .or_else(|| date.map(|date| date.unix_seconds().saturating_sub(wall.unix_seconds())));
        let expires = seconds.map(|seconds| {
            let seconds = u64::try_from(seconds).unwrap_or(0).min(LONGEST);
            now + Duration::from_secs(seconds)
        });
        Some(Self {
            host,
            port: url.port(),
            name: name.to_owned(),
            value: Zeroizing::new(value.to_owned()),
            path: path.unwrap_or_else(|| default_path(url)),
            expires,
        })
    }

    fn fits(&self, url: &Url) -> bool {
        let path = path_of(url);
        let below = path.strip_prefix(self.path.as_str());
        let path_fits = below.is_some_and(|rest| {
            rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/')
        });
        url.is_https()
            && self.port == url.port()
            && self.host.eq_ignore_ascii_case(url.host())
            && path_fits
    }

    fn is_replaced_by(&self, other: &Self) -> bool {
        (&self.host, self.port, &self.name, &self.path)
            == (&other.host, other.port, &other.name, &other.path)
    }
}

/// Returns whether a `Domain` covers the host (RFC 6265 section 5.1.3).
fn covers(domain: &str, host: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    domain.is_empty()
        || host == domain
        || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
}

fn path_of(url: &Url) -> String {
    url.path_and_query().split('?').next().unwrap_or("/").to_owned()
}

/// Returns the folder of the URL (RFC 6265 section 5.1.4).
fn default_path(url: &Url) -> String {
    match path_of(url).rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

/// Reads `Wdy, DD Mon YYYY HH:MM:SS GMT`, with `-` for the inner spaces, too.
fn expiry_date(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split([' ', '-']);
    let day = parts.next()?;
    let month = parts.next()?;
    let (year, time) = (parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name))? + 1;
    let year = match year.parse::<u16>().ok()? {
        year @ 0..=69 => year + 2000,
        year @ 70..=99 => year + 1900,
        year => year,
    };
    Timestamp::parse_rfc3339(&format!("{year:04}-{month:02}-{day:0>2}T{time}Z")).ok()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MAX_COOKIES: usize = 32;
const MAX_LENGTH: usize = 1024;
/// How many fields of a response are read.
const MAX_FIELDS: usize = 16;
/// Ten years, so that adding it to an instant cannot overflow.
const LONGEST: u64 = 10 * 365 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://ca.test/acme/directory";

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    struct Jar(CookieJar, Instant);

    impl Jar {
        fn new() -> Self {
            Self(CookieJar::new(), Instant::now())
        }

        fn set(&self, from: &str, fields: &[&str]) {
            let wall = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").expect("a time");
            self.0.take_at(&url(from), fields.iter().copied(), self.1, wall);
        }

        fn sent(&self, to: &str, after: u64) -> String {
            let header = self.0.header_at(&url(to), self.1 + Duration::from_secs(after));
            header.map_or_else(String::new, |header| header.to_string())
        }
    }

    #[test]
    fn a_cookie_goes_back_to_its_own_origin_and_to_no_other() {
        let jar = Jar::new();
        let fields = ["node=a; Path=/; Secure; HttpOnly", "wide=b; Path=/; Domain=.test"];
        jar.set(BASE, &fields);
        assert_eq!(jar.sent("https://CA.test/order?x=1", 0), "node=a; wide=b");
        for other in [
            "https://www.ca.test/",
            "https://test/",
            "https://other.test/",
            "https://ca.test:8443/",
            "http://ca.test/",
            "http://ca.test:443/",
        ] {
            assert_eq!(jar.sent(other, 0), "", "{other}");
        }
    }

    #[test]
    fn without_tls_or_for_another_domain_nothing_is_kept() {
        let jar = Jar::new();
        jar.set("http://ca.test/", &["a=1; Path=/"]);
        jar.set(BASE, &["b=1; Path=/; Domain=other.test", "c=1; Path=/; Domain=a.test"]);
        assert_eq!(jar.sent("https://ca.test/", 0), "");
    }

    #[test]
    fn a_path_bounds_where_a_cookie_goes_and_longer_ones_come_first() {
        let jar = Jar::new();
        jar.set(BASE, &["folder=1", "all=2; Path=/", "odd=3; Path=acme"]);
        assert_eq!(jar.sent("https://ca.test/acme/order/1", 0), "folder=1; odd=3; all=2");
        assert_eq!(jar.sent("https://ca.test/acme", 0), "folder=1; odd=3; all=2");
        assert_eq!(jar.sent("https://ca.test/acmes", 0), "all=2");
    }

    #[test]
    fn a_cookie_ends_by_its_age_or_date_and_a_newer_one_takes_its_place() {
        let jar = Jar::new();
        jar.set(
            BASE,
            &[
                "age=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "date=1; Path=/; expires=Thu, 01-Jan-26 00:02:00 GMT",
                "session=1; Path=/; Max-Age=nonsense; Expires=never",
            ],
        );
        assert_eq!(jar.sent(BASE, 59), "age=1; date=1; session=1");
        jar.set(BASE, &["age=2; Path=/; Max-Age=60"]);
        assert_eq!(jar.sent(BASE, 59), "age=2; date=1; session=1");
        assert_eq!(jar.sent(BASE, 60), "date=1; session=1");
        assert_eq!(jar.sent(BASE, 120), "session=1");
        jar.set(BASE, &["session=; Path=/; Max-Age=0"]);
        jar.set(BASE, &["far=1; Path=/; Max-Age=9223372036854775807"]);
        assert_eq!(jar.sent(BASE, 0), "far=1");
    }

    #[test]
    fn what_is_malformed_or_too_much_is_left_out() {
        let jar = Jar::new();
        let long = format!("long={}; Path=/", "x".repeat(2000));
        jar.set(BASE, &["", "=1", "name", "a=\u{1b}[31m", "a=\r\nHost: x", &long]);
        assert_eq!(jar.sent(BASE, 0), "");
        let many: Vec<String> = (0..100).map(|n| format!("n{n}=1; Path=/")).collect();
        jar.set(BASE, &many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(jar.sent(BASE, 0).split("; ").count(), MAX_COOKIES);
        assert!(jar.sent(BASE, 0).ends_with("n99=1"));
    }

    #[test]
    fn a_jar_that_is_switched_off_keeps_nothing_and_shows_nothing() {
        let jar = Jar::new();
        jar.set(BASE, &["secret=1; Path=/"]);
        assert!(!format!("{:?}", jar.0).contains("secret"));
        jar.0.keep(false);
        jar.set(BASE, &["secret=1; Path=/"]);
        assert_eq!(jar.sent(BASE, 0), "");
        jar.0.keep(true);
        jar.set(BASE, &["secret=1; Path=/"]);
        assert_eq!(jar.sent(BASE, 0), "secret=1");
    }
}
