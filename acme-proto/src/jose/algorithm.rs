//! Signature and MAC algorithms.

use core::fmt;

/// A signature algorithm for requests (RFC 7518 Section 3.1, RFC 8037 Section 3.1).
///
/// The curve of a key fixes the hash and thereby the algorithm, so the key decides: see
/// [`Jwk::algorithm`](crate::jose::Jwk::algorithm). `none` and MAC algorithms are forbidden for
/// requests (RFC 8555 Section 6.2) and have no variant here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256, which every server must implement.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519, under the name `EdDSA` of RFC 8037 Section 3.1.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// Returns the algorithm with the given registered name; case counts.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Es256, Self::Es384, Self::Es512, Self::EdDsa, Self::Rs256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// Returns the registered name, which is the value of `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// Returns the length of a JWS signature in octets, or `None` for RSA, where it is that of the
    /// modulus.
    pub const fn signature_len(self) -> Option<usize> {
        match self {
            Self::Es256 | Self::EdDsa => Some(64),
            Self::Es384 => Some(96),
            // Two coordinates of 521 bits, each rounded up to 66 octets (RFC 7518 Section 3.4).
            Self::Es512 => Some(132),
            Self::Rs256 => None,
        }
    }

    /// Returns the length of one coordinate in octets, or `None` if the key is not a point (x, y).
    pub(crate) const fn coordinate_len(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::Es512 => Some(66),
            Self::EdDsa | Self::Rs256 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A MAC algorithm for external account binding (RFC 8555 Section 7.3.4, RFC 7518 Section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MacAlgorithm {
    /// HMAC with SHA-256, which nearly every CA expects.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl MacAlgorithm {
    /// Returns the algorithm with the given registered name; case counts.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hs256, Self::Hs384, Self::Hs512]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// Returns the registered name, which is the value of `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Returns the minimum key length in octets, which is the length of the hash (RFC 7518 Section
    /// 3.2).
    pub const fn min_key_len(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

impl fmt::Display for MacAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn names_are_case_sensitive_and_none_and_mac_names_are_no_signature_algorithms() {
        assert_eq!(Algorithm::from_name("ES256"), Some(Algorithm::Es256));
        // covers 8037-3.1-1
        assert_eq!(Algorithm::from_name("EdDSA"), Some(Algorithm::EdDsa));
        for name in ["es256", "EDDSA", "Ed25519", "none", "HS256", ""] {
            // covers 8555-6.2-9, 7515-4.1.1-1
            assert_eq!(Algorithm::from_name(name), None);
        }
        assert_eq!(MacAlgorithm::from_name("HS512"), Some(MacAlgorithm::Hs512));
        assert_eq!(MacAlgorithm::from_name("ES256"), None);
    }

    #[test]
    fn ecdsa_signatures_are_two_coordinates_long() {
        for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
            let coordinate = algorithm.coordinate_len();
            assert_eq!(algorithm.signature_len(), coordinate.map(|octets| 2 * octets));
        }
    }
}
