//! Generating keys.

use acme_proto::pem;
use zeroize::Zeroizing;

use super::{KeyError, KeyKind, default_provider};

/// Generates a private key, as PKCS#8 PEM.
///
/// ring makes es256, es384 and ed25519; aws-lc-rs makes all kinds.
///
/// # Errors
///
/// [`KeyError::Unsupported`] names the feature that is missing.
pub fn generate(kind: KeyKind) -> Result<Zeroizing<String>, KeyError> {
    let der = match kind {
        KeyKind::Ed25519 => ed25519()?,
        other => provider::generate(other)?,
    };
    Ok(Zeroizing::new(pem::encode("PRIVATE KEY", &der)))
}

/// Generates an Ed25519 key in version 1 of PKCS#8 (RFC 8410 section 7).
///
/// ring itself writes version 2, which OpenSSL does not read.
fn ed25519() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // Version 0, the OID 1.3.101.112, and two OCTET STRING headers, one inside the other, before
    // the seed. Any 32 octets are a valid seed (RFC 8032 section 5.1.5).
    const PREFIX: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let mut der = Zeroizing::new(vec![0; PREFIX.len() + 32]);
    let (prefix, seed) = der.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(&PREFIX);
    default_provider()?.secure_random.fill(seed).map_err(|_| KeyError::Generate)?;
    Ok(der)
}

#[cfg(feature = "aws-lc-rs")]
mod provider {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{self, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    };
    use zeroize::Zeroizing;

    use super::{KeyError, KeyKind};

    pub(super) fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let curve = match kind {
            KeyKind::Es256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            KeyKind::Es384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            KeyKind::Es512 => &ECDSA_P521_SHA512_ASN1_SIGNING,
            KeyKind::Rsa2048 => return rsa(KeySize::Rsa2048),
            KeyKind::Rsa3072 => return rsa(KeySize::Rsa3072),
            KeyKind::Rsa4096 => return rsa(KeySize::Rsa4096),
            KeyKind::Ed25519 => {
                let remedy = "use the generator for this kind";
                return Err(KeyError::Unsupported { kind, provider: "aws-lc-rs", remedy });
            }
        };
        let key = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new());
        Ok(Zeroizing::new(key.map_err(|_| KeyError::Generate)?.as_ref().to_vec()))
    }

    fn rsa(size: KeySize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let key = rsa::KeyPair::generate(size).map_err(|_| KeyError::Generate)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| KeyError::Generate)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
mod provider {
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    };
    use zeroize::Zeroizing;

    use super::{KeyError, KeyKind};

    pub(super) fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let curve = match kind {
            KeyKind::Es256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            KeyKind::Es384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            _ => {
                let remedy = "enable the feature `aws-lc-rs`, or bring a key made elsewhere";
                return Err(KeyError::Unsupported { kind, provider: "ring", remedy });
            }
        };
        let key = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new());
        Ok(Zeroizing::new(key.map_err(|_| KeyError::Generate)?.as_ref().to_vec()))
    }
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
mod provider {
    use zeroize::Zeroizing;

    use super::{KeyError, KeyKind};

    pub(super) fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let remedy = "enable the feature `ring` or `aws-lc-rs`, or bring a key made elsewhere";
        Err(KeyError::Unsupported { kind, provider: "this build", remedy })
    }
}
