//! As whom an issuance acts: the directory, the account and its key.
//!
//! An order belongs to one account at one directory, so a snapshot of another one is refused. The account key may change
//! while an order is worked on (RFC 8555 Section 7.3.5): what was published for the old key is then of no use.

use crate::jose::{Jwk, Thumbprint};
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::url::Url;

/// Directory, account and key, as last seen in the session.
#[derive(Debug, Default)]
pub(super) struct Identity {
    directory: Option<Url>,
    account: Option<Url>,
    key: Option<(Jwk, Thumbprint)>,
    /// Directory and account of the snapshot that the issuance was resumed from, while it goes on with its order.
    resumed: Option<(Url, Option<Url>)>,
}

/// What a look at the session shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Everything as before.
    Same,
    /// There is another account key than before.
    OtherKey,
    /// The snapshot belongs to this other directory or account.
    Foreign(Url),
}

impl Identity {
    pub(super) fn restore(snapshot: &Snapshot) -> Self {
        let resumed = (snapshot.directory.clone(), snapshot.account.clone());
        Self { resumed: Some(resumed), ..Self::default() }
    }

    /// Takes the session's directory, at the first poll.
    pub(super) fn enter(&mut self, session: &Session) -> Seen {
        self.directory = Some(session.directory_url().clone());
        match &self.resumed {
            Some((saved, _)) if saved != session.directory_url() => Seen::Foreign(saved.clone()),
            _ => Seen::Same,
        }
    }

    /// Takes the session's account, which a flow may have looked up, and its key, which another flow may have changed.
    pub(super) fn look(&mut self, session: &Session) -> Seen {
        if let Some(account) = session.account_url()
            && self.account.as_ref() != Some(account)
        {
            let saved = self.resumed.as_ref().and_then(|(_, account)| account.as_ref());
            if let Some(saved) = saved.filter(|saved| *saved != account) {
                return Seen::Foreign(saved.clone());
            }
            self.account = Some(account.clone());
        }
        let same = self.key.as_ref().map(|(key, _)| key) == session.account_key();
        if !same {
            self.key = session.account_key().map(|key| (key.clone(), key.thumbprint()));
        }
        if same { Seen::Same } else { Seen::OtherKey }
    }

    /// Starts over: what is done from here on is not the work of the snapshot.
    pub(super) fn forget_snapshot(&mut self) {
        self.resumed = None;
    }

    /// Returns whether the issuance goes on with the order of a snapshot.
    pub(super) const fn is_resumed(&self) -> bool {
        self.resumed.is_some()
    }

    pub(super) const fn directory(&self) -> Option<&Url> {
        self.directory.as_ref()
    }

    pub(super) const fn account(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    pub(super) fn thumbprint(&self) -> Option<Thumbprint> {
        self.key.as_ref().map(|(_, thumbprint)| *thumbprint)
    }
}
