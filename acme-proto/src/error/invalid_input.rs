//! Input that cannot be used.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::identifier::{Identifier, InvalidIdentifier};
use crate::url::{InvalidUrl, Url};
use crate::wire::ChallengeKind;
use crate::x509::{CsrMismatch, InvalidCsr};

/// Input that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// No identifier was given.
    #[error("no names were given")]
    NoIdentifiers,
    /// More identifiers than the [policy](crate::policy::Policy::max_identifiers) allows, or than a certificate may
    /// have ([`Certificate::MAX_NAMES`](crate::x509::Certificate::MAX_NAMES)).
    #[error("too many names: {count}, at most {most}")]
    TooManyIdentifiers {
        /// How many there are.
        count: usize,
        /// How many are allowed.
        most: usize,
    },
    /// No solver that was given can prove an identifier.
    #[error("no solver can prove {identifier}: give one for {}", one_of(kinds))]
    NoSolver {
        /// The identifier.
        identifier: Identifier,
        /// The kinds of challenges that can prove it.
        kinds: Vec<ChallengeKind>,
    },
    /// A name is not valid.
    #[error(transparent)]
    Identifier(InvalidIdentifier),
    /// A URL is not valid.
    #[error(transparent)]
    Url(InvalidUrl),
    /// A URL is not https.
    #[error("{0} is not https; give an https URL")]
    NotHttps(Url),
    /// The certificate that the order names in `replaces` has none of the order's names (RFC 9773 section 5).
    #[error("the certificate to be replaced has none of the order's names; leave it out")]
    ReplacesOtherNames,
    /// A contact URL is not valid (RFC 8555 section 7.3).
    #[error("the contact {0} is not usable: give one address, such as mailto:me@example.org")]
    Contact(String),
    /// The CSR cannot be read.
    #[error(transparent)]
    Csr(InvalidCsr),
    /// The CSR does not have exactly the names of the order.
    #[error(transparent)]
    CsrNames(CsrMismatch),
    /// The CSR is for the account key (RFC 8555 section 11.1).
    #[error("the CSR uses the account key; make a key of its own for the certificate")]
    CsrUsesAccountKey,
    /// The new account key is the one that the account has (RFC 8555 section 11.1).
    #[error("the new key is the account's present key; make another one")]
    SameKey,
    /// A revocation reason outside 0-6, 8-10.
    #[error("{0} is no revocation reason: use 0 to 6 or 8 to 10")]
    RevocationReason(u8),
    /// The snapshot belongs to another directory or account.
    #[error("the saved order belongs to {0}, not to this account")]
    ForeignSnapshot(Url),
    /// The intent of a key change belongs to another account, or to other keys.
    #[error("the saved key change belongs to {0}, not to this account with these keys")]
    ForeignRollover(Url),
    /// The CA demands external account binding.
    #[error("the CA demands external account binding: get a key identifier and MAC key from it")]
    ExternalAccountRequired,
    /// The CA has terms that were not agreed to.
    #[error("the CA's terms of service were not agreed to: {0}")]
    TermsNotAgreed(String),
    /// The key identifier of an external account is not printable ASCII.
    #[error("the key identifier of the external account is not printable ASCII")]
    ExternalAccountKid,
    /// A wildcard cannot be pre-authorized (RFC 8555 section 7.4.1).
    #[error("{0} cannot be pre-authorized: wildcards need an order")]
    WildcardPreAuthorization(String),
}

/// Lists kinds of challenges, to be chosen from.
fn one_of(kinds: &[ChallengeKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    match kinds.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => alloc::format!("{} or {last}", others.join(", ")),
        None => String::from("a kind of challenge that suits it"),
    }
}
