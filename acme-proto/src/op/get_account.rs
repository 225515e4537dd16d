//! Reading the account (RFC 8555 Section 7.3.3).

use super::account_entry::{account_entry, read_account};
use super::find_account::lookup;
use super::{Hooks, Read, Reading, Received, Spec, Target};
use crate::error::Error;
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;
use crate::wire::Account;

/// Reads the account by POST-as-GET; at a CA that has none of it, by its key instead.
#[derive(Clone, Debug, Default)]
pub struct GetAccount;

impl Hooks<Account> for GetAccount {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Account, Target::Account)
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Account> {
        read_account(received).map(Read::Response)
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

    fn read_fallback(&mut self, received: &mut Received<'_>) -> Reading<Account> {
        account_entry(received).map(|entry| Read::Response(entry.account))
    }
}
