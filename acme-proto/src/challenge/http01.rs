//! http-01 (RFC 8555 Section 8.3).

use alloc::format;
use alloc::string::String;

use super::{Challenge, ChallengeRules};
use crate::wire::ChallengeKind;

/// A wildcard cannot be proved by a server that answers for one name (RFC 8555 Section 8.3).
pub(super) const RULES: ChallengeRules = ChallengeRules::new(|_, wildcard| !wildcard);

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

impl Challenge {
    /// Returns what to serve for http-01 (RFC 8555 Section 8.3), if this is that kind.
    pub fn http_01(&self) -> Option<Http01> {
        let token = self.token.as_ref().filter(|_| self.kind == ChallengeKind::Http01)?;
        Some(Http01 {
            host: self.identifier.value(),
            path: format!("/.well-known/acme-challenge/{token}"),
            body: String::from(self.key_authorization()?.as_str()),
        })
    }
}
