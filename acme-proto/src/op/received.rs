//! A successful response, as an operation reads it.

use alloc::vec::Vec;

use crate::error::{Error, PeerFault};
use crate::header;
use crate::http::Response;
use crate::notice::Notice;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{self, Deviation, DeviationKind, InvalidObject, Parsed, Problem};

/// The media type of a problem document (RFC 7807 Section 6.1).
const PROBLEM: &str = "application/problem+json";
/// How a gzip stream begins (RFC 1952 Section 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// A successful response, about to be read by its operation.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) url: &'a Url,
    pub(crate) response: &'a Response,
    pub(crate) allow_http: bool,
    pub(crate) now: Timestamp,
    /// The status of the response that could not be read, where this is the one of the fallback.
    pub(crate) first_status: Option<u16>,
    pub(crate) notices: &'a mut Vec<Notice>,
}

impl Received<'_> {
    pub(crate) const fn context(&self) -> wire::Context<'_> {
        wire::Context { url: self.url, allow_http: self.allow_http }
    }

    /// Refuses a body that was longer than the limit, and cut off there.
    pub(crate) fn whole(&self) -> Result<(), Error> {
        if self.response.is_truncated() { Err(self.fault(PeerFault::Truncated)) } else { Ok(()) }
    }

    /// Reports a deviation from the RFC that does not stop the flow.
    pub(crate) fn report(&mut self, field: &str, kind: DeviationKind) {
        let deviation = Deviation::new(field, kind);
        self.notices.push(Notice::Deviation { url: self.url.clone(), deviation });
    }

    /// Unwraps a parsed object, keeping its deviations as notices.
    pub(crate) fn accept<T>(
        &mut self,
        parsed: Result<Parsed<T>, InvalidObject>,
    ) -> Result<T, Error> {
        self.whole()?;
        match parsed {
            Ok(Parsed { value, deviations }) => {
                let notice = |deviation| Notice::Deviation { url: self.url.clone(), deviation };
                self.notices.extend(deviations.into_iter().map(notice));
                Ok(value)
            }
            Err(fault) => {
                if let Some(error) = self.unusable() {
                    return Err(error);
                }
                let status = self.response.status();
                let media_type = header::media_type_in_words(self.response.headers());
                Err(self.fault(PeerFault::Object { status, media_type, fault }))
            }
        }
    }

    /// Returns why a body that cannot be parsed is none of what was asked for: it is compressed, or the CA reports an error
    /// with a status of success.
    pub(crate) fn unusable(&self) -> Option<Error> {
        let encoding = self.response.headers().first("content-encoding").unwrap_or_default();
        let body = self.response.body();
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if body.starts_with(GZIP) || (!is_plain && !body.starts_with(b"{")) {
            let shown = crate::text::printable(if is_plain { "gzip" } else { encoding }, 80);
            return Some(self.fault(PeerFault::ContentEncoding(shown)));
        }
        let problem = Problem::parse(body, self.context()).ok()?.value;
        let is_one = header::media_type(self.response.headers()).as_deref() == Some(PROBLEM);
        let says_so = problem.kind().acme_name().is_some() || is_one;
        says_so.then(|| {
            let (status, problem) = (self.response.status(), problem);
            self.fault(PeerFault::Problem { status, problem })
        })
    }

    /// Returns where a new resource is: at the `Location` of the response that created it, or, if that could not be read,
    /// where it was read instead.
    pub(crate) fn created_at(&self) -> Result<Url, Error> {
        if self.first_status.is_some() { Ok(self.url.clone()) } else { self.location() }
    }

    /// As [`usable_location`](Self::usable_location), with the reason if there is none.
    pub(crate) fn location(&self) -> Result<Url, Error> {
        let url = header::location(self.response.headers(), self.url)
            .ok_or_else(|| self.unusable().unwrap_or_else(|| self.fault(PeerFault::NoLocation)))?;
        if url.is_https_or_allowed(self.allow_http) {
            Ok(url)
        } else {
            Err(self.fault(PeerFault::NotHttps(url)))
        }
    }

    /// Returns the `Location`, if there is one that this session may use.
    pub(crate) fn usable_location(&self) -> Option<Url> {
        let url = header::location(self.response.headers(), self.url);
        url.filter(|url| url.is_https_or_allowed(self.allow_http))
    }

    /// Returns the usable targets of a relation type.
    pub(crate) fn links(&self, rel: &str) -> Vec<Url> {
        header::links(self.response.headers(), self.url)
            .into_iter()
            .filter(|link| link.has_rel(rel))
            .map(|link| link.target().clone())
            .filter(|url| url.is_https_or_allowed(self.allow_http))
            .collect()
    }

    pub(crate) fn retry_after(&self) -> Option<Timestamp> {
        header::retry_after(self.response.headers(), self.now)
    }

    pub(crate) fn fault(&self, fault: PeerFault) -> Error {
        Error::peer(self.url, fault)
    }
}

/// Reads a whole object from a response by its `parse`.
macro_rules! object {
    ($received:expr, $object:ty) => {{
        let parsed = <$object>::parse($received.response.body(), $received.context());
        $received.accept(parsed)
    }};
}
pub(crate) use object;
