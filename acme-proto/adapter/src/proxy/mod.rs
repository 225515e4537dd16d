//! The proxy that the environment names, and its tunnels.

mod rules;

use core::fmt;
use std::env;

use acme_proto::flow::Lost;
use acme_proto::url::Url;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use self::rules::Rules;

/// The settings in `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case.
///
/// A loopback address is never reached through a proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    https: Option<ProxyTarget>,
    http: Option<ProxyTarget>,
    except: Rules,
}

impl Proxy {
    /// Reads the environment.
    ///
    /// A CGI program ignores `HTTP_PROXY` in upper case, because the client of its server can set
    /// it.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// Never uses a proxy.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the variables through a function, so that tests do not change the environment.
    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        // An empty variable counts as unset.
        let any = |names: &[&str]| {
            let values = names.iter().filter_map(|name| get(name));
            values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
        };
        // CGI passes the header `Proxy` of a request as HTTP_PROXY; see <https://httpoxy.org>.
        let http: &[&str] = match get("REQUEST_METHOD") {
            Some(_) => &["http_proxy"],
            None => &["http_proxy", "HTTP_PROXY"],
        };
        // That of the scheme counts before that of all, as in curl.
        let target = |names: &[&str]| {
            let value = any(names).or_else(|| any(&["all_proxy", "ALL_PROXY"]));
            value.map(|value| ProxyTarget::new(&value))
        };
        Self {
            https: target(&["https_proxy", "HTTPS_PROXY"]),
            http: target(http),
            except: any(&["no_proxy", "NO_PROXY"])
                .map(|value| Rules::new(&value))
                .unwrap_or_default(),
        }
    }

    /// Returns the proxy to reach `url` through, or none if it is reached directly.
    pub fn for_url(&self, url: &Url) -> Option<ProxyTarget> {
        let proxy = if url.is_https() { &self.https } else { &self.http };
        if url.is_loopback() || self.except.cover(url.host(), url.port()) {
            return None;
        }
        proxy.clone()
    }
}

/// A proxy that makes tunnels (`CONNECT`, RFC 9110 section 9.3.6).
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyTarget {
    host: String,
    port: u16,
    authorization: Option<Zeroizing<String>>,
}

