//! Deactivating the account (RFC 8555 Section 7.3.6).

use serde_json::json;

use super::account_entry::read_account;
use super::{Failure, Hooks, Payload, Read, Reading, Received, Spec, Target};
use crate::error::{Error, PeerFault};
use crate::resource::Resource;
use crate::session::Session;
use crate::wire::{Account, AccountStatus, ProblemType};

/// Deactivates the account for good; the response is checked.
///
/// Afterwards the session refuses every operation of the account with [`Error::AccountClosed`].
#[derive(Clone, Debug, Default)]
pub struct DeactivateAccount;

impl Hooks<Account> for DeactivateAccount {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "status": "deactivated" }));
        Spec::post(Resource::Account, Target::Account, payload)
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Account> {
        let account = read_account(received)?;
        if *account.status() == AccountStatus::Deactivated {
            Ok(Read::Response(account))
        } else {
            Err(received.fault(PeerFault::NotDeactivated))
        }
    }

    /// A deactivated account is refused ever after: after a lost response this shows that it landed.
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
