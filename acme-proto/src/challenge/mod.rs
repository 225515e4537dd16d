//! A selected challenge with everything that is derived from it (RFC 8555 Section 8), and the rules of each kind.
//!
//! A kind of challenge is one file here, with one value, `RULES`: the members of its challenge object, the identifiers that
//! it can prove, what is published for it, and the members of its response. To add one, write that file, and add its
//! variant to [`ChallengeKind`] (`wire/challenge.rs`), and in this file its `mod`, its line in `KINDS`, and its rows
//! in the tests. `tests/src/made_up_kind.rs` is a kind to copy. No flow depends on the kind. Outside this crate, the kind needs a solver, and its validation in the test CA. A program can bring a kind
//! of its own without changing this crate: [`Issuance::with_kind`](crate::issuance::Issuance::with_kind).

mod attempt;
mod dns01;
mod dns_account01;
mod dns_persist01;
mod http01;
mod persist_record;
mod response;
mod rules;
mod tls_alpn01;
mod txt_record;

use alloc::string::String;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::identifier::Identifier;
use crate::jose::{KeyAuthorization, Thumbprint};
use crate::token::Token;
use crate::url::Url;
use crate::wire::ChallengeKind;

pub use attempt::Attempt;
pub use dns_account01::account_label;
pub use dns_persist01::{
    DnsPersist01, DnsPersistMembers, PersistChoice, PersistOptions, PersistRefusal,
};
pub use http01::Http01;
pub use persist_record::{InvalidPersistRecord, PersistRecord};
pub use response::ChallengeResponse;
pub use rules::{ChallengeRules, Member};
pub use tls_alpn01::TlsAlpn01;
pub use txt_record::TxtRecord;

pub(crate) use rules::Kinds;

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
    /// The members that the kind defines beside the token.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) members: Map<String, Value>,
    /// The kind is one whose records are made to last, so that other names and orders may rely on them.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) persistent: bool,
    /// The user wants even such a record removed.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) remove_persistent: bool,
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

    /// Returns the members of the challenge object that its kind defines, beside the token.
    ///
    /// After a restart they come from the snapshot.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Returns the thumbprint of the account key that the challenge was selected under.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Returns the URL of the account that the challenge was selected for, as the CA gave it.
    pub const fn account(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    /// Returns `token.thumbprint` (RFC 8555 Section 8.1), if there is a token.
    pub fn key_authorization(&self) -> Option<KeyAuthorization> {
        self.token.as_ref().map(|token| KeyAuthorization::new(token, &self.thumbprint))
    }

    /// Returns the TXT record that dns-01 or dns-account-01 ask for, if this is one of these kinds.
    pub fn txt_record(&self) -> Option<TxtRecord> {
        rules(&self.kind)?.txt_record(self)
    }

    /// Returns the owner name of the TXT record that this kind asks for, if it asks for one.
    ///
    /// It is `None` for the kinds that the user has added.
    pub fn txt_name(&self) -> Option<String> {
        rules(&self.kind)?.txt_name(self)
    }

    /// Returns whether what is published stays when the challenge is over, as in dns-persist-01, unless the
    /// user wants it removed.
    pub const fn stays(&self) -> bool {
        self.persistent && !self.remove_persistent
    }

    /// Returns whether what is published is made to last, so that others may rely on it.
    pub(crate) const fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Whether what is published is wrong since the account key was changed (RFC 8555 Section 7.3.5).
    pub(crate) fn is_outdated(&self, thumbprint: &Thumbprint) -> bool {
        self.bound_to().is_some_and(|own| own != *thumbprint)
    }

    /// Returns the account key that what is published proves, if it names one.
    pub(crate) fn bound_to(&self) -> Option<Thumbprint> {
        self.token.as_ref().map(|_| self.thumbprint)
    }
}

/// The kinds that this crate has rules for: one line for each file.
static KINDS: [(ChallengeKind, &ChallengeRules); 5] = [
    (ChallengeKind::Http01, &http01::RULES),
    (ChallengeKind::TlsAlpn01, &tls_alpn01::RULES),
    (ChallengeKind::Dns01, &dns01::RULES),
    (ChallengeKind::DnsAccount01, &dns_account01::RULES),
    (ChallengeKind::DnsPersist01, &dns_persist01::RULES),
];

/// Returns the rules of a kind that this crate knows.
fn rules(kind: &ChallengeKind) -> Option<&'static ChallengeRules> {
    KINDS.iter().find(|(known, _)| known == kind).map(|(_, rules)| *rules)
}

/// Names a challenge within its issuance; it survives a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(pub(crate) Url);

#[cfg(test)]
mod testing;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Every kind, with whether it can prove a DNS name, a wildcard, an address, and a name of 249 octets.
    #[test]
    fn each_kind_proves_the_identifiers_that_its_rfc_allows() {
        let label = "a".repeat(49);
        let long = [label.as_str(); 5].join(".");
        assert_eq!(long.len(), 249);
        let table = [
            // kind, DNS name, wildcard, address, a name of 249 octets
            ("http-01", [true, false, true, true]),
            ("dns-01", [true, true, false, false]),
            ("tls-alpn-01", [true, false, true, true]),
            ("dns-account-01", [true, true, false, false]),
            ("dns-persist-01", [true, true, false, false]),
        ];
        let identifiers = [
            (Identifier::dns("a.example").unwrap(), false),
            (Identifier::dns("a.example").unwrap(), true),
            (Identifier::Ip("192.0.2.1".parse().unwrap()), false),
            (Identifier::dns(&long).unwrap(), false),
        ];
        for (kind, expected) in table {
            let rules = rules(&ChallengeKind::from(kind)).unwrap();
            let found = identifiers.each_ref().map(|(name, wildcard)| rules.suits(name, *wildcard));
            assert_eq!(found, expected, "{kind}");
        }
    }

    /// Every kind, with whether it needs a token, and whether its record stays.
    #[test]
    fn each_kind_needs_a_token_and_is_taken_back_as_its_rfc_says() {
        let table = [
            // kind, token, persistent
            ("http-01", [true, false]),
            ("dns-01", [true, false]),
            ("tls-alpn-01", [true, false]),
            ("dns-account-01", [true, false]),
            ("dns-persist-01", [false, true]),
        ];
        for (kind, expected) in table {
            let rules = rules(&ChallengeKind::from(kind)).unwrap();
            assert_eq!([rules.needs_token(), rules.is_persistent()], expected, "{kind}");
        }
        assert!(rules(&ChallengeKind::from("made-up-01")).is_none());
    }
}
