//! ES384: ECDSA on P-384 with SHA-384 (RFC 7518 Section 3.4).

use super::ecdsa::ecdsa_key;

ecdsa_key! {
    /// A P-384 private key, which signs with ES384; wiped from memory when dropped.
    Es384Key, p384, 48, Es384
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use p384::ecdsa::signature::Verifier;
    use p384::ecdsa::{Signature as Fixed, VerifyingKey};
    use p384::pkcs8::DecodePublicKey;

    use super::*;

    #[test]
    fn signatures_have_96_octets_and_verify() {
        let key = Es384Key::from_scalar(&[7; 48]).unwrap();
        let signature = key.sign(b"message");
        // covers 7518-3.4-1
        assert_eq!(signature.as_bytes().len(), 96);
        let spki = key.public_key().to_spki_der();
        let verifier = VerifyingKey::from_public_key_der(&spki).unwrap();
        verifier.verify(b"message", &Fixed::from_slice(signature.as_bytes()).unwrap()).unwrap();
    }

    #[test]
    fn files_round_trip() {
        let key = Es384Key::from_scalar(&[7; 48]).unwrap();
        let read = Es384Key::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
        assert_eq!(read.public_key(), key.public_key());
    }
}
