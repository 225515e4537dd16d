//! JWK thumbprints (RFC 7638).

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::jose::base64url;

/// The SHA-256 thumbprint of a public key (RFC 7638; RFC 8555 Section 8.1 fixes the hash).
///
/// It is displayed and serialized as 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Creates a thumbprint from the octets of the digest.
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Parses a thumbprint of 43 base64url characters.
    ///
    /// # Errors
    ///
    /// Fails unless the text is canonical base64url of exactly 32 octets.
    pub fn parse(text: &str) -> Result<Self, InvalidThumbprint> {
        let octets = base64url::decode(text).map_err(|_| InvalidThumbprint(()))?;
        octets.try_into().map(Self).map_err(|_| InvalidThumbprint(()))
    }

    /// Returns the octets of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl core::str::FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The text is not a SHA-256 thumbprint in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 thumbprint: 43 characters of base64url are expected")]
pub struct InvalidThumbprint(());

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const TEXT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    #[test]
    fn text_and_json_forms_round_trip() {
        let thumbprint = Thumbprint::parse(TEXT).unwrap();
        assert_eq!(thumbprint.to_string(), TEXT);
        let json = serde_json::to_string(&thumbprint).unwrap();
        assert_eq!(json, alloc::format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<Thumbprint>(&json).unwrap(), thumbprint);
    }

    #[test]
    fn other_lengths_and_alphabets_are_refused() {
        for text in ["", "kPrK", &TEXT[1..], &alloc::format!("{TEXT}="), &alloc::format!("{TEXT}A")]
        {
            assert!(Thumbprint::parse(text).is_err(), "{text:?}");
        }
    }
}
