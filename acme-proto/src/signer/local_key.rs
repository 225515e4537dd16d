//! A key of any enabled algorithm.

use alloc::string::String;

use zeroize::Zeroizing;

use crate::jose::{Algorithm, Jwk, Signature};
use crate::signer::{InvalidPrivateKey, pkcs8};

/// A private key in memory, of any enabled algorithm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LocalKey {
    /// ES256, with the feature `es256`.
    #[cfg(feature = "es256")]
    Es256(super::Es256Key),
    /// ES384, with the feature `es384`.
    #[cfg(feature = "es384")]
    Es384(super::Es384Key),
    /// ES512, with the feature `es512`.
    #[cfg(feature = "es512")]
    Es512(super::Es512Key),
    /// EdDSA on Ed25519, with the feature `ed25519`.
    #[cfg(feature = "ed25519")]
    Ed25519(super::Ed25519Key),
    /// RS256, with the feature `rs256`.
    #[cfg(feature = "rs256")]
    Rs256(super::Rs256Key),
}

/// Evaluates one expression for the key of every variant.
macro_rules! each {
    ($self:expr, $key:ident => $result:expr) => {
        match $self {
            #[cfg(feature = "es256")]
            Self::Es256($key) => $result,
            #[cfg(feature = "es384")]
            Self::Es384($key) => $result,
            #[cfg(feature = "es512")]
            Self::Es512($key) => $result,
            #[cfg(feature = "ed25519")]
            Self::Ed25519($key) => $result,
            #[cfg(feature = "rs256")]
            Self::Rs256($key) => $result,
        }
    };
}

impl LocalKey {
    /// Parses PKCS #8 in PEM, of any enabled algorithm.
    ///
    /// # Errors
    ///
    /// Fails if the text is not PEM, has another label or is encrypted, or if the algorithm of the
    /// key is not enabled.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, InvalidPrivateKey> {
        Self::from_pkcs8_der(pkcs8::from_pem(text)?.as_bytes())
    }

    /// Parses PKCS #8 in DER, of any enabled algorithm.
    ///
    /// # Errors
    ///
    /// Fails if the octets are not a key of an enabled algorithm, or are an unusable RSA key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, InvalidPrivateKey> {
        #[cfg(feature = "es256")]
        // Each parser checks the algorithm identifier, so at most one accepts the key.
        if let Ok(key) = super::Es256Key::from_pkcs8_der(der) {
            return Ok(Self::Es256(key));
        }
        #[cfg(feature = "es384")]
        if let Ok(key) = super::Es384Key::from_pkcs8_der(der) {
            return Ok(Self::Es384(key));
        }
        #[cfg(feature = "es512")]
        if let Ok(key) = super::Es512Key::from_pkcs8_der(der) {
            return Ok(Self::Es512(key));
        }
        #[cfg(feature = "ed25519")]
        if let Ok(key) = super::Ed25519Key::from_pkcs8_der(der) {
            return Ok(Self::Ed25519(key));
        }
        #[cfg(feature = "rs256")]
        match super::Rs256Key::from_pkcs8_der(der) {
            Ok(key) => return Ok(Self::Rs256(key)),
            // An RSA key that is too small deserves a better error than "not supported".
            Err(InvalidPrivateKey::Rsa) => return Err(InvalidPrivateKey::Rsa),
            Err(_) => {}
        }
        Err(InvalidPrivateKey::Unsupported)
    }

    /// Returns the algorithm that the key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            #[cfg(feature = "es256")]
            Self::Es256(_) => Algorithm::Es256,
            #[cfg(feature = "es384")]
            Self::Es384(_) => Algorithm::Es384,
            #[cfg(feature = "es512")]
            Self::Es512(_) => Algorithm::Es512,
            #[cfg(feature = "ed25519")]
            Self::Ed25519(_) => Algorithm::EdDsa,
            #[cfg(feature = "rs256")]
            Self::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Returns the public key.
    pub fn public_key(&self) -> Jwk {
        each!(self, key => key.public_key())
    }

    /// Signs a message, and hashes it first if the algorithm requires that.
    pub fn sign(&self, message: &[u8]) -> Signature {
        each!(self, key => key.sign(message))
    }

    /// Returns the key as PKCS #8 in PEM, which is wiped from memory when dropped.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        each!(self, key => key.to_pkcs8_pem())
    }
}

