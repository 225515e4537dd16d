//! Certificate chains as CAs serve them (RFC 8555 Sections 7.4.2, 9.1 and 11.4).

use alloc::string::String;
use alloc::vec::Vec;

use crate::identifier::Identifier;
use crate::jose::Jwk;
use crate::pem::{self, InvalidPem};
use crate::x509::certificate::{Certificate, InvalidCertificate};
use crate::x509::names::{self, List};

const LABEL: &str = "CERTIFICATE";

/// A certificate and those that lead from it towards a root; there is always one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Vec<Certificate>,
}

impl CertificateChain {
    /// The most certificates a chain may have.
    pub const MAX_CERTIFICATES: usize = 16;

    /// Reads `application/pem-certificate-chain`.
    ///
    /// # Errors
    ///
    /// Fails if there is anything but certificates in PEM, as RFC 8555 Section 11.4 demands for
    /// the sake of programs that take a private key from wherever they find one; if there is none
    /// or are too many; and if one of them cannot be read. The server is at fault.
    pub fn parse_pem(text: &[u8]) -> Result<Self, InvalidChain> {
        let blocks = pem::decode_strict(text, LABEL, Self::MAX_CERTIFICATES)?;
        let mut certificates = Vec::with_capacity(blocks.len());
        for (index, der) in blocks.into_iter().enumerate() {
            let certificate = Certificate::parse(der);
            certificates
                .push(certificate.map_err(|source| InvalidChain::Certificate { index, source })?);
        }
        if certificates.is_empty() {
            return Err(InvalidChain::Pem(InvalidPem::Empty));
        }
        Ok(Self { certificates })
    }

    /// Returns the certificate that was asked for.
    pub fn leaf(&self) -> &Certificate {
        self.certificates.first().expect("a chain has one certificate at least")
    }

    /// Returns all certificates, the leaf first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Writes the chain as PEM, encoded anew: nothing else of what the server sent is passed on.
    pub fn to_pem(&self) -> String {
        let blocks = self.certificates.iter().map(|one| pem::encode(LABEL, one.as_der()));
        blocks.collect()
    }

    /// Checks that the leaf is for the key `spki` (in DER) and exactly for `identifiers`.
    ///
    /// Identifiers are compared as sets. Those of a type that has no name in X.509, and names of
    /// a kind that is no identifier, are not compared.
    ///
    /// # Errors
    ///
    /// Says what differs. The CA is at fault, or the certificate belongs to another order: do not
    /// use it (RFC 8555 Section 7.4 leaves this check to the client).
    pub fn matches(&self, spki: &[u8], identifiers: &[Identifier]) -> Result<(), ChainMismatch> {
        let leaf = self.leaf();
        if leaf.spki_der() != spki && !same_key(leaf, spki) {
            return Err(ChainMismatch::Key);
        }
        match names::difference(leaf.identifiers(), identifiers) {
            (missing, extra) if missing.is_empty() && extra.is_empty() => Ok(()),
            (missing, extra) => Err(ChainMismatch::Names { missing, extra }),
        }
    }
}

/// What the server sent is not a certificate chain; do not use any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChain {
    /// The text is not PEM with certificates only.
    #[error("not a certificate chain in PEM: {0}")]
    Pem(#[from] InvalidPem),
    /// A block is not a certificate.
    #[error("certificate {index} of the chain cannot be read: {source}")]
    Certificate {
        /// Its place, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: InvalidCertificate,
    },
}

/// The certificate is not the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainMismatch {
    /// The public key is not that of the signing request.
    #[error("certificate is for another key")]
    Key,
    /// The names are not those of the order.
    #[error("certificate is for other names: missing {}, extra {}", List(missing), List(extra))]
    Names {
        /// Identifiers of the order that the certificate does not have.
        missing: Vec<Identifier>,
        /// Names of the certificate that the order does not have.
        extra: Vec<Identifier>,
    },
}

/// Returns whether the keys are the same though the encodings differ.
fn same_key(leaf: &Certificate, spki: &[u8]) -> bool {
    leaf.public_key().is_ok_and(|key| Jwk::from_spki_der(spki).is_ok_and(|other| key == other))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
