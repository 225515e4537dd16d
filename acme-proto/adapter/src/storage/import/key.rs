//! Private keys in the forms that other clients write, as PKCS#8.

use acme_proto::pem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_1, Der, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, element,
    split, strip, unsigned,
};
use crate::keys::{KeyError, ProviderKey, default_provider};

/// Why a text is no private key that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeyText {
    /// There is no private key in PEM, or more than one.
    #[error("it has not exactly one private key in PEM")]
    Pem,
    /// The key is encrypted.
    #[error("the key is encrypted; decrypt it with `openssl pkey`")]
    Encrypted,
    /// The content of the PEM block is no key of its kind.
    #[error("the content of its PEM block is no private key")]
    Der,
    /// It is no JWK with the private members of its kind (RFC 7518 section 6).
    #[error("it is no JWK with a private key")]
    Jwk,
    /// The JWK is of a kind that ACME has no use for.
    #[error("a JWK of another kind than EC, RSA and OKP, or on another curve")]
    Kind,
    /// The crypto provider refuses the key, for example because its parts do not fit together.
    #[error(transparent)]
    Refused(#[from] KeyError),
}

/// Converts the one private key of a PEM text, in PKCS#8, PKCS#1 (RFC 8017) or SEC 1 (RFC 5915).
///
/// Returns PKCS#8 PEM. Blocks that are no private key, such as `EC PARAMETERS`, are skipped. If
/// there is a default crypto provider, the key is loaded into it once.
///
/// # Errors
///
/// [`InvalidKeyText`] says what it is instead.
pub fn pkcs8_from_pem(text: &[u8]) -> Result<Zeroizing<String>, InvalidKeyText> {
    let begins = |label: &str| {
        let line = format!("-----BEGIN {label}-----");
        text.windows(line.len()).filter(|part| *part == line.as_bytes()).count()
    };
    // Of an encrypted key in the older form, only a header line says so.
    let has = |part: &[u8]| text.windows(part.len()).any(|found| found == part);
    if begins("ENCRYPTED PRIVATE KEY") > 0 || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(InvalidKeyText::Encrypted);
    }
    let found: Vec<&str> = LABELS.into_iter().filter(|label| begins(label) > 0).collect();
    let [label] = found[..] else { return Err(InvalidKeyText::Pem) };
    let der = pem::decode_one(text, label).map(Zeroizing::new).map_err(|_| InvalidKeyText::Pem)?;
    let pkcs8 = match label {
        "RSA PRIVATE KEY" => from_pkcs1(&der),
        "EC PRIVATE KEY" => from_sec1(&der),
        _ => split(&der, SEQUENCE).is_some().then_some(der),
    };
    finish(&pkcs8.ok_or(InvalidKeyText::Der)?)
}

/// Converts a JWK with a private key (RFC 7517) of kind RSA, EC or OKP.
///
/// Returns PKCS#8 PEM. If there is a default crypto provider, the key is loaded into it once, which
/// also shows whether the members fit together.
///
/// # Errors
///
/// [`InvalidKeyText`] says what it is instead.
pub fn pkcs8_from_jwk(json: &[u8]) -> Result<Zeroizing<String>, InvalidKeyText> {
    // Its members are borrowed, so that serde makes no copy of them.
    let jwk: PrivateJwk<'_> = serde_json::from_slice(json).map_err(|_| InvalidKeyText::Jwk)?;
    let pkcs8 = match (jwk.kty, jwk.crv) {
        ("RSA", _) => jwk.rsa()?,
        ("EC", Some(name)) => {
            let curve = CURVES.iter().find(|curve| curve.name == name);
            jwk.ec(curve.ok_or(InvalidKeyText::Kind)?)?
        }
        ("OKP", Some("Ed25519")) => {
            let seed = number(jwk.d).filter(|d| d.len() == 32).ok_or(InvalidKeyText::Jwk)?;
            pkcs8(&element(OID, &[&ED25519]), &element(OCTET_STRING, &[&seed]))
        }
        _ => return Err(InvalidKeyText::Kind),
    };
    finish(&pkcs8)
}

/// Encodes the key, after the provider has accepted it.
fn finish(pkcs8: &Der) -> Result<Zeroizing<String>, InvalidKeyText> {
    let text = Zeroizing::new(pem::encode("PRIVATE KEY", pkcs8));
    if let Ok(provider) = default_provider() {
        ProviderKey::from_pkcs8_pem(&text, &provider)?;
    }
    Ok(text)
}

#[derive(Deserialize)]
struct PrivateJwk<'a> {
    kty: &'a str,
    crv: Option<&'a str>,
    x: Option<&'a str>,
    y: Option<&'a str>,
    n: Option<&'a str>,
    e: Option<&'a str>,
    d: Option<&'a str>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    dp: Option<&'a str>,
    dq: Option<&'a str>,
    qi: Option<&'a str>,
}

