//! dns-01 (RFC 8555 section 8.4): a trait for whoever edits the zone.

use std::sync::Arc;

use acme_proto::challenge::{Challenge, TxtRecord};
use acme_proto::wire::ChallengeKind;

use super::Solver;
use crate::BoxError;

/// Edits TXT records, such as through the interface of a DNS provider; [`Dns01Solver`] makes a
/// [`Solver`] of it.
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
        }
    )*};
}
forward!(&T, Arc<T>, Box<T>);

/// Solves dns-01 challenges through a [`Dns01`].
#[derive(Clone, Debug)]
pub struct Dns01Solver<T> {
    zone: T,
}

impl<T: Dns01> Dns01Solver<T> {
    /// Creates a solver that publishes through `zone`.
    pub const fn new(zone: T) -> Self {
        Self { zone }
    }
}

impl<T: Dns01> Solver for Dns01Solver<T> {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Dns01]
    }

    fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let TxtRecord { name, value, .. } = record(challenge)?;
        self.zone.set_txt(&name, &value)
    }

    fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let TxtRecord { name, value, .. } = record(challenge)?;
        self.zone.wait_txt(&name, &value)
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let TxtRecord { name, value, .. } = record(challenge)?;
        self.zone.remove_txt(&name, &value)
    }
}

/// Returns the record of a dns-01 challenge.
pub(super) fn record(challenge: &Challenge) -> Result<TxtRecord, BoxError> {
    challenge.dns_01().ok_or_else(|| "this is no dns-01 challenge".into())
}
