//! newAccount: creating an account, and finding one by its key (RFC 8555 sections 7.3, 7.3.1, 7.3.4).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::account::read_account;
use super::{Answer, Auth, Inner, InnerContext, Operation, Payload, Spec, Target, private::Plan};
use crate::error::{Error, InvalidInput};
use crate::jose::{KeyId, Protected, SigningInput};
use crate::policy::ResourceClass;
use crate::request::{KeyRole, SignatureAlgorithm};
use crate::session::{ExternalAccount, Session};
use crate::url::Url;
use crate::wire::{Account, DeviationKind, ProblemType};

/// An account with its URL.
#[derive(Clone, Debug)]
pub struct AccountEntry {
    url: Url,
    account: Account,
    created: bool,
}

impl AccountEntry {
    /// Returns the account URL, to be kept together with the key.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the account object.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Returns whether the request created the account; otherwise its data is as it was before.
    pub const fn is_new(&self) -> bool {
        self.created
    }

    pub(crate) fn into_account(self) -> Account {
        self.account
    }

    /// Makes this the session's account.
    pub(crate) fn adopt(&self, session: &mut Session) {
        session.set_account(self.url.clone(), &self.account);
    }
}

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
    /// [`InvalidInput::Contact`] for what RFC 8555 section 7.3 forbids.
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

    pub(crate) const fn bound_to(&self) -> Option<&ExternalAccount> {
        self.external.as_ref()
    }
}

/// Refuses contact URLs that no server may accept (RFC 8555 section 7.3).
pub(crate) fn check_contact(contact: &str) -> Result<(), InvalidInput> {
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
pub(crate) struct AccountPayload<'a> {
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    terms_of_service_agreed: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    contact: &'a [String],
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    only_return_existing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_binding: Option<&'a RawValue>,
}

impl AccountPayload<'_> {
    /// The payload that finds an account and creates none.
    fn find() -> Payload {
        Payload::json(&Self { only_return_existing: true, ..Self::default() })
    }
}

/// The request that finds an account by its key and creates none (RFC 8555 section 7.3.1).
pub(crate) fn lookup() -> Spec {
    Spec { lookup: true, ..new_account_spec(AccountPayload::find()) }
}

/// What a lookup carries for a CA that demands an external account even there.
pub(crate) fn bound_lookup(external: &ExternalAccount) -> Payload {
    let request = NewAccount::new().with_external_account(Some(external.clone()));
    Payload::Nested(Box::new(Binding { request, lookup: true }))
}

fn new_account_spec(payload: Payload) -> Spec {
    Spec::post("newAccount", Target::NewAccount, payload)
        .auth(Auth::AccountKey)
        .class(ResourceClass::NewAccount)
}

impl Plan for NewAccount {
    fn spec(&self) -> Spec {
        new_account_spec(match &self.external {
            None => Payload::json(&AccountPayload {
                terms_of_service_agreed: self.terms_agreed,
                contact: &self.contacts,
                ..AccountPayload::default()
            }),
            Some(_) => Payload::Nested(Box::new(Binding { request: self.clone(), lookup: false })),
        })
    }
}

impl Operation for NewAccount {
    type Response = AccountEntry;

    fn read(&self, answer: &mut Answer<'_>) -> Result<AccountEntry, Error> {
        let entry = account_entry(answer)?;
        if self.external.is_some() && !entry.account().has_external_account_binding() {
            answer.report("externalAccountBinding", DeviationKind::Missing);
        }
        Ok(entry)
    }

    fn apply(&self, entry: &AccountEntry, session: &mut Session) {
        entry.adopt(session);
    }

    fn elsewhere(
        &self,
        failure: &Error,
        location: Option<&Url>,
        session: &mut Session,
    ) -> Option<Spec> {
        let url = location.filter(|_| failure.is_unreadable())?;
        session.set_account_url(url.clone());
        Some(Spec::read("account", Target::Account))
    }

    fn read_elsewhere(
        &self,
        answer: &mut Answer<'_>,
        first_status: Option<u16>,
    ) -> Result<AccountEntry, Error> {
        let account = read_account(answer)?;
        Ok(AccountEntry { url: answer.url.clone(), account, created: first_status == Some(201) })
    }
}