impl ProxyTarget {
    /// Reads `[http://][user:password@]host[:port]`.
    ///
    /// Any other text (a SOCKS proxy, an `https://` proxy) becomes the host of a target that
    /// [`check`](Self::check) refuses, with that text in the error. Bypassing a proxy that the user
    /// has set would be worse.
    fn new(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self {
            host: without_user(text).escape_default().to_string(),
            port: 0,
            authorization: None,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) => scheme.eq_ignore_ascii_case("http").then_some(rest)?,
            None => text,
        };
        // The last `@`: a password may contain one that is not percent-encoded.
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        // Only what follows the brackets of an IPv6 address can be a port.
        let url = if place.rsplit(']').next()?.contains(':') {
            format!("http://{place}/")
        } else {
            format!("http://{place}:{DEFAULT_PORT}/")
        };
        let url = Url::parse(&url).ok()?;
        // RFC 7617 encodes the raw octets, so the percent-encoding of the URL is removed first.
        let authorization = user.map(|user| {
            let octets = Zeroizing::new(percent_decoded(user));
            Zeroizing::new(format!("Basic {}", STANDARD.encode(&*octets)))
        });
        Some(Self { host: url.host().to_owned(), port: url.port(), authorization })
    }

    /// Refuses a proxy of a kind that these crates cannot use.
    ///
    /// # Errors
    ///
    /// Names the proxy, and what to do.
    pub fn check(&self) -> Result<(), Lost> {
        match self.port {
            0 => Err(self.failure(Lost::Blocked(
                "only http:// proxies are supported; give one in HTTPS_PROXY, or exempt the CA in NO_PROXY".into(),
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns host and port, for messages; no user name and no password.
    pub fn authority(&self) -> String {
        match (self.port, self.host.contains(':')) {
            (0, _) => self.host.clone(),
            (port, true) => format!("[{}]:{port}", self.host),
            (port, false) => format!("{}:{port}", self.host),
        }
    }

    /// Returns the request for a tunnel to the host and port of `url`.
    pub fn connect_request(&self, url: &Url) -> Vec<u8> {
        let host = if url.host().contains(':') {
            format!("[{}]:{}", url.host(), url.port())
        } else {
            format!("{}:{}", url.host(), url.port())
        };
        let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.into_bytes()
    }

    /// Names the proxy in a failure on the way through it.
    pub fn failure(&self, lost: Lost) -> Lost {
        lost.map_words(|words| format!("proxy {}: {words}", self.authority()))
    }
}

/// The head of a proxy's response to `CONNECT` (RFC 9110 section 9.3.6), while it arrives.
///
/// It is read octet by octet, because what follows the head belongs to TLS.
#[derive(Clone, Debug, Default)]
pub struct ConnectAnswer {
    head: Vec<u8>,
}

impl ConnectAnswer {
    /// Adds an octet, and returns whether the head is complete and the tunnel open.
    ///
    /// # Errors
    ///
    /// Describes why there is no tunnel: [`Lost::Blocked`] where only the user can change that.
    pub fn push(&mut self, octet: u8) -> Result<bool, Lost> {
        if self.head.len() == MAX_HEAD {
            return Err(Lost::NotSent("its answer is too long".into()));
        }
        self.head.push(octet);
        // Some proxies end their lines by LF alone.
        if !self.head.ends_with(b"\n\r\n") && !self.head.ends_with(b"\n\n") {
            return Ok(false);
        }
        self.check().map(|()| true)
    }

    fn check(&self) -> Result<(), Lost> {
        let line = self.head.split(|octet| *octet == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let status: Option<u16> = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split_ascii_whitespace().nth(1)?.parse().ok());
        match status {
            // Any 2xx opens the tunnel, and its response has no body (RFC 9110 section 9.3.6).
            Some(200..=299) => Ok(()),
            Some(407) => Err(Lost::Blocked(
                "it wants a user name and password; set them in HTTPS_PROXY".into(),
            )),
            Some(status @ (403 | 405)) => Err(Lost::Blocked(format!(
                "it forbids the tunnel with status {status}; allow the CA there, or exempt it in NO_PROXY"
            ))),
            Some(status) => {
                Err(Lost::NotSent(format!("it refused the tunnel with status {status}")))
            }
            None => Err(Lost::NotSent("its answer is not HTTP; check HTTPS_PROXY".into())),
        }
    }
}

const MAX_HEAD: usize = 8192;

impl fmt::Debug for ProxyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProxyTarget").field(&self.authority()).finish()
    }
}

/// Removes user name and password, for a message.
fn without_user(text: &str) -> String {
    match (text.rsplit_once('@'), text.split_once("://")) {
        (Some((_, place)), Some((scheme, _))) => format!("{scheme}://{place}"),
        (Some((_, place)), None) => place.to_owned(),
        (None, _) => text.to_owned(),
    }
}

/// Decodes `%XX`. A `%` without two digits stays, since a password may be written without encoding.
fn percent_decoded(text: &str) -> Vec<u8> {
    let octets = text.as_bytes();
    let mut decoded = Vec::with_capacity(octets.len());
    let mut at = 0;
    while at < octets.len() {
        let digits =
            octets.get(at + 1..at + 3).and_then(|digits| core::str::from_utf8(digits).ok());
        let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match octet {
            Some(octet) if octets[at] == b'%' => {
                decoded.push(octet);
                at += 3;
            }
            _ => {
                decoded.push(octets[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// The default port of a proxy in curl.
const DEFAULT_PORT: u16 = 1080;

#[cfg(test)]
mod tests;
