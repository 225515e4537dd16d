//! A private key that a crypto provider of rustls holds.

use core::fmt;
use std::sync::Arc;

use acme_proto::flow::SignFailed;
use acme_proto::jose::{Algorithm, Jwk, Signature, Thumbprint};
use acme_proto::pem;
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use zeroize::Zeroizing;

use super::{KeyError, KeyKind, default_provider, generate};

/// A private key, held and used by a crypto provider.
#[derive(Clone)]
pub struct ProviderKey {
    key: Arc<dyn SigningKey>,
    public: Jwk,
    thumbprint: Thumbprint,
}

impl ProviderKey {
    /// Loads a key in PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] for another form, [`KeyError::Refused`] if the provider cannot use the
    /// key, and [`KeyError::Unusable`] if ACME cannot.
    pub fn from_pkcs8_pem(pem: &str, provider: &Arc<CryptoProvider>) -> Result<Self, KeyError> {
        let der = decode(pem)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_slice())).clone_key();
        let key = provider
            .key_provider
            .load_private_key(der)
            .map_err(|error| KeyError::Refused(error.to_string()))?;
        Self::new(key)
    }

    /// Generates a key that lives only as long as this value, in the default provider.
    ///
    /// # Errors
    ///
    /// Those of [`generate`] and [`from_pkcs8_pem`](Self::from_pkcs8_pem).
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        Self::from_pkcs8_pem(&generate(kind)?, &default_provider()?)
    }

    /// Takes a key that a provider has loaded already, such as one in a device.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unusable`] if the provider does not return the public key, or the key is of a
    /// kind that ACME has no algorithm for.
    pub fn new(key: Arc<dyn SigningKey>) -> Result<Self, KeyError> {
        let spki = key.public_key().ok_or_else(|| {
            KeyError::Unusable("its provider does not return the public key".into())
        })?;
        let public =
            Jwk::from_spki_der(&spki).map_err(|error| KeyError::Unusable(error.to_string()))?;
        // Checked when the key is loaded, rather than by the first signature in the middle of a
        // flow.
        let scheme = scheme(public.algorithm());
        if scheme.and_then(|scheme| key.choose_scheme(&[scheme])).is_none() {
            let algorithm = public.algorithm();
            return Err(KeyError::Unusable(format!("its provider has no {algorithm}")));
        }
        Ok(Self { key, thumbprint: public.thumbprint(), public })
    }

    /// Returns the public half.
    pub const fn public_key(&self) -> &Jwk {
        &self.public
    }

    /// Returns the thumbprint of the public half.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Returns the key as rustls takes it for a server or client certificate.
    pub fn signing_key(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.key)
    }

    /// Signs `message`, which is not hashed yet.
    ///
    /// # Errors
    ///
    /// [`SignFailed::UnsupportedAlgorithm`] for an algorithm other than the key's own, and what the
    /// provider says.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature, SignFailed> {
        if algorithm != self.public.algorithm() {
            return Err(SignFailed::UnsupportedAlgorithm);
        }
        let signer = scheme(algorithm)
            .and_then(|scheme| self.key.choose_scheme(&[scheme]))
            .ok_or(SignFailed::UnsupportedAlgorithm)?;
        // A provider signs as TLS does, with ECDSA in DER. JWS has the two numbers at fixed length
        // (RFC 7518 section 3.4).
        let der = signer.sign(message).map_err(|error| SignFailed::Failed(error.to_string()))?;
        Signature::from_der(algorithm, &der).map_err(|error| SignFailed::Failed(error.to_string()))
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderKey").field("public_key", &self.public).finish_non_exhaustive()
    }
}

/// Checks that a text is one PKCS#8 private key in PEM, as far as possible without a provider.
///
/// # Errors
///
/// [`KeyError::Pem`] says what it is instead.
pub fn check_pkcs8_pem(pem: &str) -> Result<(), KeyError> {
    decode(pem).map(drop)
}

fn decode(pem: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der = pem::decode_one(pem.as_bytes(), "PRIVATE KEY")
        .map_err(|error| KeyError::Pem(error.to_string()))?;
    Ok(Zeroizing::new(der))
}

const fn scheme(algorithm: Algorithm) -> Option<SignatureScheme> {
    match algorithm {
        Algorithm::Es256 => Some(SignatureScheme::ECDSA_NISTP256_SHA256),
        Algorithm::Es384 => Some(SignatureScheme::ECDSA_NISTP384_SHA384),
        Algorithm::Es512 => Some(SignatureScheme::ECDSA_NISTP521_SHA512),
        Algorithm::EdDsa => Some(SignatureScheme::ED25519),
        Algorithm::Rs256 => Some(SignatureScheme::RSA_PKCS1_SHA256),
        _ => None,
    }
}
