//! Certificate signing requests (RFC 2986, RFC 8555 Section 7.4).

use alloc::string::String;
use alloc::sync::Arc;
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
/// The label of some older programs, which parsers may accept (RFC 7468 Section 7).
const OLD_LABEL: &str = "NEW CERTIFICATE REQUEST";

/// A parsed certificate signing request, limited to its key and its names.
///
/// The signature is not verified; the CA verifies it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Csr(Arc<Parts>);

/// What a request consists of. Clones share it.
#[derive(PartialEq, Eq, Hash)]
struct Parts {
    der: Vec<u8>,
    spki: Vec<u8>,
    identifiers: Vec<Identifier>,
}

impl Csr {
    /// The maximum length of a request, in octets.
    pub const MAX_LEN: usize = 256 * 1024;

    /// Parses a request in DER.
    ///
    /// # Errors
    ///
    /// Fails if the octets are not a PKCS #10 request, are PEM, or are too many. The maker of the
    /// request is at fault.
    pub fn from_der(der: Vec<u8>) -> Result<Self, InvalidCsr> {
        if der.len() > Self::MAX_LEN {
            return Err(InvalidCsr::TooLong);
        }
        if der.starts_with(b"-----BEGIN") {
            return Err(InvalidCsr::LooksLikePem);
        }
        let (spki, identifiers) = read(&der).map_err(|_| InvalidCsr::Der)?;
        let spki = spki.to_vec();
        Ok(Self(Arc::new(Parts { der, spki, identifiers })))
    }

    /// Parses a request in PEM.
    ///
    /// # Errors
    ///
    /// Fails if the text is not one block with a PKCS #10 request. The maker of the file is at
    /// fault.
    pub fn from_pem(text: &[u8]) -> Result<Self, InvalidCsr> {
        let der = pem::decode_one(text, LABEL)
            // If both fail, the error about the standard label is the helpful one.
            .or_else(|error| pem::decode_one(text, OLD_LABEL).map_err(|_| error))?;
        Self::from_der(der)
    }

    /// Returns the request in DER. The `csr` member of a finalize request is its base64url.
    pub fn as_der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the request in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.0.der)
    }

    /// Returns the SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// Returns the public key, which must not be that of the account (RFC 8555 Section 11.1).
    ///
    /// # Errors
    ///
    /// Fails if [`Jwk`] does not support the kind of key. The request itself may still be valid.
    pub fn public_key(&self) -> Result<Jwk, InvalidJwk> {
        Jwk::from_spki_der(&self.0.spki)
    }

    /// Returns the identifiers that the request asks for, without repetitions, wildcards included.
    ///
    /// These are the dNSName, iPAddress and rfc822Name of the subjectAltName, and the common name
    /// if it is an address or a domain name with a dot.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.0.identifiers
    }

    /// Checks that the request has exactly these identifiers, in any order.
    ///
    /// An identifier of a type without an X.509 name is not compared.
    ///
    /// # Errors
    ///
    /// The error names the difference. The server would reject the finalize request (RFC 8555
    /// Section 7.4).
    pub fn covers(&self, identifiers: &[Identifier]) -> Result<(), CsrMismatch> {
        match names::difference(&self.0.identifiers, identifiers) {
            (missing, extra) if missing.is_empty() && extra.is_empty() => Ok(()),
            (missing, extra) => Err(CsrMismatch { missing, extra }),
        }
    }
}

impl fmt::Debug for Csr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csr").field("identifiers", &self.0.identifiers).finish_non_exhaustive()
    }
}

/// The octets are not a usable signing request. Their maker is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCsr {
    /// Not a PKCS #10 request in DER.
    #[error("not a PKCS #10 certificate request in DER")]
    Der,
    /// PEM where DER was expected. Use [`Csr::from_pem`].
    #[error("certificate request is PEM where DER was expected")]
    LooksLikePem,
    /// Not PEM with one request.
    #[error("not a certificate request in PEM")]
    Pem(#[from] InvalidPem),
    /// The request is longer than [`Csr::MAX_LEN`].
    #[error("certificate request is larger than 256 KiB")]
    TooLong,
    /// There is no identifier to ask for.
    #[error("certificate request without identifiers")]
    NoIdentifiers,
    /// An identifier is of a type that has no X.509 name.
    #[error("identifier of type {kind:?} cannot be written into a certificate request")]
    UnsupportedIdentifier {
        /// The identifier type.
        kind: String,
    },
    /// The common name is not one of the request's DNS names, or is longer than 64 octets.
    #[error(
        "{name:?} cannot be the common name: it must be one of the DNS names, of at most 64 octets"
    )]
    CommonName {
        /// The name.
        name: String,
    },
    /// The signature was made with another algorithm than that of the key.
    #[error("signature is {found}, but the key signs with {expected}")]
    SignatureAlgorithm {
        /// The algorithm of the key.
        expected: Algorithm,
        /// The algorithm of the signature.
        found: Algorithm,
    },
}

/// The request does not have exactly the identifiers of the order. Make another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate request has other names: missing {}, extra {}", List(missing), List(extra))]
#[non_exhaustive]
pub struct CsrMismatch {
    /// Identifiers of the order that the request does not have.
    pub missing: Vec<Identifier>,
    /// Identifiers of the request that the order does not have.
    pub extra: Vec<Identifier>,
}

/// Decodes the SubjectPublicKeyInfo and the identifiers.
fn read(der: &[u8]) -> der::Result<(&[u8], Vec<Identifier>)> {
    let mut request = Element::parse_as(der, Tag::Sequence)?.children()?;
    let mut info = request.expect(Tag::Sequence)?.children()?;
    // signatureAlgorithm and signature, which the CA verifies.
    request.expect(Tag::Sequence)?;
    request.expect(Tag::BitString)?;
    request.finish()?;

    // The version, which has only one value (RFC 2986 Section 4.1).
    info.expect(Tag::Integer)?;
    let subject = info.expect(Tag::Sequence)?.raw;
    let spki = info.public_key()?;
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
            // With two lists of extensions, it would be up to each CA which names count.
            if extensions.replace(Extensions::decode(&value)?).is_some() {
                return Err(Tag::Set.value_error().into());
            }
        }
    }
    let mut identifiers = extensions.unwrap_or_default().names.identifiers();
    // RFC 8555 Section 7.4 lets a DNS identifier stand in the common name instead of the
    // subjectAltName, so the server compares both with the order.
    let common = names::common_name(subject).and_then(|name| named_by_common_name(&name));
    identifiers.extend(common.filter(|identifier| !identifiers.contains(identifier)));
    Ok((spki, identifiers))
}

/// Returns the identifier that a common name stands for, or `None` if it is a human-readable title.
fn named_by_common_name(name: &str) -> Option<Identifier> {
    let identifier = name.parse::<Identifier>().ok()?;
    match &identifier {
        Identifier::Dns(dns) => dns.as_str().contains('.').then_some(identifier),
        Identifier::Ip(_) => Some(identifier),
        Identifier::Other { .. } => None,
    }
}

#[cfg(test)]
mod tests;
