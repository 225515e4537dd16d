//! The new key of a key change.

use acme_proto::jose::Jwk;

use super::AccountKey;

/// The new key of a key change: at hand, or with the signer that also holds the old one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NewKey {
    /// A private key at hand.
    AtHand(AccountKey),
    /// The public half of a key that the signer holds.
    WithSigner(Jwk),
}

impl From<AccountKey> for NewKey {
    fn from(key: AccountKey) -> Self {
        Self::AtHand(key)
    }
}

impl From<&AccountKey> for NewKey {
    fn from(key: &AccountKey) -> Self {
        Self::AtHand(key.clone())
    }
}

impl From<Jwk> for NewKey {
    fn from(key: Jwk) -> Self {
        Self::WithSigner(key)
    }
}
