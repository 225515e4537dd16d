//! Violations of the RFC that make an object unusable.

use crate::text::printable;
use alloc::string::String;

use super::DeviationKind;

/// A violation of the RFC by the server that makes an object unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidObject {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8: {snippet}")]
    NotUtf8 {
        /// The escaped beginning of the body.
        snippet: String,
    },
    /// The body is not JSON. Often it is an HTML page from a proxy or a load balancer.
    #[error("the body is not JSON: {snippet}")]
    NotJson {
        /// The escaped beginning of the body.
        snippet: String,
    },
    /// The body has more values than a body of its length has room for, so that it would take much more memory.
    #[error("the body has more than {limit} objects, or too many values")]
    TooManyValues {
        /// The number of objects that is accepted.
        limit: usize,
    },
    /// The body is JSON, but not an object.
    #[error("the body is not a JSON object: {snippet}")]
    NotAnObject {
        /// The escaped beginning of the body.
        snippet: String,
    },
    /// An indispensable member is absent.
    #[error("\"{}\" is missing", printable(.field, 160))]
    Missing {
        /// The path of the member.
        field: String,
    },
    /// An indispensable member has the wrong type or syntax.
    #[error("\"{}\" is malformed", printable(.field, 160))]
    Malformed {
        /// The path of the member.
        field: String,
    },
    /// An indispensable URL is not an `https` URL.
    #[error("\"{}\" is not an https URL", printable(.field, 160))]
    NotHttps {
        /// The path of the member.
        field: String,
    },
    /// A list is longer than this client accepts.
    #[error("\"{}\" has more than {limit} entries", printable(.field, 160))]
    TooMany {
        /// The path of the list.
        field: String,
        /// The number of entries that is accepted.
        limit: usize,
    },
}

impl InvalidObject {
    /// Returns the path of the invalid member, or `None` if it is the whole body.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::NotUtf8 { .. }
            | Self::NotJson { .. }
            | Self::TooManyValues { .. }
            | Self::NotAnObject { .. } => None,
            Self::Missing { field }
            | Self::Malformed { field }
            | Self::NotHttps { field }
            | Self::TooMany { field, .. } => Some(field),
        }
    }

    /// Converts a deviation of an indispensable member.
    pub(super) fn at(field: String, kind: &DeviationKind) -> Self {
        match kind {
            DeviationKind::Missing => Self::Missing { field },
            DeviationKind::NotHttps => Self::NotHttps { field },
            DeviationKind::TooMany { limit } => Self::TooMany { field, limit: *limit },
            _ => Self::Malformed { field },
        }
    }
}
