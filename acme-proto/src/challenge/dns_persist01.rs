//! dns-persist-01 (draft-ietf-acme-dns-persist-00): a record that stays.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde_json::{Map, Value};

use super::txt_record::fits_below;
use super::{Challenge, ChallengeRules, Member, PersistRecord, TxtRecord, persist_record};
use crate::caa::InvalidIssueValue;
use crate::identifier::DnsName;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{self, ChallengeKind};

pub(super) const RULES: ChallengeRules =
    ChallengeRules::new(|identifier, _| fits_below("_validation-persist.", identifier))
        .without_token()
        .with_members(&[Member::required(ISSUERS, |value| issuer_names(value).is_some())])
        .with_account_member(ACCOUNT)
        .persistent()
        .with_txt_name(|challenge| challenge.dns_persist_01().map(|asked| asked.name));

/// The members of a dns-persist-01 challenge (draft-ietf-acme-dns-persist-00 Section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPersistMembers {
    issuer_domain_names: Vec<DnsName>,
    account_uri: Option<String>,
}

/// What a dns-persist-01 validation asks for: one of several records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPersist01 {
    name: String,
    issuers: Vec<DnsName>,
    account: Url,
    wildcard: bool,
}

/// What the user wants in a record of dns-persist-01.
///
/// By default it is for the one name only, and does not end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistOptions {
    wildcard: bool,
    until: Option<Timestamp>,
    issuer: Option<String>,
}

/// The record that proves a name: one that is there already, or one to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistChoice {
    record: TxtRecord,
    is_there: bool,
}

/// Why no record is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersistRefusal {
    /// The name is a wildcard, and the user did not allow `policy=wildcard`.
    #[error(
        "a wildcard needs policy=wildcard, which covers every name below and has to be allowed"
    )]
    WildcardPolicy,
    /// The end that the user set has passed.
    #[error("the record would have ended at {0}; set a later end")]
    Ended(Timestamp),
    /// The CA does not go by the name that the user chose.
    #[error("the CA does not go by the chosen issuer name; see the names that it offers")]
    Issuer,
    /// The account's URL does not fit into a record.
    #[error("the record cannot be written")]
    Unwritable(#[from] InvalidIssueValue),
}

impl Challenge {
    /// Returns what to publish for dns-persist-01, if this is that kind.
    ///
    /// The record is made of our own account's URL, whatever the challenge says.
    pub fn dns_persist_01(&self) -> Option<DnsPersist01> {
        let members = Some(&self.members).filter(|_| self.kind == ChallengeKind::DnsPersist01)?;
        Some(DnsPersist01 {
            name: persist_record::owner(&self.identifier.value()),
            issuers: DnsPersistMembers::read(members)?.issuer_domain_names,
            account: self.account.clone()?,
            wildcard: self.wildcard,
        })
    }
}

impl wire::Challenge {
    /// Returns the members of dns-persist-01; none for other kinds, and if one is missing or malformed, in which
    /// case the challenge cannot be used.
    pub fn dns_persist(&self) -> Option<DnsPersistMembers> {
        let members = Some(self.extra()).filter(|_| *self.kind() == ChallengeKind::DnsPersist01)?;
        DnsPersistMembers::read(members)
    }
}

impl DnsPersistMembers {
    /// The largest number of issuer names; a challenge with more is malformed.
    pub const MAX_NAMES: usize = 10;

    /// Returns the names that the CA goes by, one of which stands in the record: one to ten.
    pub fn issuer_domain_names(&self) -> &[DnsName] {
        &self.issuer_domain_names
    }

    /// Returns the account that the challenge is made out to, where the server says so.
    ///
    /// Compare it with the account's own URL, and never publish it.
    pub fn account_uri(&self) -> Option<&str> {
        self.account_uri.as_deref()
    }

    fn read(members: &Map<String, Value>) -> Option<Self> {
        let account_uri = match members.get(ACCOUNT) {
            None | Some(Value::Null) => None,
            Some(Value::String(url)) if url.len() <= Url::MAX_LEN => Some(url.clone()),
            Some(_) => return None,
        };
        Some(Self { issuer_domain_names: issuer_names(members.get(ISSUERS)?)?, account_uri })
    }
}

impl DnsPersist01 {
    /// Returns the owner name of the record.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the names of the CA, one of which the record has: one to ten.
    pub fn issuers(&self) -> &[DnsName] {
        &self.issuers
    }

    /// Returns the URL of our account.
    pub const fn account(&self) -> &Url {
        &self.account
    }

