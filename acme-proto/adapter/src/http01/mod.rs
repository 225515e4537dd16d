//! Responses to http-01 validations (RFC 8555 section 8.3).

mod answer;
mod redirect;

use std::sync::{Arc, Mutex, MutexGuard};

use acme_proto::challenge::{Challenge, Http01};
use acme_proto::sorted::SortedMap;

use crate::locked;

pub use self::answer::HttpAnswer;
pub use self::redirect::HttpsRedirect;

/// The challenges that are published at present; clones share one table.
///
/// It is a solver of the adapters for users with their own HTTP server: pass one clone to the
/// issuance, and use another in the server.
///
/// The CA connects to port 80 of the name, and follows redirects. So whoever can redirect it, for
/// example by a catch-all rule for unknown paths, or can write below
/// `/.well-known/acme-challenge/`, can get certificates for the name as well (RFC 8555 section
/// 10.2). Serve this path from the table alone. The table holds published challenges only, and
/// never repeats parts of a request (section 11.3).
///
/// ```
/// let table = acme_adapter::http01::Http01Handler::new();
/// // In the server, for every request to /.well-known/acme-challenge/:
/// let body = table.respond(Some("example.org"), "/.well-known/acme-challenge/token");
/// assert!(body.is_none(), "404: no such challenge is published");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Http01Handler {
    entries: Arc<Mutex<Entries>>,
}

/// Each host with its body, by path. Few hosts share a path.
type Entries = SortedMap<String, Vec<(String, String)>>;

impl Http01Handler {
    /// Creates an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes a challenge. Publishing it twice has no further effect; other kinds are ignored.
    pub fn insert(&self, challenge: &Challenge) {
        if let Some(Http01 { host, path, body, .. }) = challenge.http_01() {
            let host = canonical(&host);
            let mut entries = self.lock();
            let hosts = entries.or_default(path);
            hosts.retain(|(other, _)| *other != host);
            hosts.push((host, body));
        }
    }

    /// Removes a challenge, if it is published.
    pub fn remove(&self, challenge: &Challenge) {
        let Some(Http01 { host, path, .. }) = challenge.http_01() else { return };
        let mut entries = self.lock();
        if let Some(hosts) = entries.get_mut(&path) {
            let host = canonical(&host);
            hosts.retain(|(other, _)| *other != host);
            if hosts.is_empty() {
                entries.remove(&path);
            }
        }
    }

    /// Returns the body of the response, if a challenge is published at this path.
    ///
    /// `host` is the `Host` header, with or without port and brackets. It matters only if several
    /// names share one path: the token alone names the challenge, and behind a redirect or a
    /// reverse proxy the header may hold another name.
    pub fn respond(&self, host: Option<&str>, path: &str) -> Option<String> {
        let entries = self.lock();
        let hosts = entries.get(path)?;
        let host = host.map(|host| canonical(host_of(host)));
        let named = hosts.iter().find(|(other, _)| host.as_ref() == Some(other));
        named.or_else(|| hosts.first()).map(|(_, body)| body.clone())
    }

    /// Returns whether nothing is published.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Returns the answer to a request below `/.well-known/acme-challenge/`; `None` for other paths,
    /// which are the server's own.
    ///
    /// `host` is as for [`respond`](Self::respond), and `path` is without the query.
    pub fn answer(&self, method: &str, host: Option<&str>, path: &str) -> Option<HttpAnswer> {
        path.starts_with(CHALLENGES).then(|| match (method, self.respond(host, path)) {
            ("GET" | "HEAD", Some(body)) => HttpAnswer::KeyAuthorization(body),
            ("GET" | "HEAD", None) => HttpAnswer::NotFound,
            _ => HttpAnswer::MethodNotAllowed,
        })
    }

    /// Returns whether this is the path of a challenge that is not in the table.
    pub fn is_missing(&self, path: &str) -> bool {
        path.starts_with(CHALLENGES) && !self.lock().contains_key(path)
    }

    /// Returns whether the head of a request asks for a challenge that is not in the table.
    pub fn is_missing_for(&self, head: &[u8]) -> bool {
        Head::parse(head).is_some_and(|head| self.is_missing(head.path()))
    }

    /// Returns the HTTP/1.1 response to the head of a request; the caller then closes the
    /// connection.
    ///
    /// The status is 404 for a path that is not in the table, 405 for a method other than GET and
    /// HEAD, and 400 for a malformed request.
    pub fn answer_request(&self, head: &[u8]) -> Vec<u8> {
        self.answer_head(head, |head| match head.method {
            "GET" | "HEAD" => HttpAnswer::NotFound,
            _ => HttpAnswer::MethodNotAllowed,
        })
    }

    /// Returns what [`answer_request`](Self::answer_request) does for the paths of challenges, and
    /// a redirect to HTTPS for all others.
    pub fn answer_or_redirect(&self, head: &[u8], redirect: &HttpsRedirect) -> Vec<u8> {
        self.answer_head(head, |head| redirect.answer(head.method, head.host, head.target))
    }

    fn answer_head(&self, head: &[u8], otherwise: impl Fn(&Head<'_>) -> HttpAnswer) -> Vec<u8> {
        let Some(head) = Head::parse(head) else { return HttpAnswer::BadRequest.to_http1(true) };
        let answer = self.answer(head.method, head.host, head.path());
        answer.unwrap_or_else(|| otherwise(&head)).to_http1(head.method != "HEAD")
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        locked(&self.entries)
    }
}

/// The part of a request that matters here.
struct Head<'a> {
    method: &'a str,
    /// The path with the query.
    target: &'a str,
    host: Option<&'a str>,
}

impl<'a> Head<'a> {
    fn parse(head: &'a [u8]) -> Option<Self> {
        let mut lines = core::str::from_utf8(head).ok()?.split("\r\n");
        let mut line = lines.next()?.split(' ');
        let (method, target, version) = (line.next()?, line.next()?, line.next()?);
        if !version.starts_with("HTTP/1.") || line.next().is_some() {
            return None;
        }
        let headers = lines.filter_map(|line| line.split_once(':'));
        let mut hosts = headers.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = hosts.next().map(|(_, value)| value.trim_matches([' ', '\t']));
        // A second one is an error (RFC 9112 section 3.2): a proxy may have read the other.
        if hosts.next().is_some() {
            return None;
        }
        let (host, target) = match target.strip_prefix("http://") {
            // The absolute form, which a server must accept (RFC 9112 section 3.2.2). Its host
            // overrides the header.
            Some(rest) => {
                let slash = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..slash]), &rest[slash..])
            }
            None => (host, target),
        };
        Some(Self { method, target, host })
    }

    /// Returns the path without the query.
    fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// Strips the port and the brackets of a `Host` header.
fn host_of(header: &str) -> &str {
    match header.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => header.split(':').next().unwrap_or(header),
    }
}

/// Returns one spelling of a host: RFC 5952 for addresses, lower case for names.
fn canonical(host: &str) -> String {
    match host.parse::<core::net::IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.trim_end_matches('.').to_ascii_lowercase(),
    }
}

/// Where every challenge is published (RFC 8555 section 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

#[cfg(test)]
mod tests;
