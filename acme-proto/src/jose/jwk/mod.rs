//! Public keys (RFC 7517, RFC 7518 Section 6, RFC 8037 Section 2).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::de::IgnoredAny;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::jose::{Algorithm, Thumbprint, base64url, spki};
use crate::x509::asn1::strip_leading_zeros;

/// A public key, with the members that its type requires and no others.
///
/// Members that ACME does not use (`kid`, `use`, `alg`, `x5c` and so on) are dropped when a key is
/// parsed, so equal keys compare equal whatever their source. Whether an elliptic curve point lies
/// on its curve is not checked, because that needs the arithmetic of the curve; the server checks
/// it. Clones share the numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Jwk {
    shared: Arc<Shared>,
}

#[derive(PartialEq, Eq, Hash)]
struct Shared {
    /// Every request names its key by it: to hash the key each time takes as long as half of everything else.
    thumbprint: Thumbprint,
    key: Key,
}

/// The numbers of a key, each in the only encoding that a JWK allows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// `curve` is an ECDSA algorithm. Both coordinates have its full length, leading zeros included
    /// (RFC 7518 Section 6.2.1.2).
    Ec {
        curve: Algorithm,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: [u8; 32],
    },
    /// Neither number has leading zero octets (RFC 7518 Section 6.3.1.1).
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl Jwk {
    /// The smallest modulus accepted, in bits (RFC 7518 Section 3.3).
    pub const MIN_RSA_BITS: usize = 2048;
    /// The largest modulus accepted, in bits, which bounds the size of what a peer can send.
    pub const MAX_RSA_BITS: usize = 16384;

    /// Creates a P-256 key from its coordinates, big-endian.
    pub fn ec_p256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        Self::ec(Algorithm::Es256, x, y)
    }

    /// Creates a P-384 key from its coordinates, big-endian.
    pub fn ec_p384(x: &[u8; 48], y: &[u8; 48]) -> Self {
        Self::ec(Algorithm::Es384, x, y)
    }

    /// Creates a P-521 key from its coordinates, big-endian.
    pub fn ec_p521(x: &[u8; 66], y: &[u8; 66]) -> Self {
        Self::ec(Algorithm::Es512, x, y)
    }

    /// Creates an Ed25519 key from its 32 octets (RFC 8032 Section 5.1.5).
    pub fn ed25519(x: &[u8; 32]) -> Self {
        Self::of(Key::Ed25519 { x: *x })
    }

    /// Creates an RSA key from modulus and public exponent, big-endian.
    ///
    /// Leading zero octets are removed, as thumbprints require (RFC 8555 Section 8.1).
    ///
    /// # Errors
    ///
    /// Fails if the modulus has fewer than [`MIN_RSA_BITS`](Self::MIN_RSA_BITS) or more than
    /// [`MAX_RSA_BITS`](Self::MAX_RSA_BITS), or the exponent is even, 1, or longer than 32 octets.
    /// Such a key is not usable.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, InvalidJwk> {
        let (n, e) = (strip_leading_zeros(n), strip_leading_zeros(e));
        // The size of a key counts from its highest set bit, not in whole octets.
        let unused = n.first().map_or(0, |first| first.leading_zeros() as usize);
        let bits = (n.len() * 8).saturating_sub(unused);
        if !(Self::MIN_RSA_BITS..=Self::MAX_RSA_BITS).contains(&bits) {
            return Err(InvalidJwk::RsaSize { bits });
        }
        // An even exponent has no inverse, and 1 would make signing the identity.
        let odd = e.last().is_some_and(|last| last & 1 == 1);
        if !odd || e == [1] || e.len() > 32 {
            return Err(InvalidJwk::RsaExponent);
        }
        Ok(Self::of(Key::Rsa { n: n.to_vec(), e: e.to_vec() }))
    }

    /// Parses an uncompressed point (`04`, x, y; SEC 1 Section 2.3.3) on the algorithm's curve.
    ///
    /// # Errors
    ///
    /// Fails if `algorithm` is not ECDSA, or the octets are a compressed point or have the wrong
    /// length. The source of the key is at fault.
    pub fn from_sec1(algorithm: Algorithm, point: &[u8]) -> Result<Self, InvalidJwk> {
        let size = algorithm.coordinate_len().ok_or(InvalidJwk::UnsupportedKey)?;
        let Some((0x04, coordinates)) = point.split_first() else {
            return Err(InvalidJwk::CompressedPoint);
        };
        if coordinates.len() != 2 * size {
            let (expected, found) = (2 * size, coordinates.len());
            return Err(InvalidJwk::Length { member: "point", expected, found });
        }
        let (x, y) = coordinates.split_at(size);
        Ok(Self::ec(algorithm, x, y))
    }

    /// Parses a SubjectPublicKeyInfo in DER, the format of certificates and of most signing
    /// devices.
    ///
    /// # Errors
    ///
    /// Fails if the octets are not such a structure, or the kind or size of the key is not
    /// supported. The source of the key is at fault.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, InvalidJwk> {
        spki::decode(der)
    }

    /// Parses a JSON Web Key.
    ///
    /// # Errors
    ///
    /// Fails if the text is not a JSON object with the members of a supported key type, each in
    /// canonical base64url and of full length. Also fails if there is a private or symmetric
    /// member, so that a caller who passes a private key by mistake notices it.
    pub fn from_json(json: &str) -> Result<Self, InvalidJwk> {
        let members: Members = serde_json::from_str(json).map_err(|_| InvalidJwk::Json)?;
        Self::try_from(members)
    }

    /// Returns the algorithm that this key signs with; for RSA that is RS256.
    pub fn algorithm(&self) -> Algorithm {
        match &self.shared.key {
            Key::Ec { curve, .. } => *curve,
            Key::Ed25519 { .. } => Algorithm::EdDsa,
            Key::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Returns the canonical JSON: the required members, sorted by name, without white space.
    ///
    /// The thumbprint is the digest of this text (RFC 7638 Section 3). The same text is sent in
    /// `jwk` headers, in `oldKey` and as the payload of an external account binding.
    pub fn to_json(&self) -> String {
        self.shared.key.to_json()
    }

    /// Returns the SubjectPublicKeyInfo in DER.
    pub fn to_spki_der(&self) -> Vec<u8> {
        spki::encode(&self.shared.key)
    }

    /// Returns the SHA-256 thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        self.shared.thumbprint
    }

    fn of(key: Key) -> Self {
        let thumbprint = Thumbprint::from_bytes(Sha256::digest(key.to_json()).into());
        Self { shared: Arc::new(Shared { thumbprint, key }) }
    }

    fn ec(curve: Algorithm, x: &[u8], y: &[u8]) -> Self {
        Self::of(Key::Ec { curve, x: x.to_vec(), y: y.to_vec() })
    }
}

