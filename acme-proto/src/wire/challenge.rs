//! The challenge object (RFC 8555 Sections 7.1.5 and 8).

use alloc::string::String;

use serde_json::{Map, Value};

use super::json;
use super::object::{self, Object, Reader};
use super::open_enum::open_enum;
use super::problem::Problem;
use super::{Context, DeviationKind, InvalidObject, Parsed};
use crate::time::Timestamp;
use crate::token::Token;
use crate::url::Url;

/// One way to prove an identifier (RFC 8555 Section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    kind: ChallengeKind,
    url: Url,
    status: ChallengeStatus,
    validated: Option<Timestamp>,
    error: Option<Problem>,
    token: Option<Token>,
    extra: Map<String, Value>,
}

impl Challenge {
    /// Reads the challenge at the request's URL.
    ///
    /// An unusable `url` is reported, and the request's URL taken in its place.
    ///
    /// # Errors
    ///
    /// The server's fault: not a JSON object, or no readable `type`.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        object::parse(body, context, |mut object, reader| {
            let url = object.url("url", reader);
            object.expect("url", url.is_some(), reader);
            Self::build(object, url.unwrap_or_else(|| context.url.clone()), reader)
        })
    }

    /// Returns the kind.
    pub const fn kind(&self) -> &ChallengeKind {
        &self.kind
    }

    /// Returns the URL, which names the challenge.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the status; an absent one is pending.
    pub const fn status(&self) -> &ChallengeStatus {
        &self.status
    }

    /// Returns when the server validated it.
    pub const fn validated(&self) -> Option<Timestamp> {
        self.validated
    }

    /// Returns what went wrong at the last try; it may be tried again while the status is processing.
    pub fn error(&self) -> Option<&Problem> {
        self.error.as_ref()
    }

    /// Returns the token; none if it is absent or has other characters than base64url's, in which case
    /// the challenge cannot be used if its kind needs one.
    pub const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Returns all other members: those that the kind defines, and unknown ones.
    pub const fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    /// Returns about how many octets of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let kind = match &self.kind {
            ChallengeKind::Other(other) => other.len(),
            _ => 0,
        };
        let error = self.error.as_ref().map_or(0, Problem::weight);
        let token = self.token.as_ref().map_or(0, |token| token.as_str().len());
        let url = self.url.as_str().len();
        size_of::<Self>() + kind + url + token + error + json::weight_of_members(&self.extra)
    }

    /// Returns whether it can still be responded to.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.status, ChallengeStatus::Pending | ChallengeStatus::Processing)
    }

    /// Reads an entry of an authorization, which needs a usable URL.
    pub(super) fn read(
        mut object: Object<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, InvalidObject> {
        let url = object.required("url", reader, |value, reader| reader.url(value))?;
        Self::build(object, url, reader)
    }

    fn build(
        mut object: Object<'_>,
        url: Url,
        reader: &mut Reader<'_>,
    ) -> Result<Self, InvalidObject> {
        let kind = object.required("type", reader, |value, _| object::text(value))?;
        let kind = ChallengeKind::from(&*kind);
        // Servers, and the examples of the RFC, leave `status` out of what is pending (8555-8-1).
        let status = object.optional_status(reader)?.unwrap_or(ChallengeStatus::Pending);
        let validated = object.timestamp("validated", reader);
        if status == ChallengeStatus::Valid {
            object.expect("validated", validated.is_some(), reader);
        }
        let token = object.optional("token", reader, |value, _| {
            let text = object::text(value)?;
            Token::parse(&text).map_err(|_| DeviationKind::Malformed)
        });
        if token.as_ref().is_some_and(Token::is_short) {
            reader.report(object.path("token"), DeviationKind::TooShort);
        }
        let error = Problem::member(&mut object, "error", reader);
        let extra = object.into_extra(reader);
        Ok(Self { kind, url, status, validated, error, token, extra })
    }
}

open_enum! {
    /// The kind of a challenge: the validation method (RFC 8555 Section 9.7.8).
    pub enum ChallengeKind {
        /// A resource served over HTTP (RFC 8555 Section 8.3).
        Http01 = "http-01",
        /// A TXT record (RFC 8555 Section 8.4).
        Dns01 = "dns-01",
        /// A certificate shown in a TLS handshake (RFC 8737).
        TlsAlpn01 = "tls-alpn-01",
        /// A TXT record at a name of the account's own (draft-ietf-acme-dns-account-label).
        DnsAccount01 = "dns-account-01",
        /// A TXT record that stays (draft-ietf-acme-dns-persist).
        DnsPersist01 = "dns-persist-01",
    }
}

