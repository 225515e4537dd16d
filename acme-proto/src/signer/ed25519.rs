//! EdDSA with Ed25519 (RFC 8037 Section 3.1).

use alloc::string::String;
use core::fmt;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use signature::Signer;
use zeroize::{Zeroize, Zeroizing};

use crate::jose::{Algorithm, Jwk, Signature};
use crate::signer::{CryptoRng, InvalidPrivateKey, pkcs8};

/// An Ed25519 private key, which signs with EdDSA; wiped from memory when dropped.
#[derive(Clone)]
pub struct Ed25519Key {
    key: SigningKey,
}

impl Ed25519Key {
    /// Generates a new key.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self { key: SigningKey::from_bytes(&seed) }
    }

    /// Parses PKCS #8 in DER (RFC 8410 Section 7), with or without the public key.
    ///
    /// # Errors
    ///
    /// Fails if the octets are not PKCS #8, or their public key belongs to another private key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, InvalidPrivateKey> {
        let key = SigningKey::from_pkcs8_der(der).map_err(|_| InvalidPrivateKey::Pkcs8)?;
        Ok(Self { key })
    }

    /// Parses PKCS #8 in PEM.
    ///
    /// # Errors
    ///
    /// Fails if the text is not PKCS #8, is encrypted, or the key has another algorithm.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, InvalidPrivateKey> {
        Self::from_pkcs8_der(pkcs8::from_pem(text)?.as_bytes())
    }

    /// Creates a key from the 32 octets that RFC 8032 Section 5.1.5 calls the private key.
    ///
    /// # Errors
    ///
    /// Fails if the length differs.
    pub fn from_scalar(seed: &[u8]) -> Result<Self, InvalidPrivateKey> {
        let seed = <&[u8; 32]>::try_from(seed).map_err(|_| InvalidPrivateKey::Scalar)?;
        Ok(Self { key: SigningKey::from_bytes(seed) })
    }

    /// Returns the public key.
    pub fn public_key(&self) -> Jwk {
        Jwk::ed25519(self.key.verifying_key().as_bytes())
    }

    /// Signs a message. Ed25519 does not hash it beforehand.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(Algorithm::EdDsa, &self.key.sign(message).to_bytes())
            .expect("an Ed25519 signature has 64 octets")
    }

    /// Returns the key as PKCS #8 in PEM, which is wiped from memory when dropped.
    ///
    /// The public key is omitted, because OpenSSL 3.0 cannot read files that contain it.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let mut bytes = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        let document = bytes.to_pkcs8_der();
        // `bytes` holds a copy of the secret key.
        bytes.secret_key.zeroize();
        pkcs8::to_pem(&document.expect("a key can be encoded"))
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Key").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::jose::base64url;

    const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    fn key() -> Ed25519Key {
        Ed25519Key::from_scalar(&base64url::decode(D).unwrap()).unwrap()
    }

    // RFC 8037 Appendix A.4.
    #[test]
    fn the_rfc_example_is_reproduced() {
        let signature = key().sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        // covers 8037-3.1.1-1
        assert_eq!(
            base64url::encode(signature.as_bytes()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert_eq!(
            key().public_key().to_json(),
            r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        );
    }

    #[test]
    fn files_round_trip() {
        let pem = key().to_pkcs8_pem();
        // Version 1 of RFC 5958, without the public key.
        assert!(pem.contains("\nMC4CAQAwBQYDK2VwBCIEI"), "{}", pem.as_str());
        let read = Ed25519Key::from_pkcs8_pem(&pem).unwrap();
        assert_eq!(read.public_key(), key().public_key());
        assert_eq!(read.sign(b"x"), key().sign(b"x"));
    }

    // RFC 8410 Sections 10.3 and 10.1: a private key, and its public key.
    #[test]
    fn the_example_of_rfc_8410_is_read() {
        let short = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let key = Ed25519Key::from_pkcs8_pem(short).unwrap();
        let spki = base64url::encode(&key.public_key().to_spki_der());
        assert_eq!(spki, "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    }

    #[test]
    fn seeds_of_another_length_are_refused() {
        for seed in [&[0; 31][..], &[0; 33], &[]] {
            assert_eq!(Ed25519Key::from_scalar(seed).unwrap_err(), InvalidPrivateKey::Scalar);
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        assert!(!format!("{:?}", key()).contains(D));
        assert!(!format!("{:?}", key()).contains("157, 97"));
    }
}
