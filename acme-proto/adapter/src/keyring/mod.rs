//! The keys at hand, and the one that makes a requested signature.

use core::fmt;
use std::sync::Arc;

use acme_proto::flow::{KeyRole, SignFailed, SignRequest, SignatureAlgorithm};
use acme_proto::jose::{Jwk, MacKey, Signature, Thumbprint};
use rustls::crypto::CryptoProvider;

use crate::keys::{AccountKey, KeyError, ProviderKey};

/// The keys of one account: its current and its next key, those of certificates, and MAC keys.
#[derive(Default)]
pub struct Keyring {
    accounts: Vec<ProviderKey>,
    certificates: Vec<ProviderKey>,
    /// By the key identifier.
    external: Vec<(String, MacKey)>,
}

impl Keyring {
    /// Creates a keyring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a keyring with the account key, if it is at hand, and the key of an unsettled key
    /// change; returns the public halves of both.
    ///
    /// # Errors
    ///
    /// Those of [`AccountKey::load`].
    pub fn open(
        key: Option<&AccountKey>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<(Self, Option<Jwk>, Option<Jwk>), KeyError> {
        let mut keyring = Self::new();
        let Some(key) = key else { return Ok((keyring, None, None)) };
        let loaded = key.load(provider)?;
        let public = loaded.public_key().clone();
        keyring.set_account_key(loaded);
        let next = key.load_new(provider)?;
        let next_public = next.as_ref().map(|key| key.public_key().clone());
        if let Some(next) = next {
            keyring.add_new_account_key(next);
        }
        Ok((keyring, Some(public), next_public))
    }

    /// Sets the account key.
    pub fn set_account_key(&mut self, key: ProviderKey) {
        self.accounts = vec![key];
    }

    /// Adds the key of a key change. The account key stays too, because it is uncertain which of
    /// them the CA knows until the change is settled.
    pub fn add_new_account_key(&mut self, key: ProviderKey) {
        if self.account(key.thumbprint()).is_none() {
            self.accounts.push(key);
        }
    }

    /// Adds a certificate's key, for revocation by that key (RFC 8555 section 7.6).
    pub fn add_certificate_key(&mut self, key: ProviderKey) {
        if self.certificate(key.thumbprint()).is_none() {
            self.certificates.push(key);
        }
    }

    /// Adds the MAC key that a CA issued for this key identifier.
    pub fn add_external(&mut self, kid: impl Into<String>, key: MacKey) {
        let kid = kid.into();
        self.external.retain(|(other, _)| *other != kid);
        self.external.push((kid, key));
    }

    /// Signs with the key that the request names by role and thumbprint, or by key identifier.
    ///
    /// # Errors
    ///
    /// [`SignFailed::UnknownKey`] for a key that is not in the keyring, and the errors of
    /// [`ProviderKey::sign`].
    pub fn answer(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        // Account keys and certificate keys are looked up apart: RFC 8555 section 11.1 forbids a
        // key in both roles, and a request for one role must not be signed by a key of the other.
        match (&request.key, request.algorithm) {
            (
                KeyRole::Account(named) | KeyRole::NewAccount(named),
                SignatureAlgorithm::Jws(alg),
            ) => self.account(named).ok_or(SignFailed::UnknownKey)?.sign(alg, &request.message),
            (KeyRole::Certificate(named), SignatureAlgorithm::Jws(alg)) => {
                self.certificate(named).ok_or(SignFailed::UnknownKey)?.sign(alg, &request.message)
            }
            (KeyRole::ExternalAccount(kid), SignatureAlgorithm::Mac(alg)) => {
                let external = self.external.iter().find(|(other, _)| other == kid);
                let (_, key) = external.ok_or(SignFailed::UnknownKey)?;
                Ok(Signature::from_mac(key.sign(alg, &request.message)))
            }
            _ => Err(SignFailed::UnsupportedAlgorithm),
        }
    }

    fn account(&self, thumbprint: &Thumbprint) -> Option<&ProviderKey> {
        self.accounts.iter().find(|key| key.thumbprint() == thumbprint)
    }

    fn certificate(&self, thumbprint: &Thumbprint) -> Option<&ProviderKey> {
        self.certificates.iter().find(|key| key.thumbprint() == thumbprint)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let external: Vec<&String> = self.external.iter().map(|(kid, _)| kid).collect();
        f.debug_struct("Keyring")
            .field("accounts", &self.accounts)
            .field("certificates", &self.certificates)
            .field("external", &external)
            .finish()
    }
}

#[cfg(test)]
#[cfg(feature = "ring")]
mod tests;
