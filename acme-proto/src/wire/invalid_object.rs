//! Breaches of the RFC that cannot be survived.

use crate::text::printable;
use alloc::string::String;

use super::DeviationKind;

/// A breach of the RFC by the server that cannot be survived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidObject {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8: {snippet}")]
    NotUtf8 {
        /// The escaped beginning of the body.
        snippet: String,
    },
    /// The body is not JSON; often it is a page of HTML.
    #[error("the body is not JSON: {snippet}")]
    NotJson {
        /// The escaped beginning of the body.
        snippet: String,
    },
    /// The body is JSON, but not the object that belongs there.
    #[error("the body is not a JSON object: {snippet}")]
    NotAnObject {
        /// The escaped beginning of the body.
        snippet: String,
    },
    /// A member that nothing can be done without is absent.
    #[error("\"{}\" is missing", printable(.field, 160))]
    Missing {
        /// The path of the member.
        field: String,
    },
    /// A member that nothing can be done without is of the wrong type or syntax.
    #[error("\"{}\" is malformed", printable(.field, 160))]
    Malformed {
        /// The path of the member.
        field: String,
    },
    /// A URL that nothing can be done without is not an `https:` one.
    #[error("\"{}\" is not an https URL", printable(.field, 160))]
    NotHttps {
        /// The path of the member.
        field: String,
    },
    /// A list is longer than any honest server makes it.
    #[error("\"{}\" has more than {limit} entries", printable(.field, 160))]
    TooMany {
        /// The path of the list.
        field: String,
        /// How many entries are allowed.
        limit: usize,
    },
}

impl InvalidObject {
    /// Returns the path of the member at fault; none if it is the whole body.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::NotUtf8 { .. } | Self::NotJson { .. } | Self::NotAnObject { .. } => None,
            Self::Missing { field }
            | Self::Malformed { field }
            | Self::NotHttps { field }
            | Self::TooMany { field, .. } => Some(field),
        }
    }

    /// Makes an error of what would be survivable elsewhere.
    pub(super) fn at(field: String, kind: &DeviationKind) -> Self {
        match kind {
            DeviationKind::Missing => Self::Missing { field },
            DeviationKind::NotHttps => Self::NotHttps { field },
            DeviationKind::TooMany { limit } => Self::TooMany { field, limit: *limit },
            _ => Self::Malformed { field },
        }
    }
}