    /// Returns whether only a record with `policy=wildcard` will do.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns the record to be published.
    ///
    /// # Errors
    /// [`PersistRefusal`]: allow more in the options, or use another challenge type.
    pub fn record(&self, options: &PersistOptions) -> Result<TxtRecord, PersistRefusal> {
        if self.wildcard && !options.wildcard {
            return Err(PersistRefusal::WildcardPolicy);
        }
        let is_wanted = |issuer: &&DnsName| {
            options
                .issuer
                .as_ref()
                .is_none_or(|wanted| issuer.as_str().eq_ignore_ascii_case(wanted))
        };
        let issuer = self.issuers.iter().find(is_wanted).ok_or(PersistRefusal::Issuer)?;
        let mut record = PersistRecord::new(issuer, &self.account);
        if options.wildcard {
            record = record.with_wildcard_policy();
        }
        if let Some(until) = options.until {
            record = record.with_persist_until(until);
        }
        let value = alloc::format!("{}", record.to_issue_value()?);
        Ok(TxtRecord { name: self.name.clone(), value })
    }

    /// Chooses among the values that are there, or else makes the record to be published.
    ///
    /// A value counts if it proves the name for another hour at least; others are left alone.
    ///
    /// # Errors
    /// Those of [`record`](Self::record), and [`PersistRefusal::Ended`].
    pub fn choose(
        &self,
        there: &[String],
        options: &PersistOptions,
        now: Timestamp,
    ) -> Result<PersistChoice, PersistRefusal> {
        let later = now.saturating_add(SOON);
        let proves = |value: &&String| {
            PersistRecord::parse(value).is_ok_and(|record| {
                record.authorizes(&self.issuers, &self.account, self.wildcard, later)
            })
        };
        if let Some(value) = there.iter().find(proves) {
            let record = TxtRecord { name: self.name.clone(), value: value.clone() };
            return Ok(PersistChoice { record, is_there: true });
        }
        if let Some(until) = options.until.filter(|until| *until < now) {
            return Err(PersistRefusal::Ended(until));
        }
        Ok(PersistChoice { record: self.record(options)?, is_there: false })
    }
}

impl PersistOptions {
    /// Allows `policy=wildcard`, which every record then has: it covers wildcards and all names below.
    pub const fn with_wildcard_policy(mut self) -> Self {
        self.wildcard = true;
        self
    }

    /// Sets an end, after which the record proves nothing.
    pub const fn with_persist_until(mut self, time: Timestamp) -> Self {
        self.until = Some(time);
        self
    }

    /// Chooses by which of its names the CA is named; the first that it offers if nothing else is said.
    pub fn with_issuer(mut self, name: impl Into<String>) -> Self {
        self.issuer = Some(name.into());
        self
    }
}

impl PersistChoice {
    /// Returns the record.
    pub const fn record(&self) -> &TxtRecord {
        &self.record
    }

    /// Returns whether it is there already, so that nothing need be published.
    pub const fn is_there(&self) -> bool {
        self.is_there
    }
}

/// Reads names in normal form: lower-case A-labels without a final dot.
fn issuer_names(value: &Value) -> Option<Vec<DnsName>> {
    let entries = value.as_array()?;
    if entries.is_empty() || entries.len() > DnsPersistMembers::MAX_NAMES {
        return None;
    }
    entries.iter().map(issuer_name).collect()
}

fn issuer_name(entry: &Value) -> Option<DnsName> {
    let text = entry.as_str()?;
    DnsName::parse(text).ok().filter(|name| name.as_str() == text && !name.is_wildcard())
}

const ISSUERS: &str = "issuer-domain-names";
const ACCOUNT: &str = "accounturi";

