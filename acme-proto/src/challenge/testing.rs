//! Challenges to test with.
#![allow(clippy::unwrap_used)]

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Map;

use super::{Challenge, Kinds};
use crate::identifier::Identifier;
use crate::jose::Thumbprint;
use crate::token::Token;
use crate::url::Url;
use crate::wire::{self, ChallengeKind, Context, DeviationKind};

/// Returns a challenge that was selected, for an account with the URL `https://ca.example/acct/123`.
pub(super) fn challenge(kind: &str, name: &str) -> Challenge {
    let kind = ChallengeKind::from(kind);
    Challenge {
        authorization: Url::parse("https://ca.example/authz/1").unwrap(),
        url: Url::parse("https://ca.example/chall/1").unwrap(),
        identifier: Identifier::dns(name).unwrap(),
        wildcard: false,
        token: (kind != ChallengeKind::DnsPersist01)
            .then(|| Token::parse("ODE4OWY4NTktYjhmYS00YmY1LTk5MDgtZTFjYTZmNjZlYTUx").unwrap()),
        thumbprint: Thumbprint::from_bytes([7; 32]),
        account: Some(Url::parse("https://ca.example/acct/123").unwrap()),
        members: Map::new(),
        persistent: kind == ChallengeKind::DnsPersist01,
        remove_persistent: false,
        kind,
    }
}

/// Reads the challenge object of a kind with these further members, each after a comma.
pub(super) fn received(kind: &str, members: &str) -> wire::Challenge {
    let url = Url::parse("https://ca.example/chall/1").unwrap();
    let body = format!(r#"{{"type":"{kind}","url":"{url}"{members}}}"#);
    let context = Context { url: &url, allow_http: false };
    wire::Challenge::parse(body.as_bytes(), context).unwrap().value
}

/// Returns what is wrong with a challenge object, as far as its kind is concerned.
pub(super) fn faults(kinds: &Kinds, challenge: &wire::Challenge) -> Vec<(String, DeviationKind)> {
    let own = Url::parse("https://ca.example/acct/123").unwrap();
    let deviations = kinds.deviations(challenge, Some(&own));
    deviations.iter().map(|d| (d.field().to_owned(), d.kind().clone())).collect()
}
