//! `Replay-Nonce` (RFC 8555 Section 6.5.1).

use crate::http::Headers;
use crate::token::Nonce;

/// Returns the first valid nonce. A value that is not base64url is ignored (RFC 8555 Section
/// 6.5.1).
///
/// The header may be repeated, or its values joined by a comma. Any one of the nonces will do.
pub fn replay_nonce(headers: &Headers) -> Option<Nonce> {
    headers
        .all("replay-nonce")
        .flat_map(|value| value.split(','))
        .find_map(|value| Nonce::parse(value.trim()).ok())
}

#[cfg(test)]
mod tests {

    use super::*;

    fn nonce(values: &[&str]) -> Option<Nonce> {
        let mut headers = Headers::new();
        values.iter().for_each(|value| headers.append("Replay-Nonce", value));
        replay_nonce(&headers)
    }

    #[test]
    fn an_invalid_nonce_counts_as_absent() {
        for bad in ["ab=c", "a b", "", "a\u{fc}"] {
            // covers 8555-6.5.1-1
            assert_eq!(nonce(&[bad]), None, "{bad:?}");
        }
    }

    #[test]
    fn of_several_nonces_one_is_taken() {
        let a = Nonce::parse("aa").ok();
        // covers 8555-6.5.1-3
        assert_eq!(nonce(&["aa", "bb"]), a);
        assert_eq!(nonce(&["aa, bb"]), a);
        assert_eq!(nonce(&["=", "aa"]), a);
    }
}
