//! Certificate signing requests (RFC 2986, RFC 8555 Section 7.4).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::identifier::Identifier;
use crate::jose::{Algorithm, InvalidJwk, Jwk};
use crate::pem::{self, InvalidPem};
use crate::x509::asn1::Element;
use crate::x509::extensions::Extensions;
use crate::x509::names::{self, List};

/// extensionRequest (RFC 2985 Section 5.4.2).
pub(super) const EXTENSION_REQUEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
const LABEL: &str = "CERTIFICATE REQUEST";
/// What some programs wrote before RFC 7468 (its Section 7).
const OLD_LABEL: &str = "NEW CERTIFICATE REQUEST";

/// A certificate signing request, of which only key and names have been looked at.
///
/// Its signature is not verified: the CA does that.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Csr {
    der: Vec<u8>,
    spki: Vec<u8>,
    identifiers: Vec<Identifier>,
}

impl Csr {
    /// The most octets a request may have.
    pub const MAX_LEN: usize = 256 * 1024;

    /// Reads a request in DER.
    ///
    /// # Errors
    ///
    /// Fails if it is not a PKCS #10 request, is PEM, or is too long: whoever made it is at fault.
    pub fn from_der(der: Vec<u8>) -> Result<Self, InvalidCsr> {
        if der.len() > Self::MAX_LEN {
            return Err(InvalidCsr::TooLong);
        }
        if der.starts_with(b"-----BEGIN") {
            return Err(InvalidCsr::LooksLikePem);
        }
        let (spki, identifiers) = read(&der).map_err(|_| InvalidCsr::Der)?;
        let spki = spki.to_vec();
        Ok(Self { der, spki, identifiers })
    }

    /// Reads a request in PEM.
    ///
    /// # Errors
    ///
    /// Fails if it is not one block with a PKCS #10 request: whoever made the file is at fault.
    pub fn from_pem(text: &[u8]) -> Result<Self, InvalidCsr> {
        let der = pem::decode_one(text, LABEL)
            .or_else(|error| pem::decode_one(text, OLD_LABEL).map_err(|_| error))?;
        Self::from_der(der)
    }

    /// Returns the request in DER, as it goes base64url-encoded into `csr`.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Writes the request as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    /// Returns the SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the public key, which must not be that of the account (RFC 8555 Section 11.1).
    ///
    /// # Errors
    ///
    /// Fails if it is of a kind that has no JWK here; the request may be good all the same.
    pub fn public_key(&self) -> Result<Jwk, InvalidJwk> {
        Jwk::from_spki_der(&self.spki)
    }

    /// Returns what the request asks for, without repetitions, wildcards included.
    ///
    /// That is dNSName, iPAddress and rfc822Name of the subjectAltName, and the common name if it
    /// looks like a domain name (has a dot) or an address.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Checks that the request has exactly these identifiers, in whatever order.
    ///
    /// Identifiers of a type that has no name in X.509 are not compared.
    ///
    /// # Errors
    ///
    /// Says what differs; the server would refuse to finalize (RFC 8555 Section 7.4).
    pub fn covers(&self, identifiers: &[Identifier]) -> Result<(), CsrMismatch> {
        match names::difference(&self.identifiers, identifiers) {
            (missing, extra) if missing.is_empty() && extra.is_empty() => Ok(()),
            (missing, extra) => Err(CsrMismatch { missing, extra }),
        }
    }
}

impl fmt::Debug for Csr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csr").field("identifiers", &self.identifiers).finish_non_exhaustive()
    }
}

/// The octets are not a usable signing request; whoever made them is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCsr {
    /// Not the DER of a PKCS #10 request.
    #[error("not a PKCS #10 certificate request in DER")]
    Der,
    /// PEM where DER was expected: use [`Csr::from_pem`].
    #[error("certificate request is PEM where DER was expected")]
    LooksLikePem,
    /// Not PEM with one request.
    #[error("not a certificate request in PEM: {0}")]
    Pem(#[from] InvalidPem),
    /// The request is beyond any reasonable size.
    #[error("certificate request is larger than 256 KiB")]
    TooLong,
    /// There is nothing to ask for.
    #[error("certificate request without identifiers")]
    NoIdentifiers,
    /// An identifier has no name in X.509 that could be written.
    #[error("identifier of type {kind:?} cannot be written into a certificate request")]
    UnsupportedIdentifier {
        /// The identifier type.
        kind: String,
    },
    /// The common name asked for is none of the request's DNS names, or too long to be one.
    #[error(
        "{name:?} cannot be the common name: that is one of the DNS names, of at most 64 octets"
    )]
    CommonName {
        /// The name.
        name: String,
    },
    /// The signature was made with another algorithm than the key's.
    #[error("signature is {found}, but the key signs with {expected}")]
    SignatureAlgorithm {
        /// The algorithm of the key.
        expected: Algorithm,
        /// The algorithm of the signature.
        found: Algorithm,
    },
}

/// The request does not have exactly the identifiers of the order; make another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate request has other names: missing {}, extra {}", List(missing), List(extra))]
#[non_exhaustive]
pub struct CsrMismatch {
    /// Identifiers of the order that the request does not have.
    pub missing: Vec<Identifier>,
    /// Identifiers of the request that the order does not have.
    pub extra: Vec<Identifier>,
}

/// Reads the SubjectPublicKeyInfo and the identifiers.
fn read(der: &[u8]) -> der::Result<(&[u8], Vec<Identifier>)> {
    let mut request = Element::parse_as(der, Tag::Sequence)?.children()?;
    let mut info = request.expect(Tag::Sequence)?.children()?;
    request.expect(Tag::Sequence)?;
    request.expect(Tag::BitString)?;
    request.finish()?;

    info.expect(Tag::Integer)?;
    let subject = info.expect(Tag::Sequence)?.raw;
    let spki = info.expect(Tag::Sequence)?.raw;
    let attributes = info.context(0)?;
    info.finish()?;

    let mut extensions = None;
    if let Some(attributes) = attributes {
        let mut attributes = attributes.children()?;
        while let Some(attribute) = attributes.next()? {
            let mut parts = attribute.children()?;
            if !parts.expect(Tag::ObjectIdentifier)?.is_oid(&EXTENSION_REQUEST) {
                continue;
            }
            let mut values = parts.expect(Tag::Set)?.children()?;
            let value = values.expect(Tag::Sequence)?;
            if extensions.replace(Extensions::decode(&value)?).is_some() {
                return Err(Tag::Set.value_error().into());
            }
        }
    }
    let mut identifiers = extensions.unwrap_or_default().names.identifiers();
    let common = names::common_name(subject).and_then(|name| named_by_common_name(&name));
    identifiers.extend(common.filter(|identifier| !identifiers.contains(identifier)));
    Ok((spki, identifiers))
}

/// Returns the identifier that a common name stands for, unless it is a name for people.
fn named_by_common_name(name: &str) -> Option<Identifier> {
    let identifier = name.parse::<Identifier>().ok()?;
    match &identifier {
        Identifier::Dns(dns) => dns.as_str().contains('.').then_some(identifier),
        Identifier::Ip(_) => Some(identifier),
        Identifier::Other { .. } => None,
    }
}

#[cfg(test)]
#[path = "csr_tests.rs"]
mod tests;
