//! The value of `issue` and `issuewild` records (RFC 8659 Section 4.2), with the parameters of RFC
//! 8657.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::text::printable;
use crate::url::Url;
use crate::wire::ChallengeKind;

/// An issue-value: the domain name of a CA, or none, and parameters for that CA.
///
/// `Display` writes it with one space after each semicolon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueValue {
    issuer: Option<String>,
    parameters: Vec<(String, String)>,
}

/// The text cannot be part of an issue-value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" {reason} (RFC 8659 section 4.2)")]
pub struct InvalidIssueValue {
    text: String,
    reason: &'static str,
}

impl IssueValue {
    /// The maximum length of a parsed text in octets, which is that of a DNS record.
    pub const MAX_LEN: usize = 65_535;

    /// Returns the value that forbids issuance by every CA: `;`.
    pub const fn nobody() -> Self {
        Self { issuer: None, parameters: Vec::new() }
    }

    /// Creates a value that allows one CA, named by one of the `caaIdentities` of its directory.
    ///
    /// # Errors
    /// [`InvalidIssueValue`] unless the name consists of letters, digits, inner hyphens and dots.
    pub fn of(issuer: &str) -> Result<Self, InvalidIssueValue> {
        if !is_domain(issuer) {
            return Err(invalid(issuer, "is no domain name of a CA"));
        }
        Ok(Self { issuer: Some(issuer.to_owned()), parameters: Vec::new() })
    }

    /// Adds a parameter.
    ///
    /// # Errors
    /// [`InvalidIssueValue`] for a tag that is repeated or does not consist of letters, digits and
    /// inner hyphens, and for a value with a semicolon, a space, or a character that is not
    /// printable ASCII.
    pub fn with_parameter(mut self, tag: &str, value: &str) -> Result<Self, InvalidIssueValue> {
        if self.values(tag).next().is_some() {
            return Err(invalid(tag, "is a parameter that is there already"));
        }
        self.push(tag, value)?;
        Ok(self)
    }

    /// Allows one account only, named by its URL exactly as received from the CA (RFC 8657 Section
    /// 3).
    ///
    /// # Errors
    /// [`InvalidIssueValue`] as for [`with_parameter`](Self::with_parameter), since a URL may
    /// contain a semicolon.
    pub fn with_account(self, account: &Url) -> Result<Self, InvalidIssueValue> {
        self.with_parameter("accounturi", account.as_str())
    }

    /// Allows these validation methods only (RFC 8657 Section 4). An empty list allows none.
    ///
    /// # Errors
    /// [`InvalidIssueValue`] for a label that does not consist of letters, digits and hyphens, and
    /// as for [`with_parameter`](Self::with_parameter).
    pub fn with_methods(self, methods: &[ChallengeKind]) -> Result<Self, InvalidIssueValue> {
        let labels: Vec<&str> = methods.iter().map(ChallengeKind::as_str).collect();
        if let Some(bad) = labels.iter().find(|label| !is_method(label)) {
            return Err(invalid(bad, "is no label of a validation method"));
        }
        self.with_parameter("validationmethods", &labels.join(","))
    }

    /// Parses a value by the grammar of RFC 8659 Section 4.2.
    ///
    /// A repeated parameter is kept, because it makes the record unsatisfiable (RFC 8657 Section
    /// 3).
    ///
    /// # Errors
    /// [`InvalidIssueValue`]. A record with such a value means the same as
    /// [`nobody`](Self::nobody).
    pub fn parse(text: &str) -> Result<Self, InvalidIssueValue> {
        if text.len() > Self::MAX_LEN {
            return Err(invalid(text, "is too long"));
        }
        let (issuer, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut value = match trim(issuer) {
            "" => Self::nobody(),
            issuer => Self::of(issuer)?,
        };
        // `ca.example;` is valid, but a semicolon after a parameter requires another parameter.
        if !trim(parameters).is_empty() {
            for parameter in parameters.split(';') {
                let (tag, rest) = trim(parameter)
                    .split_once('=')
                    .ok_or_else(|| invalid(parameter, "is no parameter"))?;
                value.push(trim(tag), trim(rest))?;
            }
        }
        Ok(value)
    }

    /// Returns the domain name of the CA in its original case, or `None` if no CA may issue.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns the parameters as pairs of tag and value, in their original order.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// Returns the values of the parameters with this tag, without regard to case.
    ///
    /// More than one value is an error of the record's author.
    pub fn values<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(t, _): &&(String, String)| t.eq_ignore_ascii_case(tag);
        self.parameters.iter().filter(same).map(|(_, value)| value.as_str())
    }

