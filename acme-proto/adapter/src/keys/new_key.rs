//! The key that an account is to change to.

use acme_proto::jose::Jwk;

use super::AccountKey;

/// The key that an account is to change to: at hand, or with the signer that holds the old one too.
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
