//! The account file during a key change: it holds both keys until the outcome is certain.

use std::path::PathBuf;
use std::sync::Arc;

use acme_proto::jose::Jwk;
use acme_proto::rollover::RolloverIntent;
use rustls::crypto::CryptoProvider;

use crate::account_file::{AccountFile, AccountFileError};
use crate::error::Error;
use crate::keys::{AccountKey, ProviderKey};

/// The account file of an account whose key changes.
#[derive(Clone, Debug)]
pub struct KeyChangeFile {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
}

impl KeyChangeFile {
    /// Names the file, which must exist, and the provider that computes the public keys.
    pub fn new(path: impl Into<PathBuf>, provider: &Arc<CryptoProvider>) -> Self {
        Self { path: path.into(), provider: Arc::clone(provider) }
    }

    /// Adds the new key beside the old one, before keyChange is sent.
    ///
    /// # Errors
    ///
    /// [`AccountFileError::OtherKey`] if the file belongs to another account, or holds another new
    /// key whose change is not settled; and those of [`AccountFile::save`].
    pub fn begin(&self, new_key: &AccountKey, intent: &RolloverIntent) -> Result<(), Error> {
        let mut file = AccountFile::load(&self.path)?;
        let new_pem = new_key.to_pem();
        // The CA may hold a new key of an earlier change. Overwriting it could lose the account.
        let unsettled = match file.new_key_pem() {
            Some(pem) => self.public(pem)? != *intent.new_account_key(),
            None => false,
        };
        let foreign = file.directory() != intent.directory_url()
            || self.public(file.key_pem())? != *intent.old_account_key();
        if foreign || unsettled {
            return Err(AccountFileError::OtherKey { path: self.path.clone() }.into());
        }
        file.set_account(intent.account_url().clone());
        file.set_new_key(new_pem)?;
        Ok(file.save(&self.path)?)
    }

    /// Keeps only the key that the CA is known to hold.
    ///
    /// # Errors
    ///
    /// Those of [`AccountFile::load`] and [`AccountFile::save`]; the file then still holds both
    /// keys.
    pub fn end(&self, held: &Jwk) -> Result<(), Error> {
        let mut file = AccountFile::load(&self.path)?;
        // An earlier run may have cleaned up the file already.
        let Some(new_pem) = file.new_key_pem() else { return Ok(()) };
        if self.public(new_pem)? == *held {
            file.adopt_new_key();
        } else if self.public(file.key_pem())? == *held {
            file.drop_new_key();
        } else {
            return Err(AccountFileError::OtherKey { path: self.path.clone() }.into());
        }
        Ok(file.save(&self.path)?)
    }

    fn public(&self, pem: &str) -> Result<Jwk, Error> {
        Ok(ProviderKey::from_pkcs8_pem(pem, &self.provider)?.public_key().clone())
    }
}
