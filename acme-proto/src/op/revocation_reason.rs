//! Why a certificate is revoked (RFC 5280 Section 5.3.1).

use crate::error::InvalidInput;

/// A reason code of RFC 5280 Section 5.3.1; there is no code 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums)] // the list is closed
#[repr(u8)]
pub enum RevocationReason {
    /// No reason is given; leaving the reason out says the same.
    Unspecified = 0,
    /// The private key is known, or feared to be known, to somebody else.
    KeyCompromise = 1,
    /// The CA's own key is.
    CaCompromise = 2,
    /// The subject's name or other data have changed.
    AffiliationChanged = 3,
    /// Another certificate has taken its place.
    Superseded = 4,
    /// It is not needed any more.
    CessationOfOperation = 5,
    /// It is suspended, and may come back.
    CertificateHold = 6,
    /// It is taken off a list of revoked certificates.
    RemoveFromCrl = 8,
    /// A right that it shows was withdrawn.
    PrivilegeWithdrawn = 9,
    /// The key of an attribute authority is known, or feared to be known, to somebody else.
    AaCompromise = 10,
}

impl RevocationReason {
    /// Returns the code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for RevocationReason {
    type Error = InvalidInput;

    /// Fails with [`InvalidInput::RevocationReason`] for a code that does not exist.
    fn try_from(code: u8) -> Result<Self, InvalidInput> {
        Ok(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return Err(InvalidInput::RevocationReason(code)),
        })
    }
}
