//! The choice among the chains that a CA offers for one certificate (RFC 8555 Section 7.4.2).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::certificate::Certificate;
use super::chain::CertificateChain;

/// A preference among the chains of one certificate: the CA's default chain and its alternates.
///
/// Alternates are fetched one after the other, and only until a chain matches. A ranking such as
/// [`shortest`](Self::shortest) needs all of them. If no chain matches, the default chain is used.
///
/// Names are compared without regard to ASCII case. A name that contains `=` is a distinguished
/// name, as in `CN=Example Root, O=Example`: the certificate must have each of these attributes, in
/// any order. Any other name is a common name, and must equal the certificate's common name in
/// full.
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
    /// The default chain, once every chain was fetched.
    Later,
}

impl ChainChoice {
    /// Prefers a chain in which some certificate, possibly the leaf, was issued by this name.
    pub fn issuer(name: impl Into<String>) -> Self {
        Self(Wish::Issuer(name.into()))
    }

    /// Prefers a chain whose last certificate was issued by this name, usually the name of a root.
    pub fn top_issuer(name: impl Into<String>) -> Self {
        Self(Wish::TopIssuer(name.into()))
    }

    /// Prefers a chain that contains this root, or ends with a certificate that this root issued.
    ///
    /// The whole name of the root is compared, and the key identifiers if both certificates have
    /// one. No signature is verified.
    pub fn root(root: Certificate) -> Self {
        Self(Wish::Root(Arc::new(root)))
    }

    /// Prefers a chain that contains the certificate with this SHA-256 digest.
    ///
    /// Most CAs omit the root from their chains. To choose by a root, use [`root`](Self::root).
    pub const fn fingerprint(sha256: [u8; 32]) -> Self {
        Self(Wish::Fingerprint(sha256))
    }

    /// Prefers a chain in which some certificate has this authority key identifier.
    ///
    /// `id` is its octets, without tag and length.
    pub fn authority_key_id(id: impl Into<Vec<u8>>) -> Self {
        Self(Wish::AuthorityKeyId(id.into()))
    }

    /// Prefers the chain with the fewest certificates, and among those the one with the fewest
    /// octets.
    pub fn shortest() -> Self {
        Self::least(|chain| {
            let octets: usize = chain.certificates().iter().map(|one| one.as_der().len()).sum();
            // `CertificateChain` bounds both numbers far below 32 bits, so neither overflows its
            // half.
            ((chain.certificates().len() as u64) << 32) | octets as u64
        })
    }

    /// Prefers the first chain for which `wanted` returns true.
    pub fn custom(wanted: impl Fn(&CertificateChain) -> bool + Send + Sync + 'static) -> Self {
        Self(Wish::Any(Arc::new(wanted)))
    }

    /// Prefers the chain with the lowest rank, and among equals the first.
    pub fn least(rank: impl Fn(&CertificateChain) -> u64 + Send + Sync + 'static) -> Self {
        Self(Wish::Least(Arc::new(rank)))
    }

    /// Takes a function of the caller out, and leaves a choice that fetches every chain and prefers the default one.
    ///
    /// A driver applies what is returned to all the chains, at a time when it holds no lock: see
    /// [`Operation::detach`](crate::op::Operation::detach). `None` if there is no such function.
    pub fn detach(&mut self) -> Option<Self> {
        let is_function = matches!(self.0, Wish::Any(_) | Wish::Least(_));
        is_function.then(|| core::mem::replace(self, Self(Wish::Later)))
    }

    /// Returns the index of the preferred chain, or `None` if none matches.
    ///
    /// The first of `chains` is the default chain.
    pub fn choose<'a>(
        &self,
        chains: impl IntoIterator<Item = &'a CertificateChain>,
    ) -> Option<usize> {
        let chains = chains.into_iter().enumerate();
        match &self.0 {
            Wish::Later => Some(0),
            Wish::Least(rank) => chains.min_by_key(|(_, chain)| rank(chain)).map(|(at, _)| at),
            _ => {
                let mut chains = chains;
                chains.find(|(_, chain)| self.is_met_by(chain)).map(|(at, _)| at)
            }
        }
    }

    /// Returns whether a chain matches regardless of the other chains.
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
            // The lowest rank is only known once every chain was fetched.
            Wish::Least(_) | Wish::Later => false,
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
            Wish::Later => f.write_str("Later"),
        }
    }
}

fn leads_to(certificate: &Certificate, root: &Certificate) -> bool {
    // Several roots can share a name, for example after a change of key; their key identifiers
    // differ.
    let same_key = match (certificate.authority_key_id(), root.subject_key_id()) {
        (Some(authority), Some(subject)) => authority == subject,
        _ => true,
    };
    certificate.issuer_der() == root.subject_der() && same_key
}
