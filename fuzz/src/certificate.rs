use acme_proto::x509::{Certificate, CertificateChain};

use crate::check;

/// Parses a certificate in DER of any content.
///
/// # Panics
///
/// If a parsed part does not occur in the octets, or the certificate changes when it is written as
/// PEM and read.
pub fn certificate(data: &[u8]) {
    match Certificate::parse(data.to_vec()) {
        Ok(certificate) => look(&certificate, data),
        Err(error) => check::is_plain(&error),
    }
}

/// Checks a certificate against the octets it was read from.
pub(crate) fn look(certificate: &Certificate, der: &[u8]) {
    assert_eq!(certificate.as_der(), der);
    let parts = [
        certificate.serial(),
        certificate.issuer_der(),
        certificate.subject_der(),
        certificate.spki_der(),
    ];
    for part in parts.into_iter().chain(certificate.authority_key_id()) {
        assert!(part.is_empty() || der.windows(part.len()).any(|window| window == part));
    }
    let identifiers = certificate.identifiers();
    identifiers.iter().for_each(check::is_plain);
    for (index, identifier) in identifiers.iter().enumerate() {
        assert!(!identifiers[..index].contains(identifier), "{identifier} is there twice");
    }
    let _ = (certificate.issuer_common_name(), certificate.subject_common_name());
    let _ = (certificate.public_key(), certificate.fingerprint_sha256());

    let pem = acme_proto::pem::encode("CERTIFICATE", der);
    let chain = CertificateChain::parse_pem(pem.as_bytes()).expect("one certificate is a chain");
    assert_eq!(chain.leaf(), certificate);
    if let Err(mismatch) = chain.matches(certificate.spki_der(), identifiers) {
        panic!("a certificate does not match itself: {mismatch}");
    }
    if let Err(mismatch) = chain.matches(b"", &[]) {
        check::is_plain(&mismatch);
    }
}
