//! Certificate signing requests (RFC 2986), and the checks of RFC 8555 Section 7.4.

use core::net::IpAddr;
use std::collections::BTreeSet;

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::identifier::Identifier;
use super::issuer::can_certify;
use super::key::{PublicKey, X509Algorithm};
use super::problem::Problem;

/// Checks a request against the order's identifiers and returns the key to certify. A `plain` one
/// has no extended key usage, and no address as its common name.
pub(crate) fn check(
    der: &[u8],
    wanted: &[Identifier],
    account_key: &PublicKey,
    plain: bool,
) -> Result<PublicKey, Problem> {
    let (rest, csr) = X509CertificationRequest::from_der(der)
        .map_err(|e| bad(format!("it cannot be read: {e}")))?;
    if !rest.is_empty() {
        return Err(bad("there are bytes after its end"));
    }
    let info = &csr.certification_request_info;
    let key = PublicKey::from_spki(&info.subject_pki).map_err(bad)?;
    let algorithm = X509Algorithm::from_oid(&csr.signature_algorithm.algorithm.to_id_string())
        .ok_or_else(|| bad("its signature algorithm is not supported"))?;
    // The signature proves possession of the key. Without it, anyone could get a certificate for
    // somebody else's key.
    if !key.verifies_x509(algorithm, info.raw, &csr.signature_value.data) {
        return Err(bad("its signature is wrong"));
    }
    if !can_certify(&key) {
        return Err(bad("keys on P-521 are not certified here"));
    }
    // RFC 8555 Section 11.1: an account key must not be in a certificate.
    if key == *account_key {
        return Err(bad("it is for the account key"));
    }
    let mut names = alternative_names(&csr)?;
    let common_names = common_names(&csr)?;
    let usage = |e: &ParsedExtension<'_>| matches!(e, ParsedExtension::ExtendedKeyUsage(_));
    if plain && csr.requested_extensions().into_iter().flatten().any(usage) {
        return Err(bad("it asks for an extended key usage"));
    }
    if plain && common_names.iter().any(|name| matches!(name, Identifier::Ip(_))) {
        return Err(bad("its common name is an address"));
    }
    // Section 7.4: names in the subject count too.
    names.extend(common_names);
    let wanted: BTreeSet<Identifier> = wanted.iter().cloned().collect();
    // Exactly the order's names. Fewer would be a certificate that the client did not order.
    if names != wanted {
        let list = |set: &BTreeSet<Identifier>| {
            set.iter().map(Identifier::value).collect::<Vec<_>>().join(", ")
        };
        return Err(bad(format!(
            "it asks for [{}] but the order is for [{}]",
            list(&names),
            list(&wanted)
        )));
    }
    Ok(key)
}

fn bad(why: impl core::fmt::Display) -> Problem {
    Problem::new(400, "badCSR", format!("the certificate request is not acceptable: {why}"))
}

fn alternative_names(csr: &X509CertificationRequest<'_>) -> Result<BTreeSet<Identifier>, Problem> {
    let mut names = BTreeSet::new();
    for extension in csr.requested_extensions().into_iter().flatten() {
        match extension {
            ParsedExtension::SubjectAlternativeName(san) => {
                for name in &san.general_names {
                    names.insert(general_name(name)?);
                }
            }
            // Real CAs ignore or refuse this. A refusal shows the mistake to the client's author.
            ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                return Err(bad("it asks for a CA certificate"));
            }
            ParsedExtension::ParseError { error } => {
                return Err(bad(format!("an extension cannot be read: {error}")));
            }
            _ => {}
        }
    }
    if names.is_empty() {
        return Err(bad("it has no subjectAltName"));
    }
    Ok(names)
}

fn general_name(name: &GeneralName<'_>) -> Result<Identifier, Problem> {
    match name {
        GeneralName::DNSName(name) => Ok(Identifier::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(octets) => address(octets)
            .map(Identifier::Ip)
            .ok_or_else(|| bad("an iPAddress has a wrong length")),
        other => {
            Err(bad(format!("names other than dNSName and iPAddress are not certified: {other}")))
        }
    }
}

fn common_names(csr: &X509CertificationRequest<'_>) -> Result<Vec<Identifier>, Problem> {
    csr.certification_request_info
        .subject
        .iter_common_name()
        .map(|name| {
            let text = name.as_str().map_err(|_| bad("its common name cannot be read"))?;
            Ok(text
                .parse()
                .map_or_else(|_| Identifier::Dns(text.to_ascii_lowercase()), Identifier::Ip))
        })
        .collect()
}

pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}
