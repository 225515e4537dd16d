//! What is said to a request over plain HTTP.

/// The answer to a request over plain HTTP, for whatever server sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpAnswer {
    /// 200, with the key authorization of a challenge as body.
    KeyAuthorization(String),
    /// 308, with the URL to go to.
    Redirect(String),
    /// 400: the request is malformed, or its `Host` header is.
    BadRequest,
    /// 404: no such challenge is published.
    NotFound,
    /// 405: only GET and HEAD are allowed.
    MethodNotAllowed,
}

impl HttpAnswer {
    /// Returns the status code.
    pub const fn status(&self) -> u16 {
        match self {
            Self::KeyAuthorization(_) => 200,
            Self::Redirect(_) => 308,
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
        }
    }

    /// Returns the header that this status calls for, with its name in lower case.
    ///
    /// Those that describe the body are not among them.
    pub fn header(&self) -> Option<(&'static str, &str)> {
        match self {
            // RFC 8555 section 8.3 leaves the type open, and this one keeps browsers from guessing.
            Self::KeyAuthorization(_) => Some(("content-type", "application/octet-stream")),
            Self::Redirect(location) => Some(("location", location)),
            Self::MethodNotAllowed => Some(("allow", "GET, HEAD")),
            Self::BadRequest | Self::NotFound => None,
        }
    }

    /// Returns the body, empty but for a challenge. A response to HEAD leaves it out.
    pub fn body(&self) -> &str {
        match self {
            Self::KeyAuthorization(body) => body,
            _ => "",
        }
    }

    /// Writes an HTTP/1.1 response, after which the connection is closed.
    pub(super) fn to_http1(&self, with_body: bool) -> Vec<u8> {
        let (status, reason) = match self {
            Self::KeyAuthorization(_) => (200, "OK"),
            Self::Redirect(_) => (308, "Permanent Redirect"),
            Self::BadRequest => (400, "Bad Request"),
            Self::NotFound => (404, "Not Found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
        };
        let header = self.header().map_or_else(String::new, |(name, value)| {
            let name = match name {
                "content-type" => "Content-Type",
                "location" => "Location",
                _ => "Allow",
            };
            format!("{name}: {value}\r\n")
        });
        // The response to HEAD has the length of the body that GET would return.
        let length = self.body().len();
        let body = if with_body { self.body() } else { "" };
        format!(
            "HTTP/1.1 {status} {reason}\r\n{header}Content-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
