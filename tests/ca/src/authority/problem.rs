//! Problem documents (RFC 7807, RFC 8555 Section 6.7).

use serde_json::{Map, Value, json};

use super::identifier::Identifier;

const URN: &str = "urn:ietf:params:acme:error:";

/// Represents an error as a problem document, with the HTTP status it is sent with.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: u16,
    kind: String,
    detail: String,
    more: Box<More>,
}

/// The rarer parts, in a box of their own because every `Result` has room for a problem.
#[derive(Clone, Debug, Default, PartialEq)]
struct More {
    identifier: Option<Identifier>,
    subproblems: Vec<Problem>,
    members: Map<String, Value>,
    headers: Vec<(String, String)>,
}

impl Problem {
    /// Creates a problem; `kind` is the type without its URN prefix, such as `unauthorized`.
    pub fn new(status: u16, kind: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, kind: kind.into(), detail: detail.into(), more: Box::default() }
    }

    /// Creates a `malformed` problem with status 400.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(400, "malformed", detail)
    }

    /// Creates an `unauthorized` problem with status 403.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(403, "unauthorized", detail)
    }

    /// Names the identifier that the problem is about.
    #[must_use]
    pub fn with_identifier(mut self, identifier: Identifier) -> Self {
        self.more.identifier = Some(identifier);
        self
    }

    /// Adds a problem about a single identifier (RFC 8555 Section 6.7.1).
    #[must_use]
    pub fn with_subproblem(mut self, subproblem: Self) -> Self {
        self.more.subproblems.push(subproblem);
        self
    }

    /// Adds a member to the document, such as `instance`.
    #[must_use]
    pub fn with_member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.more.members.insert(name.into(), value.into());
        self
    }

    /// Adds a header field to the response that carries the problem.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.more.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the type without its URN prefix.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the human-readable explanation.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the header fields of the response that carries the problem.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.more.headers
    }

    /// Returns the problem document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = self.document(false);
        document.insert("status".to_owned(), json!(self.status));
        Value::Object(document)
    }

    fn document(&self, nested: bool) -> Map<String, Value> {
        let mut document = self.more.members.clone();
        document.insert("type".to_owned(), json!(format!("{URN}{}", self.kind)));
        document.insert("detail".to_owned(), json!(self.detail));
        if let Some(identifier) = &self.more.identifier {
            document.insert("identifier".to_owned(), identifier.to_json());
        }
        if !nested && !self.more.subproblems.is_empty() {
            let nested = self.more.subproblems.iter().map(|p| Value::Object(p.document(true)));
            document.insert("subproblems".to_owned(), Value::Array(nested.collect()));
        }
        document
    }
}