    fn push(&mut self, tag: &str, value: &str) -> Result<(), InvalidIssueValue> {
        if !is_label(tag) {
            return Err(invalid(tag, "is no tag of a parameter"));
        }
        if !value.bytes().all(|b| b.is_ascii_graphic() && b != b';') {
            return Err(invalid(value, "has a character that no value of a parameter can have"));
        }
        self.parameters.push((tag.to_owned(), value.to_owned()));
        Ok(())
    }
}

impl fmt::Display for IssueValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.issuer.as_deref().unwrap_or_default())?;
        if self.issuer.is_none() && self.parameters.is_empty() {
            return f.write_str(";");
        }
        self.parameters.iter().try_for_each(|(tag, value)| write!(f, "; {tag}={value}"))
    }
}

impl core::str::FromStr for IssueValue {
    type Err = InvalidIssueValue;

    fn from_str(text: &str) -> Result<Self, InvalidIssueValue> {
        Self::parse(text)
    }
}

/// Returns the labels of a `validationmethods` value, or `None` if it is malformed (RFC 8657
/// Section 4).
pub(super) fn methods(value: &str) -> Option<Vec<&str>> {
    if value.is_empty() {
        return Some(Vec::new());
    }
    let labels: Vec<&str> = value.split(',').collect();
    labels.iter().all(|label| is_method(label)).then_some(labels)
}

fn invalid(text: &str, reason: &'static str) -> InvalidIssueValue {
    InvalidIssueValue { text: printable(text, 120), reason }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_domain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let inner = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    inner && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

fn is_method(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(text: &str) -> IssueValue {
        IssueValue::parse(text).unwrap()
    }

    // RFC 8659 Section 4.2, RFC 8657 Section 3.1 and appendix A
    #[test]
    fn the_examples_of_the_rfcs_are_read_and_written() {
        for example in [
            "ca1.example.net",
            ";",
            "ca1.example.net; account=230123",
            "example.com; accounturi=https://example.com/account/1234",
            "example.net; accounturi=https://example.net/account/2345; validationmethods=dns-01",
            "example.com; validationmethods=dns-01,ca-foo",
        ] {
            assert_eq!(parse(example).to_string(), example);
        }
    }

    // RFC 8659 Section 4.2
    #[test]
    fn white_space_is_free_where_the_grammar_has_it() {
        let value = parse(" \tca.example \t;\t a = 1\t; b=2 ");
        assert_eq!(value.issuer(), Some("ca.example"));
        assert_eq!(value.to_string(), "ca.example; a=1; b=2");
        assert_eq!(parse("").to_string(), ";");
        assert_eq!(parse(" ; a=").to_string(), "; a=");
        assert_eq!(parse("ca.example;").to_string(), "ca.example");
        assert_eq!(parse("ca;uri=a=b").values("URI").next(), Some("a=b"));
    }

    // RFC 8659 Section 4.2
    #[test]
    fn what_the_grammar_has_not_is_refused() {
        for bad in [
            "%%%%%",
            "ca.example.",
            "ca..example",
            "-ca.example",
            "ca_1.example",
            "ca example",
            "ca.example a=b",
            "ca.example; a",
            "ca.example; a=b;",
            "ca.example; ; a=b",
            "ca.example; a=b c",
            "ca.example; =b",
            "ca.example; a-=b",
            "ca.example; a=\u{fc}",
            "ca.example; a=b\n",
            "ca.example\n",
        ] {
            assert!(IssueValue::parse(bad).is_err(), "{bad:?}");
        }
        assert!(IssueValue::parse(&"a".repeat(IssueValue::MAX_LEN + 1)).is_err());
    }

    // RFC 8659 Section 4.2
    #[test]
    fn what_cannot_be_read_cannot_be_written() {
        let ca = || IssueValue::of("ca.example").unwrap();
        for bad in ["a;b", "a b", "\u{fc}", "\n"] {
            assert!(ca().with_parameter("a", bad).is_err(), "{bad:?}");
        }
        assert!(ca().with_parameter("a b", "1").is_err());
        let semicolon = Url::parse("https://ca.example/a;b").unwrap();
        assert!(ca().with_account(&semicolon).is_err());
        assert!(ca().with_methods(&[ChallengeKind::from("a,b".to_owned())]).is_err());
        let once = ca().with_parameter("accounturi", "x").unwrap();
        assert!(once.with_parameter("AccountURI", "y").is_err());
        assert!(IssueValue::of("").is_err());
    }
}
