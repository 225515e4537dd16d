//! The core's own request and response types.

use super::kind::RequestKind;

/// Represents one HTTP request as the core sees it.
///
/// `url` is absolute (`https://host:port/path?query`), and must equal the `url` of the protected
/// header byte for byte. Names of header fields are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaRequest {
    /// The method, in capitals.
    pub method: String,
    /// The absolute URL that the client requested.
    pub url: String,
    /// Header fields in order, names in any case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The number of the connection that the request came by.
    pub connection: u64,
}

impl CaRequest {
    /// Creates a request without headers and without a body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), ..Self::default() }
    }

    /// Adds a header field.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Returns the first value of a header field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Returns the path and query: the URL without scheme and authority.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }
}

/// Represents the response of the core to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaResponse {
    /// The HTTP status code.
    pub status: u16,
    /// Header fields in order.
    pub headers: Vec<(String, String)>,
    /// The whole body, which is empty for a HEAD request.
    pub body: Vec<u8>,
    /// The kind of the request.
    pub kind: RequestKind,
    /// The problem type of an error response, without the URN prefix.
    pub problem: Option<String>,
    /// Whether the response is sent, or lost by a fault.
    pub delivery: Delivery,
    /// How long a fault delays the response, in milliseconds.
    pub delay_millis: u64,
}

impl CaResponse {
    /// Returns the first value of a header field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Returns all values of a header field.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Whether a response is sent, or lost by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The response is sent.
    Answer,
    /// The connection is closed without a response.
    Drop,
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
