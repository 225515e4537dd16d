//! dns-01 (RFC 8555 section 8.4) and dns-account-01: a trait for whoever edits the zone.

use std::sync::Arc;

#[cfg(feature = "propagation")]
use acme_adapter::propagation::PropagationCheck;
use acme_proto::challenge::{Challenge, ChallengeResponse, TxtRecord};
use acme_proto::wire::ChallengeKind;

use super::Solver;
use crate::BoxError;

/// Edits TXT records, such as through the interface of a DNS provider; [`Dns01Solver`] makes a
/// [`Solver`] of it, and [`DnsPersist01Solver`](super::DnsPersist01Solver) one for records that stay.
///
/// ```
/// use acme_blocking::{BoxError, Dns01, Dns01Solver};
///
/// struct Zone;
///
/// impl Dns01 for Zone {
///     fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
///         println!("{name} 60 IN TXT {value}");
///         Ok(())
///     }
///
///     fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
///         println!("; without {name} TXT {value}");
///         Ok(())
///     }
/// }
///
/// let solver = Dns01Solver::new(Zone);
/// ```
pub trait Dns01: Send + Sync {
    /// Adds `value` to the TXT records at `name`, beside those that are there.
    ///
    /// `name` has no final dot. A value that is there already stays, and that is no error.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier.
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;

    /// Removes `value` from the TXT records at `name`, and leaves the others.
    ///
    /// A value that is not there is no error.
    ///
    /// # Errors
    /// An error is listed in the result of the issuance.
    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;

    /// Waits until every authoritative server answers `value` at `name`; by default not at all.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier.
    fn wait_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let _ = (name, value);
        Ok(())
    }

    /// Returns the values of the TXT records at `name`, so that what is there need not be published again;
    /// by default none.
    ///
    /// Only dns-persist-01 asks.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier.
    fn existing_txt(&self, name: &str) -> Result<Vec<String>, BoxError> {
        let _ = name;
        Ok(Vec::new())
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Dns01 + ?Sized> Dns01 for $pointer {
            fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                (**self).set_txt(name, value)
            }

            fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                (**self).remove_txt(name, value)
            }

            fn wait_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                (**self).wait_txt(name, value)
            }

            fn existing_txt(&self, name: &str) -> Result<Vec<String>, BoxError> {
                (**self).existing_txt(name)
            }
        }
    )*};
}
forward!(&T, Arc<T>, Box<T>);

/// Solves challenges of dns-01 and dns-account-01 through a [`Dns01`].
///
/// Of the two, dns-01 is preferred where a CA offers both.
#[derive(Clone, Debug)]
pub struct Dns01Solver<T> {
    zone: T,
    kinds: [ChallengeKind; 2],
    #[cfg(feature = "propagation")]
    check: Option<PropagationCheck>,
}

impl<T: Dns01> Dns01Solver<T> {
    /// Creates a solver that publishes through `zone`.
    pub const fn new(zone: T) -> Self {
        Self {
            zone,
            kinds: KINDS,
            #[cfg(feature = "propagation")]
            check: None,
        }
    }

    /// Prefers dns-account-01, whose records stand below a label of the account's own, so that several
    /// clients can prove one name, each by a CNAME of its own.
    pub fn prefer_account_label(mut self) -> Self {
        self.kinds = [ChallengeKind::DnsAccount01, ChallengeKind::Dns01];
        self
    }

    /// Waits, after the zone's own [`wait_txt`](Dns01::wait_txt), until every authoritative server answers the
    /// record.
    #[cfg(feature = "propagation")]
    pub fn propagation(mut self, check: PropagationCheck) -> Self {
        self.check = Some(check);
        self
    }
}

impl<T: Dns01> Solver for Dns01Solver<T> {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.kinds
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        let TxtRecord { name, value, .. } = record(challenge)?;
        self.zone.set_txt(&name, &value)?;
        Ok(ChallengeResponse::default())
    }

    fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let TxtRecord { name, value, .. } = record(challenge)?;
        self.zone.wait_txt(&name, &value)?;
        #[cfg(feature = "propagation")]
        if let Some(check) = &self.check {
            super::propagated(check, &name, &value)?;
        }
        Ok(())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let TxtRecord { name, value, .. } = record(challenge)?;
        self.zone.remove_txt(&name, &value)
    }
}

/// The kinds that ask for one value more at a name.
pub(super) const KINDS: [ChallengeKind; 2] = [ChallengeKind::Dns01, ChallengeKind::DnsAccount01];

/// Returns the record of a challenge of these kinds.
pub(super) fn record(challenge: &Challenge) -> Result<TxtRecord, BoxError> {
    challenge.txt_record().ok_or_else(|| "this is no challenge for a TXT record".into())
}
