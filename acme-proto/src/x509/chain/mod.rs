//! Certificate chains as CAs serve them (RFC 8555 Sections 7.4.2, 9.1 and 11.4).

use alloc::string::String;
use alloc::vec::Vec;

use crate::identifier::Identifier;
use crate::jose::Jwk;
use crate::pem::{self, InvalidPem};
use crate::x509::certificate::{Certificate, InvalidCertificate};
use crate::x509::names::{self, List};

const LABEL: &str = "CERTIFICATE";

/// A certificate followed by its issuers, towards a root. There is always at least one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Vec<Certificate>,
}

impl CertificateChain {
    /// The maximum number of certificates in a chain.
    pub const MAX_CERTIFICATES: usize = 16;

    /// Parses a body of type `application/pem-certificate-chain` (RFC 8555 Section 9.1), or a file of certificates.
    ///
    /// Text outside the PEM blocks is skipped, and [`to_pem`](Self::to_pem) does not have it.
    ///
    /// # Errors
    ///
    /// Fails if the text contains a PEM block that is no certificate, if there is no certificate or
    /// too many, if one of them is malformed, or if they have too many names together. The server is at fault.
    ///
    /// The first rule protects programs that load a certificate and a private key from the same PEM
    /// file: a malicious server could add a private key of its own choice (RFC 8555 Section 11.4).
    pub fn parse_pem(text: &[u8]) -> Result<Self, InvalidChain> {
        Self::parse(text).map(|(chain, _)| chain)
    }

    /// Parses a chain, and returns whether there is text outside its blocks.
    pub(crate) fn parse(text: &[u8]) -> Result<(Self, bool), InvalidChain> {
        let blocks = pem::decode(text, LABEL, Self::MAX_CERTIFICATES)?;
        let mut certificates = Vec::with_capacity(blocks.contents.len());
        let mut names = 0;
        for (index, der) in blocks.contents.into_iter().enumerate() {
            let certificate = Certificate::parse(der)
                .map_err(|source| InvalidChain::Certificate { index, source })?;
            names += certificate.name_count();
            if names > Certificate::MAX_NAMES {
                return Err(InvalidChain::TooManyNames);
            }
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            return Err(InvalidChain::Pem(InvalidPem::Empty));
        }
        Ok((Self { certificates }, blocks.has_text))
    }

    /// Returns the end-entity certificate, which is the first of the chain.
    pub fn leaf(&self) -> &Certificate {
        self.certificates.first().expect("a chain has one certificate at least")
    }

    /// Returns all certificates, the leaf first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Returns how many names its certificates have together.
    pub(crate) fn name_count(&self) -> usize {
        self.certificates.iter().map(Certificate::name_count).sum()
    }

    /// Returns the chain in PEM.
    ///
    /// It is encoded from the parsed certificates, so nothing else that the server sent is passed
    /// on.
    pub fn to_pem(&self) -> String {
        let blocks = self.certificates.iter().map(|one| pem::encode(LABEL, one.as_der()));
        blocks.collect()
    }

    /// Checks that the leaf has the key `spki` (in DER) and exactly the names `identifiers`.
    ///
    /// Identifiers are compared as sets. An identifier of a type without an X.509 name is not
    /// compared, nor is a name in the certificate that is not an identifier.
    ///
    /// # Errors
    ///
    /// The error names the difference. The CA is at fault, or the certificate belongs to another
    /// order. Do not use it.
    pub fn matches(&self, spki: &[u8], identifiers: &[Identifier]) -> Result<(), ChainMismatch> {
        let leaf = self.leaf();
        // Identical DER is the usual case and covers keys of kinds that `Jwk` does not support. A
        // CA may also encode the same key differently, for example without the NULL of RSA.
        if leaf.spki_der() != spki && !same_key(leaf, spki) {
            return Err(ChainMismatch::Key);
        }
        match names::difference(leaf.identifiers(), identifiers) {
            (missing, extra) if missing.is_empty() && extra.is_empty() => Ok(()),
            (missing, extra) => Err(ChainMismatch::Names { missing, extra }),
        }
    }
}

/// The server did not send a certificate chain. Do not use any part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChain {
    /// The text is not PEM, or not only certificates.
    #[error("not a certificate chain in PEM")]
    Pem(#[from] InvalidPem),
    /// A block is not a certificate.
    #[error("certificate {index} of the chain cannot be read")]
    Certificate {
        /// Its position, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: InvalidCertificate,
    },
    /// The certificates have more than [`Certificate::MAX_NAMES`] names together.
    #[error("the certificates of the chain have more than {} names", Certificate::MAX_NAMES)]
    TooManyNames,
}

/// The certificate is not the one that was ordered.
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

/// Returns whether the leaf has this key, in whatever encoding.
fn same_key(leaf: &Certificate, spki: &[u8]) -> bool {
    leaf.public_key().is_ok_and(|key| Jwk::from_spki_der(spki).is_ok_and(|other| key == other))
}

#[cfg(test)]
mod tests;
