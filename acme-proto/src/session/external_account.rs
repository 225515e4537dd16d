//! The binding to an account that the user has with the CA outside ACME (RFC 8555 section 7.3.4).

use alloc::string::String;

use crate::error::InvalidInput;
use crate::jose::MacAlgorithm;

/// A reference to an external account (RFC 8555 section 7.3.4): the CA's key identifier (`kid`) for it, and the MAC algorithm
/// of the binding.
///
/// The MAC key stays with the signer, which finds it by the `kid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    kid: String,
    algorithm: MacAlgorithm,
}

impl ExternalAccount {
    /// Creates a binding by HS256.
    ///
    /// # Errors
    /// [`InvalidInput::ExternalAccountKid`] if `kid` is empty or not printable ASCII.
    pub fn new(kid: &str) -> Result<Self, InvalidInput> {
        let printable = kid.bytes().all(|b| matches!(b, b' '..=b'~'));
        if kid.is_empty() || !printable {
            return Err(InvalidInput::ExternalAccountKid);
        }
        Ok(Self { kid: String::from(kid), algorithm: MacAlgorithm::Hs256 })
    }

    /// Sets another MAC algorithm, where the CA asks for one.
    pub const fn with_algorithm(mut self, algorithm: MacAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Returns the key identifier.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the MAC algorithm.
    pub const fn algorithm(&self) -> MacAlgorithm {
        self.algorithm
    }
}
