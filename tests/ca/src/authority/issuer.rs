//! The CA's own keys and certificates, and the certificates it issues.

use core::net::IpAddr;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer as RcgenIssuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};

use super::clock::date_time;
use super::identifier::Identifier;
use super::key::{Curve, PublicKey};
use super::rng::Rng;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// The roots, and the intermediate as certified by each of them.
pub(crate) struct Issuer {
    intermediate: RcgenIssuer<'static, KeyPair>,
    key_id: [u8; 20],
    root: RcgenIssuer<'static, KeyPair>,
    /// The default root first.
    roots: Vec<Certificate>,
    /// The intermediate as certified by each root.
    intermediates: Vec<Certificate>,
}

/// The content of a leaf certificate.
pub(crate) struct Leaf<'a> {
    pub(crate) key: &'a PublicKey,
    pub(crate) names: &'a [Identifier],
    /// The first and the last moment of the validity, in Unix milliseconds.
    pub(crate) validity: (u64, u64),
}

/// A certificate for the HTTPS listener, with its key.
pub(crate) struct WebCertificate {
    /// The certificate in DER, signed by the root itself.
    pub(crate) chain: Vec<Vec<u8>>,
    /// PKCS#8 in DER.
    pub(crate) key: Vec<u8>,
}

impl Issuer {
    pub(crate) fn new(alternates: usize, now: u64, rng: &mut Rng) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let key_id = rng.bytes::<20>();
        let params = ca_params("acme-testca Intermediate", 0, 5 * 365, now, key_id, rng)?;
        let (certificate, root) = new_root(1, now, rng)?;
        let mut roots = vec![certificate];
        let mut intermediates = vec![cross_sign(&params, &key, &root, rng)?];
        for number in 0..alternates {
            let (certificate, other) = new_root(number + 2, now, rng)?;
            roots.push(certificate);
            intermediates.push(cross_sign(&params, &key, &other, rng)?);
        }
        Ok(Self { intermediate: RcgenIssuer::new(params, key), key_id, root, roots, intermediates })
    }

    /// Returns the number of chains that a certificate can be served with.
    pub(crate) fn chains(&self) -> usize {
        self.intermediates.len()
    }

    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// Returns the intermediate's public key.
    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::Ec(Curve::P256, self.intermediate.key().der_bytes().to_vec())
    }

    pub(crate) fn root_pem(&self, chain: usize) -> Option<String> {
        self.roots.get(chain).map(Certificate::pem)
    }

    pub(crate) fn intermediate_pem(&self, chain: usize) -> Option<String> {
        self.intermediates.get(chain).map(Certificate::pem)
    }

    pub(crate) fn issue(
        &self,
        leaf: &Leaf<'_>,
        serial_number: SerialNumber,
    ) -> Result<Certificate, rcgen::Error> {
        let key = LeafKey::new(leaf.key).ok_or(rcgen::Error::UnsupportedSignatureAlgorithm)?;
        leaf_params(leaf.names, leaf.validity, serial_number)?.signed_by(&key, &self.intermediate)
    }

    /// Issues the certificate of the HTTPS listener: localhost, both loopback addresses, and
    /// `extra`.
    pub(crate) fn web_certificate(
        &self,
        extra: &[Identifier],
        now: u64,
        rng: &mut Rng,
    ) -> Result<WebCertificate, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut names = vec![
            Identifier::Dns("localhost".to_owned()),
            Identifier::Ip(IpAddr::from([127, 0, 0, 1])),
            Identifier::Ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])),
        ];
        names
            .extend(extra.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        let validity = (now.saturating_sub(DAY), now + 5 * 365 * DAY);
        let certificate =
            leaf_params(&names, validity, serial(rng))?.signed_by(&key, &self.root)?;
        Ok(WebCertificate { chain: vec![certificate.der().to_vec()], key: key.serialize_der() })
    }
}

fn new_root(
    number: usize,
    now: u64,
    rng: &mut Rng,
) -> Result<(Certificate, RcgenIssuer<'static, KeyPair>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let key_id = rng.bytes::<20>();
    let params = ca_params(&format!("acme-testca Root {number}"), 1, 10 * 365, now, key_id, rng)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate, RcgenIssuer::new(params, key)))
}

