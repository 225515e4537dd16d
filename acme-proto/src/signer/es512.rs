//! ES512: ECDSA on P-521 with SHA-512 (RFC 7518 Section 3.4).

use super::ecdsa::ecdsa_key;

ecdsa_key! {
    /// A P-521 private key, which signs with ES512; wiped from memory when dropped.
    Es512Key, p521, 66, Es512
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use p521::ecdsa::signature::Verifier;
    use p521::ecdsa::{Signature as Fixed, VerifyingKey};
    use p521::pkcs8::DecodePublicKey;

    use super::*;
    use crate::jose::{Algorithm, Signature, base64url};

    const D: &str =
        "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C";
    const P521: &str = r#"{"crv":"P-521","kty":"EC","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
    const INPUT: &[u8] = b"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA";
    const PRINTED: &str = "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

    fn key() -> Es512Key {
        Es512Key::from_scalar(&base64url::decode(D).unwrap()).unwrap()
    }

    // RFC 7515 Appendix A.4. The S of its signature begins with a zero octet.
    #[test]
    fn the_rfc_example_verifies() {
        assert_eq!(key().public_key().to_json(), P521);
        let spki = key().public_key().to_spki_der();
        let verifier = VerifyingKey::from_public_key_der(&spki).unwrap();
        let printed = base64url::decode(PRINTED).unwrap();
        assert_eq!((printed.len(), printed[66]), (132, 0));
        verifier.verify(INPUT, &Fixed::from_slice(&printed).unwrap()).unwrap();

        let signature = Signature::from_bytes(Algorithm::Es512, &printed).unwrap();
        let der = signature.to_der(Algorithm::Es512);
        assert_eq!(Signature::from_der(Algorithm::Es512, &der).unwrap(), signature);

        let own = key().sign(INPUT);
        assert_eq!(own.as_bytes().len(), 132);
        verifier.verify(INPUT, &Fixed::from_slice(own.as_bytes()).unwrap()).unwrap();
    }

    #[test]
    fn files_round_trip() {
        let read = Es512Key::from_pkcs8_pem(&key().to_pkcs8_pem()).unwrap();
        assert_eq!(read.public_key(), key().public_key());
    }
}
