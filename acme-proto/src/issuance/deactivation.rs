//! Giving authorizations up at the end of an issuance (RFC 8555 section 7.5.2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Issuance, Key};
use crate::call::Reply;
use crate::error::{Error, PeerFault};
use crate::notice::Notice;
use crate::op::private::Plan;
use crate::op::{DeactivateAuthorization, Operation};
use crate::session::Session;
use crate::url::Url;
use crate::wire::AuthorizationStatus;

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
            let spec = DeactivateAuthorization(url.clone()).spec();
            self.lanes.start(Key::Deactivate(url), spec);
        }
    }

    pub(super) fn deactivated(
        &mut self,
        url: &Url,
        result: Result<Reply, Error>,
        session: &Session,
    ) {
        let operation = DeactivateAuthorization(url.clone());
        let read = result.and_then(|reply| {
            let read = self.lanes.read(&reply, session, |a| operation.read(a))?;
            Ok((reply, operation.landed(&read)))
        });
        let error = match read {
            Ok((_, true)) => return,
            Ok((reply, false)) if reply.is_reread() => {
                let key = Key::Deactivate(url.clone());
                return self.lanes.resend(key, operation.spec(), &reply);
            }
            Ok((_, false)) => {
                Error::peer(url, PeerFault::NotApplied("the authorization is as before"))
            }
            Err(error) => error,
        };
        self.lanes.notice(Notice::NotDeactivated { url: url.clone(), error: Box::new(error) });
    }
}
