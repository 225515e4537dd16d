//! X.509 as far as an ACME client needs it (RFC 5280, RFC 2986).
//!
//! Certificates and certificate signing requests are parsed leniently: only the parts that a client
//! uses are decoded. Signing requests and the certificates of tls-alpn-01 are built in two steps:
//! the caller signs the encoded body with a key of any kind, in any device, and the builder then
//! adds the [`Signature`].
//!
//! Nothing here verifies a signature or a chain of trust. ACME clients receive certificates from
//! the CA over an authenticated connection.
//!
//! [`Signature`]: crate::jose::Signature

pub(crate) mod asn1;

mod certificate;
mod chain;
mod chain_choice;
mod csr;
mod csr_builder;
mod distinguished_name;
mod extensions;
mod names;
mod reverse_name;
mod tls_alpn;
mod validity;

pub use self::certificate::{Certificate, InvalidCertificate};
pub use self::chain::{CertificateChain, ChainMismatch, InvalidChain};
pub use self::chain_choice::ChainChoice;
pub use self::csr::{Csr, CsrMismatch, InvalidCsr};
pub use self::csr_builder::CsrBuilder;
pub use self::reverse_name::reverse_name;
pub use self::tls_alpn::TlsAlpnCertificateBuilder;