/// Certifies the intermediate's key by a root.
fn cross_sign(
    params: &CertificateParams,
    key: &KeyPair,
    root: &RcgenIssuer<'static, KeyPair>,
    rng: &mut Rng,
) -> Result<Certificate, rcgen::Error> {
    let mut params = params.clone();
    params.serial_number = Some(serial(rng));
    params.signed_by(key, root)
}

/// Draws a positive serial number of 16 octets.
pub(crate) fn serial(rng: &mut Rng) -> SerialNumber {
    let mut bytes = rng.bytes::<16>();
    // Positive, and always 16 octets without a leading zero (RFC 5280 Section 4.1.2.2).
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// Returns a serial number whose first bit is set, so that its DER has a leading zero.
pub(crate) fn high_serial(rng: &mut Rng) -> SerialNumber {
    let mut bytes = serial(rng).to_bytes();
    if let Some(first) = bytes.first_mut() {
        *first |= 0x80;
    }
    SerialNumber::from(bytes)
}

/// Returns whether a certificate can be issued for a key.
pub(crate) fn can_certify(key: &PublicKey) -> bool {
    LeafKey::new(key).is_some()
}

fn ca_params(
    name: &str,
    path_len: u8,
    days: u64,
    now: u64,
    key_id: [u8; 20],
    rng: &mut Rng,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "acme-testca");
    // A random part keeps apart the roots of several CAs in one trust store.
    subject.push(DnType::CommonName, format!("{name} {:06x}", rng.below(1 << 24)));
    params.distinguished_name = subject;
    params.not_before = date_time(now.saturating_sub(DAY));
    params.not_after = date_time(now + days * DAY);
    params.serial_number = Some(serial(rng));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_len));
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    params.use_authority_key_identifier_extension = true;
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.to_vec());
    Ok(params)
}

fn leaf_params(
    names: &[Identifier],
    validity: (u64, u64),
    serial_number: SerialNumber,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = names
        .iter()
        .map(|name| {
            Ok(match name {
                Identifier::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
                Identifier::Ip(address) => SanType::IpAddress(*address),
            })
        })
        .collect::<Result<_, rcgen::Error>>()?;
    params.not_before = date_time(validity.0);
    params.not_after = date_time(validity.1);
    params.serial_number = Some(serial_number);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The subject key in the form that rcgen wants.
struct LeafKey {
    raw: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl LeafKey {
    /// Returns `None` for P-521, for which rcgen with ring has no key type; public CAs refuse that
    /// curve as well.
    fn new(key: &PublicKey) -> Option<Self> {
        let (raw, algorithm) = match key {
            PublicKey::Ec(Curve::P256, point) => (point.clone(), &rcgen::PKCS_ECDSA_P256_SHA256),
            PublicKey::Ec(Curve::P384, point) => (point.clone(), &rcgen::PKCS_ECDSA_P384_SHA384),
            PublicKey::Ec(Curve::P521, _) => return None,
            PublicKey::Ed25519(x) => (x.clone(), &rcgen::PKCS_ED25519),
            PublicKey::Rsa { n, e } => (rsa_public_key(n, e), &rcgen::PKCS_RSA_SHA256),
        };
        Some(Self { raw, algorithm })
    }
}

impl PublicKeyData for LeafKey {
    fn der_bytes(&self) -> &[u8] {
        &self.raw
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// Writes an RSAPublicKey (RFC 8017 appendix A.1.1).
fn rsa_public_key(n: &[u8], e: &[u8]) -> Vec<u8> {
    let integer = |magnitude: &[u8]| {
        let sign = if magnitude.first().is_some_and(|b| b & 0x80 != 0) { &[0][..] } else { &[] };
        element(0x02, &[sign, magnitude].concat())
    };
    element(0x30, &[integer(n), integer(e)].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().position(|&b| b != 0).unwrap_or(length.len() - 1)..];
    let mut out = vec![tag];
    if content.len() >= 128 {
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
    }
    out.extend_from_slice(significant);
    out.extend_from_slice(content);
    out
}
