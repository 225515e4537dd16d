//! The certificate of tls-alpn-01 (RFC 8737 Section 3, RFC 8738 Section 6).

use alloc::vec::Vec;
use core::time::Duration;

use der::asn1::ObjectIdentifier;
use sha2::{Digest, Sha256};

use crate::identifier::Identifier;
use crate::jose::{Jwk, Signature, signature_algorithm};
use crate::time::Timestamp;
use crate::x509::asn1::{self, tag};
use crate::x509::{extensions, names, validity};

/// id-pe-acmeIdentifier (RFC 8737 Section 6.1).
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
/// Issuer and subject: no one looks at it, but an issuer must not be empty.
const NAME: &str = "ACME tls-alpn-01 challenge";
const BACKDATED: Duration = Duration::from_secs(3600);
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Makes the self-signed certificate of a tls-alpn-01 challenge, so that the key may be anywhere.
///
/// Sign [`to_be_signed`](Self::to_be_signed) with the key given, which should be made for this
/// certificate alone, and give the result to [`finish`](Self::finish). Serve the certificate only
/// to clients that ask for the protocol `acme-tls/1`, under the name of the identifier, or for an
/// address under its [`reverse_name`](crate::x509::reverse_name).
#[derive(Clone, Debug)]
pub struct TlsAlpnCertificateBuilder {
    key: Jwk,
    certificate: Vec<u8>,
}

impl TlsAlpnCertificateBuilder {
    /// Writes the certificate for an identifier and the digest of a key authorization.
    ///
    /// It is valid from an hour before `now` to seven days after. Its serial number is made from
    /// digest and key. An identifier of a type other than `dns` and `ip`, for which this challenge
    /// is not defined, makes a certificate without a name, and no server will accept it.
    pub fn new(identifier: &Identifier, digest: [u8; 32], key: &Jwk, now: Timestamp) -> Self {
        let name = match identifier {
            Identifier::Dns(_) | Identifier::Ip(_) => names::general_name(identifier),
            Identifier::Other { .. } => None,
        };
        let extensions = asn1::sequence(&[
            &extensions::subject_alt_name(false, name.as_slice()),
            &acme_identifier(digest),
        ]);
        let times = [now.saturating_sub(BACKDATED), now.saturating_add(LIFETIME)];
        let directory_name = names::name_of(NAME);
        let certificate = asn1::sequence(&[
            // Version 3.
            &asn1::tlv(0xa0, &[&asn1::unsigned_integer(&[2])]),
            &serial(digest, key),
            &signature_algorithm(key.algorithm()),
            &directory_name,
            &asn1::sequence(&[&validity::encode(times[0]), &validity::encode(times[1])]),
            &directory_name,
            &key.to_spki_der(),
            &asn1::tlv(0xa3, &[&extensions]),
        ]);
        Self { key: key.clone(), certificate }
    }

    /// Returns the TBSCertificate in DER, to be signed as it is with the key's
    /// [`algorithm`](Jwk::algorithm).
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.certificate.clone()
    }

    /// Puts the certificate together and returns it in DER.
    ///
    /// The signature must be of the key's algorithm; whether it verifies is not checked.
    pub fn finish(self, signature: &Signature) -> Vec<u8> {
        let algorithm = self.key.algorithm();
        asn1::sequence(&[
            &self.certificate,
            &signature_algorithm(algorithm),
            &asn1::bit_string(&signature.to_der(algorithm)),
        ])
    }
}

/// Writes the critical extension whose value is an OCTET STRING with the digest.
fn acme_identifier(digest: [u8; 32]) -> Vec<u8> {
    extensions::extension(&ACME_IDENTIFIER, true, &asn1::tlv(tag::OCTET_STRING, &[&digest]))
}

/// Writes a positive serial number of 16 octets that differs with the digest and the key.
fn serial(digest: [u8; 32], key: &Jwk) -> Vec<u8> {
    let hash = Sha256::new().chain_update(digest).chain_update(key.to_spki_der()).finalize();
    let mut number = [0; 16];
    number.iter_mut().zip(hash).for_each(|(octet, hashed)| *octet = hashed);
    number[0] = number[0] & 0x7f | 0x40;
    asn1::unsigned_integer(&number)
}

#[cfg(test)]
#[path = "tls_alpn_tests.rs"]
mod tests;
