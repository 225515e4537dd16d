//! Whether a CA may issue a certificate (RFC 8659 Sections 3 to 4.5, RFC 8657 Sections 3 and 4).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::issue_value;
use super::record::CaaRecord;
use crate::identifier::DnsName;
use crate::text::printable;
use crate::url::Url;
use crate::wire::ChallengeKind;

/// Returns the names to query for CAA records, in order. The first name that has records governs.
///
/// These are the name, without the `*.` of a wildcard, and each of its parents except the root (RFC
/// 8659 Section 3).
pub fn climb(name: &DnsName) -> impl Iterator<Item = &str> {
    let base = name.as_str().strip_prefix("*.").unwrap_or_else(|| name.as_str());
    core::iter::successors(Some(base), |name| name.split_once('.').map(|(_, parent)| parent))
}

/// The properties of a future certificate that CAA records can restrict.
#[derive(Clone, Debug)]
pub struct CaaRequest<'a> {
    name: &'a DnsName,
    issuers: Vec<String>,
    account: Option<&'a Url>,
    method: Option<&'a ChallengeKind>,
}

/// Why issuance is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaaAllowed<'r> {
    /// No record restricts issuance.
    Unrestricted,
    /// This record allows issuance.
    By(&'r CaaRecord),
}

/// The records that forbid issuance, each with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaForbidden {
    records: Vec<(CaaRecord, CaaRefusal)>,
}

/// Why a record does not allow issuance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CaaRefusal {
    /// It is critical, and RFC 8659 does not define its tag.
    UnknownCritical,
    /// Its value is not an issue-value, which means the same as [`Nobody`](Self::Nobody) (RFC 8659
    /// Section 4.2).
    Malformed,
    /// It names no CA.
    Nobody,
    /// It names another CA.
    OtherIssuer,
    /// It allows another account.
    OtherAccount,
    /// It allows other validation methods.
    OtherMethod,
    /// It has a parameter that is repeated or malformed, and cannot be satisfied (RFC 8657 Sections
    /// 3 and 4).
    Unsatisfiable,
}

impl<'a> CaaRequest<'a> {
    /// Creates the request for a name, possibly a wildcard, to the CA with these issuer domain
    /// names.
    ///
    /// The issuer domain names are the [`caaIdentities`](crate::wire::Meta::caa_identities) of the
    /// directory.
    pub fn new(name: &'a DnsName, issuers: impl IntoIterator<Item: Into<String>>) -> Self {
        let issuers = issuers.into_iter().map(Into::into).collect();
        Self { name, issuers, account: None, method: None }
    }

    /// Names the account; without it `accounturi` is not judged.
    pub const fn with_account(mut self, account: &'a Url) -> Self {
        self.account = Some(account);
        self
    }

    /// Names the way of validation; without it `validationmethods` is not judged.
    pub const fn with_method(mut self, method: &'a ChallengeKind) -> Self {
        self.method = Some(method);
        self
    }

    /// Evaluates the relevant record set, which consists of the records at the first name of
    /// [`climb`] that has any.
    ///
    /// # Errors
    /// [`CaaForbidden`] lists every record that forbids issuance. The domain owner can change them.
    pub fn check<'r>(&self, records: &'r [CaaRecord]) -> Result<CaaAllowed<'r>, CaaForbidden> {
        let critical = records.iter().filter(|r| r.is_critical() && !is_known(r));
        let critical: Vec<_> = critical.map(|r| (r.clone(), CaaRefusal::UnknownCritical)).collect();
        if !critical.is_empty() {
            return Err(CaaForbidden { records: critical });
        }
        // For a wildcard, `issuewild` records replace all `issue` records; without any, `issue`
        // applies (RFC 8659 Section 4.3).
        let wild = self.name.is_wildcard() && records.iter().any(|r| r.is("issuewild"));
        let tag = if wild { "issuewild" } else { "issue" };
        let mut refused = Vec::new();
        for record in records.iter().filter(|r| r.is(tag)) {
            match self.judge(record) {
                // Records are additive: one that allows issuance is enough (RFC 8659 Section 4.2).
                Ok(()) => return Ok(CaaAllowed::By(record)),
                Err(refusal) => refused.push((record.clone(), refusal)),
            }
        }
        // A set without records of this tag does not restrict issuance (RFC 8659 Section 3).
        if refused.is_empty() {
            return Ok(CaaAllowed::Unrestricted);
        }
        Err(CaaForbidden { records: refused })
    }

    fn judge(&self, record: &CaaRecord) -> Result<(), CaaRefusal> {
        let value = record.issue_value().ok_or(CaaRefusal::Malformed)?;
        let issuer = value.issuer().ok_or(CaaRefusal::Nobody)?;
        if !self.issuers.iter().any(|own| own.eq_ignore_ascii_case(issuer)) {
            return Err(CaaRefusal::OtherIssuer);
        }
        let single = |tag| {
            let mut values = value.values(tag);
            let first = values.next();
            if values.next().is_some() { Err(CaaRefusal::Unsatisfiable) } else { Ok(first) }
        };
        // A repeated `accounturi` is unsatisfiable even if the account is unknown (RFC 8657 Section
        // 3). The URI is compared as text, like every URL of ACME.
        if let (Some(allowed), Some(account)) = (single("accounturi")?, self.account)
            && allowed != account.as_str()
        {
            return Err(CaaRefusal::OtherAccount);
        }
        if let (Some(allowed), Some(method)) = (single("validationmethods")?, self.method) {
            let allowed = issue_value::methods(allowed).ok_or(CaaRefusal::Unsatisfiable)?;
            if !allowed.contains(&method.as_str()) {
                return Err(CaaRefusal::OtherMethod);
            }
        }
        Ok(())
    }
}

impl CaaForbidden {
    /// Returns the records that forbid issuance, each with the reason.
    ///
    /// A single record that allows issuance would be enough.
    pub fn records(&self) -> &[(CaaRecord, CaaRefusal)] {
        &self.records
    }
}

impl fmt::Display for CaaForbidden {
    /// Writes one line. Text from the DNS is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("forbidden by CAA")?;
        self.records.iter().enumerate().try_for_each(|(index, (record, refusal))| {
            let record = alloc::format!("{record}");
            let separator = if index == 0 { ":" } else { "," };
            write!(f, "{separator} {} {refusal}", printable(&record, 200))
        })
    }
}

impl core::error::Error for CaaForbidden {}

impl fmt::Display for CaaRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCritical => "is critical and unknown",
            Self::Malformed => "is malformed, which allows nobody",
            Self::Nobody => "allows nobody",
            Self::OtherIssuer => "allows another CA",
            Self::OtherAccount => "allows another account",
            Self::OtherMethod => "allows other ways of validation",
            Self::Unsatisfiable => "cannot be satisfied",
        })
    }
}

fn is_known(record: &CaaRecord) -> bool {
    ["issue", "issuewild", "iodef"].iter().any(|tag| record.is(tag))
}
