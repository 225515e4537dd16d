//! A selected challenge with everything that is derived from it (RFC 8555 section 8), one file for each kind.

mod attempt;
mod dns01;
mod dns_account01;
mod dns_persist01;
mod http01;
mod persist_record;
mod response;
mod tls_alpn01;
mod txt_record;

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::identifier::{DnsName, Identifier};
use crate::jose::{KeyAuthorization, Thumbprint};
use crate::token::Token;
use crate::url::Url;
use crate::wire::ChallengeKind;

pub use attempt::Attempt;
pub use dns_account01::account_label;
pub use dns_persist01::{DnsPersist01, PersistChoice, PersistOptions, PersistRefusal};
pub use http01::Http01;
pub use persist_record::{InvalidPersistRecord, PersistRecord};
pub use response::ChallengeResponse;
pub use tls_alpn01::TlsAlpn01;
pub use txt_record::TxtRecord;

/// A challenge to be provisioned: what to publish, where, for which name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    pub(crate) authorization: Url,
    pub(crate) url: Url,
    pub(crate) identifier: Identifier,
    #[serde(default)]
    pub(crate) wildcard: bool,
    pub(crate) kind: ChallengeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Token>,
    pub(crate) thumbprint: Thumbprint,
    /// The account's URL; a snapshot of an older version has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Url>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persist: Option<Persist>,
}

/// What a challenge of dns-persist-01 has in place of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Persist {
    pub(crate) issuers: alloc::vec::Vec<DnsName>,
    /// The user wants the record removed like any other.
    #[serde(default)]
    pub(crate) removed: bool,
}

impl Challenge {
    /// Returns what `ready`, `failed` and `cleaned` name the challenge by.
    pub fn id(&self) -> ChallengeId {
        ChallengeId(self.url.clone())
    }

    /// Returns the kind, which tells which of the derived values exist.
    pub const fn kind(&self) -> &ChallengeKind {
        &self.kind
    }

    /// Returns the identifier to be proved, without the `*.` of a wildcard.
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Returns whether the identifier is the base of a wildcard name.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns the URL of the challenge.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the URL of the authorization that the challenge belongs to.
    pub const fn authorization(&self) -> &Url {
        &self.authorization
    }

    /// Returns the token; dns-persist-01 has none.
    pub const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Returns the thumbprint of the account key that the challenge was selected under.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Returns the URL of the account that the challenge was selected for, as the CA gave it.
    pub const fn account(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    /// Returns `token.thumbprint` (RFC 8555 section 8.1), if there is a token.
    pub fn key_authorization(&self) -> Option<KeyAuthorization> {
        self.token.as_ref().map(|token| KeyAuthorization::new(token, &self.thumbprint))
    }

    /// Returns the TXT record that dns-01 or dns-account-01 ask for, if this is one of these kinds.
    pub fn txt_record(&self) -> Option<TxtRecord> {
        self.dns_01().or_else(|| self.dns_account_01())
    }

    /// Returns the owner name of the TXT record that this kind asks for, if it asks for one.
    pub fn txt_name(&self) -> Option<String> {
        let persist = || self.dns_persist_01().map(|persist| String::from(persist.name()));
        self.txt_record().map(|record| record.name).or_else(persist)
    }

    /// Returns whether what is published stays when the challenge is over, as in dns-persist-01, unless the
    /// user wants it removed.
    pub fn stays(&self) -> bool {
        self.persist.as_ref().is_some_and(|persist| !persist.removed)
    }

    /// Whether what is published is made to last, so that others may lean on it.
    pub(crate) const fn is_persistent(&self) -> bool {
        self.persist.is_some()
    }

    /// Whether what is published is wrong since the account key was changed (RFC 8555 section 7.3.5).
    pub(crate) fn is_outdated(&self, thumbprint: &Thumbprint) -> bool {
        self.token.is_some() && self.thumbprint != *thumbprint
    }
}

/// Names a challenge within its issuance; it survives a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(pub(crate) Url);

#[cfg(test)]
mod testing;