/// newAccount around the binding of an external account.
#[derive(Clone, Debug)]
struct Binding {
    request: NewAccount,
    lookup: bool,
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
        let payload = AccountPayload {
            terms_of_service_agreed: self.request.terms_agreed,
            contact: &self.request.contacts,
            only_return_existing: self.lookup,
            external_account_binding: Some(raw),
        };
        serde_json::to_vec(&payload).expect("own payloads serialize")
    }

    fn boxed(&self) -> Box<dyn Inner> {
        Box::new(self.clone())
    }
}

/// Finds the account of the session's key and creates none; `None` is the normal answer that there is
/// no such account.
#[derive(Clone, Debug, Default)]
pub struct FindAccount;

impl Plan for FindAccount {
    fn spec(&self) -> Spec {
        lookup()
    }
}

impl Operation for FindAccount {
    type Response = Option<AccountEntry>;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Self::Response, Error> {
        account_entry(answer).map(Some)
    }

    fn read_error(&self, error: Error, _before: Option<&Error>) -> Result<Self::Response, Error> {
        match error {
            Error::Problem(p) if p.is(&ProblemType::AccountDoesNotExist) => Ok(None),
            Error::NoAccount { .. } => Ok(None),
            other => Err(other),
        }
    }

    fn apply(&self, entry: &Option<AccountEntry>, session: &mut Session) {
        if let Some(entry) = entry {
            entry.adopt(session);
        }
    }
}

/// Reads an account with its URL, which is in the `Location` only.
///
/// Some servers answer for an existing account with an empty body: the account is then read as valid.
pub(crate) fn account_entry(answer: &mut Answer<'_>) -> Result<AccountEntry, Error> {
    let url = answer.location()?;
    let created = answer.response.status() == 201;
    let body = answer.response.body();
    let account = if body.iter().all(u8::is_ascii_whitespace) {
        let parsed = Account::parse(b"{}", answer.context());
        answer.accept(parsed)?
    } else {
        read_account(answer)?
    };
    Ok(AccountEntry { url, account, created })
}

/// An account of which at least the URL is known.
#[derive(Debug)]
pub(crate) enum Located {
    Read(AccountEntry),
    Unread(Url),
}

impl Located {
    /// Makes it the session's account.
    pub(crate) fn adopt(self, session: &mut Session) {
        match self {
            Self::Read(entry) => entry.adopt(session),
            Self::Unread(url) => session.set_account_url(url),
        }
    }
}

/// Reads where an account is; its URL alone is enough.
pub(crate) fn located_account(answer: &mut Answer<'_>) -> Result<Located, Error> {
    match account_entry(answer) {
        Err(error) if error.is_unreadable() => answer.location().map(Located::Unread),
        read => read.map(Located::Read),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use acme_conformance::{covers, covers_eq};

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
            covers!(["8555-7.3-3", "8555-7.3-4"], check_contact(bad).is_err(), "{bad}");
        }
        assert!(check_contact("mailto:a@b.example").is_ok());
        assert!(check_contact("tel:+123").is_ok());
    }

    #[test]
    fn finding_sends_nothing_but_only_return_existing() {
        let Payload::Json(json) = AccountPayload::find() else { panic!("JSON") };
        covers_eq!("8555-7.3.1-1", json, br#"{"onlyReturnExisting":true}"#);
    }

    #[test]
    fn unset_members_are_left_out() {
        let Payload::Json(json) = NewAccount::new().spec().payload else { panic!("JSON") };
        covers_eq!("8555-7.3-2", json, b"{}");
        let full = NewAccount::new()
            .with_contacts(alloc::vec![String::from("mailto:admin@example.org")])
            .unwrap()
            .with_terms_of_service_agreed(true);
        let Payload::Json(json) = full.spec().payload else { panic!("JSON") };
        covers_eq!(
            "8555-7.3-1",
            json,
            br#"{"termsOfServiceAgreed":true,"contact":["mailto:admin@example.org"]}"#
        );
    }

    #[test]
    fn a_key_identifier_is_printable_ascii() {
        assert!(ExternalAccount::new("kid-1").is_ok());
        for bad in ["", "k\u{fc}", "a\nb"] {
            covers_eq!(
                "8555-7.3.4-3",
                ExternalAccount::new(bad),
                Err(InvalidInput::ExternalAccountKid)
            );
        }
    }
}
