//! dns-01 (RFC 8555 section 8.4) and dns-account-01: a trait for whoever edits the zone.

use crate::BoxError;

/// Edits TXT records, such as through the interface of a DNS provider; [`Dns01Solver`](crate::Dns01Solver) makes a
/// [`Solver`](super::Solver) of it, and [`DnsPersist01Solver`](crate::DnsPersist01Solver) one for records that stay.
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

acme_adapter::forward! {
    Dns01 {
        fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;
        fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;
        fn wait_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;
        fn existing_txt(&self, name: &str) -> Result<Vec<String>, BoxError>;
    }
}
