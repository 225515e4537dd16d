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
/// The name of issuer and subject. No server checks it, but an issuer must not be empty (RFC 5280
/// Section 4.1.2.4).
const NAME: &str = "ACME tls-alpn-01 challenge";
const BACKDATED: Duration = Duration::from_secs(3600);
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Builds the self-signed certificate of a tls-alpn-01 challenge in two steps, so that the private
/// key can stay in a device.
///
/// Sign [`to_be_signed`](Self::to_be_signed) with a key that is used for this certificate alone,
/// and pass the signature to [`finish`](Self::finish). Serve the certificate only to clients that
/// negotiate the protocol `acme-tls/1`. Their SNI is the domain name, or the
/// [`reverse_name()`](crate::x509::reverse_name) of an address.
#[derive(Clone, Debug)]
pub struct TlsAlpnCertificateBuilder {
    key: Jwk,
    certificate: Vec<u8>,
}

impl TlsAlpnCertificateBuilder {
    /// Creates a builder for an identifier and the digest of a key authorization.
    ///
    /// The certificate is valid from one hour before `now` until seven days after it. Its serial
    /// number is derived from the digest and the key. The challenge is defined for identifiers of
    /// type `dns` and `ip` only; any other makes a certificate without a name, which no server
    /// accepts.
    pub fn new(identifier: &Identifier, digest: [u8; 32], key: &Jwk, now: Timestamp) -> Self {
        let name = match identifier {
            Identifier::Dns(_) | Identifier::Ip(_) => names::general_name(identifier),
            Identifier::Other { .. } => None,
        };
        let extensions = asn1::sequence(&[
            // Exactly one name and the acmeIdentifier: RFC 8737 Section 3 allows no other entry.
            &extensions::subject_alt_name(false, name.as_slice()),
            &acme_identifier(digest),
        ]);
        let times = [now.saturating_sub(BACKDATED), now.saturating_add(LIFETIME)];
        let directory_name = names::only_common_name(NAME);
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

    /// Returns the TBSCertificate in DER.
    ///
    /// Sign it with the key's [`algorithm`](Jwk::algorithm), without hashing it first.
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.certificate.clone()
    }

    /// Assembles the certificate and returns it in DER.
    ///
    /// The signature must have the key's algorithm. Whether it verifies is not checked.
    pub fn finish(self, signature: &Signature) -> Vec<u8> {
        let algorithm = self.key.algorithm();
        asn1::sequence(&[
            &self.certificate,
            &signature_algorithm(algorithm),
            &asn1::bit_string(&signature.to_der(algorithm)),
        ])
    }
}

/// Writes the critical acmeIdentifier extension. Its value is an OCTET STRING with the digest,
/// inside the OCTET STRING of every extension (RFC 8737 Section 3).
fn acme_identifier(digest: [u8; 32]) -> Vec<u8> {
    extensions::extension(&ACME_IDENTIFIER, true, &asn1::tlv(tag::OCTET_STRING, &[&digest]))
}

/// Writes a positive serial number of 16 octets, derived from the digest and the key.
///
/// The core has no source of randomness. Deriving the number keeps certificates of one issuer name
/// apart.
fn serial(digest: [u8; 32], key: &Jwk) -> Vec<u8> {
    let hash = Sha256::new().chain_update(digest).chain_update(key.to_spki_der()).finalize();
    let mut number = [0; 16];
    number.iter_mut().zip(hash).for_each(|(octet, hashed)| *octet = hashed);
    // Positive, and never with a leading zero octet, so that the length is always 16.
    number[0] = number[0] & 0x7f | 0x40;
    asn1::unsigned_integer(&number)
}

#[cfg(test)]
mod tests;
