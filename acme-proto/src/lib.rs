//! ACME (RFC 8555 and its extensions) as a sans-IO state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod header;
pub mod http;
pub mod identifier;
pub mod jose;
pub mod pem;
pub mod time;
pub mod token;
pub mod url;
pub mod wire;
pub mod x509;
#[cfg(any(
    feature = "es256",
    feature = "es384",
    feature = "es512",
    feature = "ed25519",
    feature = "rs256"
))]
pub mod signer;
