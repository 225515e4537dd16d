//! URLs, stored character for character.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Write as _};
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use iri_string::types::{UriAbsoluteStr, UriReferenceStr, UriStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An absolute `https` or `http` URL with a host, exactly as received.
///
/// A server compares the `url` and `kid` of a request with its own text, so a URL is never
/// normalized (RFC 8555 Section 6.4). Clones share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    text: Arc<str>,
}

/// The text is not a usable URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable URL ({reason}): {text}; give an absolute https URL")]
pub struct InvalidUrl {
    text: String,
    reason: &'static str,
}

impl Url {
    /// The maximum length of a URL, in octets.
    pub const MAX_LEN: usize = 2048;

    /// Validates a URL and stores it unchanged.
    ///
    /// # Errors
    /// [`InvalidUrl`] if the URL is relative, has another scheme, no host, user information or a
    /// fragment, is too long, or has characters that RFC 3986 does not allow.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        match fault(text) {
            None => Ok(Self { text: Arc::from(text) }),
            Some(reason) => Err(InvalidUrl { text: crate::text::printable(text, 120), reason }),
        }
    }

    /// Returns the URL, unchanged.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.text.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    /// Returns host and port as written in the URL.
    pub fn authority(&self) -> &str {
        let rest = self.after_scheme();
        &rest[..rest.find(['/', '?']).unwrap_or(rest.len())]
    }

    /// Returns the host. An IPv6 address is returned without its brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        if let Some(rest) = authority.strip_prefix('[') {
            return rest.split(']').next().unwrap_or(rest);
        }
        authority.split(':').next().unwrap_or(authority)
    }

    /// Returns the port, or that of the scheme if none is given.
    pub fn port(&self) -> u16 {
        let authority = self.authority();
        // The colons of an IPv6 address lie before its closing bracket.
        let after_host = authority.rsplit(']').next().unwrap_or(authority);
        let given = after_host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        given.unwrap_or_else(|| if self.is_https() { 443 } else { 80 })
    }

    /// Returns path and query as in a request line, with `/` for an empty path.
    pub fn path_and_query(&self) -> String {
        let rest = self.after_scheme();
        let path = &rest[rest.find(['/', '?']).unwrap_or(rest.len())..];
        if path.starts_with('/') { String::from(path) } else { alloc::format!("/{path}") }
    }

    /// Returns whether the host is this machine: `localhost`, `127.0.0.0/8` or `::1`.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let host = host.strip_suffix('.').unwrap_or(host);
        host.eq_ignore_ascii_case("localhost")
            || host.to_ascii_lowercase().ends_with(".localhost")
            || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
            || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Returns whether the scheme is `https`, or `http` on this machine if `http` is allowed.
    ///
    /// Requests over plain HTTP would reveal nonces and account URLs, and could be altered
    /// (CVE-2025-54799). Test servers on the loopback interface are the exception.
    pub(crate) fn is_https_or_allowed(&self, http: bool) -> bool {
        self.is_https() || (http && self.is_loopback())
    }

    /// Resolves a reference against this URL (RFC 3986 Section 5). An absolute URL stays unchanged.
    ///
    /// # Errors
    /// [`InvalidUrl`] if the reference or the result is not a usable URL.
    pub fn resolve(&self, reference: &str) -> Result<Self, InvalidUrl> {
        let invalid = || InvalidUrl {
            text: crate::text::printable(reference, 120),
            reason: "not allowed by RFC 3986",
        };
        Self::parse(&self.resolve_text(reference).ok_or_else(invalid)?)
    }

    /// Resolves a reference whose result may be any URI, including one with a fragment.
    pub(crate) fn resolve_text(&self, reference: &str) -> Option<String> {
        if reference.len() > Self::MAX_LEN {
            return None;
        }
        // Resolution would normalize the path, so an absolute URL must not go through it.
        if UriStr::new(reference).is_ok() {
            return Some(String::from(reference));
        }
        let relative = UriReferenceStr::new(reference).ok()?;
        let base = UriAbsoluteStr::new(&self.text).ok()?;
        let mut resolved = String::new();
        write!(resolved, "{}", relative.resolve_against(base)).ok()?;
        Some(resolved)
    }

    /// Appends a slash and a segment by plain concatenation (RFC 9773 Section 4.1).
    ///
    /// # Errors
    /// [`InvalidUrl`] if the result is too long or not allowed.
    pub fn join_segment(&self, segment: &str) -> Result<Self, InvalidUrl> {
        Self::parse(&alloc::format!("{}/{segment}", self.text))
    }

    fn after_scheme(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, rest)| rest)
    }
}

