//! Replacing the contacts of the account (RFC 8555 Section 7.3.2).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::account_entry::read_account;
use super::new_account::check_contact;
use super::{Hooks, Payload, Read, Reading, Received, Spec, Target};
use crate::error::InvalidInput;
use crate::resource::Resource;
use crate::session::Session;
use crate::wire::Account;

/// Replaces the account's contacts.
#[derive(Clone, Debug)]
pub struct UpdateAccount {
    contacts: Vec<String>,
}

impl UpdateAccount {
    /// Sets all contact URLs; an empty list removes them.
    ///
    /// # Errors
    /// [`InvalidInput::Contact`] for what RFC 8555 Section 7.3 forbids.
    pub fn contacts(contacts: Vec<String>) -> Result<Self, InvalidInput> {
        contacts.iter().try_for_each(|c| check_contact(c))?;
        Ok(Self { contacts })
    }
}

impl Hooks<Account> for UpdateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "contact": self.contacts }));
        Spec::post(Resource::Account, Target::Account, payload)
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Account> {
        read_account(received).map(Read::Response)
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.note_account(account);
    }
}
