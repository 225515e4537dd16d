//! Making certificate signing requests (RFC 2986).

use alloc::vec::Vec;

use crate::identifier::Identifier;
use crate::jose::{Jwk, Signature, signature_algorithm};
use crate::x509::asn1::{self, tag};
use crate::x509::csr::{Csr, EXTENSION_REQUEST, InvalidCsr};
use crate::x509::{extensions, names};

/// Makes a signing request in two steps, so that the key may be anywhere.
///
/// Sign [`to_be_signed`](Self::to_be_signed) with the key of the certificate, and give the result
/// to [`finish`](Self::finish). The subject is empty and the names are in a critical
/// subjectAltName: names of any length fit there, and CAs look nowhere else.
#[derive(Clone, Debug)]
pub struct CsrBuilder {
    key: Jwk,
    info: Vec<u8>,
    /// Why the request cannot be finished, if so.
    problem: Option<InvalidCsr>,
}

impl CsrBuilder {
    /// Writes the request for a public key; repeated identifiers are written once.
    ///
    /// If there are no identifiers, or one that cannot be in a request, [`finish`](Self::finish)
    /// will say so.
    pub fn new(key: &Jwk, identifiers: &[Identifier]) -> Self {
        let mut problem = identifiers.is_empty().then_some(InvalidCsr::NoIdentifiers);
        let mut general_names = Vec::with_capacity(identifiers.len());
        for identifier in identifiers {
            match names::general_name(identifier) {
                Some(name) if general_names.contains(&name) => {}
                Some(name) => general_names.push(name),
                None => {
                    let kind = identifier.kind().into();
                    problem = Some(InvalidCsr::UnsupportedIdentifier { kind });
                }
            }
        }
        let extension = extensions::subject_alt_name(true, &general_names);
        let request = asn1::tlv(tag::SET, &[&asn1::sequence(&[&extension])]);
        let attribute = asn1::sequence(&[&asn1::oid(&EXTENSION_REQUEST), &request]);
        let info = asn1::sequence(&[
            &asn1::unsigned_integer(&[]),
            &asn1::sequence(&[]),
            &key.to_spki_der(),
            &asn1::tlv(0xa0, &[&attribute]),
        ]);
        Self { key: key.clone(), info, problem }
    }

    /// Returns the CertificationRequestInfo in DER, to be signed as it is with the key's
    /// [`algorithm`](Jwk::algorithm).
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.info.clone()
    }

    /// Puts the request together.
    ///
    /// # Errors
    ///
    /// Fails if the identifiers given to [`new`](Self::new) cannot be in a request, or the
    /// signature is of another algorithm than the key's: the caller is at fault. Whether it
    /// verifies is not checked.
    pub fn finish(self, signature: &Signature) -> Result<Csr, InvalidCsr> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let expected = self.key.algorithm();
        let found = signature.algorithm().unwrap_or(expected);
        if expected != found {
            return Err(InvalidCsr::SignatureAlgorithm { expected, found });
        }
        Csr::from_der(asn1::sequence(&[
            &self.info,
            &signature_algorithm(expected),
            &asn1::bit_string(&signature.to_der(expected)),
        ]))
    }
}