impl PrivateJwk<'_> {
    fn rsa(&self) -> Result<Der, InvalidKeyText> {
        let members = [self.n, self.e, self.d, self.p, self.q, self.dp, self.dq, self.qi];
        let numbers: Option<Vec<Der>> =
            members.into_iter().map(|text| Some(unsigned(&number(text)?))).collect();
        let numbers = numbers.ok_or(InvalidKeyText::Jwk)?;
        let version = unsigned(&[]);
        let mut parts: Vec<&[u8]> = vec![&version];
        parts.extend(numbers.iter().map(|number| number.as_slice()));
        from_pkcs1(&element(SEQUENCE, &parts)).ok_or(InvalidKeyText::Jwk)
    }

    fn ec(&self, curve: &Curve) -> Result<Der, InvalidKeyText> {
        let coordinate = |text| {
            let found = number(text)?;
            padded(&found, curve.length)
        };
        let [d, x, y] = [self.d, self.x, self.y].map(coordinate);
        let (d, x, y) = d.zip(x).zip(y).map(|((d, x), y)| (d, x, y)).ok_or(InvalidKeyText::Jwk)?;
        let point = element(BIT_STRING, &[&[0, 4], &x, &y]);
        Ok(ec(curve, &d, Some(&point)))
    }
}

/// A curve of RFC 7518 section 6.2.1.1.
struct Curve {
    name: &'static str,
    oid: &'static [u8],
    /// Of a coordinate, in octets.
    length: usize,
}

const CURVES: [Curve; 3] = [
    // 1.2.840.10045.3.1.7, 1.3.132.0.34 and 1.3.132.0.35 (RFC 5480 section 2.1.1.1).
    Curve { name: "P-256", oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], length: 32 },
    Curve { name: "P-384", oid: &[0x2b, 0x81, 4, 0, 0x22], length: 48 },
    Curve { name: "P-521", oid: &[0x2b, 0x81, 4, 0, 0x23], length: 66 },
];
/// 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// 1.2.840.113549.1.1.1.
const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// 1.3.101.112.
const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];

/// Wraps a key of its kind (RFC 5958 section 2, version 1).
fn pkcs8(algorithm: &[u8], key: &[u8]) -> Der {
    let (version, algorithm) = (unsigned(&[]), element(SEQUENCE, &[algorithm]));
    element(SEQUENCE, &[&version, &algorithm, &element(OCTET_STRING, &[key])])
}

fn from_pkcs1(der: &[u8]) -> Option<Der> {
    let (inside, rest) = split(der, SEQUENCE)?;
    // The version of a key with two primes.
    let (version, _) = split(inside, INTEGER)?;
    let algorithm = [element(OID, &[&RSA_ENCRYPTION]).as_slice(), &NULL].concat();
    (rest.is_empty() && version == [0]).then(|| pkcs8(&algorithm, der))
}

/// Reads RFC 5915, which names the curve inside of the key, or only by its length.
fn from_sec1(der: &[u8]) -> Option<Der> {
    let (inside, []) = split(der, SEQUENCE)? else { return None };
    let (version, rest) = split(inside, INTEGER)?;
    let (d, rest) = split(rest, OCTET_STRING)?;
    let (parameters, rest) = match split(rest, CONTEXT_0) {
        Some((parameters, rest)) => (Some(parameters), rest),
        None => (None, rest),
    };
    let named = parameters.map(|parameters| split(parameters, OID));
    let curve = CURVES.iter().find(|curve| match named {
        Some(Some((oid, _))) => oid == curve.oid,
        Some(None) => false,
        None => d.len() == curve.length,
    })?;
    let public = match split(rest, CONTEXT_1) {
        Some((public, [])) => Some(public),
        _ => None,
    };
    (version == [1]).then_some(())?;
    Some(ec(curve, &padded(d, curve.length)?, public))
}

fn ec(curve: &Curve, d: &[u8], public: Option<&[u8]>) -> Der {
    let (one, d) = (unsigned(&[1]), element(OCTET_STRING, &[d]));
    let public = public.map(|public| element(CONTEXT_1, &[public])).unwrap_or_default();
    let key = element(SEQUENCE, &[&one, &d, &public]);
    let algorithm =
        [element(OID, &[&EC_PUBLIC_KEY]).as_slice(), &element(OID, &[curve.oid])].concat();
    pkcs8(&algorithm, &key)
}

/// Brings a number to a length; `None` if it is longer.
fn padded(number: &[u8], length: usize) -> Option<Der> {
    let number = strip(number);
    let zeros = length.checked_sub(number.len())?;
    let mut padded = Zeroizing::new(vec![0; length]);
    padded[zeros..].copy_from_slice(number);
    Some(padded)
}

/// Decodes a member; `None` if it is missing, too long, or not base64url.
fn number(text: Option<&str>) -> Option<Der> {
    let text = text.filter(|text| text.len() <= MAX_MEMBER)?.trim_end_matches('=');
    let mut number = Zeroizing::new(vec![0; text.len()]);
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut number).ok()?;
    number.truncate(length);
    Some(number)
}

const LABELS: [&str; 4] = [
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    // What certmagic calls PKCS#8 with an Ed25519 key.
    "ED25519 PRIVATE KEY",
];
/// A number of 16384 bits.
const MAX_MEMBER: usize = 2732;