#[cfg(feature = "es256")]
impl From<super::Es256Key> for LocalKey {
    fn from(key: super::Es256Key) -> Self {
        Self::Es256(key)
    }
}

#[cfg(feature = "es384")]
impl From<super::Es384Key> for LocalKey {
    fn from(key: super::Es384Key) -> Self {
        Self::Es384(key)
    }
}

#[cfg(feature = "es512")]
impl From<super::Es512Key> for LocalKey {
    fn from(key: super::Es512Key) -> Self {
        Self::Es512(key)
    }
}

#[cfg(feature = "ed25519")]
impl From<super::Ed25519Key> for LocalKey {
    fn from(key: super::Ed25519Key) -> Self {
        Self::Ed25519(key)
    }
}

#[cfg(feature = "rs256")]
impl From<super::Rs256Key> for LocalKey {
    fn from(key: super::Rs256Key) -> Self {
        Self::Rs256(key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_enabled_algorithm_is_recognized_in_a_file() {
        let keys: Vec<LocalKey> = Vec::from([
            #[cfg(feature = "es256")]
            super::super::Es256Key::from_scalar(&[7; 32]).unwrap().into(),
            #[cfg(feature = "es384")]
            super::super::Es384Key::from_scalar(&[7; 48]).unwrap().into(),
            #[cfg(feature = "es512")]
            super::super::Es512Key::from_scalar(&[[0; 33], [7; 33]].concat()).unwrap().into(),
            #[cfg(feature = "ed25519")]
            super::super::Ed25519Key::from_scalar(&[7; 32]).unwrap().into(),
        ]);
        for key in keys {
            let read = LocalKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
            assert_eq!(read.algorithm(), key.algorithm());
            assert_eq!(read.public_key(), key.public_key());
            assert_eq!(read.public_key().algorithm(), key.algorithm());
            assert_eq!(read.sign(b"message"), key.sign(b"message"));
        }
    }

    // Tests the use of the `CryptoRng` trait. The numbers themselves are not random.
    #[test]
    fn generated_keys_sign_and_differ() {
        let rng = &mut super::super::test_rng::Hashing::default();
        let keys: Vec<LocalKey> = Vec::from([
            #[cfg(feature = "es256")]
            super::super::Es256Key::generate(rng).into(),
            #[cfg(feature = "es256")]
            super::super::Es256Key::generate(rng).into(),
            #[cfg(feature = "es384")]
            super::super::Es384Key::generate(rng).into(),
            #[cfg(feature = "es512")]
            super::super::Es512Key::generate(rng).into(),
            #[cfg(feature = "ed25519")]
            super::super::Ed25519Key::generate(rng).into(),
            #[cfg(feature = "ed25519")]
            super::super::Ed25519Key::generate(rng).into(),
            #[cfg(feature = "rs256")]
            super::super::Rs256Key::generate(rng).into(),
        ]);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(key.sign(b"message").algorithm(), Some(key.algorithm()));
            assert!(keys[..at].iter().all(|other| other.public_key() != key.public_key()));
        }
    }

    #[test]
    fn other_files_are_refused() {
        let refused = |text: &str| LocalKey::from_pkcs8_pem(text).unwrap_err();
        assert_eq!(refused(""), InvalidPrivateKey::Pem);
        // An X25519 key, which cannot sign.
        let x25519 = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VuBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        assert_eq!(refused(x25519), InvalidPrivateKey::Unsupported);
        let encrypted = x25519.replace("PRIVATE", "ENCRYPTED PRIVATE");
        assert_eq!(refused(&encrypted), InvalidPrivateKey::Label);
    }
}
