//! Which key answers a request for a signature.

use core::fmt;
use std::collections::BTreeMap;

use acme_proto::flow::{KeyRole, SignFailed, SignRequest, SignatureAlgorithm};
use acme_proto::jose::{MacKey, Signature, Thumbprint};

use crate::keys::ProviderKey;

/// The keys of one account: its own, the one it is to change to, those of certificates, and MAC keys.
#[derive(Default)]
pub struct Keyring {
    account: Option<ProviderKey>,
    new_account: Option<ProviderKey>,
    certificates: Vec<ProviderKey>,
    external: BTreeMap<String, MacKey>,
}

impl Keyring {
    /// Creates a keyring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the account key.
    pub fn set_account_key(&mut self, key: ProviderKey) {
        self.account = Some(key);
    }

    /// Sets the key that the account is to change to; both answer until the change is settled.
    pub fn set_new_account_key(&mut self, key: ProviderKey) {
        self.new_account = Some(key);
    }

    /// Lets the new account key take the place of the account key.
    pub fn promote_new_account_key(&mut self) {
        if let Some(key) = self.new_account.take() {
            self.account = Some(key);
        }
    }

    /// Holds a certificate's key, for revocation by that key.
    pub fn add_certificate_key(&mut self, key: ProviderKey) {
        if self.certificate(key.thumbprint()).is_none() {
            self.certificates.push(key);
        }
    }

    /// Holds the MAC key that a CA gave out for this key identifier.
    pub fn add_external(&mut self, kid: impl Into<String>, key: MacKey) {
        self.external.insert(kid.into(), key);
    }

    /// Returns the account key.
    pub const fn account_key(&self) -> Option<&ProviderKey> {
        self.account.as_ref()
    }

    /// Signs with the key that the request names by role and thumbprint, or by key identifier.
    ///
    /// # Errors
    ///
    /// [`SignFailed::UnknownKey`] for a key that is not here, and what the key itself says.
    pub fn answer(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        match (&request.key, request.algorithm) {
            (KeyRole::Account(named) | KeyRole::NewAccount(named), SignatureAlgorithm::Jws(alg)) => {
                let keys = [&self.account, &self.new_account];
                let key = keys.into_iter().flatten().find(|key| key.thumbprint() == named);
                key.ok_or(SignFailed::UnknownKey)?.sign(alg, &request.message)
            }
            (KeyRole::Certificate(named), SignatureAlgorithm::Jws(alg)) => {
                let key = self.certificate(named).ok_or(SignFailed::UnknownKey)?;
                key.sign(alg, &request.message)
            }
            (KeyRole::ExternalAccount(kid), SignatureAlgorithm::Mac(alg)) => {
                let key = self.external.get(kid).ok_or(SignFailed::UnknownKey)?;
                Ok(Signature::from_mac(key.sign(alg, &request.message)))
            }
            _ => Err(SignFailed::UnsupportedAlgorithm),
        }
    }

    fn certificate(&self, thumbprint: &Thumbprint) -> Option<&ProviderKey> {
        self.certificates.iter().find(|key| key.thumbprint() == thumbprint)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("account", &self.account)
            .field("new_account", &self.new_account)
            .field("external", &self.external.keys())
            .finish_non_exhaustive()
    }
}