/// Returns the reason why a URL is unusable, if it is.
fn fault(text: &str) -> Option<&'static str> {
    if text.len() > Url::MAX_LEN {
        return Some("too long");
    }
    let Ok(uri) = UriAbsoluteStr::new(text) else {
        return Some(if text.contains('#') { "with a fragment" } else { "not absolute" });
    };
    let scheme = uri.scheme_str();
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Some("neither https nor http");
    }
    let Some(authority) = uri.authority_components() else {
        return Some("without a host");
    };
    let port = authority.port();
    if authority.host().is_empty() {
        return Some("without a host");
    }
    // User information would be sent to the server as credentials, or hide the real host from a
    // reader.
    if authority.userinfo().is_some() {
        return Some("with user information");
    }
    // RFC 3986 also allows address formats of the future in brackets, which nothing can connect to.
    let literal = authority.host().strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if literal.is_some_and(|host| host.parse::<Ipv6Addr>().is_err()) {
        return Some("with an address that is not IPv6 in its brackets");
    }
    // An empty port means the default (RFC 3986 Section 3.2.3). Port 0 cannot be connected to.
    if port.is_some_and(|p| !p.is_empty() && !matches!(p.parse::<u16>(), Ok(1..))) {
        return Some("with a bad port");
    }
    None
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.text)
    }
}

impl AsRef<str> for Url {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Url {
    type Error = InvalidUrl;

    fn try_from(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Url {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        Self::parse(&text)
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_url_stays_as_it_was_given() {
        let odd = "https://EXAMPLE.com:443/a/../b?q=%7e";
        // covers 8555-6.4-1
        assert_eq!(url(odd).as_str(), odd);
        assert_eq!(url("https://h.example").resolve(odd).unwrap().as_str(), odd);
    }

    #[test]
    fn what_is_no_absolute_web_url_is_refused() {
        for bad in [
            "",
            "/acct/1",
            "javascript:alert(1)",
            "ftp://h/",
            "https://",
            "https:///x",
            "https://u@h/",
            "https://h/#f",
            "https://h/a b",
            "https://h/\n",
            "https://h:99999/",
            "https://h:0/",
            "https://[v1.x]/",
            "https://[::1/",
            "https://h\\@evil.example/",
            "https://h/%zz",
            "https:h",
            "//h/x",
            "https://h/<x>",
        ] {
            // covers fld-gen-8
            assert!(Url::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Url::parse(&alloc::format!("https://h/{}", "x".repeat(Url::MAX_LEN))).is_err());
    }

    #[test]
    fn the_parts_are_found() {
        let u = url("https://[2001:db8::1]:8443/dir?x=1");
        assert_eq!((u.host(), u.port()), ("2001:db8::1", 8443));
        assert_eq!((u.authority(), &*u.path_and_query()), ("[2001:db8::1]:8443", "/dir?x=1"));
        let u = url("http://h.example?x");
        assert_eq!((u.host(), u.port(), &*u.path_and_query()), ("h.example", 80, "/?x"));
        assert!(!u.is_https() && url("HTTPS://h").is_https());
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for yes in
            ["https://localhost/", "https://a.LOCALHOST", "http://127.9.9.9", "https://[::1]:1/"]
        {
            assert!(url(yes).is_loopback(), "{yes}");
        }
        for no in ["https://localhost.example", "https://128.0.0.1", "https://[::2]"] {
            assert!(!url(no).is_loopback(), "{no}");
        }
    }

    #[test]
    fn relative_references_are_resolved() {
        let base = url("https://h.example:8443/acme/new-acct");
        let resolve = |r| base.resolve(r).map(|u| String::from(u.as_str()));
        // covers 8555-6.4-6
        assert_eq!(resolve("/acct/1").unwrap(), "https://h.example:8443/acct/1");
        assert_eq!(resolve("acct/1").unwrap(), "https://h.example:8443/acme/acct/1");
        assert_eq!(resolve("//other.example/x").unwrap(), "https://other.example/x");
        for (reference, expected) in [
            ("/b%7e?q=%2f", "https://h.example:8443/b%7e?q=%2f"),
            ("../../../g;x=1/./y", "https://h.example:8443/g;x=1/y"),
            ("?y", "https://h.example:8443/acme/new-acct?y"),
            ("", "https://h.example:8443/acme/new-acct"),
            ("..//g", "https://h.example:8443//g"),
        ] {
            assert_eq!(resolve(reference).unwrap(), expected, "{reference}");
        }
        assert!(resolve("javascript:x").is_err());
        assert!(resolve("a b").is_err());
    }
}
