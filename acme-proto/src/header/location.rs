//! `Location`, the only source of a new resource's URL (RFC 8555 Sections 7.3 and 7.4).

use crate::http::Headers;
use crate::url::Url;

/// Returns the URL in the `Location` header, resolved against `base`, the URL of the request; `None` if it is missing or
/// unusable.
///
/// A server may send a relative URL, as Boulder once did (<https://github.com/certbot/certbot/issues/434>).
pub fn location(headers: &Headers, base: &Url) -> Option<Url> {
    base.resolve(headers.first("location")?.trim()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn a_relative_location_is_resolved_and_a_bad_one_is_none() {
        let base = Url::parse("https://ca.example/acme/new-acct").unwrap();
        let get = |value: &str| {
            let mut headers = Headers::new();
            headers.append("LOCATION", value);
            location(&headers, &base).map(|url| url.as_str().to_owned())
        };
        use alloc::borrow::ToOwned;
        // covers 8555-6.4-6
        assert_eq!(get("/acct/1").as_deref(), Some("https://ca.example/acct/1"));
        // covers http-hdr-1
        assert_eq!(get("https://h:443/a%2fb?x=1").as_deref(), Some("https://h:443/a%2fb?x=1"));
        assert_eq!(get("javascript:x"), None);
        assert_eq!(location(&Headers::new(), &base), None);
    }
}