open_enum! {
    /// The status of a challenge (RFC 8555 Section 7.1.6).
    pub enum ChallengeStatus {
        /// Nobody has answered it yet.
        Pending = "pending",
        /// The server validates, maybe again.
        Processing = "processing",
        /// It was met.
        Valid = "valid",
        /// It was not met.
        Invalid = "invalid",
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::wire::ProblemType;
    use crate::wire::testing::{fault, missing, odd, read, read_odd, url};

    const TOKEN: &str = "DGyRejmCefe7v4NfDGDKfA";

    // RFC 8555 Section 8.3
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let challenge = read(
            Challenge::parse,
            r#"{
                "type": "http-01",
                "url": "https://example.com/acme/chall/prV_B7yEyA4",
                "status": "pending",
                "token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
            }"#,
        );
        assert_eq!(challenge.kind(), &ChallengeKind::Http01);
        assert_eq!(challenge.url(), &url("https://example.com/acme/chall/prV_B7yEyA4"));
        assert_eq!(challenge.status(), &ChallengeStatus::Pending);
        let token = challenge.token().map(Token::as_str);
        assert_eq!(token, Some("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"));
        assert!(challenge.extra().is_empty());
    }

    #[test]
    fn a_kind_without_token_has_its_own_members() {
        let challenge = read(
            Challenge::parse,
            r#"{"type":"dns-persist-01","url":"https://a.example/c","status":"pending",
                "accounturi":"https://a.example/acct/1","issuer-domain-names":["a.example"]}"#,
        );
        assert_eq!(challenge.kind(), &ChallengeKind::DnsPersist01);
        assert_eq!(challenge.token(), None);
        // covers fld-ch-7
        assert_eq!(challenge.extra()["accounturi"], "https://a.example/acct/1");
        assert_eq!(challenge.extra()["issuer-domain-names"][0], "a.example");
    }

    #[test]
    fn a_token_with_other_characters_is_not_usable() {
        for token in ["../../etc/passwd", "a/b", "a%2f", "<script>", "", "abc="] {
            let (challenge, odds) = read_odd(
                Challenge::parse,
                format!(r#"{{"type":"http-01","url":"https://a.example/c","token":"{token}"}}"#),
            );
            // covers 8555-8.1-6, fld-ch-6
            assert_eq!(challenge.token(), None, "{token}");
            assert_eq!(challenge.extra()["token"], token);
            assert_eq!(odds, [odd("token", DeviationKind::Malformed)]);
        }
    }

    #[test]
    fn the_error_of_a_challenge_is_readable_in_any_status() {
        for status in ["pending", "processing", "invalid"] {
            let challenge = read(
                Challenge::parse,
                format!(
                    r#"{{"type":"dns-01","url":"https://a.example/c","token":"{TOKEN}","status":"{status}",
                        "error":{{"type":"urn:ietf:params:acme:error:dns","detail":"no TXT"}}}}"#
                ),
            );
            // covers 8555-8-2
            assert_eq!(challenge.status().as_str(), status);
            // covers 8555-6.7-7, fld-ch-5
            assert_eq!(challenge.error().map(Problem::kind), Some(&ProblemType::Dns));
        }
    }

    // As ZeroSSL sends it.
    #[test]
    fn an_empty_error_is_none() {
        for error in ["{}", "null", r#"{"type":"","detail":""}"#] {
            let challenge = read(
                Challenge::parse,
                format!(
                    r#"{{"type":"dns-01","url":"https://a.example/c","token":"{TOKEN}","error":{error}}}"#
                ),
            );
            // covers fld-gen-2
            assert_eq!(challenge.error(), None, "{error}");
            assert!(challenge.extra().is_empty());
        }
    }

    #[test]
    fn an_unreadable_error_is_reported_and_kept() {
        let (challenge, odds) = read_odd(
            Challenge::parse,
            format!(
                r#"{{"type":"dns-01","url":"https://a.example/c","token":"{TOKEN}","error":"no"}}"#
            ),
        );
        // covers fld-ch-5
        assert_eq!(challenge.error(), None);
        assert_eq!(challenge.extra()["error"], "no");
        assert_eq!(odds, [odd("error", DeviationKind::Malformed)]);
    }

    #[test]
    fn an_unreadable_time_is_ignored() {
        for time in ["yesterday", "0001-01-01T00:00:00Z", ""] {
            let (challenge, odds) = read_odd(
                Challenge::parse,
                format!(
                    r#"{{"type":"dns-01","url":"https://a.example/c","token":"{TOKEN}","status":"valid",
                        "validated":"{time}"}}"#
                ),
            );
            // covers fld-ch-4
            assert_eq!(challenge.validated(), None);
            // covers fld-gen-9
            assert_eq!(odds, [odd("validated", DeviationKind::Malformed)], "{time}");
        }
    }

    #[test]
    fn an_unknown_status_is_kept() {
        let body = format!(
            r#"{{"type":"dns-01","url":"https://a.example/c","token":"{TOKEN}","status":"waiting"}}"#
        );
        let (challenge, odds) = read_odd(Challenge::parse, body);
        // covers fld-ch-3
        assert_eq!(challenge.status(), &ChallengeStatus::Other("waiting".into()));
        assert_eq!(odds, [odd("status", DeviationKind::UnknownValue("waiting".into()))]);
    }

    #[test]
    fn a_challenge_fetched_by_its_url_need_not_tell_it() {
        let at = url("https://ca.example/acme/request");
        for (member, kind) in [
            ("\"x\":1", DeviationKind::Missing),
            ("\"url\":\"/c\"", DeviationKind::NotAbsoluteUrl),
            ("\"url\":\"http://a.example/c\"", DeviationKind::NotHttps),
        ] {
            let body = format!(r#"{{"type":"dns-01","token":"{TOKEN}",{member}}}"#);
            let (challenge, odds) = read_odd(Challenge::parse, body);
            assert_eq!(challenge.url(), &at);
            assert_eq!(odds, [odd("url", kind)]);
        }
    }

    #[test]
    fn a_challenge_without_type_is_refused() {
        // covers fld-ch-1
        assert_eq!(fault(Challenge::parse, r#"{"url":"https://a.example/c"}"#), missing("type"));
    }

    // nginx-acme's bug: borrowed strings
    #[test]
    fn escapes_are_read_everywhere() {
        let challenge = read(
            Challenge::parse,
            r#"{"type":"dns\u002d01","url":"https:\/\/a.example\/c?a=1\u0026b","token":"abc\u0064efghijklmnopqrstuv"}"#,
        );
        assert_eq!(challenge.kind(), &ChallengeKind::Dns01);
        assert_eq!(challenge.url().as_str(), "https://a.example/c?a=1&b");
    }
}
