//! What a kind of challenge consists of, as data: one [`ChallengeRules`] for each kind.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::{Challenge, ChallengeResponse, TxtRecord};
use crate::identifier::Identifier;
use crate::url::Url;
use crate::wire::{self, ChallengeKind, Deviation, DeviationKind};

/// The rules of a kind of challenge: which identifiers it can prove, what a challenge of this kind has to contain,
/// and what its response has to contain.
///
/// This crate has the rules of the kinds that [`ChallengeKind`] names. An issuance can use any other kind whose rules
/// it is given by [`Issuance::with_kind`](crate::issuance::Issuance::with_kind).
///
/// The rules of onion-csr-01 (RFC 9799 Section 3.2), whose challenge has a nonce in place of a token, and whose response
/// has a CSR:
///
/// ```
/// use acme_proto::challenge::{ChallengeRules, Member};
/// use acme_proto::identifier::Identifier;
/// use serde_json::Value;
///
/// fn is_onion(identifier: &Identifier, _wildcard: bool) -> bool {
///     identifier.value().ends_with(".onion")
/// }
///
/// const ONION_CSR_01: ChallengeRules = ChallengeRules::new(is_onion)
///     .without_token()
///     .with_members(&[Member::required("nonce", Value::is_string)])
///     .with_response_members(&[Member::required("csr", Value::is_string)]);
/// # let name = Identifier::dns("example.onion")?;
/// # let _ = (ONION_CSR_01, name);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ChallengeRules {
    suits: fn(&Identifier, bool) -> bool,
    token: bool,
    members: &'static [Member],
    account_member: Option<&'static str>,
    response_members: &'static [Member],
    persistent: bool,
    /// It is proved by a record that is made for the challenge, below `_acme-challenge`.
    fresh_record: bool,
    txt_record: fn(&Challenge) -> Option<TxtRecord>,
    txt_name: fn(&Challenge) -> Option<String>,
}

/// A member of a challenge object, or of a response.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    name: &'static str,
    required: bool,
    is_valid: fn(&Value) -> bool,
}

impl ChallengeRules {
    /// Creates the rules of a kind whose challenges have a token and whose response is empty.
    ///
    /// `suits` says whether the kind can prove an identifier. The identifier is without the `*.` of a wildcard; the flag
    /// is true for a wildcard.
    pub const fn new(suits: fn(&Identifier, bool) -> bool) -> Self {
        Self {
            suits,
            token: true,
            members: &[],
            account_member: None,
            response_members: &[],
            persistent: false,
            fresh_record: false,
            txt_record: |_| None,
            txt_name: |_| None,
        }
    }

    /// Sets that the kind has no use for a token, nor for the key authorization that is made of it.
    pub const fn without_token(mut self) -> Self {
        self.token = false;
        self
    }

    /// Sets the members that the kind defines for the challenge object, beside the token.
    ///
    /// A challenge is not offered if a required one is missing or null, or if any of them is not valid.
    /// [`Challenge::members`] returns them.
    pub const fn with_members(mut self, members: &'static [Member]) -> Self {
        self.members = members;
        self
    }

    /// Sets the member that holds the URL of an account, where the CA names one.
    ///
    /// A challenge that names another account than the session's is not offered.
    pub const fn with_account_member(mut self, name: &'static str) -> Self {
        self.account_member = Some(name);
        self
    }

    /// Sets the members that the kind defines for the response.
    ///
    /// [`Issuance::ready_with`](crate::issuance::Issuance::ready_with) refuses a response that lacks a required one, or
    /// in which one of them is not valid.
    pub const fn with_response_members(mut self, members: &'static [Member]) -> Self {
        self.response_members = members;
        self
    }

    /// Sets that what is published stays when the issuance is over, so that later orders can use it.
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Sets which TXT record proves the identifier.
    pub(super) const fn with_txt_record(
        mut self,
        record: fn(&Challenge) -> Option<TxtRecord>,
    ) -> Self {
        self.fresh_record = true;
        self.txt_record = record;
        self
    }

    /// Sets the owner name of a TXT record whose value is the user's to choose.
    pub(super) const fn with_txt_name(mut self, name: fn(&Challenge) -> Option<String>) -> Self {
        self.txt_name = name;
        self
    }

    /// Returns whether the kind can prove an identifier.
    pub(super) fn suits(&self, identifier: &Identifier, wildcard: bool) -> bool {
        (self.suits)(identifier, wildcard)
    }

    pub(super) fn txt_record(&self, challenge: &Challenge) -> Option<TxtRecord> {
        (self.txt_record)(challenge)
    }

    pub(super) fn txt_name(&self, challenge: &Challenge) -> Option<String> {
        let record = self.txt_record(challenge);
        record.map(|record| record.name).or_else(|| (self.txt_name)(challenge))
    }

    pub(crate) const fn needs_token(&self) -> bool {
        self.token
    }

    pub(crate) const fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Returns what a challenge has of the members that the kind defines.
    pub(crate) fn members_of(&self, challenge: &wire::Challenge) -> Map<String, Value> {
        let all = self.members.iter().filter_map(|member| {
            let value = member.of(challenge.extra())?;
            Some((member.name.to_owned(), value.clone()))
        });
        all.collect()
    }

