//! CAA records: which CA may issue for a name, for which account, by which validation method (RFC
//! 8659, RFC 8657).
//!
//! Only the CA enforces CAA records. This module writes records, and predicts the result of the
//! CA's check.
//!
//! ```
//! use acme_proto::caa::{CaaRecord, CaaRequest, IssueValue};
//! use acme_proto::identifier::DnsName;
//! use acme_proto::url::Url;
//! use acme_proto::wire::ChallengeKind;
//!
//! let account = Url::parse("https://ca.example/acct/1")?;
//! let value = IssueValue::of("ca.example")?
//!     .with_account(&account)?
//!     .with_methods(&[ChallengeKind::Dns01])?;
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
//! # Before writing a record
//!
//! - `accounturi` and `validationmethods` only have an effect if the CA states that it supports
//!   them. Do not assume that it does (RFC 8657 Section 5.2). Other CAs ignore them.
//! - `accounturi` shows every reader of the DNS which names share an account (RFC 8657 Section
//!   5.9).
//! - A record governs its name and all names below it that have no CAA records themselves (see
//!   [`climb`]). Wildcard names are governed by `issuewild` alone if there is one (RFC 8659 Section
//!   4.3).
//! - An error of type `caa` is final until the DNS changes. No flow of this crate retries after it.

mod check;
mod issue_value;
mod record;

pub use check::{CaaAllowed, CaaForbidden, CaaRefusal, CaaRequest, climb};
pub use issue_value::{InvalidIssueValue, IssueValue};
pub use record::{CaaRecord, InvalidCaaRecord};

#[cfg(test)]
mod tests;
