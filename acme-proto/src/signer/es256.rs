//! ES256: ECDSA on P-256 with SHA-256 (RFC 7518 Section 3.4).

use super::ecdsa::ecdsa_key;

ecdsa_key! {
    /// A P-256 private key, which signs with ES256; wiped from memory when dropped.
    Es256Key, p256, 32, Es256
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;

    use p256::ecdsa::signature::Verifier;
    use p256::ecdsa::{DerSignature, Signature as Fixed, VerifyingKey};
    use p256::pkcs8::DecodePublicKey;

    use super::*;
    use crate::jose::{Algorithm, Jwk, base64url};
    use crate::signer::InvalidPrivateKey;

    const D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
    const P256: &str = r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const INPUT: &[u8] =
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
        dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const PRINTED: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn key() -> Es256Key {
        Es256Key::from_scalar(&base64url::decode(D).unwrap()).unwrap()
    }

    fn verifier(jwk: &Jwk) -> VerifyingKey {
        VerifyingKey::from_public_key_der(&jwk.to_spki_der()).unwrap()
    }

    // RFC 7515 Appendix A.3: the signature verifies in JWS form, and DER is not accepted in its
    // place.
    #[test]
    fn the_rfc_example_verifies() {
        let verifier = verifier(&Jwk::from_json(P256).unwrap());
        let printed = base64url::decode(PRINTED).unwrap();
        assert_eq!(printed.len(), 64);
        verifier.verify(INPUT, &Fixed::from_slice(&printed).unwrap()).unwrap();
        let signature = crate::jose::Signature::from_bytes(Algorithm::Es256, &printed).unwrap();
        let der = DerSignature::try_from(&signature.to_der(Algorithm::Es256)[..]).unwrap();
        verifier.verify(INPUT, &der).unwrap();
        assert!(Fixed::from_slice(der.as_bytes()).is_err());
    }

    // The same input, with the deterministic nonce of RFC 6979.
    #[test]
    fn signing_is_deterministic_and_matches_the_known_answer() {
        let expected = "e4ZrhZdbFQ7630Tq51E6RQiJaae9bFNGJszIhtusEwzvO21rzH76Wer6yRn2Zb34VjIm3cVRl0iQctbf4uBY3w";
        assert_eq!(key().public_key().to_json(), P256);
        assert_eq!(base64url::encode(key().sign(INPUT).as_bytes()), expected);
    }

    // The private scalars 379 and 43 have an x and a y with a leading zero octet.
    #[test]
    fn public_keys_keep_leading_zeros() {
        let mut scalar = [0; 32];
        scalar[30..].copy_from_slice(&379_u16.to_be_bytes());
        let thumbprint = Es256Key::from_scalar(&scalar).unwrap().public_key().thumbprint();
        // covers 7638-3.2.1-1
        assert_eq!(format!("{thumbprint}"), "7Yxe6c_3bAa6kiaK1G-BZmi9EeNsUmlcbdnrtLeuK4E");
        scalar[30..].copy_from_slice(&43_u16.to_be_bytes());
        let thumbprint = Es256Key::from_scalar(&scalar).unwrap().public_key().thumbprint();
        assert_eq!(format!("{thumbprint}"), "WZsjbh58q8kl1WsGShqtiycImZtCgGbukDn4RAacMig");
    }

    #[test]
    fn every_signature_has_64_octets_and_verifies() {
        let (key, verifier) = (key(), verifier(&key().public_key()));
        let mut short = 0;
        for number in 0..600_u16 {
            let message = number.to_be_bytes();
            let signature = key.sign(&message);
            // covers 7518-3.4-2
            assert_eq!(signature.as_bytes().len(), 64);
            short += usize::from(signature.as_bytes()[0] == 0 || signature.as_bytes()[32] == 0);
            verifier.verify(&message, &Fixed::from_slice(signature.as_bytes()).unwrap()).unwrap();
        }
        assert!(short > 0, "no number with a leading zero octet was met");
    }

    #[test]
    fn files_round_trip_and_other_files_are_refused() {
        let pem = key().to_pkcs8_pem();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let read = Es256Key::from_pkcs8_pem(&pem).unwrap();
        assert_eq!(read.public_key(), key().public_key());
        let read = Es256Key::from_pkcs8_pem(&pem.replace('\n', "\r\n")).unwrap();
        assert_eq!(read.public_key(), key().public_key());

        let refused = |text: &str| Es256Key::from_pkcs8_pem(text).unwrap_err();
        let sec1 = pem.replace("PRIVATE KEY", "EC PRIVATE KEY");
        assert_eq!(refused(&sec1), InvalidPrivateKey::Label);
        assert_eq!(refused("no key"), InvalidPrivateKey::Pem);
        assert_eq!(Es256Key::from_pkcs8_der(&[0x30]).unwrap_err(), InvalidPrivateKey::Pkcs8);
    }

    #[test]
    fn scalars_out_of_range_are_refused() {
        for scalar in [&[0; 32][..], &[0xff; 32], &[1; 31], &[1; 33], &[]] {
            assert_eq!(Es256Key::from_scalar(scalar).unwrap_err(), InvalidPrivateKey::Scalar);
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        let text = format!("{:?}", key());
        assert!(text.contains("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
        assert!(!text.contains(D));
        assert!(!text.contains("142, 155"));
    }
}
