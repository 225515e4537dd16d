//! Tokens and nonces: base64url text from the server, validated when it is parsed.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const MAX_LEN: usize = 512;

/// The token of a challenge (RFC 8555 Section 8.1).
///
/// It consists of base64url characters only, which makes it safe in a path, a file name or HTML.
/// Clients that wrote unchecked tokens below a web root let the server choose the path
/// (CVE-2026-40611).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

/// An anti-replay nonce, exactly as received (RFC 8555 Section 6.5.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(String);

/// The text is empty, too long, or contains a character outside of the base64url alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a base64url text")]
pub struct InvalidToken;

impl Token {
    /// Validates a token.
    ///
    /// # Errors
    /// [`InvalidToken`] if the text is unsafe in a path or a record. The server is at fault.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        checked(text).map(Self)
    }

    /// Returns the text of the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the token is too short for the 128 bits of entropy that RFC 8555 Section 8.1
    /// requires.
    pub fn is_short(&self) -> bool {
        // 22 characters of 6 bits are the fewest that hold 128 bits.
        self.0.len() < 22
    }
}

impl Nonce {
    /// Validates a nonce.
    ///
    /// # Errors
    /// [`InvalidToken`], in which case the client must ignore the header (RFC 8555 Section 6.5.1).
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        checked(text).map(Self)
    }

    /// Returns the text of the nonce.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn checked(text: &str) -> Result<String, InvalidToken> {
    // Only the alphabet is checked. Tokens and nonces are never decoded, so whether the text is the
    // encoding of whole octets does not matter.
    let alphabet = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if text.is_empty() || text.len() > MAX_LEN || !alphabet {
        return Err(InvalidToken);
    }
    Ok(String::from(text))
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn a_token_that_could_leave_its_place_is_refused() {
        for bad in
            ["../../etc/passwd", "a/b", "a%2f", "<script>", "", "abc=", "a b", "a\n", "\u{fc}"]
        {
            // covers 8555-8.1-6
            assert_eq!(Token::parse(bad), Err(InvalidToken), "{bad:?}");
        }
        assert_eq!(Token::parse("A-z_4").unwrap().as_str(), "A-z_4");
        assert!(Token::parse(&"a".repeat(513)).is_err());
    }

    #[test]
    fn a_token_of_less_than_128_bits_is_short() {
        // covers 8555-8.1-7
        assert!(Token::parse(&"a".repeat(21)).unwrap().is_short());
        assert!(!Token::parse(&"a".repeat(22)).unwrap().is_short());
    }
}
