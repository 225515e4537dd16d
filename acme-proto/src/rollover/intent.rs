//! What has to outlive a crash while an account key is changed.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::jose::Jwk;
use crate::url::Url;

/// The intent to change an account's key; no secret.
///
/// It is plain data for serde, JSON for one. The private keys are kept by the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloverIntent {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    directory: Url,
    account: Url,
    old_key: Jwk,
    new_key: Jwk,
}

impl RolloverIntent {
    const VERSION: u32 = 1;

    /// Describes the change of an account's key from one to another.
    pub const fn new(directory: Url, account: Url, old_key: Jwk, new_key: Jwk) -> Self {
        Self { version: Self::VERSION, directory, account, old_key, new_key }
    }

    /// Returns the directory that the account belongs to.
    pub const fn directory_url(&self) -> &Url {
        &self.directory
    }

    /// Returns the account.
    pub const fn account_url(&self) -> &Url {
        &self.account
    }

    /// Returns the key that the account had before.
    pub const fn old_account_key(&self) -> &Jwk {
        &self.old_key
    }

    /// Returns the key that the account is to have.
    pub const fn new_account_key(&self) -> &Jwk {
        &self.new_key
    }
}

/// Refuses what a newer version of this crate wrote in another form.
fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        version @ 0..=RolloverIntent::VERSION => Ok(version),
        _ => Err(de::Error::custom("the intent is of a newer version of acme-proto")),
    }
}
