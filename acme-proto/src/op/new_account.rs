//! newAccount: creating an account, with an external one if need be (RFC 8555 Sections 7.3, 7.3.4).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::account_entry::{account_entry, read_account};
use super::{
    AccountEntry, Auth, Hooks, Inner, InnerContext, Payload, Read, Reading, Received, Spec, Target,
    octets,
};
use crate::error::{Error, InvalidInput};
use crate::jose::{KeyId, Protected, SigningInput};
use crate::request::{KeyRole, SignatureAlgorithm};
use crate::resource::Resource;
use crate::session::{ExternalAccount, Session};
use crate::url::Url;
use crate::wire::{DeviationKind, Directory};

/// Creates an account; [`Register`](crate::register::Register) is the way that asks for consent.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    contacts: Vec<String>,
    terms_agreed: bool,
    external: Option<ExternalAccount>,
}

impl NewAccount {
    /// Creates a request without contacts and without agreement to anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the contact URLs.
    ///
    /// # Errors
    /// [`InvalidInput::Contact`] for what RFC 8555 Section 7.3 forbids.
    pub fn with_contacts(mut self, contacts: Vec<String>) -> Result<Self, InvalidInput> {
        contacts.iter().try_for_each(|c| check_contact(c))?;
        self.contacts = contacts;
        Ok(self)
    }

    /// Says that the user agreed to the terms of service.
    pub const fn with_terms_of_service_agreed(mut self, agreed: bool) -> Self {
        self.terms_agreed = agreed;
        self
    }

    /// Binds the account to one that the user has with the CA.
    pub fn with_external_account(mut self, external: Option<ExternalAccount>) -> Self {
        self.external = external;
        self
    }

    /// Returns the payload without a binding.
    fn members(&self) -> AccountPayload<'_> {
        AccountPayload {
            terms_of_service_agreed: self.terms_agreed,
            contact: &self.contacts,
            ..AccountPayload::default()
        }
    }

    pub(crate) const fn bound_to(&self) -> Option<&ExternalAccount> {
        self.external.as_ref()
    }
}

/// Refuses contact URLs that no server may accept (RFC 8555 Section 7.3).
pub(super) fn check_contact(contact: &str) -> Result<(), InvalidInput> {
    let fault = || InvalidInput::Contact(crate::text::printable(contact, 80));
    let (scheme, rest) = contact.split_once(':').ok_or_else(fault)?;
    let clean = contact.chars().all(|c| !c.is_control() && c != ' ');
    if scheme.is_empty() || rest.is_empty() || !clean {
        return Err(fault());
    }
    if scheme.eq_ignore_ascii_case("mailto") && (rest.contains(['?', ',']) || !rest.contains('@')) {
        return Err(fault());
    }
    Ok(())
}

/// The payload of newAccount; only members that are set are sent.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountPayload<'a> {
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(super) terms_of_service_agreed: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) contact: &'a [String],
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(super) only_return_existing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_account_binding: Option<&'a RawValue>,
}

/// The request that carries such a payload.
pub(super) fn new_account_spec(payload: Payload) -> Spec {
    Spec::post_to(Resource::NewAccount, Directory::new_account, payload).auth(Auth::AccountKey)
}

impl Hooks<AccountEntry> for NewAccount {
    fn spec(&self) -> Spec {
        new_account_spec(match &self.external {
            None => Payload::json(&self.members()),
            Some(_) => Payload::Nested(Arc::new(Binding { request: self.clone(), lookup: false })),
        })
        .fixed_key()
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<AccountEntry> {
        let entry = account_entry(received)?;
        if self.external.is_some() && !entry.account().has_external_account_binding() {
            received.report("externalAccountBinding", DeviationKind::Missing);
        }
        Ok(Read::Response(entry))
    }

    fn apply(&self, entry: &AccountEntry, session: &mut Session) {
        entry.adopt(session);
    }

    fn fallback(
        &self,
        failure: &Error,
        location: Option<&Url>,
        session: &mut Session,
    ) -> Option<Spec> {
        let url = location.filter(|_| failure.is_unreadable())?;
        session.set_account_url(url.clone());
        Some(Spec::read(Resource::Account, Target::Account))
    }

    fn read_fallback(&mut self, received: &mut Received<'_>) -> Reading<AccountEntry> {
        let (url, account) = (received.url.clone(), read_account(received)?);
        let created = received.first_status == Some(201);
        Ok(Read::Response(AccountEntry { url, account, created }))
    }
}

/// newAccount around the binding of an external account.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) request: NewAccount,
    /// It finds the account and creates none.
    pub(super) lookup: bool,
}

impl Binding {
    fn external(&self) -> &ExternalAccount {
        self.request.external.as_ref().expect("a binding is made for an external account")
    }
}

impl Inner for Binding {
    fn key(&self) -> KeyRole {
        KeyRole::ExternalAccount(self.external().kid().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Mac(self.external().algorithm())
    }

    fn input(&self, context: &InnerContext<'_>) -> Result<SigningInput, InvalidInput> {
        let protected = Protected {
            alg: self.external().algorithm().as_str(),
            key: KeyId::Kid(self.external().kid()),
            nonce: None,
            url: context.url,
        };
        Ok(SigningInput::new(&protected, context.account_key.to_json().as_bytes()))
    }

    fn wrap(&self, inner: &[u8]) -> Vec<u8> {
        let raw: &RawValue = serde_json::from_slice(inner).expect("a flattened JWS is JSON");
        octets(&AccountPayload {
            only_return_existing: self.lookup,
            external_account_binding: Some(raw),
            ..self.request.members()
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn contacts_with_header_fields_or_two_addresses_are_refused() {
        for bad in [
            "mailto:a@b.example?cc=c@d.example",
            "mailto:a@b.example,c@d.example",
            "a@b.example",
            "mailto:",
            "mailto:a b@c.example",
        ] {
            // covers 8555-7.3-3, 8555-7.3-4
            assert!(check_contact(bad).is_err(), "{bad}");
        }
        assert!(check_contact("mailto:a@b.example").is_ok());
        assert!(check_contact("tel:+123").is_ok());
    }

    #[test]
    fn unset_members_are_left_out() {
        let Payload::Json(json) = NewAccount::new().spec().payload else { panic!("JSON") };
        // covers 8555-7.3-2
        assert_eq!(json, b"{}");
        let full = NewAccount::new()
            .with_contacts(alloc::vec![String::from("mailto:admin@example.org")])
            .unwrap()
            .with_terms_of_service_agreed(true);
        let Payload::Json(json) = full.spec().payload else { panic!("JSON") };
        // covers 8555-7.3-1
        assert_eq!(
            json,
            br#"{"termsOfServiceAgreed":true,"contact":["mailto:admin@example.org"]}"#
        );
    }

    #[test]
    fn a_key_identifier_is_printable_ascii() {
        assert!(ExternalAccount::new("kid-1").is_ok());
        for bad in ["", "k\u{fc}", "a\nb"] {
            // covers 8555-7.3.4-3
            assert_eq!(ExternalAccount::new(bad), Err(InvalidInput::ExternalAccountKid));
        }
    }
}
