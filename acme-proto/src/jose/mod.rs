//! JSON Object Signing and Encryption, as far as ACME uses it.
//!
//! Keys ([`Jwk`]) are public keys. Private keys stay with the caller, in a device, or in `signer`.
//! A request body is made in three steps: build the header ([`Protected`]), have the holder of the
//! key sign [`SigningInput::as_bytes`], and assemble the body with [`SigningInput::flattened`].
//!
//! See RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (algorithms), RFC 7638 (thumbprints), RFC 8037
//! (Ed25519), and RFC 8555 Sections 6.2, 7.3.4 and 8.1.

pub mod base64url;

mod algorithm;
mod jwk;
mod jws;
mod key_authorization;
mod mac;
mod signature;
mod spki;
mod thumbprint;

pub use self::algorithm::{Algorithm, MacAlgorithm};
pub use self::jwk::{InvalidJwk, Jwk};
pub use self::jws::{KeyId, Protected, SigningInput};
pub use self::key_authorization::KeyAuthorization;
pub use self::mac::{InvalidMacKey, MacKey};
pub use self::signature::{InvalidSignature, Signature};
pub use self::thumbprint::{InvalidThumbprint, Thumbprint};

pub(crate) use self::spki::signature_algorithm;
