use std::collections::BTreeSet;

use acme_proto::identifier::Identifier;
use acme_proto::x509::Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Parses a certificate beside the independent crate `x509-parser`.
///
/// # Panics
///
/// If both accept it, and one sees another serial number, key, validity or DNS name than the other.
pub fn names(data: &[u8]) {
    let Ok(ours) = Certificate::parse(data.to_vec()) else { return };
    let Ok((rest, theirs)) = X509Certificate::from_der(data) else { return };
    if !rest.is_empty() {
        return;
    }
    assert_eq!(ours.spki_der(), theirs.public_key().raw);
    let (begin, end) = (theirs.validity().not_before, theirs.validity().not_after);
    assert_eq!(ours.not_before().unix_seconds(), begin.timestamp());
    assert_eq!(ours.not_after().unix_seconds(), end.timestamp());
    let Ok(Some(san)) = theirs.subject_alternative_name() else { return };
    let theirs: BTreeSet<String> = san.value.general_names.iter().filter_map(dns_name).collect();
    let ours: BTreeSet<String> = ours.dns_names().iter().map(|n| n.to_ascii_lowercase()).collect();
    // What is no host name is left out, and counts for no order.
    for name in &theirs {
        let is_name = name.parse::<Identifier>().is_ok_and(|name| name.value() == *name.value());
        assert!(ours.contains(name) || !is_name, "{name} is missing in {ours:?}");
    }
    for name in &ours {
        assert!(theirs.contains(name), "{name} is not in {theirs:?}");
    }
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}
