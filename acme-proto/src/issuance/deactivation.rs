//! Giving authorizations up at the end of an issuance (RFC 8555 Section 7.5.2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Issuance, Task};
use crate::error::{Error, PeerFault};
use crate::notice::Notice;
use crate::op::{DeactivateAuthorization, Hooks};
use crate::url::Url;
use crate::wire::{Authorization, AuthorizationStatus};

/// When an issuance gives up the authorizations of its order: those that are pending or valid.
///
/// Pending ones count against the limits of many CAs, and a valid one lets the account get further certificates for the
/// name without proving it again. A CA may have other orders use the same authorizations: they fail then. Not every CA
/// lets authorizations be given up; what it refuses is a [notice](Notice::NotDeactivated), and the issuance ends as it
/// would have. Only authorizations that this run has learned of are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deactivation {
    /// They stay as they are.
    #[default]
    Never,
    /// They are given up if there is no certificate: the order failed, or was cancelled.
    WithoutCertificate,
    /// They are given up in any case; a certificate is handed over when that is done, or at the latest when the time for
    /// clean-ups is over.
    Always,
}

impl Issuance {
    /// Starts to give up what is to be given up; the result is settled.
    pub(super) fn start_deactivating(&mut self) {
        let Some(ending) = &self.ending else { return };
        let is_due = match (self.deactivation, &ending.result) {
            (Deactivation::Never, _) => false,
            // Nobody is there to ask.
            (_, Err(Error::NoAccount { .. } | Error::AccountClosed { .. } | Error::Input(_))) => {
                false
            }
            (Deactivation::WithoutCertificate, result) => result.is_err(),
            (Deactivation::Always, _) => true,
        };
        let open = |status: &Option<AuthorizationStatus>| {
            matches!(status, None | Some(AuthorizationStatus::Pending | AuthorizationStatus::Valid))
        };
        let authorizations = self.facts.authorizations.iter().filter(|a| is_due && open(&a.status));
        let urls: Vec<Url> = authorizations.map(|a| a.url.clone()).collect();
        for url in urls {
            self.engine.start(Task::Deactivate(DeactivateAuthorization(url)));
        }
    }

    pub(super) fn deactivated(
        &mut self,
        operation: &DeactivateAuthorization,
        result: Result<Authorization, Error>,
    ) {
        let url = operation.0.clone();
        let error = match result {
            Ok(authorization) if operation.landed(&authorization) => return,
            Ok(_) => Error::peer(&url, PeerFault::NotDeactivated),
            Err(error) => error,
        };
        self.engine.notice(Notice::NotDeactivated { url, error: Box::new(error) });
    }
}
