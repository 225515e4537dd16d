//! The record of dns-persist-01 (draft-ietf-acme-dns-persist-00 Section 4).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;

use super::TxtRecord;
use crate::caa::{InvalidIssueValue, IssueValue};
use crate::identifier::DnsName;
use crate::sorted::SortedSet;
use crate::time::Timestamp;
use crate::url::Url;

/// A TXT record's value that allows one account at one CA to prove a name, for as long as it stands.
///
/// It can be published before anything is ordered: the account's URL is known since registration, and the CA's
/// name is likely one of the directory's [`caaIdentities`](crate::wire::Meta::caa_identities).
///
/// Whoever holds the account key can get certificates for the name while the record stands: guard that key like
/// that of a certificate. To stop it, remove the record; at once, by deactivating the account (section 7.8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersistRecord {
    issuer: String,
    account: String,
    wildcard: bool,
    until: Option<Timestamp>,
}

/// Why a text is no record of dns-persist-01.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPersistRecord {
    /// It does not have the form of an issue-value.
    #[error(transparent)]
    Form(#[from] InvalidIssueValue),
    /// It names no CA.
    #[error("the record names no CA")]
    NoIssuer,
    /// It has no `accounturi`.
    #[error("the record has no accounturi")]
    NoAccount,
    /// It has a parameter more than once.
    #[error("the record has a parameter more than once")]
    Repeated,
    /// Its `persistUntil` is no whole number of seconds since 1970.
    #[error("the record's persistUntil is no number of seconds since 1970")]
    Until,
}

impl PersistRecord {
    /// Creates a record for an account, by its URL exactly as the CA gave it.
    pub fn new(issuer: &DnsName, account: &Url) -> Self {
        let (issuer, account) = (issuer.as_str().to_owned(), account.as_str().to_owned());
        Self { issuer, account, wildcard: false, until: None }
    }

    /// Allows wildcard names too, and every name below: `policy=wildcard`.
    ///
    /// Whoever can have a name below, such as a forgotten subdomain, has a reason to want this.
    pub const fn with_wildcard_policy(mut self) -> Self {
        self.wildcard = true;
        self
    }

    /// Ends it at a time, in whole seconds; what was proved before stays so: `persistUntil`.
    pub const fn with_persist_until(mut self, time: Timestamp) -> Self {
        self.until = Some(Timestamp::from_unix_seconds(time.unix_seconds()));
        self
    }

    /// Reads a record; parameters that are not known are left out.
    ///
    /// # Errors
    /// [`InvalidPersistRecord`]: it proves nothing, and may be something else altogether.
    pub fn parse(text: &str) -> Result<Self, InvalidPersistRecord> {
        let value = IssueValue::parse(text)?;
        let mut tags = SortedSet::new();
        if !value.parameters().iter().all(|(tag, _)| tags.insert(tag.to_ascii_lowercase())) {
            return Err(InvalidPersistRecord::Repeated);
        }
        let single = |tag| value.values(tag).next();
        let issuer = value.issuer().ok_or(InvalidPersistRecord::NoIssuer)?;
        let account = single("accounturi").ok_or(InvalidPersistRecord::NoAccount)?;
        let policy = single("policy").unwrap_or_default();
        Ok(Self {
            issuer: issuer.to_ascii_lowercase(),
            account: account.to_owned(),
            wildcard: policy.eq_ignore_ascii_case("wildcard"),
            until: single("persistuntil").map(seconds).transpose()?,
        })
    }

    /// Returns the owner name of the record for a name, which may be a wildcard.
    pub fn name_for(name: &DnsName) -> String {
        owner(name.base().as_str())
    }

    /// Returns the record to be published for a name.
    ///
    /// # Errors
    /// [`InvalidIssueValue`] for an account URL that the grammar has no room for, such as with a semicolon.
    pub fn to_txt(&self, name: &DnsName) -> Result<TxtRecord, InvalidIssueValue> {
        Ok(TxtRecord { name: Self::name_for(name), value: self.to_issue_value()?.to_string() })
    }

    /// Returns the value: issuer, `accounturi`, `policy`, `persistUntil`.
    ///
    /// # Errors
    /// [`InvalidIssueValue`] as for [`to_txt`](Self::to_txt), and for a time before 1970.
    pub fn to_issue_value(&self) -> Result<IssueValue, InvalidIssueValue> {
        let mut value =
            IssueValue::of(&self.issuer)?.with_parameter("accounturi", &self.account)?;
        if self.wildcard {
            value = value.with_parameter("policy", "wildcard")?;
        }
        if let Some(until) = self.until {
            let seconds = until.unix_seconds().max(0);
            value = value.with_parameter("persistUntil", &seconds.to_string())?;
        }
        Ok(value)
    }

    /// Returns the CA's name, in lower case.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the account's URL.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns whether wildcard names and all names below are allowed.
    pub const fn allows_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns the last moment at which it proves anything, if it ends.
    pub const fn persist_until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Returns whether it proves a name to a CA with these names, for this account, at this time.
    pub fn authorizes(
        &self,
        issuers: &[DnsName],
        account: &Url,
        wildcard: bool,
        now: Timestamp,
    ) -> bool {
        issuers.iter().any(|issuer| issuer.as_str() == self.issuer)
            && self.account == account.as_str()
            && (self.wildcard || !wildcard)
            && self.until.is_none_or(|until| now <= until)
    }
}

