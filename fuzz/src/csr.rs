use std::collections::BTreeSet;

use acme_proto::identifier::Identifier;
use acme_proto::jose::{Algorithm, Jwk, Signature};
use acme_proto::x509::{Csr, CsrBuilder};

use crate::check;

/// Parses a certificate signing request in DER or PEM of any content, and makes one for the names
/// in the lines of the input.
///
/// # Panics
///
/// If a request changes when it is written and read, or lacks one of the names it was made for.
pub fn csr(data: &[u8]) {
    match Csr::from_der(data.to_vec()) {
        Ok(csr) => look(&csr, data),
        Err(error) => check::is_plain(&error),
    }
    match Csr::from_pem(data) {
        Ok(csr) => look(&csr, csr.as_der()),
        Err(error) => check::is_plain(&error),
    }
    let text = String::from_utf8_lossy(data);
    let names: Vec<Identifier> = text.lines().take(64).filter_map(|n| n.parse().ok()).collect();
    text.lines()
        .take(64)
        .filter_map(|n| n.parse::<Identifier>().err())
        .for_each(|e| check::is_plain(&e));
    let signature = Signature::from_bytes(Algorithm::EdDsa, &[7; 64]).expect("64 octets");
    let made = CsrBuilder::new(&Jwk::ed25519(&[9; 32]), &names).finish(&signature);
    assert_eq!(made.is_ok(), !names.is_empty());
    if let Ok(csr) = made {
        look(&csr, csr.as_der());
        assert_eq!(csr.covers(&names), Ok(()));
        let (asked, got): (BTreeSet<_>, BTreeSet<_>) =
            (names.iter().collect(), csr.identifiers().iter().collect());
        assert_eq!(asked, got);
    }
}

fn look(csr: &Csr, der: &[u8]) {
    assert_eq!(csr.as_der(), der);
    assert_eq!(Csr::from_pem(csr.to_pem().as_bytes()).as_ref(), Ok(csr));
    let _ = csr.public_key();
    csr.identifiers().iter().for_each(check::is_plain);
    assert_eq!(csr.covers(csr.identifiers()), Ok(()));
    if let Err(mismatch) = csr.covers(&[]) {
        check::is_plain(&mismatch);
    }
}
