//! Which of the chains that a CA offers for one certificate is wanted (RFC 8555 section 7.4.2).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::certificate::Certificate;
use super::chain::CertificateChain;

/// A wish among the chains of one certificate: the CA's own and its alternates.
///
/// Alternates are fetched only if the CA's own chain does not fulfil the wish, one after the other, until one does. A
/// wish for the least of all, such as [`shortest`](Self::shortest), has to see every one of them. Where no chain
/// fulfils the wish, the CA's own is taken.
///
/// Names are compared without regard to the case of ASCII letters. A name that contains `=` is a distinguished name, as
/// in `CN=Example Root, O=Example`: each of its attributes has to be in the certificate's, in any sequence. Any other
/// is a common name, which has to be the whole of the certificate's.
///
/// ```
/// use acme_proto::x509::ChainChoice;
///
/// let choice = ChainChoice::top_issuer("Example Root X1");
/// # let _ = choice;
/// ```
#[derive(Clone)]
pub struct ChainChoice(Wish);

#[derive(Clone)]
enum Wish {
    Issuer(String),
    TopIssuer(String),
    Root(Arc<Certificate>),
    Fingerprint([u8; 32]),
    AuthorityKeyId(Vec<u8>),
    Any(Arc<dyn Fn(&CertificateChain) -> bool + Send + Sync>),
    Least(Arc<dyn Fn(&CertificateChain) -> u64 + Send + Sync>),
}

impl ChainChoice {
    /// Wants a chain with a certificate, the leaf included, that was issued by this name.
    pub fn issuer(name: impl Into<String>) -> Self {
        Self(Wish::Issuer(name.into()))
    }

    /// Wants a chain whose last certificate was issued by this name, which is that of a root.
    pub fn top_issuer(name: impl Into<String>) -> Self {
        Self(Wish::TopIssuer(name.into()))
    }

    /// Wants a chain that ends in this root, or at a certificate that this root issued.
    ///
    /// The root's whole name and, where both have one, the key identifiers are compared; no signature is verified.
    pub fn root(root: Certificate) -> Self {
        Self(Wish::Root(Arc::new(root)))
    }

    /// Wants a chain with a certificate whose SHA-256 digest is this.
    ///
    /// Most CAs leave out the root; [`root`](Self::root) finds a chain to a root that is not in it.
    pub const fn fingerprint(sha256: [u8; 32]) -> Self {
        Self(Wish::Fingerprint(sha256))
    }

    /// Wants a chain with a certificate whose authority key identifier is this (its octets without tag and length).
    pub fn authority_key_id(id: impl Into<Vec<u8>>) -> Self {
        Self(Wish::AuthorityKeyId(id.into()))
    }

    /// Wants the chain of the fewest certificates, and among equals that of the fewest octets.
    pub fn shortest() -> Self {
        Self::least(|chain| {
            let octets: usize = chain.certificates().iter().map(|one| one.as_der().len()).sum();
            // No chain has as many certificates, or as many octets, as would overflow this.
            ((chain.certificates().len() as u64) << 32) | octets as u64
        })
    }

    /// Wants the first chain that this function says yes to.
    pub fn custom(wanted: impl Fn(&CertificateChain) -> bool + Send + Sync + 'static) -> Self {
        Self(Wish::Any(Arc::new(wanted)))
    }

    /// Wants the chain with the least number, and among equals the first.
    pub fn least(rank: impl Fn(&CertificateChain) -> u64 + Send + Sync + 'static) -> Self {
        Self(Wish::Least(Arc::new(rank)))
    }

    /// Returns the place of the chain that fulfils the wish, among chains of which the CA's own is the first.
    pub fn choose<'a>(
        &self,
        chains: impl IntoIterator<Item = &'a CertificateChain>,
    ) -> Option<usize> {
        let chains = chains.into_iter().enumerate();
        match &self.0 {
            Wish::Least(rank) => chains.min_by_key(|(_, chain)| rank(chain)).map(|(at, _)| at),
            _ => {
                let mut chains = chains;
                chains.find(|(_, chain)| self.is_met_by(chain)).map(|(at, _)| at)
            }
        }
    }

    /// Returns whether a chain fulfils the wish whatever others there are.
    pub(crate) fn is_met_by(&self, chain: &CertificateChain) -> bool {
        let mut all = chain.certificates().iter();
        let top = || chain.certificates().last();
        match &self.0 {
            Wish::Issuer(name) => all.any(|one| one.is_issued_by(name)),
            Wish::TopIssuer(name) => top().is_some_and(|one| one.is_issued_by(name)),
            Wish::Root(root) => {
                all.any(|one| one.as_der() == root.as_der())
                    || top().is_some_and(|one| leads_to(one, root))
            }
            Wish::Fingerprint(digest) => all.any(|one| one.fingerprint_sha256() == *digest),
            Wish::AuthorityKeyId(id) => all.any(|one| one.authority_key_id() == Some(&**id)),
            Wish::Any(wanted) => wanted(chain),
            Wish::Least(_) => false,
        }
    }
}

impl fmt::Debug for ChainChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Wish::Issuer(name) => f.debug_tuple("Issuer").field(name).finish(),
            Wish::TopIssuer(name) => f.debug_tuple("TopIssuer").field(name).finish(),
            Wish::Root(root) => f.debug_tuple("Root").field(root).finish(),
            Wish::Fingerprint(digest) => f.debug_tuple("Fingerprint").field(digest).finish(),
            Wish::AuthorityKeyId(id) => f.debug_tuple("AuthorityKeyId").field(id).finish(),
            Wish::Any(_) => f.write_str("Custom"),
            Wish::Least(_) => f.write_str("Least"),
        }
    }
}

fn leads_to(certificate: &Certificate, root: &Certificate) -> bool {
    let same_key = match (certificate.authority_key_id(), root.subject_key_id()) {
        (Some(authority), Some(subject)) => authority == subject,
        _ => true,
    };
    certificate.issuer_der() == root.subject_der() && same_key
}
