//! An error with its causes, on one line.

use core::error::Error;
use core::fmt;

/// Displays an error and its [sources](Error::source), outermost first, joined by `: `.
///
/// ```
/// use acme_proto::error::Report;
/// use acme_proto::x509::Csr;
///
/// let error = Csr::from_pem(b"no PEM").unwrap_err();
/// assert_eq!(
///     Report::new(&error).to_string(),
///     "not a certificate request in PEM: it has no PEM block",
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Report<'a>(&'a (dyn Error + 'static));

impl<'a> Report<'a> {
    /// Creates a report of an error.
    pub const fn new(error: &'a (dyn Error + 'static)) -> Self {
        Self(error)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
