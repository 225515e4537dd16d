//! Downloading a certificate (RFC 8555 Section 7.4.2).

use alloc::vec::Vec;

use super::{Hooks, Read, Reading, Received, Spec, Target};
use crate::error::{Error, PeerFault};
use crate::header;
use crate::pem::InvalidPem;
use crate::resource::Resource;
use crate::text;
use crate::url::Url;
use crate::wire::DeviationKind;
use crate::x509::{CertificateChain, InvalidChain};

/// The media type of a chain (RFC 8555 Section 9.1).
const CHAIN: &str = "application/pem-certificate-chain";

/// A certificate chain, and where others with the same leaf are.
#[derive(Clone, Debug)]
pub struct Download {
    pub(crate) chain: CertificateChain,
    pub(crate) alternates: Vec<Url>,
}

impl Download {
    /// Returns the chain: the leaf, then each certificate's issuer.
    pub const fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// Returns the URLs of alternate chains.
    pub fn alternates(&self) -> &[Url] {
        &self.alternates
    }

    /// Reads a chain from a response.
    ///
    /// What is not called a chain but is one is taken: CAs and proxies send `text/plain`, `application/x-pem-file` or no
    /// media type at all.
    pub(super) fn read(received: &mut Received<'_>) -> Result<Self, Error> {
        received.whole()?;
        if received.response.status() != 200 {
            return Err(received.fault(PeerFault::Status(received.response.status())));
        }
        let found = header::media_type(received.response.headers());
        let is_called_chain = found.as_deref() == Some(CHAIN);
        let found = text::printable(found.as_deref().unwrap_or_default(), 80);
        let (chain, has_text) = match CertificateChain::parse(received.response.body()) {
            Ok(read) => read,
            Err(fault) => {
                // Another media type says more than the fault in what it is not.
                let called_otherwise = !is_called_chain && !found.is_empty();
                return Err(received.unusable().unwrap_or_else(|| {
                    match (called_otherwise, fault) {
                        (true, InvalidChain::Pem(InvalidPem::Empty | InvalidPem::NotUtf8)) => {
                            received.fault(PeerFault::MediaType(found))
                        }
                        (_, fault) => received.fault(PeerFault::Chain(fault)),
                    }
                }));
            }
        };
        match found.is_empty() {
            _ if is_called_chain => {}
            true => received.report("content-type", DeviationKind::Missing),
            false => received.report("content-type", DeviationKind::UnknownValue(found)),
        }
        if has_text {
            received.report("body", DeviationKind::Unexpected);
        }
        let alternates = received.links("alternate");
        Ok(Self { chain, alternates })
    }
}

/// Downloads a certificate chain; a PEM block in it that is no certificate makes it an error.
#[derive(Clone, Debug)]
pub struct GetCertificate(pub Url);

impl Hooks<Download> for GetCertificate {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Certificate, Target::Url(self.0.clone())).accept(CHAIN)
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Download> {
        Download::read(received).map(Read::Response)
    }
}
