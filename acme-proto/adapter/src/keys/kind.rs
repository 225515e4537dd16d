//! The kinds of keys, by name.

use core::fmt;
use core::str::FromStr;

/// A kind of key, by the names that command lines use: `es256`, `rsa2048` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on P-256, which every CA accepts.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// ECDSA on P-521; needs `aws-lc-rs`.
    Es512,
    /// Ed25519, which few CAs accept.
    Ed25519,
    /// RSA of 2048 bits; needs `aws-lc-rs` to be generated.
    Rsa2048,
    /// RSA of 3072 bits; needs `aws-lc-rs` to be generated.
    Rsa3072,
    /// RSA of 4096 bits; needs `aws-lc-rs` to be generated.
    Rsa4096,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "es256",
            Self::Es384 => "es384",
            Self::Es512 => "es512",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }
}

impl FromStr for KeyKind {
    type Err = UnknownKeyKind;

    fn from_str(name: &str) -> Result<Self, UnknownKeyKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownKeyKind(name.escape_default().take(40).collect()))
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is not a kind of key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no kind of key: choose es256, es384, es512, ed25519, rsa2048, rsa3072 or rsa4096")]
pub struct UnknownKeyKind(String);