impl fmt::Display for PersistRecord {
    /// Writes one line to be read by people; [`to_issue_value`](Self::to_issue_value) is what to publish.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuer = crate::text::printable(&self.issuer, 253);
        write!(f, "{issuer} for {}", crate::text::printable(&self.account, 200))?;
        f.write_str(if self.wildcard { ", with all names below" } else { "" })?;
        self.until.map_or(Ok(()), |until| write!(f, ", until {until:.0}"))
    }
}

/// Returns the owner name of the record for a name without `*.`.
pub(super) fn owner(base: &str) -> String {
    alloc::format!("_validation-persist.{base}")
}

fn seconds(text: &str) -> Result<Timestamp, InvalidPersistRecord> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| digits).ok_or(InvalidPersistRecord::Until)?;
    Ok(Timestamp::from_unix_seconds(seconds))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plain() -> PersistRecord {
        let issuer = DnsName::parse("authority.example").unwrap();
        PersistRecord::new(&issuer, &Url::parse("https://ca.example/acct/123").unwrap())
    }

    fn text(record: &PersistRecord) -> String {
        record.to_issue_value().unwrap().to_string()
    }

    const PLAIN: &str = "authority.example; accounturi=https://ca.example/acct/123";

    #[test]
    fn the_examples_of_the_draft_are_written_and_read() {
        let end = Timestamp::from_unix_seconds(1_721_952_000);
        let examples = [
            (plain(), ""),
            (plain().with_wildcard_policy(), "; policy=wildcard"),
            (plain().with_persist_until(end), "; persistUntil=1721952000"),
            (
                plain().with_wildcard_policy().with_persist_until(end),
                "; policy=wildcard; persistUntil=1721952000",
            ),
        ];
        for (record, rest) in examples {
            let written = text(&record);
            assert_eq!(written, alloc::format!("{PLAIN}{rest}"));
            assert_eq!(PersistRecord::parse(&written), Ok(record));
        }
        let name = DnsName::parse("*.example.com").unwrap();
        let txt = plain().to_txt(&name).unwrap();
        assert_eq!(txt.name, "_validation-persist.example.com");
        assert_eq!(txt.value, PLAIN);
    }

    // draft-ietf-acme-dns-persist-00 Section 4
    #[test]
    fn tags_and_policy_are_read_in_any_case_and_unknown_ones_left_out() {
        let odd =
            "Authority.Example;ACCOUNTURI = https://ca.example/acct/123\t; Policy=WildCard;new=1";
        assert_eq!(PersistRecord::parse(odd), Ok(plain().with_wildcard_policy()));
        let other = alloc::format!("{PLAIN}; policy=none");
        assert_eq!(PersistRecord::parse(&other), Ok(plain()));
    }

    // draft-ietf-acme-dns-persist-00 Section 4
    #[test]
    fn other_texts_are_no_records() {
        let with = |rest: &str| alloc::format!("{PLAIN}; {rest}");
        for (bad, why) in [
            (String::from("; accounturi=https://a"), InvalidPersistRecord::NoIssuer),
            (String::from("authority.example; policy=wildcard"), InvalidPersistRecord::NoAccount),
            (with("AccountUri=https://b"), InvalidPersistRecord::Repeated),
            (with("new=1; NEW=2"), InvalidPersistRecord::Repeated),
            (with("persistUntil=1e9"), InvalidPersistRecord::Until),
            (with("persistUntil=-1"), InvalidPersistRecord::Until),
            (with("persistUntil="), InvalidPersistRecord::Until),
            (with("persistUntil=+1"), InvalidPersistRecord::Until),
            (with("persistUntil=99999999999999999999"), InvalidPersistRecord::Until),
        ] {
            assert_eq!(PersistRecord::parse(&bad), Err(why), "{bad}");
        }
        let dns01 = PersistRecord::parse("n3rztfDtTAOtlye7bRdUvjki3axVOyRSzxwYAVFuQag");
        assert_eq!(dns01, Err(InvalidPersistRecord::NoAccount));
        assert!(matches!(PersistRecord::parse("v=spf1 -all"), Err(InvalidPersistRecord::Form(_))));
    }

    // draft-ietf-acme-dns-persist-00 Sections 4 and 5
    #[test]
    fn it_authorizes_one_account_at_one_ca_up_to_its_end() {
        let issuers =
            [DnsName::parse("a.example").unwrap(), DnsName::parse("authority.example").unwrap()];
        let account = Url::parse("https://ca.example/acct/123").unwrap();
        let other = Url::parse("https://ca.example/acct/1234").unwrap();
        let at = Timestamp::from_unix_seconds;
        let ends = plain().with_persist_until(at(100));
        assert!(ends.authorizes(&issuers, &account, false, at(100)));
        assert!(!ends.authorizes(&issuers, &account, false, at(101)));
        assert!(!ends.authorizes(&issuers[..1], &account, false, at(0)));
        assert!(!ends.authorizes(&issuers, &other, false, at(0)));
        assert!(!ends.authorizes(&issuers, &account, true, at(0)));
        assert!(plain().with_wildcard_policy().authorizes(&issuers, &account, true, at(i64::MAX)));
    }

    // dnspersist-4.1-5
    #[test]
    fn a_long_record_is_cut_into_strings() {
        let account = alloc::format!("https://ca.example/{}", "a".repeat(300));
        let issuer = DnsName::parse("authority.example").unwrap();
        let record = PersistRecord::new(&issuer, &Url::parse(&account).unwrap());
        let txt = record.to_txt(&issuer).unwrap();
        assert_eq!(txt.strings().len(), 2);
        assert_eq!(txt.strings().concat(), txt.value.as_bytes());
        let semicolon = Url::parse("https://ca.example/a;b").unwrap();
        assert!(PersistRecord::new(&issuer, &semicolon).to_txt(&issuer).is_err());
    }
}
