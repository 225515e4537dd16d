//! A challenge to test with.
#![allow(clippy::unwrap_used)]

use super::Challenge;
use crate::identifier::Identifier;
use crate::jose::Thumbprint;
use crate::token::Token;
use crate::url::Url;
use crate::wire::ChallengeKind;

pub(super) fn challenge(kind: &str, name: &str) -> Challenge {
    let kind = ChallengeKind::from(kind);
    Challenge {
        authorization: Url::parse("https://ca.example/authz/1").unwrap(),
        url: Url::parse("https://ca.example/chall/1").unwrap(),
        identifier: Identifier::dns(name).unwrap(),
        wildcard: false,
        token: (kind != ChallengeKind::DnsPersist01)
            .then(|| Token::parse("ODE4OWY4NTktYjhmYS00YmY1LTk5MDgtZTFjYTZmNjZlYTUx").unwrap()),
        kind,
        thumbprint: Thumbprint::from_bytes([7; 32]),
        account: Some(Url::parse("https://ca.example/acct/123").unwrap()),
        persist: None,
    }
}
