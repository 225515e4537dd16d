//! dns-01 (RFC 8555 section 8.4) and dns-account-01: a trait for editing a DNS zone.

use crate::BoxError;

/// Edits TXT records, for example through the API of a DNS provider.
///
/// [`Dns01Solver`](crate::Dns01Solver) wraps an implementation as a [`Solver`](super::Solver), and
/// [`DnsPersist01Solver`](crate::DnsPersist01Solver) into one for records that stay.
///
/// [`DnsUpdate`](crate::DnsUpdate) and [`HookCommand`](crate::HookCommand) implement it. The crate `dns-update`
/// supports the APIs of more than seventy providers, and `tests/peers/dns-update` in the repository is a whole program that
/// uses it with acme-tokio.
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
    /// `name` has no final dot. A value that exists already stays, which is not an error: an
    /// issuance that is resumed publishes its values again.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier.
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;

    /// Removes `value` from the TXT records at `name`, and leaves the others.
    ///
    /// A missing value is not an error: `set_txt` may have failed, or an earlier run removed it.
    ///
    /// # Errors
    /// An error is listed in the result of the issuance.
    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError>;

    /// Waits until every authoritative server returns `value` at `name`; by default it does not
    /// wait.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier.
    fn wait_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let _ = (name, value);
        Ok(())
    }

    /// Returns the values of the TXT records at `name`; by default none.
    ///
    /// Only dns-persist-01 uses it, to leave a record in place that proves the name already.
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
