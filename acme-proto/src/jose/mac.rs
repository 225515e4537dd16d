//! MAC keys for external account binding (RFC 8555 Section 7.3.4).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::jose::MacAlgorithm;

/// The secret that a CA issues together with a key identifier; wiped from memory when dropped.
///
/// The value of `externalAccountBinding` is a [`SigningInput`](crate::jose::SigningInput) with the
/// account key as its payload and the result of [`sign`](Self::sign) as its signature. Its
/// [`Protected`](crate::jose::Protected) header has the CA's key identifier as `kid`, the URL of
/// newAccount, and no nonce.
#[derive(Clone)]
pub struct MacKey {
    octets: Zeroizing<Vec<u8>>,
}

impl MacKey {
    /// The maximum length of a key, in octets.
    pub const MAX_LEN: usize = 1024;

    /// Creates a key from its octets.
    ///
    /// # Errors
    ///
    /// Fails if there are none, or more than [`MAX_LEN`](Self::MAX_LEN). The caller is at fault.
    pub fn from_bytes(octets: Vec<u8>) -> Result<Self, InvalidMacKey> {
        let octets = Zeroizing::new(octets);
        match octets.len() {
            0 => Err(InvalidMacKey::Empty),
            1..=Self::MAX_LEN => Ok(Self { octets }),
            _ => Err(InvalidMacKey::TooLong),
        }
    }

    /// Decodes the text form that the CA shows to its customer.
    ///
    /// RFC 8555 Section 7.3.4 recommends base64url, but some CAs show plain base64. Both are
    /// accepted, with or without padding, and with surrounding white space.
    ///
    /// # Errors
    ///
    /// Fails if the text is neither, or is empty or too long. Usually the key was copied
    /// incompletely.
    pub fn from_base64(text: &str) -> Result<Self, InvalidMacKey> {
        let text = text.trim();
        let digits = text.trim_end_matches('=');
        if digits.is_empty() {
            return Err(InvalidMacKey::Empty);
        }
        // Checked before decoding, so that no long buffer is allocated for text that cannot fit
        // anyway.
        if text.len() > Self::MAX_LEN * 4 / 3 + 4 {
            return Err(InvalidMacKey::TooLong);
        }
        // Base64 never needs more than two padding characters.
        if text.len() - digits.len() > 2 {
            return Err(InvalidMacKey::Base64);
        }
        // One alphabet decodes both. The copy has its final capacity at once, because growing it
        // would leave unwiped copies of the secret behind.
        let mut plain = Zeroizing::new(String::with_capacity(digits.len()));
        plain.extend(digits.chars().map(|digit| match digit {
            '+' => '-',
            '/' => '_',
            other => other,
        }));
        let mut octets = Zeroizing::new(Vec::new());
        LENIENT.decode_vec(plain.as_bytes(), &mut octets).map_err(|_| InvalidMacKey::Base64)?;
        // Moves the octets into the key instead of copying them.
        Self::from_bytes(core::mem::take(&mut octets))
    }

    /// Returns whether the key is shorter than RFC 7518 Section 3.2 requires for the algorithm.
    ///
    /// Some CAs issue such keys, and HMAC accepts them. Warn about them, but use them.
    pub fn is_short_for(&self, algorithm: MacAlgorithm) -> bool {
        self.octets.len() < algorithm.min_key_len()
    }

    /// Computes the HMAC of `message`, which is the signature of a JWS whose signing input is
    /// `message`.
    pub fn sign(&self, algorithm: MacAlgorithm, message: &[u8]) -> Vec<u8> {
        match algorithm {
            MacAlgorithm::Hs256 => mac::<Hmac<Sha256>>(&self.octets, message),
            MacAlgorithm::Hs384 => mac::<Hmac<Sha384>>(&self.octets, message),
            MacAlgorithm::Hs512 => mac::<Hmac<Sha512>>(&self.octets, message),
        }
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKey").finish_non_exhaustive()
    }
}

/// The MAC key is unusable; check how it was copied from the CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMacKey {
    /// There is no key.
    #[error("MAC key is empty")]
    Empty,
    /// The text is neither base64url nor base64.
    #[error("MAC key is not base64url: copy it exactly as the CA shows it")]
    Base64,
    /// The key is longer than [`MacKey::MAX_LEN`].
    #[error("MAC key is longer than 1024 octets")]
    TooLong,
}

