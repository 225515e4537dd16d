//! Base64url without padding (RFC 7515 Section 2, RFC 8555 Section 6.1).

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Encodes octets in the URL-safe alphabet, without `=` and without line breaks.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends octets as [`encode`] writes them.
pub(crate) fn push(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Decodes text in the canonical form that [`encode`] writes, and rejects every other form.
///
/// # Errors
///
/// Fails on padding, white space, `+` and `/`, impossible lengths, and trailing bits that are not
/// zero. The writer of the text is at fault. RFC 8555 Section 6.1 requires that text with `=` is
/// rejected.
pub fn decode(text: &str) -> Result<Vec<u8>, InvalidBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidBase64Url(()))
}

/// The text is not canonical base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding")]
pub struct InvalidBase64Url(());

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn the_rfc_example_is_encoded_and_decoded() {
        // covers 8555-6.1-7
        assert_eq!(encode(&[0x03, 0xec, 0xff, 0xe0, 0xc1]), "A-z_4ME");
        assert_eq!(decode("A-z_4ME").unwrap(), [0x03, 0xec, 0xff, 0xe0, 0xc1]);
        assert_eq!(encode(b"{}"), "e30");
        assert_eq!(encode(b""), "");
        assert_eq!(decode("").unwrap(), b"");
    }

    #[test]
    fn padding_white_space_and_the_other_alphabet_are_refused() {
        for text in ["A-z_4ME=", "A+z/4ME", "A-z_4ME\n", " A-z_4ME", "A-z_ 4ME", "ä"] {
            // covers 8555-6.1-8, 7515-2-1
            assert!(decode(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn impossible_lengths_and_trailing_bits_are_refused() {
        // covers 7515-2-2
        assert!(decode("A").is_err());
        assert!(decode("AB").is_err());
        assert_eq!(decode("AA").unwrap(), [0]);
        assert!(decode("AAB").is_err());
    }
}
