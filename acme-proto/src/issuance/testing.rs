//! What the unit tests of the issuance share.
#![allow(clippy::unwrap_used)]

use crate::challenge::Challenge;
use crate::identifier::Identifier;
use crate::jose::{Algorithm, Jwk, Signature, Thumbprint};
use crate::token::Token;
use crate::url::Url;
use crate::wire::ChallengeKind;
use crate::x509::{Csr, CsrBuilder};

pub(super) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Returns a challenge of http-01.
pub(super) fn challenge(authorization: &str, challenge: &str) -> Challenge {
    Challenge {
        authorization: url(authorization),
        url: url(challenge),
        identifier: Identifier::dns("a.example").unwrap(),
        wildcard: false,
        kind: ChallengeKind::Http01,
        token: Some(Token::parse("ODE4OWY4NTktYjhmYS00YmY1LTk5MDgtZTFjYTZmNjZlYTUx").unwrap()),
        thumbprint: Thumbprint::from_bytes([7; 32]),
        account: None,
        members: Default::default(),
        persistent: false,
        remove_persistent: false,
    }
}

/// Returns a CSR for `a.example`, with a signature that is none.
pub(super) fn csr() -> Csr {
    let key = Jwk::ed25519(&[7; 32]);
    let signature = Signature::from_bytes(Algorithm::EdDsa, &[7; 64]).unwrap();
    CsrBuilder::new(&key, &[Identifier::dns("a.example").unwrap()]).finish(&signature).unwrap()
}
