use acme_proto::jose::{Algorithm, Jwk, MacAlgorithm, MacKey, Signature, Thumbprint};

use crate::check;

const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa, Algorithm::Rs256];

/// Parses bytes as a signature in either form, as a public key in either form, and as a MAC key.
///
/// # Panics
///
/// If a conversion to the other form and back changes the value.
pub fn signature(data: &[u8]) {
    for algorithm in ALGORITHMS {
        if let Ok(signature) = Signature::from_der(algorithm, data) {
            // Integers with leading zeros are accepted, but never written.
            let der = signature.to_der(algorithm);
            assert!(der.len() <= data.len());
            assert_eq!(Signature::from_der(algorithm, &der).as_ref(), Ok(&signature));
            let length = algorithm.signature_len().unwrap_or(data.len());
            assert_eq!(signature.as_bytes().len(), length);
        }
        let cut = &data[..data.len().min(algorithm.signature_len().unwrap_or(256))];
        if let Ok(signature) = Signature::from_bytes(algorithm, cut) {
            let halves = cut.split_at(cut.len() / 2);
            let is_zero = |half: &[u8]| half.iter().all(|b| *b == 0);
            let is_ecdsa = !matches!(algorithm, Algorithm::EdDsa | Algorithm::Rs256);
            if !is_ecdsa || !is_zero(halves.0) && !is_zero(halves.1) {
                let der = signature.to_der(algorithm);
                assert_eq!(Signature::from_der(algorithm, &der), Ok(signature), "{algorithm}");
            }
        }
        Jwk::from_sec1(algorithm, data).into_iter().for_each(|key| key_there_and_back(&key));
    }
    let text = String::from_utf8_lossy(data);
    Jwk::from_spki_der(data).into_iter().for_each(|key| key_there_and_back(&key));
    match Jwk::from_json(&text) {
        Ok(key) => key_there_and_back(&key),
        Err(error) => check::is_plain(&error),
    }
    if let Ok(key) = MacKey::from_base64(&text) {
        assert_eq!(key.sign(MacAlgorithm::Hs256, data).len(), 32);
    }
    if let Ok(thumbprint) = Thumbprint::parse(&text) {
        assert_eq!(thumbprint.to_string(), text);
    }
}

fn key_there_and_back(key: &Jwk) {
    assert_eq!(Jwk::from_json(&key.to_json()).as_ref(), Ok(key));
    assert_eq!(Jwk::from_spki_der(&key.to_spki_der()).as_ref(), Ok(key));
    let thumbprint = key.thumbprint();
    assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Ok(thumbprint));
}
