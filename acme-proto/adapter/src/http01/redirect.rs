//! Redirecting requests over plain HTTP to HTTPS.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::HttpAnswer;

/// Redirects requests over plain HTTP to the same URL with `https`.
///
/// The host stays that of the request, so that a redirect leads nowhere but to where the client
/// wanted to go; path and query stay too. A request whose host or path is malformed gets 400.
///
/// ```
/// use acme_adapter::http01::{HttpAnswer, HttpsRedirect};
///
/// let answer = HttpsRedirect::new().answer("GET", Some("example.org:80"), "/a?b=c");
/// assert_eq!(answer, HttpAnswer::Redirect("https://example.org/a?b=c".into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpsRedirect {
    port: u16,
}

impl HttpsRedirect {
    /// Redirects to port 443.
    pub const fn new() -> Self {
        Self { port: HTTPS_PORT }
    }

    /// Redirects to another port.
    pub const fn with_port(self, port: u16) -> Self {
        Self { port }
    }

    /// Returns the port that it redirects to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the answer to a request: a redirect for GET and HEAD, and a refusal otherwise.
    ///
    /// `host` is the `Host` header, with or without port, or the authority of a URI in absolute
    /// form or of HTTP/2. `target` is the path with the query.
    ///
    /// A body and credentials that a client sends over plain HTTP are in the open already. Other
    /// methods are refused, so that its author notices.
    pub fn answer(&self, method: &str, host: Option<&str>, target: &str) -> HttpAnswer {
        if !matches!(method, "GET" | "HEAD") {
            return HttpAnswer::MethodNotAllowed;
        }
        let target = if target.is_empty() { "/" } else { target };
        match host.and_then(valid_host) {
            Some(host) if is_target(target) => {
                let port = match self.port {
                    HTTPS_PORT => String::new(),
                    port => format!(":{port}"),
                };
                HttpAnswer::Redirect(format!("https://{host}{port}{target}"))
            }
            _ => HttpAnswer::BadRequest,
        }
    }
}

impl Default for HttpsRedirect {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the host of a `Host` header without its port, if it is a name or an IP address.
fn valid_host(header: &str) -> Option<&str> {
    let (host, port) = match header.rsplit_once(':') {
        // Within brackets a colon belongs to the address.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (header, ""),
    };
    let valid = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok() || is_name(host),
    };
    (valid && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

/// Returns whether this can be the name of a host; underscores occur in practice.
fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

/// Returns whether this is a path, with nothing in it that a header cannot hold.
fn is_target(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic())
}

const HTTPS_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    fn get(host: &str, target: &str) -> HttpAnswer {
        HttpsRedirect::new().answer("GET", Some(host), target)
    }

    #[test]
    fn the_host_stays_and_its_port_goes() {
        for (host, target, location) in [
            ("example.org", "/", "https://example.org/"),
            ("Example.ORG:8080", "/a/b?c=d&e", "https://Example.ORG/a/b?c=d&e"),
            ("example.org.:", "", "https://example.org./"),
            ("192.0.2.1:80", "/", "https://192.0.2.1/"),
            ("[2001:db8::1]", "/", "https://[2001:db8::1]/"),
            ("[2001:db8::1]:80", "/", "https://[2001:db8::1]/"),
            ("a_b.example", "//evil.example/", "https://a_b.example//evil.example/"),
            ("a.example", "/@evil.example", "https://a.example/@evil.example"),
        ] {
            assert_eq!(get(host, target), HttpAnswer::Redirect(location.into()), "{host}");
        }
        let other = HttpsRedirect::new().with_port(8443).answer("HEAD", Some("[::1]:80"), "/a");
        assert_eq!(other, HttpAnswer::Redirect("https://[::1]:8443/a".into()));
    }

    #[test]
    fn whatever_is_no_host_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for host in [
            "",
            ":80",
            ".",
            "a..b",
            "evil.example/",
            "user@evil.example",
            "a.example:80@evil.example",
            "evil.example#",
            "evil.example?",
            "a b",
            "a\r\nX: y",
            "[::1",
            "::1",
            "[a.example]",
            "[::1]a",
            "a.example:http",
            "a%2eexample",
            "\\evil.example",
            "\u{fc}.example",
            &long,
            &"a.".repeat(200),
        ] {
            assert_eq!(get(host, "/"), HttpAnswer::BadRequest, "{host:?}");
        }
        assert_eq!(HttpsRedirect::new().answer("GET", None, "/"), HttpAnswer::BadRequest);
    }

    #[test]
    fn whatever_is_no_path_is_refused() {
        for target in ["*", "a", ".evil.example/", "@evil.example", "/a b", "/\r\nX: y", "/\u{fc}"]
        {
            assert_eq!(get("a.example", target), HttpAnswer::BadRequest, "{target:?}");
        }
    }

    #[test]
    fn what_is_not_get_or_head_is_refused() {
        for method in ["POST", "PUT", "OPTIONS", "get", ""] {
            let answer = HttpsRedirect::new().answer(method, Some("a.example"), "/");
            assert_eq!(answer, HttpAnswer::MethodNotAllowed, "{method}");
        }
    }
}
