//! X.509 as far as an ACME client needs it.
pub(crate) mod asn1;
