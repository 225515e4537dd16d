//! The account key as text, before a crypto provider loads it.

use core::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use zeroize::Zeroizing;

use super::{KeyError, KeyKind, ProviderKey, check_pkcs8_pem, generate};

/// The private key of an account, as PKCS#8 PEM.
///
/// ```
/// # #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
/// # fn main() -> Result<(), acme_adapter::keys::KeyError> {
/// use acme_adapter::keys::{AccountKey, KeyKind};
///
/// let key = AccountKey::generate(KeyKind::Es256)?;
/// let stored = key.to_pem(); // a secret: for a file that only its owner may read
/// let again = AccountKey::from_pem(&stored)?;
/// # let _ = again;
/// # Ok(())
/// # }
/// # #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
/// # fn main() {}
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AccountKey {
    pem: Zeroizing<String>,
    /// The new key of a key change that is not settled.
    new_pem: Option<Zeroizing<String>>,
}

impl AccountKey {
    /// Generates a key, which must be on disk before it is registered.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unsupported`] if the crypto provider that was compiled in cannot generate this
    /// kind.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        Ok(Self::from_known(generate(kind)?))
    }

    /// Takes a text that is known to be a key.
    pub(crate) const fn from_known(pem: Zeroizing<String>) -> Self {
        Self { pem, new_pem: None }
    }

    /// Reads a key in PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] for any other text.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::from_text(Zeroizing::new(pem.to_owned()))
    }

    /// As [`from_pem`](Self::from_pem), without a copy.
    pub(crate) fn from_text(pem: Zeroizing<String>) -> Result<Self, KeyError> {
        check_pkcs8_pem(&pem)?;
        Ok(Self::from_known(pem))
    }

    pub(crate) const fn pem(&self) -> &Zeroizing<String> {
        &self.pem
    }

    pub(crate) const fn new_pem(&self) -> Option<&Zeroizing<String>> {
        self.new_pem.as_ref()
    }

    /// Adds the new key of a key change.
    pub(crate) fn set_new(&mut self, pem: Zeroizing<String>) -> Result<(), KeyError> {
        check_pkcs8_pem(&pem)?;
        self.new_pem = Some(pem);
        Ok(())
    }

    /// Replaces the key by the new one, if there is one.
    pub(crate) fn adopt_new(&mut self) {
        if let Some(pem) = self.new_pem.take() {
            self.pem = pem;
        }
    }

    pub(crate) fn drop_new(&mut self) {
        self.new_pem = None;
    }

    /// Returns the key in PKCS#8 PEM, to be stored where only its owner can read it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.pem.clone()
    }

    /// Loads the key into a crypto provider.
    ///
    /// # Errors
    ///
    /// Those of [`ProviderKey::from_pkcs8_pem`].
    pub fn load(&self, provider: &Arc<CryptoProvider>) -> Result<ProviderKey, KeyError> {
        ProviderKey::from_pkcs8_pem(&self.pem, provider)
    }

    /// Loads the new key of an unsettled key change, if the account file holds one.
    ///
    /// # Errors
    ///
    /// Those of [`ProviderKey::from_pkcs8_pem`].
    pub fn load_new(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<ProviderKey>, KeyError> {
        self.new_pem.as_ref().map(|pem| ProviderKey::from_pkcs8_pem(pem, provider)).transpose()
    }
}

impl From<&Self> for AccountKey {
    fn from(key: &Self) -> Self {
        key.clone()
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKey").finish_non_exhaustive()
    }
}
