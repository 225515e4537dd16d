//! Validations, which the core requests from its driver.

use super::config::ChallengeKind;
use super::identifier::Identifier;

/// Identifies a requested validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidationId(pub(crate) u64);

/// A requested validation. Its result goes to [`Ca::validated`](super::Ca::validated).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validation {
    /// The id to return with the result.
    pub id: ValidationId,
    /// The identifier, without `*.`.
    pub identifier: Identifier,
    /// Whether the authorization is for the wildcard name.
    pub wildcard: bool,
    /// The type of the challenge.
    pub kind: ChallengeKind,
    /// The challenge's token.
    pub token: String,
    /// The key authorization that the client must publish, for the account's current key.
    pub key_authorization: String,
    /// The account's URL.
    pub account_url: String,
    /// The issuer domain names of the CA in records of dns-persist-01.
    pub issuer_domain_names: Vec<String>,
}
