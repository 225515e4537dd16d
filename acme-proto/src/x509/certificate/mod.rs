//! Certificates (RFC 5280 Section 4.1).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use der::Tag;
use sha2::{Digest, Sha256};

use crate::identifier::Identifier;
use crate::jose::{InvalidJwk, Jwk, base64url};
use crate::time::Timestamp;
use crate::x509::asn1::Element;
use crate::x509::extensions::Extensions;
use crate::x509::{distinguished_name, names, validity};

/// A parsed certificate, limited to the fields that an ACME client uses.
///
/// Its signature is not verified.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Certificate(Arc<Parts>);

/// What a certificate consists of. Clones share it.
#[derive(PartialEq, Eq, Hash)]
struct Parts {
    der: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    identifiers: Vec<Identifier>,
    authority_key_id: Option<Vec<u8>>,
    subject_key_id: Option<Vec<u8>>,
}

impl Certificate {
    /// The maximum length of a certificate, in octets.
    pub const MAX_LEN: usize = 256 * 1024;

    /// The maximum number of names in a certificate, and in all certificates of a chain together.
    pub const MAX_NAMES: usize = 20_000;

    /// Parses a certificate in DER.
    ///
    /// # Errors
    ///
    /// Fails if the octets are not a certificate, or are too many, and if it has too many names. The sender is at fault.
    pub fn parse(der: Vec<u8>) -> Result<Self, InvalidCertificate> {
        if der.len() > Self::MAX_LEN {
            return Err(InvalidCertificate::TooLong);
        }
        let fields = Fields::decode(&der).map_err(|_| InvalidCertificate::Der)?;
        if fields.extensions.names.len() > Self::MAX_NAMES {
            return Err(InvalidCertificate::TooManyNames);
        }
        let not_before = fields.not_before.ok_or(InvalidCertificate::Validity)?;
        let not_after = fields.not_after.ok_or(InvalidCertificate::Validity)?;
        Ok(Self(Arc::new(Parts {
            serial: fields.serial.to_vec(),
            issuer: fields.issuer.to_vec(),
            subject: fields.subject.to_vec(),
            spki: fields.spki.to_vec(),
            not_before,
            not_after,
            identifiers: fields.extensions.names.identifiers(),
            dns_names: fields.extensions.names.dns,
            ip_addresses: fields.extensions.names.ip,
            authority_key_id: fields.extensions.authority_key_id,
            subject_key_id: fields.extensions.subject_key_id,
            der,
        })))
    }

    /// Returns the whole certificate in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// Returns the public key.
    ///
    /// # Errors
    ///
    /// Fails if [`Jwk`] does not support the kind of key. The certificate itself may still be
    /// valid.
    pub fn public_key(&self) -> Result<Jwk, InvalidJwk> {
        Jwk::from_spki_der(&self.0.spki)
    }

    /// Returns the dNSNames of the subjectAltName, unchanged.
    ///
    /// Octets that are not UTF-8 are replaced by U+FFFD.
    pub fn dns_names(&self) -> &[String] {
        &self.0.dns_names
    }

