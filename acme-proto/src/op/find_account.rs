//! Finding an account by its key (RFC 8555 Section 7.3.1).

use alloc::sync::Arc;

use super::account_entry::account_entry;
use super::new_account::{AccountPayload, Binding, new_account_spec};
use super::{
    AccountEntry, Auth, Failure, Hooks, NewAccount, Payload, Read, Reading, Received, Spec,
};
use crate::error::{Error, ServerProblem};
use crate::jose::Jwk;
use crate::session::Session;
use crate::url::Url;
use crate::wire::ProblemType;

/// Finds the account of the session's key and creates none; `None` says that there is
/// no such account.
#[derive(Clone, Debug, Default)]
pub struct FindAccount;

impl Hooks<Option<AccountEntry>> for FindAccount {
    fn spec(&self) -> Spec {
        lookup()
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Option<AccountEntry>> {
        account_entry(received).map(Some).map(Read::Response)
    }

    fn read_error(
        &mut self,
        error: Error,
        _context: &mut Failure<'_>,
    ) -> Reading<Option<AccountEntry>> {
        none_if_unknown(error)
    }

    fn apply(&self, entry: &Option<AccountEntry>, session: &mut Session) {
        if let Some(entry) = entry {
            entry.adopt(session);
        }
    }
}

/// Finds the account of a key where the account's URL alone is enough.
///
/// With a `new_key` it finds the account of that key, and leaves the session as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocateAccount {
    pub(crate) new_key: Option<Jwk>,
}

/// An account of which at least the URL is known.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) url: Url,
    pub(crate) entry: Result<AccountEntry, Error>,
}

impl Located {
    /// Makes it the session's account.
    pub(crate) fn adopt(self, session: &mut Session) -> Result<(), Error> {
        match self.entry {
            Ok(entry) => entry.adopt(session),
            Err(error) if error.is_unreadable() => session.set_account_url(self.url),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Hooks<Option<Located>> for LocateAccount {
    fn spec(&self) -> Spec {
        match &self.new_key {
            None => lookup(),
            Some(key) => lookup().auth(Auth::NewKey(key.clone())),
        }
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Option<Located>> {
        let url = received.location()?;
        Ok(Read::Response(Some(Located { url, entry: account_entry(received) })))
    }

    fn read_error(&mut self, error: Error, _context: &mut Failure<'_>) -> Reading<Option<Located>> {
        none_if_unknown(error)
    }
}

/// The request that finds an account by its key and creates none.
pub(super) fn lookup() -> Spec {
    Spec { amend: Some(bound_payload), ..new_account_spec(payload()) }
}

fn payload() -> Payload {
    Payload::json(&AccountPayload { only_return_existing: true, ..AccountPayload::default() })
}

/// Some CAs demand the external account even of a lookup (RFC 8555 Section 7.3.4).
fn bound_payload(problem: &ServerProblem, session: &Session) -> Option<Payload> {
    let demanded = problem.is(&ProblemType::ExternalAccountRequired);
    let external = session.external_account().filter(|_| demanded)?;
    let request = NewAccount::new().with_external_account(Some(external.clone()));
    Some(Payload::Nested(Arc::new(Binding { request, lookup: true })))
}

fn none_if_unknown<R>(error: Error) -> Result<Read<Option<R>>, Error> {
    match error {
        Error::Problem(p) if p.is(&ProblemType::AccountDoesNotExist) => Ok(Read::Response(None)),
        Error::NoAccount { .. } => Ok(Read::Response(None)),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn finding_sends_nothing_but_only_return_existing() {
        let Payload::Json(json) = payload() else { panic!("JSON") };
        // covers 8555-7.3.1-1
        assert_eq!(json, br#"{"onlyReturnExisting":true}"#);
    }
}
