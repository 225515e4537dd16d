//! The account key, as long as it has not met a crypto provider.

use core::fmt;
use std::sync::Arc;

use acme_host::keys::{self, KeyKind, ProviderKey};
use rustls::crypto::CryptoProvider;
use zeroize::Zeroizing;

use crate::error::Error;

/// The private key of an account, as PKCS#8 PEM.
///
/// ```
/// use acme_tokio::{AccountKey, KeyKind};
///
/// # fn main() -> Result<(), acme_tokio::Error> {
/// let key = AccountKey::generate(KeyKind::Es256)?;
/// let stored = key.to_pem(); // a secret: for a file that only its owner may read
/// let again = AccountKey::from_pem(&stored)?;
/// # let _ = again;
/// # Ok(())
/// # }
/// ```
pub struct AccountKey {
    pem: Zeroizing<String>,
}

impl AccountKey {
    /// Generates a key; have it on disk before it is registered.
    ///
    /// # Errors
    /// [`Error::Key`] if the crypto provider that was compiled in cannot generate this kind.
    pub fn generate(kind: KeyKind) -> Result<Self, Error> {
        Ok(Self { pem: keys::generate(kind)? })
    }

    /// Reads a key in PKCS#8 PEM.
    ///
    /// # Errors
    /// [`Error::Key`] if it is none.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        keys::check_pkcs8_pem(pem)?;
        Ok(Self { pem: Zeroizing::new(pem.to_owned()) })
    }

    /// Returns the key in PKCS#8 PEM, to be stored where only its owner can read it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.pem.clone()
    }

    pub(crate) fn into_provider_key(
        self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ProviderKey, Error> {
        Ok(ProviderKey::from_pkcs8_pem(&self.pem, provider)?)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKey").finish_non_exhaustive()
    }
}
