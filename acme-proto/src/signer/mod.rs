//! Private keys in memory, each algorithm behind the feature of its name.
//!
//! The state machine requests signatures and does not care where they come from. A key in a device
//! or a service needs nothing from this module.
//!
//! Signatures are deterministic. ECDSA derives its nonce from the key and the message (RFC 6979),
//! so a poor random number generator cannot reveal the key. Only `generate` needs random numbers.

#[cfg(any(feature = "es256", feature = "es384", feature = "es512"))]
mod ecdsa;
#[cfg(feature = "ed25519")]
mod ed25519;
#[cfg(feature = "es256")]
mod es256;
#[cfg(feature = "es384")]
mod es384;
#[cfg(feature = "es512")]
mod es512;
mod local_key;
mod pkcs8;
#[cfg(feature = "rs256")]
mod rs256;
#[cfg(test)]
mod test_rng;

#[cfg(feature = "ed25519")]
pub use self::ed25519::Ed25519Key;
#[cfg(feature = "es256")]
pub use self::es256::Es256Key;
#[cfg(feature = "es384")]
pub use self::es384::Es384Key;
#[cfg(feature = "es512")]
pub use self::es512::Es512Key;
pub use self::local_key::LocalKey;
pub use self::pkcs8::InvalidPrivateKey;
#[cfg(feature = "rs256")]
pub use self::rs256::Rs256Key;

/// The random number generator that `generate` needs, from `rand_core` 0.10.
pub use signature::rand_core::CryptoRng;
