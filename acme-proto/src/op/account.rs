//! The account resource: reading, updating, deactivating (RFC 8555 sections 7.3.2, 7.3.6).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::{
    AccountEntry, Answer, Operation, Payload, Spec, Target, new_account, object, private::Plan,
};
use crate::error::{Error, InvalidInput, PeerFault};
use crate::request::Lost;
use crate::session::Session;
use crate::text::printable;
use crate::url::Url;
use crate::wire::{Account, AccountStatus, ProblemType};

/// Reads the account by POST-as-GET; at a CA that has none of it, by its key instead.
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
        read_account(answer)
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.note_account(account);
    }

    /// Some CAs do not let accounts be read: there the account is found by its key.
    fn elsewhere(
        &self,
        failure: &Error,
        _location: Option<&Url>,
        _session: &mut Session,
    ) -> Option<Spec> {
        let Error::Problem(problem) = failure else { return None };
        let known = problem.problem().is_some_and(|p| !p.is_generic());
        let not_there = matches!(problem.status(), 400 | 404 | 405 | 501);
        (not_there && !known).then(new_account::lookup)
    }

    fn read_elsewhere(
        &self,
        answer: &mut Answer<'_>,
        _first_status: Option<u16>,
    ) -> Result<Account, Error> {
        new_account::account_entry(answer).map(AccountEntry::into_account)
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
        read_account(answer)
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

impl Plan for DeactivateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "status": "deactivated" }));
        Spec::post("account", Target::Account, payload)
    }
}

impl Operation for DeactivateAccount {
    type Response = Account;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Account, Error> {
        let account = read_account(answer)?;
        if *account.status() == AccountStatus::Deactivated {
            Ok(account)
        } else {
            Err(answer.fault(PeerFault::NotApplied("the account is not deactivated")))
        }
    }

    /// A deactivated account is refused ever after: after a lost answer this shows that it landed.
    fn read_error(&self, error: Error, before: Option<&Error>) -> Result<Account, Error> {
        let refused = matches!(&error, Error::Problem(p) if p.is(&ProblemType::Unauthorized));
        let may_have_landed = match before {
            Some(Error::Transport(t)) => !matches!(t.lost(), Lost::NotSent(_)),
            Some(Error::Problem(p)) => p.status() >= 500,
            _ => false,
        };
        if refused && may_have_landed && before.and_then(Error::url) == error.url() {
            Ok(Account::deactivated())
        } else {
            Err(error)
        }
    }

    fn apply(&self, account: &Account, session: &mut Session) {
        session.note_account(account);
    }
}

/// Reads an account whose status is a known one.
pub(super) fn read_account(answer: &mut Answer<'_>) -> Result<Account, Error> {
    let account = object!(answer, Account)?;
    match account.status() {
        AccountStatus::Other(status) => {
            Err(answer.fault(PeerFault::UnknownStatus(printable(status, 80))))
        }
        _ => Ok(account),
    }
}
