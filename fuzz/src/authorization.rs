use acme_proto::wire::{Authorization, Challenge};

use crate::{check, problem};

/// Parses an authorization of any content, and the same bytes as a challenge.
///
/// # Panics
///
/// If a parsed URL must not be requested, a token could escape from its path, or the identifier of
/// a wildcard authorization still has its `*.`.
pub fn authorization(data: &[u8]) {
    check::object(data, Authorization::parse, |authorization, allow_http| {
        assert!(authorization.challenges().len() <= Authorization::MAX_CHALLENGES);
        if let Some(identifier) = authorization.identifier() {
            assert!(!identifier.is_wildcard());
            check::is_plain(identifier);
        }
        check::is_plain(authorization.status());
        authorization.challenges().iter().for_each(|one| look(one, allow_http));
    });
    check::object(data, Challenge::parse, look);
}

fn look(challenge: &Challenge, allow_http: bool) {
    check::is_usable(challenge.url(), allow_http);
    check::is_plain(challenge.kind());
    check::is_plain(challenge.status());
    challenge.error().into_iter().for_each(problem::bounded);
    if let Some(token) = challenge.token() {
        let in_alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        assert!(!token.as_str().is_empty() && token.as_str().bytes().all(in_alphabet));
    }
}
