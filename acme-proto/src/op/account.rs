//! The account resource: reading, updating, deactivating (RFC 8555 Sections 7.3.2, 7.3.6).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::account_entry::{account_entry, read_account};
use super::find_account::lookup;
use super::new_account::check_contact;
use super::{
    AccountEntry, Answer, Failure, Hooks, Operation, Payload, Read, Reading, Spec, Target,
};
use crate::error::{Error, InvalidInput, PeerFault};
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;
use crate::wire::{Account, AccountStatus, ProblemType};

/// Reads the account by POST-as-GET; at a CA that has none of it, by its key instead.
#[derive(Clone, Debug, Default)]
pub struct GetAccount;

impl Operation for GetAccount {
    type Response = Account;
}

impl Hooks<Account> for GetAccount {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Account, Target::Account)
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Account> {
        read_account(answer).map(Read::Response)
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.note_account(account);
    }

    /// Some CAs do not let accounts be read: there the account is found by its key.
    fn fallback(
        &self,
        failure: &Error,
        _location: Option<&Url>,
        _session: &mut Session,
    ) -> Option<Spec> {
        let Error::Problem(problem) = failure else { return None };
        let known = problem.problem().is_some_and(|p| !p.is_generic());
        let not_there = matches!(problem.status(), 400 | 404 | 405 | 501);
        (not_there && !known).then(lookup)
    }

    fn read_fallback(
        &mut self,
        answer: &mut Answer<'_>,
        _first_status: Option<u16>,
    ) -> Reading<Account> {
        account_entry(answer).map(AccountEntry::into_account).map(Read::Response)
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
    /// [`InvalidInput::Contact`] for what RFC 8555 Section 7.3 forbids.
    pub fn contacts(contacts: Vec<String>) -> Result<Self, InvalidInput> {
        contacts.iter().try_for_each(|c| check_contact(c))?;
        Ok(Self { contacts })
    }
}

impl Operation for UpdateAccount {
    type Response = Account;
}

impl Hooks<Account> for UpdateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "contact": self.contacts }));
        Spec::post(Resource::Account, Target::Account, payload)
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Account> {
        read_account(answer).map(Read::Response)
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.note_account(account);
    }
}

/// Deactivates the account for good; the answer is checked.
///
/// Afterwards the session refuses every operation of the account with [`Error::AccountClosed`].
#[derive(Clone, Debug, Default)]
pub struct DeactivateAccount;

impl Operation for DeactivateAccount {
    type Response = Account;
}

impl Hooks<Account> for DeactivateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "status": "deactivated" }));
        Spec::post(Resource::Account, Target::Account, payload)
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Account> {
        let account = read_account(answer)?;
        if *account.status() == AccountStatus::Deactivated {
            Ok(Read::Response(account))
        } else {
            Err(answer.fault(PeerFault::NotDeactivated))
        }
    }

    /// A deactivated account is refused ever after: after a lost answer this shows that it landed.
    fn read_error(&mut self, error: Error, context: &mut Failure<'_>) -> Reading<Account> {
        let refused = matches!(&error, Error::Problem(p) if p.is(&ProblemType::Unauthorized));
        let may_have_landed = match context.previous {
            Some(Error::Transport(t)) => !t.lost().is_unprocessed(),
            Some(Error::Problem(p)) => p.status() >= 500,
            _ => false,
        };
        if refused && may_have_landed && context.previous.and_then(Error::url) == error.url() {
            Ok(Read::Response(Account::deactivated()))
        } else {
            Err(error)
        }
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.note_account(account);
    }
}
