//! Whether the authorizations of an order are deactivated at the end (RFC 8555 Section 7.5.2).

use crate::error::Error;
#[cfg(doc)]
use crate::notice::Notice;

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

impl Deactivation {
    /// Returns whether the authorizations are deactivated after this result.
    pub(super) const fn is_due<T>(self, result: &Result<T, Error>) -> bool {
        match (self, result) {
            (Self::Never, _) => false,
            // Nobody is there to ask.
            (_, Err(Error::NoAccount { .. } | Error::AccountClosed { .. } | Error::Input(_))) => {
                false
            }
            (Self::WithoutCertificate, result) => result.is_err(),
            (Self::Always, _) => true,
        }
    }
}
