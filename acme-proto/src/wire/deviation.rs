//! Violations of the RFC that are reported and tolerated.

use crate::text::printable;
use alloc::string::String;
use core::fmt;

/// A violation of the RFC by the server that the client tolerates.
///
/// `Display` writes one escaped line.
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

    /// Returns where the deviation is: `body`, the name of a header, or the path of a member such as `challenges[2].url`.
    ///
    /// It may contain unescaped text from the server.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns whether every response of this kind from a widely used CA deviates like this, so that it is no news to
    /// the user of a program.
    ///
    /// Let's Encrypt's accounts have no `orders`, which RFC 8555 Section 7.1.2 requires.
    pub fn is_routine(&self) -> bool {
        self.kind == DeviationKind::Missing && self.field == "orders"
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
    /// A required member is absent. Its default is used, if it has one.
    Missing,
    /// The value has the wrong type or syntax. It is treated as absent.
    Malformed,
    /// The value is unknown to this client. It is kept.
    UnknownValue(String),
    /// The entry of a list is unusable because of this member. The entry is omitted.
    BadSibling,
    /// The text is not an absolute `http` or `https` URL. It is treated as absent.
    NotAbsoluteUrl,
    /// The URL is not an `https` URL. It is treated as absent, unless it is only a page for humans.
    NotHttps,
    /// There are more entries, or deeper ones, than are kept.
    TooMany {
        /// The number of entries, or the depth, that is kept.
        limit: usize,
    },
    /// The token is too short for 128 bits of entropy (RFC 8555 Section 8.1). It is still used.
    TooShort,
    /// The member or text is not allowed in this place. It is omitted.
    Unexpected,
    /// The member names an account other than ours. The challenge that contains it is not used.
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

    #[test]
    fn only_what_large_cas_always_do_is_routine() {
        assert!(Deviation::new("orders", DeviationKind::Missing).is_routine());
        assert!(!Deviation::new("orders", DeviationKind::Malformed).is_routine());
        assert!(!Deviation::new("status", DeviationKind::Missing).is_routine());
    }
}
