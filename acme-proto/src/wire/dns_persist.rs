//! What a dns-persist-01 challenge has in place of a token (draft-ietf-acme-dns-persist-00 section 3.1).

use alloc::vec::Vec;

use serde_json::Value;

use super::DeviationKind;
use super::object::{self, Object, Reader};
use crate::identifier::DnsName;
use crate::url::Url;

/// The members of a dns-persist-01 challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPersistMembers {
    issuer_domain_names: Vec<DnsName>,
    account_uri: Option<alloc::string::String>,
}

impl DnsPersistMembers {
    /// The largest number of issuer names; a challenge with more is malformed.
    pub const MAX_NAMES: usize = 10;

    /// Returns the names that the CA goes by, one of which stands in the record: one to ten.
    pub fn issuer_domain_names(&self) -> &[DnsName] {
        &self.issuer_domain_names
    }

    /// Returns the account that the challenge is made out to, where the server says so.
    ///
    /// It is to be compared with the account's own URL, and never to be published.
    pub fn account_uri(&self) -> Option<&str> {
        self.account_uri.as_deref()
    }

    /// Takes the members; none if one is missing or malformed, for then the challenge cannot be used.
    pub(super) fn take(object: &mut Object, reader: &mut Reader<'_>) -> Option<Self> {
        let names = object.optional(NAMES, reader, |value, _| names(value));
        object.expect(NAMES, names.is_some(), reader);
        let account_uri = object.optional("accounturi", reader, |value, _| {
            let text = object::text(value)?;
            if text.len() > Url::MAX_LEN { Err(DeviationKind::Malformed) } else { Ok(text) }
        });
        if object.has("accounturi") {
            return None;
        }
        Some(Self { issuer_domain_names: names?, account_uri })
    }
}

/// Reads names in normal form: lower-case A-labels without a final dot.
fn names(value: &Value) -> Result<Vec<DnsName>, DeviationKind> {
    let entries = value.as_array().ok_or(DeviationKind::Malformed)?;
    if entries.is_empty() || entries.len() > DnsPersistMembers::MAX_NAMES {
        return Err(DeviationKind::Malformed);
    }
    entries.iter().map(|entry| name(entry).ok_or(DeviationKind::Malformed)).collect()
}

fn name(entry: &Value) -> Option<DnsName> {
    let text = entry.as_str()?;
    DnsName::parse(text).ok().filter(|name| name.as_str() == text && !name.is_wildcard())
}

const NAMES: &str = "issuer-domain-names";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;

    use crate::wire::testing::{odd, read, read_odd};
    use crate::wire::{Challenge, DeviationKind};

    fn body(members: &str) -> alloc::string::String {
        format!(
            r#"{{"type":"dns-persist-01","url":"https://ca.example/acme/authz/1234/0",{members}}}"#
        )
    }

    // draft-ietf-acme-dns-persist-00 section 3.1
    #[test]
    fn the_example_of_the_draft_is_read() {
        let challenge = read(
            Challenge::parse,
            body(
                r#""status":"pending","issuer-domain-names":["authority.example","ca.example.net"]"#,
            ),
        );
        let persist = challenge.dns_persist().unwrap();
        let names: alloc::vec::Vec<_> =
            persist.issuer_domain_names().iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["authority.example", "ca.example.net"]);
        assert_eq!((persist.account_uri(), challenge.token()), (None, None));
    }

    // dnspersist-3.1-3, dnspersist-3.1-4, fld-ch-7
    #[test]
    fn names_in_another_form_make_the_challenge_unusable() {
        let long = format!(r#"["{}.example"]"#, ["a"; 124].join("."));
        let eleven = format!("[{}]", [r#""ca.example""#; 11].join(","));
        for bad in [
            "[]",
            &*eleven,
            r#"["CA.example"]"#,
            r#"["ca.example."]"#,
            r#"["b\u00fccher.example"]"#,
            r#"["*.ca.example"]"#,
            r#"["ca.example",1]"#,
            r#"[""]"#,
            r#""ca.example""#,
            "{}",
            &*long,
        ] {
            let (challenge, odds) =
                read_odd(Challenge::parse, body(&format!(r#""issuer-domain-names":{bad}"#)));
            assert_eq!(challenge.dns_persist(), None, "{bad}");
            assert!(challenge.extra().contains_key("issuer-domain-names"));
            assert_eq!(odds, [odd("issuer-domain-names", DeviationKind::Malformed)], "{bad}");
        }
        let (challenge, odds) = read_odd(Challenge::parse, body(r#""status":"pending""#));
        assert_eq!(challenge.dns_persist(), None);
        assert_eq!(odds, [odd("issuer-domain-names", DeviationKind::Missing)]);
    }

    // fld-ch-7
    #[test]
    fn an_account_that_is_no_text_makes_the_challenge_unusable() {
        let names = r#""issuer-domain-names":["ca.example"]"#;
        let (challenge, odds) =
            read_odd(Challenge::parse, body(&format!(r#"{names},"accounturi":1"#)));
        assert_eq!(challenge.dns_persist(), None);
        assert_eq!(odds, [odd("accounturi", DeviationKind::Malformed)]);
        let null = read(Challenge::parse, body(&format!(r#"{names},"accounturi":null"#)));
        assert_eq!(null.dns_persist().unwrap().account_uri(), None);
    }
}
