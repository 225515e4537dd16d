//! Signatures in JWS form and in X.509 form.

use alloc::vec::Vec;

use der::Tag;

use crate::jose::Algorithm;
use crate::x509::asn1::{self, Element};

/// A signature in JWS form (RFC 7518 Section 3, RFC 8037 Section 3.1).
///
/// For ECDSA, that is R followed by S, both big-endian and of full length. X.509 and many devices
/// use DER instead, which [`from_der`](Self::from_der) converts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    algorithm: Option<Algorithm>,
    bytes: Vec<u8>,
}

impl Signature {
    /// The minimum length of an RSA signature in octets: the key has at least 2048 bits.
    const MIN_RSA_LEN: usize = 256;
    /// The maximum length of an RSA signature in octets: the key has at most 16384 bits.
    const MAX_RSA_LEN: usize = 2048;

    /// Creates a signature from octets that are in JWS form already.
    ///
    /// # Errors
    ///
    /// Fails if the length is not that of the algorithm. The signer is at fault. The usual reason
    /// is an ECDSA signature in DER, which [`from_der`](Self::from_der) accepts.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, InvalidSignature> {
        let fits = match algorithm.signature_len() {
            Some(expected) => bytes.len() == expected,
            None => (Self::MIN_RSA_LEN..=Self::MAX_RSA_LEN).contains(&bytes.len()),
        };
        if !fits {
            return Err(InvalidSignature::Length { algorithm, found: bytes.len() });
        }
        Ok(Self { algorithm: Some(algorithm), bytes: bytes.to_vec() })
    }

    /// Converts a signature from X.509 form.
    ///
    /// For ECDSA, that is `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 Section 2.2.3), and both
    /// numbers are padded to full length. For the other algorithms the two forms are identical.
    ///
    /// # Errors
    ///
    /// Fails if the octets are not such a structure, or a number is zero, negative, or too long for
    /// the curve. The signer is at fault.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, InvalidSignature> {
        let Some(size) = algorithm.coordinate_len() else {
            return Self::from_bytes(algorithm, der);
        };
        let (r, s) = ecdsa_numbers(der).map_err(|_| InvalidSignature::Der)?;
        let mut bytes = Vec::with_capacity(2 * size);
        for number in [r, s] {
            // DER drops leading zeros, JWS keeps them: about one number in 256 needs padding.
            let padding = size.checked_sub(number.len()).ok_or(InvalidSignature::Range)?;
            // Zero has no octets left after its leading zeros. No valid signature has R or S of
            // zero.
            if number.is_empty() {
                return Err(InvalidSignature::Range);
            }
            bytes.resize(bytes.len() + padding, 0);
            bytes.extend_from_slice(number);
        }
        Ok(Self { algorithm: Some(algorithm), bytes })
    }

    /// Creates a signature from the MAC of an external account binding.
    pub const fn from_mac(bytes: Vec<u8>) -> Self {
        Self { algorithm: None, bytes }
    }

    /// Returns the octets that the `signature` member of a JWS holds in base64url.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the algorithm of the signature, or `None` for a MAC.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Returns the signature in X.509 form for `algorithm`.
    pub fn to_der(&self, algorithm: Algorithm) -> Vec<u8> {
        if algorithm.coordinate_len().is_none() {
            return self.bytes.clone();
        }
        let (r, s) = self.bytes.split_at(self.bytes.len() / 2);
        asn1::sequence(&[&asn1::unsigned_integer(r), &asn1::unsigned_integer(s)])
    }
}

/// The octets are not a signature of the algorithm; the signer is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// The length is not that of a JWS signature.
    #[error(
        "{algorithm} signature of {found} octets: JWS needs R and S at full length, not DER \
         (convert with Signature::from_der)"
    )]
    Length {
        /// The algorithm that the caller named.
        algorithm: Algorithm,
        /// The length found, in octets.
        found: usize,
    },
    /// The octets are not a SEQUENCE of two INTEGERs in DER.
    #[error("ECDSA signature is not a DER sequence of two integers")]
    Der,
    /// A number is zero or too long for the curve.
    #[error("number in the ECDSA signature is out of range for the curve")]
    Range,
}

