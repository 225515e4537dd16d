//! Public keys from JWK (RFC 7517, RFC 7518, RFC 8037) and X.509, and their signatures.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p521::ecdsa::signature::Verifier;
use ring::digest;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::Value;
use x509_parser::prelude::SubjectPublicKeyInfo;
use x509_parser::public_key::PublicKey as X509PublicKey;

use super::problem::Problem;

/// The signature algorithms that accounts may use, in the order of the `algorithms` member.
pub(crate) const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "ES512", "EdDSA", "RS256"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A public key. A key from a JWK equals the same key from X.509.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PublicKey {
    /// The uncompressed point.
    Ec(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
    /// Modulus and exponent without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// The signature algorithm of a certificate or certificate signing request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum X509Algorithm {
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    Ed25519,
}

impl X509Algorithm {
    pub(crate) fn from_oid(oid: &str) -> Option<Self> {
        Some(match oid {
            "1.2.840.10045.4.3.2" => Self::EcdsaSha256,
            "1.2.840.10045.4.3.3" => Self::EcdsaSha384,
            "1.2.840.10045.4.3.4" => Self::EcdsaSha512,
            "1.2.840.113549.1.1.11" => Self::RsaSha256,
            "1.2.840.113549.1.1.12" => Self::RsaSha384,
            "1.2.840.113549.1.1.13" => Self::RsaSha512,
            "1.3.101.112" => Self::Ed25519,
            _ => return None,
        })
    }
}

impl PublicKey {
    /// Parses a JWK. A key that is unusable or unsupported is a `badPublicKey` (RFC 8555 Section
    /// 6.7).
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self, Problem> {
        let bad = |why: &str| {
            Problem::new(400, "badPublicKey", format!("the JWK is not acceptable: {why}"))
        };
        let jwk = Jwk::deserialize(jwk).map_err(|e| bad(&e.to_string()))?;
        // A client that sends its private key has lost it. Silence would hide that from its author.
        if jwk.d.is_some() || jwk.k.is_some() {
            return Err(bad("it contains a secret"));
        }
        let part = |text: &Option<String>, name: &str| -> Result<Vec<u8>, Problem> {
            let text = text.as_deref().ok_or_else(|| bad(&format!("{name} is missing")))?;
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| bad(&format!("{name} is not base64url without padding")))
        };
        let curve = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => Curve::P256,
            ("EC", Some("P-384")) => Curve::P384,
            ("EC", Some("P-521")) => Curve::P521,
            ("OKP", Some("Ed25519")) => {
                let x = part(&jwk.x, "x")?;
                return if x.len() == 32 {
                    Ok(Self::Ed25519(x))
                } else {
                    Err(bad("x must have 32 octets"))
                };
            }
            ("RSA", _) => {
                return Self::rsa(part(&jwk.n, "n")?, part(&jwk.e, "e")?).map_err(|why| bad(&why));
            }
            _ => return Err(bad("this key type or curve is not supported")),
        };
        let (x, y) = (part(&jwk.x, "x")?, part(&jwk.y, "y")?);
        // RFC 7518 Section 6.2.1.2: full length, with leading zeros. Shorter values appear by
        // chance, once in 128 keys, and give another thumbprint.
        if x.len() != curve.size() || y.len() != curve.size() {
            return Err(bad(&format!("x and y must have {} octets each", curve.size())));
        }
        Ok(Self::Ec(curve, [&[4], x.as_slice(), y.as_slice()].concat()))
    }

    /// Parses a SubjectPublicKeyInfo, or returns the reason why that fails.
    pub(crate) fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, String> {
        if spki.algorithm.algorithm.to_id_string() == "1.3.101.112" {
            return Ok(Self::Ed25519(spki.subject_public_key.data.to_vec()));
        }
        match spki.parsed().map_err(|_| "the public key cannot be read".to_owned())? {
            X509PublicKey::EC(point) => {
                let curve = match point.data().len() {
                    65 => Curve::P256,
                    97 => Curve::P384,
                    133 => Curve::P521,
                    _ => {
                        return Err(
                            "only uncompressed points on P-256, P-384 and P-521 are supported"
                                .to_owned(),
                        );
                    }
                };
                Ok(Self::Ec(curve, point.data().to_vec()))
            }
            X509PublicKey::RSA(key) => Self::rsa(key.modulus.to_vec(), key.exponent.to_vec()),
            _ => Err("this key type is not supported".to_owned()),
        }
    }

    fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, String> {
        let trim = |bytes: Vec<u8>| bytes.into_iter().skip_while(|&b| b == 0).collect::<Vec<u8>>();
        let (n, e) = (trim(n), trim(e));
        let bits = n.len() * 8 - n.first().map_or(0, |b| b.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(format!("an RSA modulus must have 2048 to 8192 bits, not {bits}"));
        }
        if e.len() > 4 || e.last().is_none_or(|b| b % 2 == 0) || e == [1] {
            return Err("the RSA exponent is not acceptable".to_owned());
        }
        Ok(Self::Rsa { n, e })
    }

    /// Returns the RFC 7638 thumbprint as base64url text.
    pub(crate) fn thumbprint(&self) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // RFC 7638 Section 3.2: the required members alone, in lexicographic order, without spaces.
        let canonical = match self {
            Self::Ec(curve, point) => {
                let (x, y) = point[1..].split_at(curve.size());
                format!(
                    r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                    curve.name(),
                    b64(x),
                    b64(y)
                )
            }
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x)),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64(e), b64(n)),
        };
        b64(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    }

    /// Returns the JWS algorithm of the key.
    pub(crate) fn jws_algorithm(&self) -> &'static str {
        match self {
            Self::Ec(Curve::P256, _) => "ES256",
            Self::Ec(Curve::P384, _) => "ES384",
            Self::Ec(Curve::P521, _) => "ES512",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa { .. } => "RS256",
        }
    }

    /// Verifies a JWS signature, in which ECDSA values have a fixed size (RFC 7518 Section 3.4).
    pub(crate) fn verifies_jws(&self, message: &[u8], signed: &[u8]) -> bool {
        match self {
            Self::Ec(Curve::P256, point) => {
                ring_verify(&signature::ECDSA_P256_SHA256_FIXED, point, message, signed)
            }
            Self::Ec(Curve::P384, point) => {
                ring_verify(&signature::ECDSA_P384_SHA384_FIXED, point, message, signed)
            }
            Self::Ec(Curve::P521, point) => p521::ecdsa::Signature::from_slice(signed)
                .is_ok_and(|s| p521_verify(point, message, &s)),
            Self::Ed25519(x) => ring_verify(&signature::ED25519, x, message, signed),
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signed)
                .is_ok(),
        }
    }

    /// Verifies the signature of a certificate signing request, in which ECDSA values are DER.
    pub(crate) fn verifies_x509(
        &self,
        algorithm: X509Algorithm,
        message: &[u8],
        signed: &[u8],
    ) -> bool {
        use X509Algorithm as A;
        let ec = |alg: &'static dyn VerificationAlgorithm, point: &[u8]| {
            ring_verify(alg, point, message, signed)
        };
        match (self, algorithm) {
            (Self::Ec(Curve::P256, point), A::EcdsaSha256) => {
                ec(&signature::ECDSA_P256_SHA256_ASN1, point)
            }
            (Self::Ec(Curve::P256, point), A::EcdsaSha384) => {
                ec(&signature::ECDSA_P256_SHA384_ASN1, point)
            }
            (Self::Ec(Curve::P384, point), A::EcdsaSha256) => {
                ec(&signature::ECDSA_P384_SHA256_ASN1, point)
            }
            (Self::Ec(Curve::P384, point), A::EcdsaSha384) => {
                ec(&signature::ECDSA_P384_SHA384_ASN1, point)
            }
            (Self::Ec(Curve::P521, point), A::EcdsaSha512) => {
                p521::ecdsa::Signature::from_der(signed)
                    .is_ok_and(|s| p521_verify(point, message, &s))
            }
            (Self::Ed25519(x), A::Ed25519) => ec(&signature::ED25519, x),
            (Self::Rsa { n, e }, A::RsaSha256 | A::RsaSha384 | A::RsaSha512) => {
                let parameters = match algorithm {
                    A::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    A::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signed).is_ok()
            }
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<Value>,
    k: Option<Value>,
}

fn ring_verify(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signed: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key).verify(message, signed).is_ok()
}

fn p521_verify(point: &[u8], message: &[u8], signed: &p521::ecdsa::Signature) -> bool {
    p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
        .is_ok_and(|key| key.verify(message, signed).is_ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::PublicKey;

    #[test]
    fn the_thumbprint_of_rfc_7638_section_3_1_comes_out() {
        let key = PublicKey::from_jwk(&json!({
            "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        }))
        .unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_thumbprint_of_rfc_8037_appendix_a_3_comes_out() {
        let key = PublicKey::from_jwk(&json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }))
        .unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn weak_foreign_and_secret_keys_are_refused() {
        for jwk in [
            json!({"kty": "RSA", "e": "AQAB", "n": "0vx7"}),
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
            json!({"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "AAAA"}),
            json!({"crv": "Ed25519"}),
        ] {
            assert_eq!(PublicKey::from_jwk(&jwk).unwrap_err().kind(), "badPublicKey", "{jwk}");
        }
    }
}
