//! Validations as outputs of the core.

use super::config::ChallengeKind;
use super::identifier::Identifier;

/// Identifies a validation that the core asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidationId(pub(crate) u64);

/// Describes a validation that is to be made; its outcome goes to [`Ca::validated`](super::Ca::validated).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validation {
    /// What to hand back with the outcome.
    pub id: ValidationId,
    /// What is to be validated, without `*.`.
    pub identifier: Identifier,
    /// Whether the authorization is for the wildcard name.
    pub wildcard: bool,
    /// How it is to be validated.
    pub kind: ChallengeKind,
    /// The challenge's token.
    pub token: String,
    /// The key authorization that the client must show, by the account's present key.
    pub key_authorization: String,
    /// The account's URL.
    pub account_url: String,
    /// The names that the CA goes by in records of dns-persist-01.
    pub issuer_domain_names: Vec<String>,
}
