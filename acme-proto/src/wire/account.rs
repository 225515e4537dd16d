//! The account object (RFC 8555 Section 7.1.2).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::object::{self, Object, Reader};
use super::open_enum::open_enum;
use super::{Context, DeviationKind, InvalidObject, Parsed};
use crate::time::Timestamp;
use crate::url::Url;

/// An account, as sent by the server (RFC 8555 Section 7.1.2).
///
/// Its URL is not part of the object. Only the `Location` header contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    status: AccountStatus,
    contact: Vec<String>,
    terms_of_service_agreed: Option<bool>,
    external_account_binding: Option<Map<String, Value>>,
    orders: Option<Url>,
    extra: Map<String, Value>,
}

impl Account {
    /// Parses an account.
    ///
    /// An absent status is reported and treated as valid. So is an empty body, which some CAs have
    /// sent for an existing account.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is not a JSON object, or `status` is not a string. The server
    /// is at fault.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        if body.trim_ascii().is_empty() {
            let mut reader = Reader::new(Some(context));
            reader.report("body", DeviationKind::Missing);
            return Ok(reader.finish(Self::empty()));
        }
        object::parse(body, context, Self::read)
    }

    /// Returns the status.
    pub const fn status(&self) -> &AccountStatus {
        &self.status
    }

    /// Returns the contact URLs as text. Also empty if the server does not return them, as Let's
    /// Encrypt does not.
    pub fn contact(&self) -> &[String] {
        &self.contact
    }

    /// Returns whether the terms of service were agreed to, if the server says so.
    pub const fn terms_of_service_agreed(&self) -> Option<bool> {
        self.terms_of_service_agreed
    }

    /// Returns whether the object contains an external account binding.
    pub const fn has_external_account_binding(&self) -> bool {
        self.external_account_binding.is_some()
    }

    /// Returns the external account binding, a JWS, as received.
    pub const fn external_account_binding(&self) -> Option<&Map<String, Value>> {
        self.external_account_binding.as_ref()
    }

    /// Returns the URL of the list of orders. RFC 8555 requires it, but Let's Encrypt sends none.
    pub const fn orders(&self) -> Option<&Url> {
        self.orders.as_ref()
    }

    /// Returns the address that created the account, if the server sends `initialIp`, as Boulder
    /// did.
    pub fn initial_ip(&self) -> Option<&str> {
        self.extra.get("initialIp")?.as_str()
    }

    /// Returns the creation time of the account, if the server sends `createdAt`, as Boulder does.
    pub fn created_at(&self) -> Option<Timestamp> {
        object::timestamp(self.extra.get("createdAt")?.as_str()).ok()
    }

    /// Returns all other members, such as Boulder's `createdAt` and `initialIp`.
    pub const fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    /// Creates an account of which only the deactivation is known.
    pub(crate) fn deactivated() -> Self {
        Self { status: AccountStatus::Deactivated, ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            status: AccountStatus::Valid,
            contact: Vec::new(),
            terms_of_service_agreed: None,
            external_account_binding: None,
            orders: None,
            extra: Map::new(),
        }
    }

    fn read(mut object: Object<'_>, reader: &mut Reader<'_>) -> Result<Self, InvalidObject> {
        let status = object.optional_status(reader)?;
        object.expect("status", status.is_some(), reader);
        let orders = object.url("orders", reader);
        // Required by RFC 8555 Section 7.1.2, but not sent by Let's Encrypt:
        // https://github.com/letsencrypt/boulder/issues/3335.
        object.expect("orders", orders.is_some(), reader);
        Ok(Self {
            status: status.unwrap_or(AccountStatus::Valid),
            contact: object.strings("contact", reader),
            terms_of_service_agreed: object.boolean("termsOfServiceAgreed", reader),
            external_account_binding: object
                .object("externalAccountBinding", reader)
                .map(|binding| binding.into_extra(reader)),
            orders,
            extra: object.into_extra(reader),
        })
    }
}

