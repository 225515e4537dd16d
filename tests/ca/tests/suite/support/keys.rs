//! Account keys of every kind.

use p521::ecdsa::signature::Signer;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};

use super::b64;

pub enum Key {
    Ec(&'static str, &'static str, Box<EcdsaKeyPair>),
    P521(Box<p521::ecdsa::SigningKey>),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Key {
    pub fn es256() -> Self {
        Self::ec("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub fn es384() -> Self {
        Self::ec("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    /// Makes the P-256 key that is in a PKCS#8 document.
    pub fn es256_from(pkcs8: &[u8]) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Self::Ec(
            "ES256",
            "P-256",
            Box::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).unwrap()),
        )
    }

    fn ec(
        alg: &'static str,
        curve: &'static str,
        algorithm: &'static EcdsaSigningAlgorithm,
    ) -> Self {
        let rng = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        Self::Ec(
            alg,
            curve,
            Box::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &rng).unwrap()),
        )
    }

    pub fn es512() -> Self {
        let mut scalar = [0x5a; 66];
        scalar[0] = 0;
        Self::P521(Box::new(p521::ecdsa::SigningKey::from_slice(&scalar).unwrap()))
    }

    pub fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    pub fn rsa() -> Self {
        let der = include_bytes!("../files/rsa-2048.key.der");
        Self::Rsa(Box::new(RsaKeyPair::from_der(der).unwrap()))
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(alg, _, _) => alg,
            Self::P521(_) => "ES512",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    pub fn jwk(&self) -> Value {
        match self {
            Self::Ec(_, curve, key) => ec_jwk(curve, key.public_key().as_ref()),
            Self::P521(key) => ec_jwk("P-521", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Ed25519(key) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": b64(key.public_key()) })
            }
            Self::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "e": b64(public.e), "kty": "RSA", "n": b64(public.n) })
            }
        }
    }

    pub fn thumbprint(&self) -> String {
        // serde_json sorts members, as RFC 7638 wants them.
        b64(digest(&SHA256, self.jwk().to_string().as_bytes()))
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match self {
            Self::Ec(_, _, key) => key.sign(&rng, message).unwrap().as_ref().to_vec(),
            Self::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    json!({ "crv": curve, "kty": "EC", "x": b64(x), "y": b64(y) })
}
