//! An account with its URL, as newAccount gives it (RFC 8555 Section 7.3).

use super::{Received, object};
use crate::error::{Error, PeerFault};
use crate::session::Session;
use crate::text::printable;
use crate::url::Url;
use crate::wire::{Account, AccountStatus};

/// An account with its URL.
#[derive(Clone, Debug)]
pub struct AccountEntry {
    pub(super) url: Url,
    pub(super) account: Account,
    pub(super) created: bool,
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

    /// Makes this the session's account.
    pub(crate) fn adopt(&self, session: &mut Session) {
        session.set_account(self.url.clone(), &self.account);
    }
}

/// Reads an account with its URL, which is in the `Location` only.
///
/// Some servers send an empty body for an existing account: the account is then read as valid.
pub(super) fn account_entry(received: &mut Received<'_>) -> Result<AccountEntry, Error> {
    let url = received.location()?;
    let created = received.response.status() == 201;
    let body = received.response.body();
    let account = if body.iter().all(u8::is_ascii_whitespace) {
        let parsed = Account::parse(b"{}", received.context());
        received.accept(parsed)?
    } else {
        read_account(received)?
    };
    Ok(AccountEntry { url, account, created })
}

/// Reads an account whose status is a known one.
pub(super) fn read_account(received: &mut Received<'_>) -> Result<Account, Error> {
    let account = object!(received, Account)?;
    match account.status() {
        AccountStatus::Other(status) => {
            Err(received.fault(PeerFault::UnknownStatus(printable(status, 80))))
        }
        _ => Ok(account),
    }
}