/// A record that ends sooner may be over when the CA looks.
const SOON: Duration = Duration::from_secs(3600);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;
    use crate::challenge::Kinds;
    use crate::challenge::testing::{challenge, faults, received};
    use crate::wire::DeviationKind;

    const PLAIN: &str = "authority.example; accounturi=https://ca.example/acct/123";

    fn asked(wildcard: bool) -> DnsPersist01 {
        let names = ["authority.example", "ca.example.net"];
        let members = Map::from_iter([(ISSUERS.to_owned(), Value::from(names.to_vec()))]);
        let one = Challenge { members, wildcard, ..challenge("dns-persist-01", "example.com") };
        assert!(one.key_authorization().is_none() && one.txt_record().is_none());
        one.dns_persist_01().unwrap()
    }

    fn value(asked: &DnsPersist01, options: &PersistOptions) -> String {
        asked.record(options).unwrap().value
    }

    #[test]
    fn the_record_has_our_account_and_one_of_the_names() {
        let options = PersistOptions::default();
        assert_eq!(asked(false).name(), "_validation-persist.example.com");
        assert_eq!(value(&asked(false), &options), PLAIN);
        let other = options.clone().with_issuer("CA.example.net");
        assert!(value(&asked(false), &other).starts_with("ca.example.net; "));
        let stranger = options.with_issuer("other.example");
        assert_eq!(asked(false).record(&stranger), Err(PersistRefusal::Issuer));
    }

    // dnspersist-4.1-3
    #[test]
    fn the_wildcard_policy_is_the_users_to_allow() {
        let (none, allowed) =
            (PersistOptions::default(), PersistOptions::default().with_wildcard_policy());
        assert_eq!(asked(true).record(&none), Err(PersistRefusal::WildcardPolicy));
        assert_eq!(value(&asked(true), &allowed), alloc::format!("{PLAIN}; policy=wildcard"));
        assert!(!value(&asked(false), &none).contains("policy"));
    }

    #[test]
    fn a_value_that_is_there_is_taken_if_it_proves_the_name() {
        let at = Timestamp::from_unix_seconds;
        let none = PersistOptions::default();
        let wild = alloc::format!("{PLAIN};policy=wildcard");
        let there = ["v=spf1 -all".to_owned(), wild.clone()];
        let choice = asked(true).choose(&there, &none, at(0)).unwrap();
        assert!(choice.is_there() && choice.record().value == wild);
        let foreign = [PLAIN.replace("123", "124"), alloc::format!("{PLAIN}; persistUntil=3600")];
        assert!(asked(false).choose(&foreign, &none, at(0)).unwrap().is_there());
        let choice = asked(false).choose(&foreign, &none, at(1)).unwrap();
        assert!(!choice.is_there() && choice.record().value == PLAIN);
        assert!(asked(true).choose(&foreign, &none, at(0)).is_err());
    }

    #[test]
    fn an_end_that_has_passed_is_refused() {
        let at = Timestamp::from_unix_seconds;
        let ended = PersistOptions::default().with_persist_until(at(10));
        assert_eq!(asked(false).choose(&[], &ended, at(11)), Err(PersistRefusal::Ended(at(10))));
        let choice = asked(false).choose(&[], &ended, at(10)).unwrap();
        assert!(choice.record().value.ends_with("; persistUntil=10"));
    }

    fn offered(members: &str) -> wire::Challenge {
        received("dns-persist-01", &alloc::format!(",{members}"))
    }

    fn faults_of(challenge: &wire::Challenge) -> Vec<(String, DeviationKind)> {
        faults(&Kinds::default(), challenge)
    }

    // draft-ietf-acme-dns-persist-00 Section 3.1
    #[test]
    fn the_example_of_the_draft_is_read() {
        let challenge = offered(
            r#""status":"pending","issuer-domain-names":["authority.example","ca.example.net"]"#,
        );
        let persist = challenge.dns_persist().unwrap();
        let names: Vec<_> =
            persist.issuer_domain_names().iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["authority.example", "ca.example.net"]);
        assert_eq!(persist.account_uri(), None);
        assert_eq!(challenge.token(), None);
        assert_eq!(faults_of(&challenge), []);
    }

    // dnspersist-3.1-3, dnspersist-3.1-4, fld-ch-7
    #[test]
    fn names_in_another_form_make_the_challenge_unusable() {
        let long = alloc::format!(r#"["{}.example"]"#, ["a"; 124].join("."));
        let eleven = alloc::format!("[{}]", [r#""ca.example""#; 11].join(","));
        for bad in [
            "[]",
            &*eleven,
            r#"["CA.example"]"#,
            r#"["ca.example."]"#,
            r#"["b\u00fccher.example"]"#,
            r#"["*.ca.example"]"#,
            r#"["ca.example",1]"#,
            r#"[""]"#,
            r#""ca.example""#,
            "{}",
            &*long,
        ] {
            let challenge = offered(&alloc::format!(r#""issuer-domain-names":{bad}"#));
            assert_eq!(challenge.dns_persist(), None, "{bad}");
            assert_eq!(
                faults_of(&challenge),
                [(ISSUERS.to_owned(), DeviationKind::Malformed)],
                "{bad}"
            );
        }
        let challenge = offered(r#""status":"pending""#);
        assert_eq!(challenge.dns_persist(), None);
        assert_eq!(faults_of(&challenge), [(ISSUERS.to_owned(), DeviationKind::Missing)]);
    }

    // fld-ch-7
    #[test]
    fn an_account_that_is_no_text_makes_the_challenge_unusable() {
        let names = r#""issuer-domain-names":["ca.example"]"#;
        let number = offered(&alloc::format!(r#"{names},"accounturi":1"#));
        assert_eq!(number.dns_persist(), None);
        assert_eq!(faults_of(&number), [(ACCOUNT.to_owned(), DeviationKind::Malformed)]);
        let null = offered(&alloc::format!(r#"{names},"accounturi":null"#));
        assert_eq!(null.dns_persist().unwrap().account_uri(), None);
        assert_eq!(faults_of(&null), []);
    }
}
