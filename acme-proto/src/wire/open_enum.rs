//! Enumerations that a registry or a server may extend.

/// An enumeration with a variant for unknown values.
pub(super) trait OpenEnum: for<'a> From<&'a str> {
    /// Returns the value if it is unknown.
    fn unknown(&self) -> Option<&str>;
}

/// Defines an enumeration of strings, with `Other` for unknown values.
///
/// Values are compared exactly, including their case.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// An unknown value, exactly as received.
            Other(alloc::string::String),
        }

        impl $name {
            /// Returns the value exactly as in the object.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(other) => other,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.into()),
                }
            }
        }

        impl From<alloc::string::String> for $name {
            fn from(text: alloc::string::String) -> Self {
                match Self::from(text.as_str()) {
                    Self::Other(_) => Self::Other(text),
                    known => known,
                }
            }
        }

        impl core::str::FromStr for $name {
            type Err = core::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(text))
            }
        }

        impl core::fmt::Display for $name {
            /// Writes the value. An unknown value is escaped and truncated.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&$crate::text::printable(self.as_str(), 120))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <alloc::string::String as serde::Deserialize>::deserialize(deserializer)
                    .map(Self::from)
            }
        }

        impl $crate::wire::open_enum::OpenEnum for $name {
            fn unknown(&self) -> Option<&str> {
                match self {
                    Self::Other(other) => Some(other),
                    _ => None,
                }
            }
        }
    };
}
pub(super) use open_enum;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use crate::identifier::Identifier;
    use crate::wire::{
        AccountStatus, AuthorizationStatus, ChallengeKind, ChallengeStatus, OrderStatus,
        ProblemType,
    };

    #[test]
    fn every_status_of_the_rfc_is_known() {
        for text in ["valid", "deactivated", "revoked"] {
            // covers 8555-7.1.6-1
            assert!(!matches!(AccountStatus::from(text), AccountStatus::Other(_)), "{text}");
        }
        for text in ["pending", "valid", "invalid", "deactivated", "expired", "revoked"] {
            let status = AuthorizationStatus::from(text);
            // covers 8555-7.1.6-1
            assert!(!matches!(status, AuthorizationStatus::Other(_)), "{text}");
        }
        for text in ["pending", "ready", "processing", "valid", "invalid", "canceled"] {
            // covers 8555-7.1.6-1
            assert!(!matches!(OrderStatus::from(text), OrderStatus::Other(_)), "{text}");
        }
        for text in ["pending", "processing", "valid", "invalid"] {
            // covers 8555-7.1.6-1
            assert!(!matches!(ChallengeStatus::from(text), ChallengeStatus::Other(_)), "{text}");
        }
    }

    #[test]
    fn registries_are_open() {
        let new = "brand-new-01";
        // covers 8555-9.7-1
        assert_eq!(ChallengeKind::from(new), ChallengeKind::Other(new.into()));
        let urn = "urn:ietf:params:acme:error:brandNew";
        // covers 8555-9.7-1
        assert_eq!(ProblemType::from(urn), ProblemType::Other(urn.into()));
        let identifier = Identifier::from_wire("brandNew", "x");
        // covers 8555-9.7-1
        assert_eq!((identifier.kind(), &*identifier.value()), ("brandNew", "x"));
    }

    #[test]
    fn a_canceled_order_of_automatic_renewal_is_known() {
        // covers 8739-3.1.1-5
        assert_eq!(OrderStatus::from("canceled"), OrderStatus::Canceled);
    }

    #[test]
    fn letter_case_counts() {
        // covers 8555-7.1.6-7
        assert_eq!(OrderStatus::from("Valid"), OrderStatus::Other("Valid".into()));
    }

    #[test]
    fn text_and_value_are_each_other_s_inverse() {
        for text in
            ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01", "x-9", ""]
        {
            let kind: ChallengeKind = text.parse().unwrap();
            assert_eq!(kind.as_str(), text);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<ChallengeKind>(&json).unwrap(), kind);
        }
    }

    #[test]
    fn an_unknown_value_is_shown_escaped() {
        assert_eq!(OrderStatus::from("\u{1b}[2J").to_string(), "\\u{1b}[2J");
    }
}
