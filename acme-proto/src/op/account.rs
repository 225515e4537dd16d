//! The account resource: reading, updating, deactivating (RFC 8555 sections 7.3.2, 7.3.6).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::{Answer, OnLost, Operation, Payload, Spec, Target, new_account, object, private::Plan};
use crate::error::{Error, InvalidInput, PeerFault};
use crate::session::Session;
use crate::wire::{Account, AccountStatus};

/// Reads the account by POST-as-GET.
#[derive(Clone, Debug, Default)]
pub struct GetAccount;

impl Plan for GetAccount {
    fn spec(&self) -> Spec {
        Spec::read("account", Target::Account)
    }
}

impl Operation for GetAccount {
    type Response = Account;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Account, Error> {
        object!(answer, Account)
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.set_orders(account.orders().cloned());
    }
}

/// Replaces the account's contacts.
#[derive(Clone, Debug)]
pub struct UpdateAccount {
    contacts: Vec<String>,
}

impl UpdateAccount {
    /// Sets all contact URLs; an empty list removes them.
    ///
    /// # Errors
    /// [`InvalidInput::Contact`] for what RFC 8555 section 7.3 forbids.
    pub fn contacts(contacts: Vec<String>) -> Result<Self, InvalidInput> {
        contacts.iter().try_for_each(|c| new_account::check_contact(c))?;
        Ok(Self { contacts })
    }
}

impl Plan for UpdateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "contact": self.contacts }));
        Spec::post("account", Target::Account, payload)
    }
}

impl Operation for UpdateAccount {
    type Response = Account;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Account, Error> {
        object!(answer, Account)
    }
}

/// Deactivates the account for good; the answer is checked.
#[derive(Clone, Debug, Default)]
pub struct DeactivateAccount;

impl Plan for DeactivateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "status": "deactivated" }));
        Spec::post("account", Target::Account, payload).on_lost(OnLost::Resend)
    }
}

impl Operation for DeactivateAccount {
    type Response = Account;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Account, Error> {
        let account = object!(answer, Account)?;
        if *account.status() == AccountStatus::Deactivated {
            Ok(account)
        } else {
            Err(answer.fault(PeerFault::NotApplied("the account is not deactivated")))
        }
    }
}