    /// Returns the iPAddresses of the subjectAltName.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.0.ip_addresses
    }

    /// Returns the names of the subjectAltName as identifiers, without repetitions.
    ///
    /// Only dNSName, iPAddress and rfc822Name are included.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.0.identifiers
    }

    /// Returns how many names it has, for a bound: one that is repeated is one identifier, and kept as often as it is
    /// there.
    pub(crate) fn name_count(&self) -> usize {
        self.0.dns_names.len().max(self.0.identifiers.len())
    }

    /// Returns the content octets of the serial number, including a leading zero octet.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// Returns the keyIdentifier of the authorityKeyIdentifier, without tag and length.
    ///
    /// Without it, the certificate has no renewal information (RFC 9773 Section 4.1).
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.authority_key_id.as_deref()
    }

    /// Returns the subjectKeyIdentifier, without tag and length.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.subject_key_id.as_deref()
    }

    /// Returns the identifier of the certificate in renewal information and in `replaces` (RFC 9773
    /// Section 4.1).
    ///
    /// It is base64url of the authority key identifier, a dot, and base64url of the content octets
    /// of the serial number.
    ///
    /// Returns `None` if the certificate has no authority key identifier.
    pub fn renewal_id(&self) -> Option<String> {
        let authority = base64url::encode(self.authority_key_id()?);
        Some(alloc::format!("{authority}.{}", base64url::encode(self.serial())))
    }

    /// Returns the beginning of the validity period.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// Returns the end of the validity period.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Returns the issuer's Name in DER.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer
    }

    /// Returns the subject's Name in DER.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject
    }

    /// Returns the common name of the issuer, which users commonly choose a chain by.
    pub fn issuer_common_name(&self) -> Option<String> {
        names::common_name(&self.0.issuer)
    }

    /// Returns whether the issuer has this name, by the rules of
    /// [`ChainChoice`](super::ChainChoice).
    pub fn is_issued_by(&self, name: &str) -> bool {
        distinguished_name::is_named(&self.0.issuer, name)
    }

    /// Returns the common name of the subject.
    pub fn subject_common_name(&self) -> Option<String> {
        names::common_name(&self.0.subject)
    }

    /// Returns the SHA-256 digest of the whole certificate.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.0.der).into()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("identifiers", &self.0.identifiers)
            .field("issuer", &self.issuer_common_name())
            .field("not_after", &self.0.not_after)
            .field("serial", &base64url::encode(&self.0.serial))
            .finish_non_exhaustive()
    }
}

/// The octets are not a certificate. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// Not a certificate in DER.
    #[error("not an X.509 certificate in DER")]
    Der,
    /// The validity period does not consist of two valid times.
    #[error("validity period of the certificate cannot be read")]
    Validity,
    /// The certificate is longer than [`Certificate::MAX_LEN`].
    #[error("certificate is larger than 256 KiB")]
    TooLong,
    /// The certificate has more than [`Certificate::MAX_NAMES`] names.
    #[error("certificate has more than {} names", Certificate::MAX_NAMES)]
    TooManyNames,
}

/// The fields of a certificate, borrowed from its DER.
struct Fields<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    extensions: Extensions,
}

impl<'a> Fields<'a> {
    fn decode(der: &'a [u8]) -> der::Result<Self> {
        let mut certificate = Element::parse_as(der, Tag::Sequence)?.children()?;
        let mut tbs = certificate.expect(Tag::Sequence)?.children()?;
        // signatureAlgorithm and signatureValue, which nothing here verifies.
        certificate.expect(Tag::Sequence)?;
        certificate.expect(Tag::BitString)?;
        certificate.finish()?;

        // The version is absent in certificates of version 1.
        tbs.context(0)?;
        // The content octets are kept as sent: the renewal identifier includes the leading zero
        // octet that a set highest bit needs, as in `AIdlQyE` (RFC 9773 Section 4.1).
        let serial = tbs.expect(Tag::Integer)?.value;
        if serial.is_empty() {
            return Err(Tag::Integer.value_error().into());
        }
        tbs.expect(Tag::Sequence)?;
        let issuer = tbs.expect(Tag::Sequence)?.raw;
        let mut validity = tbs.expect(Tag::Sequence)?.children()?;
        let (not_before, not_after) = (validity.next()?, validity.next()?);
        let subject = tbs.expect(Tag::Sequence)?.raw;
        let spki = tbs.public_key()?;

        // issuerUniqueID `[1]` and subjectUniqueID `[2]` may stand before the extensions `[3]`,
        // which are last (RFC 5280 Section 4.1).
        let mut extensions = Extensions::default();
        while let Some(element) = tbs.next()? {
            if element.is_context(3) {
                extensions = Extensions::decode(&Element::parse(element.value)?)?;
                break;
            }
        }
        tbs.finish()?;
        Ok(Self {
            serial,
            issuer,
            subject,
            spki,
            not_before: not_before.as_ref().and_then(validity::decode),
            not_after: not_after.as_ref().and_then(validity::decode),
            extensions,
        })
    }
}

#[cfg(test)]
mod tests;
