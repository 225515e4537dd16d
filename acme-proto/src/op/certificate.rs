//! Downloading a certificate (RFC 8555 Section 7.4.2).

use alloc::vec::Vec;

use super::{Answer, Hooks, Operation, Read, Reading, Spec, Target};
use crate::error::{Error, PeerFault};
use crate::header;
use crate::resource::Resource;
use crate::text;
use crate::url::Url;
use crate::x509::CertificateChain;

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

    /// Reads a chain from an answer.
    pub(super) fn read(answer: &Answer<'_>) -> Result<Self, Error> {
        answer.whole()?;
        if answer.response.status() != 200 {
            return Err(answer.fault(PeerFault::Status(answer.response.status())));
        }
        if let Some(found) = header::media_type(answer.response.headers())
            && found != CHAIN
        {
            return Err(answer.fault(PeerFault::MediaType(text::printable(&found, 80))));
        }
        let chain = CertificateChain::parse_pem(answer.response.body())
            .map_err(|fault| answer.fault(PeerFault::Chain(fault)))?;
        let alternates = answer.links("alternate");
        Ok(Self { chain, alternates })
    }
}

/// Downloads a certificate chain; anything in it but certificates makes it an error.
#[derive(Clone, Debug)]
pub struct GetCertificate(pub Url);

impl Operation for GetCertificate {
    type Response = Download;
}

impl Hooks<Download> for GetCertificate {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Certificate, Target::Url(self.0.clone())).accept(CHAIN)
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Download> {
        Download::read(answer).map(Read::Response)
    }
}
