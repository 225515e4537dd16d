//! Breaches of the RFC that are reported and survived.

use crate::text::printable;
use alloc::string::String;
use core::fmt;

/// A survivable breach of the RFC by the server.
///
/// `Display` is one escaped line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deviation {
    field: String,
    kind: DeviationKind,
}

impl Deviation {
    pub(crate) fn new(field: impl Into<String>, kind: DeviationKind) -> Self {
        Self { field: field.into(), kind }
    }

    /// Returns where: the path of a member such as `challenges[2].url`, `body`, or a header's name.
    ///
    /// Parts of it may be the server's text, unescaped.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns what was wrong.
    pub const fn kind(&self) -> &DeviationKind {
        &self.kind
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.field, 160), self.kind)
    }
}

/// What was wrong with a member.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviationKind {
    /// A required member is absent; its default is used, if it has one.
    Missing,
    /// The value is of the wrong type or syntax; it counts as absent.
    Malformed,
    /// The value is not one that this client knows; it is kept.
    UnknownValue(String),
    /// The entry of a list is unusable because of this member; the entry is left out.
    BadSibling,
    /// The text is no absolute http(s) URL; it counts as absent.
    NotAbsoluteUrl,
    /// The URL is not an `https:` one; it counts as absent, unless it is only a page for humans.
    NotHttps,
    /// There is more of it than is kept.
    TooMany {
        /// How many, or how deep, are kept.
        limit: usize,
    },
    /// The token cannot hold the 128 bits that are asked for (RFC 8555 section 8.1); it is used.
    TooShort,
    /// The member or text must not stand there; it is left out.
    Unexpected,
    /// It names another account than ours; what it stands in is not used.
    ForeignAccount,
}

impl fmt::Display for DeviationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Malformed => f.write_str("malformed, ignored"),
            Self::UnknownValue(value) => write!(f, "unknown value \"{}\"", printable(value, 120)),
            Self::BadSibling => f.write_str("unusable, so the entry is skipped"),
            Self::NotAbsoluteUrl => f.write_str("not an absolute URL, ignored"),
            Self::NotHttps => f.write_str("not an https URL"),
            Self::TooMany { limit } => write!(f, "more than {limit}, the rest is ignored"),
            Self::TooShort => f.write_str("too short to be a secret"),
            Self::Unexpected => f.write_str("must not stand there, ignored"),
            Self::ForeignAccount => f.write_str("another account than ours, so it is not used"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_deviation_is_one_escaped_line() {
        let deviation =
            Deviation::new("meta.profiles.a\nb", DeviationKind::UnknownValue("\u{7}".into()));
        assert_eq!(deviation.to_string(), "meta.profiles.a\\nb: unknown value \"\\u{7}\"");
    }
}
