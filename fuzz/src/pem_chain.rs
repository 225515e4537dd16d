use acme_proto::pem;
use acme_proto::x509::CertificateChain;

use crate::{certificate, check};

/// Parses a certificate chain in PEM of any content.
///
/// # Panics
///
/// If the chain changes when it is written and read, or the written text has anything but
/// certificates.
pub fn pem_chain(data: &[u8]) {
    match CertificateChain::parse_pem(data) {
        Err(error) => check::is_plain(&error),
        Ok(chain) => {
            let count = chain.certificates().len();
            assert!((1..=CertificateChain::MAX_CERTIFICATES).contains(&count));
            chain.certificates().iter().for_each(|one| certificate::look(one, one.as_der()));
            let written = chain.to_pem();
            assert_eq!(CertificateChain::parse_pem(written.as_bytes()).as_ref(), Ok(&chain));
            assert_eq!(written.matches("-----BEGIN CERTIFICATE-----\n").count(), count);
            assert_eq!(written.matches("-----").count(), 4 * count);
        }
    }
    match pem::decode(data, "CERTIFICATE", 4) {
        Err(error) => check::is_plain(&error),
        Ok(blocks) => {
            let written: String =
                blocks.contents.iter().map(|block| pem::encode("CERTIFICATE", block)).collect();
            let again = pem::decode(written.as_bytes(), "CERTIFICATE", 4);
            assert_eq!(again.map(|again| again.contents), Ok(blocks.contents));
        }
    }
}