/// Accepts trailing bits that are not zero, since the text may come from any encoder. Padding is
/// removed before decoding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::jose::{Jwk, KeyId, Protected, SigningInput, base64url};
    use crate::url::Url;

    // RFC 7515 Appendix A.1.
    #[test]
    fn the_rfc_example_is_reproduced() {
        let key = MacKey::from_base64(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        )
        .unwrap();
        assert_eq!(key.octets.len(), 64);
        let input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4\
            MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let mac = key.sign(MacAlgorithm::Hs256, input.as_bytes());
        assert_eq!(base64url::encode(&mac), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    // RFC 4231 Section 4.3 (test case 2).
    #[test]
    fn the_longer_hashes_are_used() {
        let key = MacKey::from_bytes(b"Jefe".to_vec()).unwrap();
        let message = b"what do ya want for nothing?";
        let mac = key.sign(MacAlgorithm::Hs384, message);
        // covers 7518-3.1-1
        assert_eq!((mac.len(), &mac[..4]), (48, &[0xaf, 0x45, 0xd2, 0xe3][..]));
        let mac = key.sign(MacAlgorithm::Hs512, message);
        assert_eq!((mac.len(), &mac[..4]), (64, &[0x16, 0x4b, 0x7a, 0x7b][..]));
    }

    #[test]
    fn the_external_account_binding_matches_byte_for_byte() {
        let key = MacKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let url = Url::parse("https://example.com/acme/new-account").unwrap();
        let account = Jwk::from_json(
            r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
        .unwrap();
        let protected =
            Protected { alg: "HS256", key: KeyId::Kid("kid-1"), nonce: None, url: &url };
        let input = SigningInput::new(&protected, account.to_json().as_bytes());
        let body = input.flattened(&key.sign(MacAlgorithm::Hs256, input.as_bytes()));
        let expected = concat!(
            r#"{"protected":"eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC0xIiwidXJsIjoiaHR0cHM6Ly9leGFtcGxl"#,
            r#"LmNvbS9hY21lL25ldy1hY2NvdW50In0","payload":"eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiw"#,
            r#"ieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifQ","signature":"C"#,
            r#"q2u2Wny6H-enYcA_rZNGJTkSMDxAG2-Ptzq1sNQpks"}"#,
        );
        // covers 8555-7.3.4-1, 8555-7.3.4-2, 8555-7.3.4-4, 8555-7.3.4-5, 8555-7.3.4-6
        assert_eq!(core::str::from_utf8(&body).unwrap(), expected);
    }

    #[test]
    fn every_usual_spelling_of_a_key_is_read() {
        let octets = [0xfb, 0xff, 0xfe, 0x01];
        for text in ["-__-AQ", "+//+AQ", "+//+AQ==", "-__-AQ==", " -__-AQ\n", "-_/+AQ="] {
            let key = MacKey::from_base64(text).unwrap();
            // covers 8555-7.3.4-7
            assert_eq!(key.octets.as_slice(), octets, "{text:?}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "  ", "=="] {
            assert_eq!(MacKey::from_base64(text).unwrap_err(), InvalidMacKey::Empty);
        }
        for text in ["A", "AA AA", "AAAA====", "A=AA", "kid:secret", "ääää"] {
            assert_eq!(MacKey::from_base64(text).unwrap_err(), InvalidMacKey::Base64, "{text:?}");
        }
        assert_eq!(MacKey::from_base64(&"A".repeat(4000)).unwrap_err(), InvalidMacKey::TooLong);
        assert_eq!(MacKey::from_bytes(vec![0; 1025]).unwrap_err(), InvalidMacKey::TooLong);
    }

    #[test]
    fn keys_shorter_than_the_hash_are_told_apart() {
        let key = MacKey::from_bytes(vec![1; 32]).unwrap();
        assert!(!key.is_short_for(MacAlgorithm::Hs256));
        // covers 7518-3.2-1
        assert!(key.is_short_for(MacAlgorithm::Hs384));
        assert!(MacKey::from_bytes(vec![1; 16]).unwrap().is_short_for(MacAlgorithm::Hs256));
    }

    #[test]
    fn debug_output_has_no_secret() {
        let key = MacKey::from_bytes(vec![0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "MacKey { .. }");
    }
}