fn ecdsa_numbers(der: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut numbers = Element::parse_as(der, Tag::Sequence)?.children()?;
    let r = numbers.expect(Tag::Integer)?.unsigned()?;
    let s = numbers.expect(Tag::Integer)?.unsigned()?;
    numbers.finish()?;
    Ok((r, s))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;
    use crate::jose::base64url;

    // The signature of RFC 7515 Appendix A.3, in both forms.
    const FIXED: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const DER: &str = "MEUCIA7RIVN5Y2xIPC9_FVgH1AKjsigDOvl8fheBmsMWnqZlAiEAxQoH04w8cOXY8S2vCEpUgKZlk\
        MXyk1Cajz9_ioOjVNU";

    #[test]
    fn a_der_signature_is_refused_as_it_is_and_converted_on_request() {
        let der = base64url::decode(DER).unwrap();
        assert_eq!(der.len(), 71);
        let refused = Signature::from_bytes(Algorithm::Es256, &der).unwrap_err();
        // covers 7518-3.4-1
        assert_eq!(refused, InvalidSignature::Length { algorithm: Algorithm::Es256, found: 71 });

        let signature = Signature::from_der(Algorithm::Es256, &der).unwrap();
        assert_eq!(base64url::encode(signature.as_bytes()), FIXED);
        assert_eq!(signature.to_der(Algorithm::Es256), der);
    }

    #[test]
    fn short_numbers_are_padded_to_full_length() {
        for (algorithm, size) in
            [(Algorithm::Es256, 32), (Algorithm::Es384, 48), (Algorithm::Es512, 66)]
        {
            let der = asn1::sequence(&[
                &asn1::unsigned_integer(&[5]),
                &asn1::unsigned_integer(&[0x80, 1]),
            ]);
            let signature = Signature::from_der(algorithm, &der).unwrap();
            // covers 7518-3.4-2
            assert_eq!(signature.as_bytes().len(), 2 * size);
            assert_eq!(signature.as_bytes()[size - 2..size], [0, 5]);
            assert_eq!(signature.as_bytes()[2 * size - 3..], [0, 0x80, 1]);
            assert_eq!(signature.to_der(algorithm), der);
        }
    }

    #[test]
    fn numbers_out_of_range_and_other_structures_are_refused() {
        let number = |bytes: &[u8]| asn1::unsigned_integer(bytes);
        let too_long = asn1::sequence(&[&number(&[1; 33]), &number(&[1])]);
        let zero = asn1::sequence(&[&number(&[0]), &number(&[1])]);
        let three = asn1::sequence(&[&number(&[1]), &number(&[1]), &number(&[1])]);
        let negative = [0x30, 6, 2, 1, 0x81, 2, 1, 1];
        let es256 = |der: &[u8]| Signature::from_der(Algorithm::Es256, der).unwrap_err();
        assert_eq!(es256(&too_long), InvalidSignature::Range);
        assert_eq!(es256(&zero), InvalidSignature::Range);
        assert_eq!(es256(&three), InvalidSignature::Der);
        assert_eq!(es256(&negative), InvalidSignature::Der);
        assert_eq!(es256(b""), InvalidSignature::Der);
    }

    #[test]
    fn both_forms_are_the_same_for_ed25519_and_rsa() {
        let signature = Signature::from_der(Algorithm::EdDsa, &[7; 64]).unwrap();
        assert_eq!(signature.to_der(Algorithm::EdDsa), [7; 64]);
        assert!(Signature::from_bytes(Algorithm::EdDsa, &[7; 63]).is_err());
        assert!(Signature::from_bytes(Algorithm::Rs256, &[7; 256]).is_ok());
        assert!(Signature::from_bytes(Algorithm::Rs256, &[7; 128]).is_err());
    }
}