    /// Returns the name of the first member that a response lacks, or has in a form that is not valid.
    pub(crate) fn fault_of(&self, response: &ChallengeResponse) -> Option<&'static str> {
        let fault = self.response_members.iter().find(|m| m.fault(response.members()).is_some());
        fault.map(|member| member.name)
    }

    /// Returns the members that make a challenge useless to this account.
    ///
    /// Of a token that was there and malformed nothing is said: parsing the challenge reported it.
    fn deviations(&self, challenge: &wire::Challenge, account: Option<&Url>) -> Vec<Deviation> {
        let members = challenge.extra();
        let token = TOKEN.fault(members).filter(|_| self.token && challenge.token().is_none());
        let token = token.map(|kind| Deviation::new(TOKEN.name, kind));
        let faults = self.members.iter().filter_map(|member| {
            member.fault(members).map(|kind| Deviation::new(member.name, kind))
        });
        let account = self.account_member.and_then(|name| {
            let kind = account_fault(members.get(name)?, account)?;
            Some(Deviation::new(name, kind))
        });
        token.into_iter().chain(faults).chain(account).collect()
    }

    fn is_complete(&self, challenge: &wire::Challenge, account: Option<&Url>) -> bool {
        let has_token = !self.token || challenge.token().is_some();
        has_token && self.deviations(challenge, account).is_empty()
    }
}

impl Member {
    /// Creates a member without which the object cannot be used.
    pub const fn required(name: &'static str, is_valid: fn(&Value) -> bool) -> Self {
        Self { name, required: true, is_valid }
    }

    /// Creates a member that may be absent, but has to be valid where it is there.
    pub const fn optional(name: &'static str, is_valid: fn(&Value) -> bool) -> Self {
        Self { name, required: false, is_valid }
    }

    /// Returns the member; null is the same as absent.
    fn of<'a>(&self, members: &'a Map<String, Value>) -> Option<&'a Value> {
        members.get(self.name).filter(|value| !value.is_null())
    }

    fn fault(&self, members: &Map<String, Value>) -> Option<DeviationKind> {
        match self.of(members) {
            Some(value) => (!(self.is_valid)(value)).then_some(DeviationKind::Malformed),
            None => self.required.then_some(DeviationKind::Missing),
        }
    }
}

/// The kinds that an issuance can use: those of this crate, and those that the user has added.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    added: Vec<(ChallengeKind, ChallengeRules)>,
}

impl Kinds {
    /// Adds a kind; its rules take the place of earlier ones.
    pub(crate) fn add(&mut self, kind: ChallengeKind, rules: ChallengeRules) {
        self.added.insert(0, (kind, rules));
    }

    pub(crate) fn rules(&self, kind: &ChallengeKind) -> Option<&ChallengeRules> {
        let added = self.added.iter().find(|(added, _)| added == kind);
        added.map(|(_, rules)| rules).or_else(|| super::rules(kind))
    }

    /// Returns whether challenges of a kind can prove an identifier, which may be a wildcard.
    pub(crate) fn suit(&self, kind: &ChallengeKind, identifier: &Identifier) -> bool {
        let (base, wildcard) = (identifier.base(), identifier.is_wildcard());
        self.rules(kind).is_some_and(|rules| rules.suits(&base, wildcard))
    }

    /// Returns the kinds whose challenges can prove an identifier.
    pub(crate) fn suiting(&self, identifier: &Identifier) -> Vec<ChallengeKind> {
        let added = self.added.iter().map(|(kind, _)| kind);
        let own = super::KINDS.iter().map(|(kind, _)| kind);
        let own = own.filter(|kind| !added.clone().any(|added| added == *kind));
        own.chain(added.clone()).filter(|kind| self.suit(kind, identifier)).cloned().collect()
    }

    /// Returns whether two kinds are proved by the same set of records: where one failed, so does the other, in all
    /// likelihood.
    pub(crate) fn share_records(&self, one: &ChallengeKind, other: &ChallengeKind) -> bool {
        let is_fresh = |kind| self.rules(kind).is_some_and(|rules| rules.fresh_record);
        is_fresh(one) && is_fresh(other)
    }

    /// Returns whether a challenge can prove the identifier to this account, as long as it is open.
    pub(crate) fn admits(
        &self,
        challenge: &wire::Challenge,
        identifier: &Identifier,
        wildcard: bool,
        account: Option<&Url>,
    ) -> bool {
        self.rules(challenge.kind()).is_some_and(|rules| {
            rules.suits(identifier, wildcard) && rules.is_complete(challenge, account)
        })
    }

    /// Returns what makes a challenge useless though its kind is known.
    pub(crate) fn deviations(
        &self,
        challenge: &wire::Challenge,
        account: Option<&Url>,
    ) -> Vec<Deviation> {
        let rules = self.rules(challenge.kind());
        rules.map(|rules| rules.deviations(challenge, account)).unwrap_or_default()
    }
}

