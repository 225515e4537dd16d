//! tls-alpn-01 (RFC 8737; RFC 8738 for addresses).

use alloc::string::String;

use super::{Challenge, ChallengeRules};
use crate::identifier::Identifier;
use crate::wire::ChallengeKind;

/// A wildcard cannot be proved by a server that answers for one name (RFC 8737 Section 3).
pub(super) const RULES: ChallengeRules = ChallengeRules::new(|_, wildcard| !wildcard);

/// What a tls-alpn-01 validation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsAlpn01 {
    /// The SNI of the server's handshake: the name, or the reverse name of an address.
    pub server_name: String,
    /// The SHA-256 digest for the acmeIdentifier extension.
    pub digest: [u8; 32],
}

impl Challenge {
    /// Returns name and digest for tls-alpn-01 (RFC 8737, RFC 8738), if this is that kind.
    ///
    /// [`TlsAlpnCertificateBuilder`](crate::x509::TlsAlpnCertificateBuilder) makes the certificate.
    pub fn tls_alpn_01(&self) -> Option<TlsAlpn01> {
        let is_this = self.kind == ChallengeKind::TlsAlpn01;
        let authorization = self.key_authorization().filter(|_| is_this)?;
        Some(TlsAlpn01 {
            server_name: match &self.identifier {
                Identifier::Ip(ip) => crate::x509::reverse_name(*ip),
                other => other.value(),
            },
            digest: authorization.digest(),
        })
    }
}
