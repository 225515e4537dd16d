//! CAA records: which CA may issue for a name, for which account, by which method (RFC 8659, RFC 8657).
//!
//! The CA is who checks; this module helps to write records, and to foresee what the CA will find.
//!
//! ```
//! use acme_proto::caa::{CaaRecord, CaaRequest, IssueValue};
//! use acme_proto::identifier::DnsName;
//! use acme_proto::url::Url;
//! use acme_proto::wire::ChallengeKind;
//!
//! let account = Url::parse("https://ca.example/acct/1")?;
//! let value = IssueValue::of("ca.example")?.with_account(&account)?.with_methods(&[ChallengeKind::Dns01])?;
//! let record = CaaRecord::issue(&value);
//! assert_eq!(
//!     record.to_string(),
//!     r#"0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01""#
//! );
//!
//! let name = DnsName::parse("www.example.org")?;
//! let request = CaaRequest::new(&name, ["ca.example"]).with_account(&account);
//! assert!(request.check(&[record]).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to know before writing one
//!
//! - `accounturi` and `validationmethods` work only with a CA that says it honours them; do not assume it does
//!   (RFC 8657 section 5.2). To others they are parameters without a meaning.
//! - Whoever reads the DNS sees in `accounturi` which names share an account (RFC 8657 section 5.9).
//! - A record governs the whole tree below its name, as far as no name below has records of its own
//!   ([`climb`]). Wildcard names are governed by `issuewild` alone where there is one (RFC 8659 section 4.3).
//! - An error of type `caa` is final until the DNS has changed: no flow of this crate tries again on its own.

mod check;
mod issue_value;
mod record;

pub use check::{CaaAllowed, CaaForbidden, CaaRefusal, CaaRequest, climb};
pub use issue_value::{InvalidIssueValue, IssueValue};
pub use record::{CaaRecord, InvalidCaaRecord};

#[cfg(test)]
mod check_tests;
