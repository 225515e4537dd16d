//! Requests and responses, as plain data.
//!
//! The `http` crate does not build without `std`, hence these small types of our own.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::url::Url;

/// The method of a [`Request`]; ACME uses no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`: the directory, and the few resources that need no signature.
    Get,
    /// `HEAD`: newNonce.
    Head,
    /// `POST`: everything that is signed.
    Post,
}

impl Method {
    /// Returns the method as it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request that the driver is to send exactly as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Method,
    url: Url,
    headers: Headers,
    body: Vec<u8>,
}

impl Request {
    /// Creates a request without headers or body.
    pub const fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Headers::new(), body: Vec::new() }
    }

    /// Adds a header field.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Returns the method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Returns the URL, character for character as the server gave it.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the header fields.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the body; empty for `GET` and `HEAD`.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes the request apart, so that a driver need not copy the body.
    pub fn into_parts(self) -> (Method, Url, Headers, Vec<u8>) {
        (self.method, self.url, self.headers, self.body)
    }
}

/// A response, as far as the driver received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    truncated: bool,
}

impl Response {
    /// Creates a response without headers or body.
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Headers::new(), body: Vec::new(), truncated: false }
    }

    /// Adds a header field; call it once for every line, repeated names included.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Marks the body as cut off: at the body limit, by the time limit, or by a lost connection.
    ///
    /// Status and headers are then still used (the nonce among them), the body is not.
    pub const fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    /// Returns the status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the header fields.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns whether the body is cut off.
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// Header fields in order; names compare without regard to ASCII case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<(String, String)>,
}

impl Headers {
    /// The largest number of fields that is kept; further ones are ignored.
    pub const MAX_FIELDS: usize = 128;

    /// Creates an empty list.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// Appends a field; a name that is there already is repeated, not replaced.
    pub fn append(&mut self, name: &str, value: &str) {
        if self.fields.len() < Self::MAX_FIELDS {
            self.fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Returns every value of `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Returns the first value of `name`.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Returns every field as (lower-case name, value).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}
