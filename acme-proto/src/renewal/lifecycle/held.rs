//! The certificate in use, and when it is due.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::policy::{HOUR, RenewalPolicy};
use super::super::schedule::RenewalSchedule;
use crate::time::Timestamp;
use crate::url::Url;

/// The certificate in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    pub(super) directory: Url,
    pub(super) schedule: RenewalSchedule,
    /// The time of this machine when the certificate arrived.
    pub(super) issued_at: Timestamp,
    /// The number of certificates in a row that were due soon after they were issued.
    #[serde(default)]
    pub(super) early: u32,
    #[serde(default)]
    pub(super) reported_emergency: bool,
    #[serde(default)]
    pub(super) reported_expiry: bool,
}

impl Held {
    /// Returns when the certificate is due by the CA's window, its lifetime, and its age.
    ///
    /// The age is measured by the clock of this machine since the certificate arrived, so that a
    /// clock that is slow by months does not let it expire.
    fn wished(&self) -> Timestamp {
        let age = match self.schedule.window() {
            Some(_) => self.latest_age(),
            None => self.schedule.age_at_renewal(),
        };
        self.schedule.renew_at().min(self.issued_at.saturating_add(age))
    }

    /// Returns when the certificate is due, but not before the floor between two certificates.
    pub(super) fn due_at(&self, policy: &RenewalPolicy) -> Timestamp {
        self.wished().max(self.issued_at.saturating_add(self.floor(policy)))
    }

    /// Returns the time at which little of the lifetime is left.
    pub(super) fn latest(&self) -> Timestamp {
        self.schedule.latest().min(self.issued_at.saturating_add(self.latest_age()))
    }

    /// Returns the count of certificates in a row that were due long before their time, with this
    /// one, if the CA or the clock makes it due in the first quarter of its lifetime.
    ///
    /// A certificate that lived longer takes one off. If it reset the count, a CA that always asks
    /// for a replacement at once would begin with the shortest floor again after each long one.
    pub(super) fn early_with_this(&self) -> u32 {
        let lifetime = self.schedule.lifetime();
        let is_early = self.wished() < self.issued_at.saturating_add(lifetime / 4);
        if is_early || lifetime < OF_NO_USE {
            self.early.saturating_add(1)
        } else {
            self.early.saturating_sub(1)
        }
    }

    /// Returns the least time from this certificate to the next one.
    ///
    /// It doubles while each new certificate is due at once: because the CA always asks for it, or
    /// because the clock is wrong. It never exceeds what is left of the certificate, unless the
    /// clock says that nothing is left of it, or the certificate is of no use anyway.
    fn floor(&self, policy: &RenewalPolicy) -> Duration {
        let lifetime = self.schedule.lifetime();
        let least = policy.between_certificates.min(lifetime / 3).max(SHORTEST);
        let doubled = least.saturating_mul(1_u32.checked_shl(self.early).unwrap_or(u32::MAX));
        let wait = doubled.min((lifetime / 2).max(HOUR));
        let left = self.latest().saturating_duration_since(self.issued_at);
        if left < least || lifetime < OF_NO_USE { wait } else { wait.min(left) }
    }

    fn latest_age(&self) -> Duration {
        self.schedule.lifetime() / 20 * 19
    }
}

const SHORTEST: Duration = Duration::from_secs(1);

/// Certificates of a lifetime below this are not worth an order each.
const OF_NO_USE: Duration = Duration::from_secs(5);