impl Key {
    fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (name, value) in self.members().iter().flatten() {
            let separator = if json.len() == 1 { "" } else { "," };
            // Names are ASCII letters and values are base64url or curve names: no character needs
            // escaping.
            json.push_str(&format!("{separator}\"{name}\":\"{value}\""));
        }
        json.push('}');
        json
    }

    /// Returns the required members, sorted by name.
    fn members(&self) -> [Option<(&'static str, String)>; 4] {
        let text = |name, value: &str| Some((name, String::from(value)));
        let octets = |name, value: &[u8]| Some((name, base64url::encode(value)));
        match self {
            Self::Ec { curve, x, y } => {
                let crv = curve_name(*curve);
                [text("crv", crv), text("kty", "EC"), octets("x", x), octets("y", y)]
            }
            Self::Ed25519 { x } => {
                [text("crv", "Ed25519"), text("kty", "OKP"), octets("x", x), None]
            }
            Self::Rsa { n, e } => [octets("e", e), text("kty", "RSA"), octets("n", n), None],
        }
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jwk").field(&format_args!("{}", self.to_json())).finish()
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.shared.key.members().iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Members::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The octets or JSON are not a usable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwk {
    /// Not a JSON object, or one with a repeated or ill-typed member.
    #[error("not a JSON Web Key: no JSON object, or with a repeated or ill-typed member")]
    Json,
    /// A required member is missing.
    #[error("JSON Web Key lacks the member {0:?}")]
    Missing(&'static str),
    /// The key has a private or symmetric member, and must not leave its owner.
    #[error("JSON Web Key has private members: only public keys may be given")]
    Private,
    /// A member is not canonical base64url.
    #[error("member {0:?} of the JSON Web Key is not base64url without padding")]
    Base64(&'static str),
    /// A coordinate does not have its full length (RFC 7518 Section 6.2.1.2, RFC 8037 Section 2).
    #[error("{member} of the public key has {found} octets instead of {expected}")]
    Length {
        /// The member, or `point` for both coordinates together.
        member: &'static str,
        /// The length of the curve, in octets.
        expected: usize,
        /// The length found, in octets.
        found: usize,
    },
    /// A kind of key, or a curve, that is not supported.
    #[error("key type or curve is not supported (P-256, P-384, P-521, Ed25519 and RSA are)")]
    UnsupportedKey,
    /// The elliptic curve point is not in uncompressed form.
    #[error("elliptic curve point is not in uncompressed form")]
    CompressedPoint,
    /// The RSA modulus is too small or too large.
    #[error("RSA modulus of {bits} bits: between 2048 and 16384 are accepted")]
    RsaSize {
        /// The size of the modulus, in bits.
        bits: usize,
    },
    /// The RSA public exponent is even, 1, or longer than 32 octets.
    #[error("RSA public exponent is not usable")]
    RsaExponent,
    /// Not a SubjectPublicKeyInfo in DER.
    #[error("not a SubjectPublicKeyInfo in DER")]
    Der,
}

/// The members that matter of a JSON Web Key. A repeated member is an error, an unknown one is not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
    /// Makes serde accept JSON objects only. A derived struct would also accept an array of values.
    #[serde(flatten)]
    _others: BTreeMap<String, IgnoredAny>,
}

impl Members {
    fn is_private(&self) -> bool {
        let private = [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k];
        private.iter().any(|member| member.is_some())
    }
}

impl TryFrom<Members> for Jwk {
    type Error = InvalidJwk;

    fn try_from(members: Members) -> Result<Self, Self::Error> {
        // Checked before anything else, so that a private key is reported as one even if it is
        // malformed.
        if members.is_private() {
            return Err(InvalidJwk::Private);
        }
        let kty = members.kty.ok_or(InvalidJwk::Missing("kty"))?;
        if kty == "RSA" {
            return Self::rsa(&octets("n", members.n)?, &octets("e", members.e)?);
        }
        let crv = members.crv.as_deref();
        match (kty.as_str(), crv) {
            ("EC" | "OKP", None) => Err(InvalidJwk::Missing("crv")),
            ("OKP", Some("Ed25519")) => {
                let x = sized("x", octets("x", members.x)?, 32)?;
                let x = x.try_into().map_err(|_| InvalidJwk::UnsupportedKey)?;
                Ok(Self::of(Key::Ed25519 { x }))
            }
            ("EC", Some(crv)) => {
                let curve = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512]
                    .into_iter()
                    // Other registered curves, such as secp256k1 (RFC 8812), have no algorithm
                    // here.
                    .find(|&curve| curve_name(curve) == crv)
                    .ok_or(InvalidJwk::UnsupportedKey)?;
                let size = curve.coordinate_len().ok_or(InvalidJwk::UnsupportedKey)?;
                let x = sized("x", octets("x", members.x)?, size)?;
                let y = sized("y", octets("y", members.y)?, size)?;
                Ok(Self::of(Key::Ec { curve, x, y }))
            }
            _ => Err(InvalidJwk::UnsupportedKey),
        }
    }
}

fn octets(name: &'static str, member: Option<String>) -> Result<Vec<u8>, InvalidJwk> {
    let text = member.ok_or(InvalidJwk::Missing(name))?;
    base64url::decode(&text).map_err(|_| InvalidJwk::Base64(name))
}

fn sized(member: &'static str, octets: Vec<u8>, expected: usize) -> Result<Vec<u8>, InvalidJwk> {
    match octets.len() {
        found if found == expected => Ok(octets),
        found => Err(InvalidJwk::Length { member, expected, found }),
    }
}

const fn curve_name(curve: Algorithm) -> &'static str {
    match curve {
        Algorithm::Es384 => "P-384",
        Algorithm::Es512 => "P-521",
        _ => "P-256",
    }
}

#[cfg(test)]
mod tests;