const TOKEN: Member = Member::required("token", |_| true);

/// Returns what is wrong with the URL of an account: the client knows its own, and no other may be published for.
fn account_fault(value: &Value, own: Option<&Url>) -> Option<DeviationKind> {
    match value {
        Value::Null => None,
        Value::String(named) if named.len() > Url::MAX_LEN => Some(DeviationKind::Malformed),
        Value::String(named) if own.is_some_and(|own| own.as_str() == named) => None,
        Value::String(_) => Some(DeviationKind::ForeignAccount),
        _ => Some(DeviationKind::Malformed),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::challenge::testing::{faults, received};

    const RULES: ChallengeRules = ChallengeRules::new(|_, wildcard| !wildcard)
        .without_token()
        .with_members(&[
            Member::required("nonce", Value::is_string),
            Member::optional("authKey", Value::is_object),
        ])
        .with_account_member("account")
        .with_response_members(&[
            Member::required("csr", Value::is_string),
            Member::optional("count", Value::is_u64),
        ]);

    fn with_made_up_kind() -> Kinds {
        let mut kinds = Kinds::default();
        kinds.add(ChallengeKind::from("made-up-01"), RULES);
        kinds
    }

    fn admits(kinds: &Kinds, challenge: &wire::Challenge) -> bool {
        let own = Url::parse("https://ca.example/acct/123").unwrap();
        let name = Identifier::dns("a.example").unwrap();
        kinds.admits(challenge, &name, false, Some(&own))
    }

    #[test]
    fn a_challenge_is_complete_if_each_required_member_is_there_and_each_is_valid() {
        use DeviationKind::{ForeignAccount, Malformed, Missing};
        let long = format!(r#","nonce":"x","account":"{}""#, "a".repeat(Url::MAX_LEN + 1));
        let table: [(&str, &[(&str, DeviationKind)]); 9] = [
            ("", &[("nonce", Missing)]),
            (r#","nonce":null"#, &[("nonce", Missing)]),
            (r#","nonce":1"#, &[("nonce", Malformed)]),
            (r#","nonce":"x""#, &[]),
            (r#","nonce":"x","authKey":null,"account":null"#, &[]),
            (r#","nonce":"x","authKey":[]"#, &[("authKey", Malformed)]),
            (r#","nonce":"x","account":"https://ca.example/acct/123""#, &[]),
            (
                r#","nonce":"x","account":"https://ca.example/acct/124""#,
                &[("account", ForeignAccount)],
            ),
            (&long, &[("account", Malformed)]),
        ];
        for (members, expected) in table {
            let expected: Vec<_> =
                expected.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
            let challenge = received("made-up-01", members);
            assert_eq!(faults(&with_made_up_kind(), &challenge), expected, "{members}");
            assert_eq!(admits(&with_made_up_kind(), &challenge), expected.is_empty(), "{members}");
        }
    }

    #[test]
    fn a_token_is_reported_missing_where_the_kind_needs_one() {
        let kinds = Kinds::default();
        let missing = [("token".to_owned(), DeviationKind::Missing)];
        for kind in ["http-01", "dns-01", "tls-alpn-01", "dns-account-01"] {
            let without = received(kind, "");
            assert_eq!(faults(&kinds, &without), missing, "{kind}");
            assert!(!admits(&kinds, &without), "{kind}");
            let complete = received(kind, r#","token":"DGyRejmCefe7v4NfDGDKfA""#);
            assert_eq!(faults(&kinds, &complete), [], "{kind}");
            assert!(admits(&kinds, &complete), "{kind}");
            // Parsing reports the characters.
            let malformed = received(kind, r#","token":"a/b""#);
            assert_eq!(faults(&kinds, &malformed), [], "{kind}");
            assert!(!admits(&kinds, &malformed), "{kind}");
        }
    }

    #[test]
    fn a_kind_without_rules_is_not_admitted() {
        let challenge = received("made-up-01", r#","token":"DGyRejmCefe7v4NfDGDKfA","nonce":"x""#);
        assert!(!admits(&Kinds::default(), &challenge));
        assert_eq!(faults(&Kinds::default(), &challenge), []);
    }

    #[test]
    fn a_response_is_checked_by_the_members_that_the_kind_defines() {
        let empty = ChallengeResponse::new();
        assert_eq!(RULES.fault_of(&empty), Some("csr"));
        assert_eq!(RULES.fault_of(&empty.clone().with_member("csr", 1)), Some("csr"));
        let complete = empty.with_member("csr", "MIIB").with_member("unknown", true);
        assert_eq!(RULES.fault_of(&complete), None);
        assert_eq!(RULES.fault_of(&complete.with_member("count", "1")), Some("count"));
    }

    #[test]
    fn the_members_of_a_challenge_are_those_that_the_kind_defines() {
        let challenge = received("made-up-01", r#","nonce":"x","authKey":null,"other":1"#);
        let members = RULES.members_of(&challenge);
        assert_eq!(Value::Object(members), serde_json::json!({ "nonce": "x" }));
    }
}
