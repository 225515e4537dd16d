//! The response headers that ACME uses, one in each file.

mod link;
mod location;
mod replay_nonce;
mod retry_after;

use alloc::string::String;

use crate::http::Headers;
use crate::text::printable;

pub use link::{Link, links};
pub use location::location;
pub use replay_nonce::replay_nonce;
pub use retry_after::retry_after;

/// Returns the media type in lower case, without its parameters, or `None` if it is missing or
/// malformed.
pub fn media_type(headers: &Headers) -> Option<String> {
    let value = headers.first("content-type")?;
    let essence = value.split(';').next()?.trim();
    (!essence.is_empty() && essence.len() <= 256).then(|| essence.to_ascii_lowercase())
}

/// Returns the media type for a message, or that there is none.
pub(crate) fn media_type_in_words(headers: &Headers) -> String {
    media_type(headers).map_or_else(|| "no media type".into(), |kind| printable(&kind, 80))
}

/// Returns whether a character is allowed in a token (RFC 9110 Section 5.6.2).
fn is_token_char(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Some CAs send a charset, as in https://github.com/ndilieto/uacme/issues/22.
    #[test]
    fn a_media_type_has_neither_case_nor_parameters() {
        let mut headers = Headers::new();
        assert_eq!(media_type(&headers), None);
        headers.append("Content-Type", "Application/Problem+JSON;charset=UTF-8");
        assert_eq!(media_type(&headers).as_deref(), Some("application/problem+json"));
    }
}