open_enum! {
    /// The status of an account (RFC 8555 Section 7.1.6).
    pub enum AccountStatus {
        /// The account is usable.
        Valid = "valid",
        /// The client deactivated the account, which is final.
        Deactivated = "deactivated",
        /// The server deactivated the account.
        Revoked = "revoked",
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::wire::testing::{fault, malformed, odd, read, read_odd, url};

    // RFC 8555 Section 7.1.2
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let account = read(
            Account::parse,
            r#"{
                "status": "valid",
                "contact": ["mailto:cert-admin@example.org", "mailto:admin@example.org"],
                "termsOfServiceAgreed": true,
                "orders": "https://example.com/acme/orders/rzGoeA"
            }"#,
        );
        assert_eq!(account.status(), &AccountStatus::Valid);
        assert_eq!(
            account.contact(),
            ["mailto:cert-admin@example.org", "mailto:admin@example.org"]
        );
        assert_eq!(account.terms_of_service_agreed(), Some(true));
        assert_eq!(account.orders(), Some(&url("https://example.com/acme/orders/rzGoeA")));
        assert!(!account.has_external_account_binding());
        assert!(account.extra().is_empty());
    }

    #[test]
    fn an_account_of_boulder_keeps_its_extras() {
        let (account, odds) = read_odd(
            Account::parse,
            r#"{"key":{"kty":"RSA"},"id":7,"contact":null,"initialIp":"192.0.2.1",
                "createdAt":"2026-01-02T03:04:05.123456789Z","status":"valid"}"#,
        );
        // covers fld-acct-5
        assert_eq!(odds, [odd("orders", DeviationKind::Missing)]);
        assert_eq!(account.extra()["createdAt"], "2026-01-02T03:04:05.123456789Z");
        assert_eq!(account.extra()["initialIp"], "192.0.2.1");
        assert_eq!(account.initial_ip(), Some("192.0.2.1"));
        let created = account.created_at().map(Timestamp::to_rfc3339_seconds);
        assert_eq!(created.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert!(account.contact().is_empty());
    }

    // Buypass sent an empty body for an existing account.
    #[test]
    fn an_empty_body_is_a_valid_account() {
        for body in ["", " \r\n"] {
            let (account, odds) = read_odd(Account::parse, body);
            assert_eq!(account.status(), &AccountStatus::Valid);
            assert_eq!(odds, [odd("body", DeviationKind::Missing)]);
        }
    }

    #[test]
    fn an_absent_status_is_valid_and_reported() {
        let (account, odds) = read_odd(Account::parse, r#"{"orders":"https://a.example/o"}"#);
        // covers fld-acct-1
        assert_eq!(account.status(), &AccountStatus::Valid);
        assert_eq!(odds, [odd("status", DeviationKind::Missing)]);
    }

    #[test]
    fn an_unknown_status_is_kept_and_reported() {
        let (account, odds) =
            read_odd(Account::parse, r#"{"status":"weird","orders":"https://a.example/o"}"#);
        // covers 8555-7.1.6-6
        assert_eq!(account.status(), &AccountStatus::Other("weird".into()));
        // covers fld-acct-1
        assert_eq!(odds, [odd("status", DeviationKind::UnknownValue("weird".into()))]);
    }

    #[test]
    fn a_status_that_is_no_string_is_refused() {
        assert_eq!(fault(Account::parse, r#"{"status":1}"#), malformed("status"));
    }

    #[test]
    fn malformed_members_are_ignored_and_stay_reachable() {
        let (account, odds) = read_odd(
            Account::parse,
            r#"{"status":"valid","contact":["mailto:a@b.example",5],"termsOfServiceAgreed":"true",
                "externalAccountBinding":"x","orders":"/orders"}"#,
        );
        // covers fld-acct-2
        assert_eq!(account.contact(), ["mailto:a@b.example"]);
        // covers fld-acct-3
        assert_eq!(account.terms_of_service_agreed(), None);
        assert!(!account.has_external_account_binding());
        // covers fld-acct-5
        assert_eq!(account.orders(), None);
        assert_eq!(account.extra()["orders"], "/orders");
        assert_eq!(
            odds,
            [
                odd("orders", DeviationKind::NotAbsoluteUrl),
                odd("contact[1]", DeviationKind::BadSibling),
                odd("termsOfServiceAgreed", DeviationKind::Malformed),
                odd("externalAccountBinding", DeviationKind::Malformed),
            ]
        );
    }

    #[test]
    fn the_external_account_binding_is_shown() {
        let account = read(
            Account::parse,
            r#"{"status":"valid","orders":"https://a.example/o",
                "externalAccountBinding":{"protected":"e30","payload":"e30","signature":"AA"}}"#,
        );
        // covers fld-acct-4
        assert!(account.has_external_account_binding());
        assert_eq!(account.external_account_binding().map(|b| b["payload"] == "e30"), Some(true));
    }
}
