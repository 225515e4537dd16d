//! Building certificate signing requests (RFC 2986).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use der::asn1::ObjectIdentifier;

use crate::identifier::Identifier;
use crate::jose::{Jwk, Signature, signature_algorithm};
use crate::sorted::SortedSet;
use crate::x509::asn1::{self, tag};
use crate::x509::csr::{Csr, EXTENSION_REQUEST, InvalidCsr};
use crate::x509::{extensions, names};

/// The TLS feature extension (RFC 7633 Section 4).
const TLS_FEATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.24");
/// The TLS extension status_request, which a must-staple certificate names (RFC 6066 Section 8).
const STATUS_REQUEST: u8 = 5;
/// ub-common-name (RFC 5280 appendix A.1), in characters, which are octets here.
const MAX_COMMON_NAME: usize = 64;

/// Builds a signing request in two steps, so that the private key can stay in a device.
///
/// Sign [`to_be_signed`](Self::to_be_signed) with the key of the certificate, and pass the
/// signature to [`finish`](Self::finish).
///
/// The subject is empty and the names are in a critical subjectAltName, where names of any length
/// fit. DNS names and wildcards are written as dNSName, addresses as iPAddress, and identifiers of
/// type `email` (RFC 8823) as rfc822Name. No key usage and no extended key usage is requested: CAs
/// set both themselves, and some reject a request for clientAuth
/// (<https://github.com/acmesh-official/acme.sh/issues/6610>).
#[derive(Clone, Debug)]
pub struct CsrBuilder {
    key: Jwk,
    identifiers: Vec<Identifier>,
    general_names: Vec<Vec<u8>>,
    common_name: Option<String>,
    must_staple: bool,
    /// The first error, reported by `finish`.
    problem: Option<InvalidCsr>,
}

impl CsrBuilder {
    /// Creates a builder for a public key. Repeated identifiers are written once.
    ///
    /// [`finish`](Self::finish) fails if there are no identifiers, or one that has no X.509 name.
    pub fn new(key: &Jwk, identifiers: &[Identifier]) -> Self {
        let mut problem = identifiers.is_empty().then_some(InvalidCsr::NoIdentifiers);
        let mut general_names = Vec::with_capacity(identifiers.len());
        let mut seen = SortedSet::new();
        for identifier in identifiers {
            match names::general_name(identifier) {
                Some(name) if !seen.insert(name.clone()) => {}
                Some(name) => general_names.push(name),
                None => {
                    let kind = identifier.kind().into();
                    problem = Some(InvalidCsr::UnsupportedIdentifier { kind });
                }
            }
        }
        Self {
            key: key.clone(),
            identifiers: identifiers.to_vec(),
            general_names,
            common_name: None,
            must_staple: false,
            problem,
        }
    }

    /// Also writes one of the DNS names into the subject as its common name, for software that
    /// reads only that.
    ///
    /// The subjectAltName is then not critical (RFC 5280 Section 4.2.1.6). [`finish`](Self::finish)
    /// fails if `name` is longer than 64 octets, or is not one of the request's DNS names.
    pub fn with_common_name(mut self, name: &Identifier) -> Self {
        match name {
            Identifier::Dns(dns)
                if self.identifiers.contains(name) && dns.as_str().len() <= MAX_COMMON_NAME =>
            {
                self.common_name = Some(dns.as_str().to_owned());
            }
            _ => {
                let name = name.to_string();
                self.problem.get_or_insert(InvalidCsr::CommonName { name });
            }
        }
        self
    }

    /// Requests a certificate that is only valid together with a stapled OCSP response (RFC 7633).
    ///
    /// A CA without an OCSP service rejects the request or ignores this extension.
    pub const fn must_staple(mut self) -> Self {
        self.must_staple = true;
        self
    }

    /// Returns the CertificationRequestInfo in DER.
    ///
    /// Sign it with the key's [`algorithm`](Jwk::algorithm), without hashing it first.
    pub fn to_be_signed(&self) -> Vec<u8> {
        // An empty subject requires a critical subjectAltName (RFC 5280 Section 4.1.2.6).
        let critical = self.common_name.is_none();
        let mut requested = extensions::subject_alt_name(critical, &self.general_names);
        if self.must_staple {
            let features = asn1::sequence(&[&asn1::unsigned_integer(&[STATUS_REQUEST])]);
            requested.extend(extensions::extension(&TLS_FEATURE, false, &features));
        }
        let request = asn1::tlv(tag::SET, &[&asn1::sequence(&[&requested])]);
        let attribute = asn1::sequence(&[&asn1::oid(&EXTENSION_REQUEST), &request]);
        let subject = self.common_name.as_deref().map(names::only_common_name);
        asn1::sequence(&[
            // Version 1, which is encoded as 0 (RFC 2986 Section 4.1).
            &asn1::unsigned_integer(&[]),
            &subject.unwrap_or_else(|| asn1::sequence(&[])),
            &self.key.to_spki_der(),
            &asn1::tlv(0xa0, &[&attribute]),
        ])
    }

    /// Assembles the request.
    ///
    /// # Errors
    ///
    /// Fails if the identifiers or the common name cannot be in a request, or the signature has
    /// another algorithm than the key. The caller is at fault. Whether the signature verifies is
    /// not checked.
    pub fn finish(self, signature: &Signature) -> Result<Csr, InvalidCsr> {
        let info = self.to_be_signed();
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let expected = self.key.algorithm();
        let found = signature.algorithm().unwrap_or(expected);
        if expected != found {
            return Err(InvalidCsr::SignatureAlgorithm { expected, found });
        }
        Csr::from_der(asn1::sequence(&[
            &info,
            &signature_algorithm(expected),
            &asn1::bit_string(&signature.to_der(expected)),
        ]))
    }
}
