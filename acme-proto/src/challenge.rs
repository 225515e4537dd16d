//! A selected challenge with everything that is derived from it (RFC 8555 section 8, RFC 8737, RFC 8738).

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::jose::{KeyAuthorization, Thumbprint};
use crate::token::Token;
use crate::url::Url;
use crate::wire::ChallengeKind;

/// A challenge to be provisioned: what to publish, where, for which name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    authorization: Url,
    url: Url,
    identifier: Identifier,
    #[serde(default)]
    wildcard: bool,
    kind: ChallengeKind,
    token: Token,
    thumbprint: Thumbprint,
}

impl Challenge {
    pub(crate) const fn new(
        authorization: Url,
        url: Url,
        identifier: Identifier,
        wildcard: bool,
        kind: ChallengeKind,
        token: Token,
        thumbprint: Thumbprint,
    ) -> Self {
        Self { authorization, url, identifier, wildcard, kind, token, thumbprint }
    }

    /// Returns what `ready`, `failed` and `cleaned` name the challenge by.
    pub fn id(&self) -> ChallengeId {
        ChallengeId(self.url.clone())
    }

    /// Returns the kind, which tells which of the derived values exist.
    pub const fn kind(&self) -> &ChallengeKind {
        &self.kind
    }

    /// Returns the identifier to be proved, without the `*.` of a wildcard.
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Returns whether the identifier is the base of a wildcard name.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns the URL of the challenge.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the URL of the authorization that the challenge belongs to.
    pub const fn authorization(&self) -> &Url {
        &self.authorization
    }

    /// Returns the token.
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Returns the thumbprint of the account key that the challenge was selected under.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Returns `token.thumbprint` (RFC 8555 section 8.1).
    pub fn key_authorization(&self) -> KeyAuthorization {
        KeyAuthorization::new(&self.token, &self.thumbprint)
    }

    /// Returns what to serve for http-01 (RFC 8555 section 8.3), if this is that kind.
    pub fn http_01(&self) -> Option<Http01> {
        (self.kind == ChallengeKind::Http01).then(|| Http01 {
            host: self.identifier.value(),
            path: format!("/.well-known/acme-challenge/{}", self.token),
            body: String::from(self.key_authorization().as_str()),
        })
    }

    /// Returns the TXT record for dns-01 (RFC 8555 section 8.4), if this is that kind.
    pub fn dns_01(&self) -> Option<TxtRecord> {
        (self.kind == ChallengeKind::Dns01).then(|| TxtRecord {
            name: format!("_acme-challenge.{}", self.identifier.value()),
            value: self.key_authorization().txt_value(),
        })
    }

    /// Returns name and digest for tls-alpn-01 (RFC 8737, RFC 8738), if this is that kind.
    ///
    /// [`TlsAlpnCertificateBuilder`](crate::x509::TlsAlpnCertificateBuilder) makes the certificate.
    pub fn tls_alpn_01(&self) -> Option<TlsAlpn01> {
        (self.kind == ChallengeKind::TlsAlpn01).then(|| TlsAlpn01 {
            server_name: match &self.identifier {
                Identifier::Ip(ip) => crate::x509::reverse_name(*ip),
                other => other.value(),
            },
            digest: self.key_authorization().digest(),
        })
    }
}

/// Names a challenge within its issuance; it survives a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(pub(crate) Url);

/// What an http-01 validation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Http01 {
    /// The host in the server's request; an IPv6 address stands there in brackets.
    pub host: String,
    /// The path, from the leading slash on.
    pub path: String,
    /// The exact body to answer with, over plain HTTP on port 80.
    pub body: String,
}

/// A TXT record to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxtRecord {
    /// The owner name, without a final dot.
    pub name: String,
    /// The one value to add; other values at the name stay.
    pub value: String,
}

/// What a tls-alpn-01 validation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsAlpn01 {
    /// The SNI of the server's handshake: the name, or the reverse name of an address.
    pub server_name: String,
    /// The SHA-256 digest for the acmeIdentifier extension.
    pub digest: [u8; 32],
}
