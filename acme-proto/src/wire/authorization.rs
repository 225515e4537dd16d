//! The authorization object (RFC 8555 Section 7.1.4).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::challenge::Challenge;
use super::json::Node;
use super::object::{self, Object, Reader};
use super::open_enum::open_enum;
use super::{Context, DeviationKind, InvalidObject, Parsed};
use crate::identifier::Identifier;
use crate::time::Timestamp;

/// An authorization: one identifier and the challenges that prove control of it (RFC 8555 Section
/// 7.1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    identifier: Option<Identifier>,
    status: AuthorizationStatus,
    expires: Option<Timestamp>,
    wildcard: bool,
    subdomain_auth_allowed: bool,
    challenges: Vec<Challenge>,
    extra: Map<String, Value>,
}

impl Authorization {
    /// The maximum number of challenges that are kept.
    pub const MAX_CHALLENGES: usize = 64;

    /// Parses an authorization.
    ///
    /// Malformed challenges are reported and omitted. An identifier that begins with `*.` is
    /// reported and treated as a wildcard without it.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is not a JSON object, `status` is missing or
    /// malformed, `identifier` is malformed, `wildcard` is not a boolean, or a pending authorization has no `challenges`. The
    /// server is at fault.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        object::parse(body, context, Self::read)
    }

    /// Returns the identifier, without the `*.` of a wildcard; `None` if the server does not send it, which breaks the RFC.
    pub const fn identifier(&self) -> Option<&Identifier> {
        self.identifier.as_ref()
    }

    /// Returns the status.
    pub const fn status(&self) -> &AuthorizationStatus {
        &self.status
    }

    /// Returns the time until which the challenges can be completed or, if valid, the authorization
    /// can be used.
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Returns whether the authorization is for the wildcard name, which is `*.` before the
    /// identifier.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns whether the authorization also covers subdomains (RFC 9444 Section 4.1).
    pub const fn subdomain_auth_allowed(&self) -> bool {
        self.subdomain_auth_allowed
    }

    /// Returns the challenges, including those of unknown kinds. The client has to complete one of
    /// them.
    ///
    /// Their order has no meaning and may change. The URL identifies a challenge.
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }

    /// Returns all other members, including those of the identifier, under `identifier`.
    pub const fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    fn read(mut object: Object<'_>, reader: &mut Reader<'_>) -> Result<Self, InvalidObject> {
        let (identifier, starred) = identifier(&mut object, reader)?;
        // The flag decides which name is proved, so a malformed one is an error rather than a
        // guess.
        let flag =
            |value: &Node<'_>, _: &Reader<'_>| value.as_bool().ok_or(DeviationKind::Malformed);
        let wildcard = object.strict("wildcard", reader, flag)?.unwrap_or(false);
        let status = object.status(reader)?;
        let expires = object.timestamp("expires", reader);
        // RFC 8555 Section 7.1.4 requires `expires` only of valid authorizations.
        if status == AuthorizationStatus::Valid {
            object.expect("expires", expires.is_some(), reader);
        }
        Ok(Self {
            identifier,
            expires,
            wildcard: wildcard || starred,
            subdomain_auth_allowed: object.boolean("subdomainAuthAllowed", reader).unwrap_or(false),
            challenges: challenges(&mut object, &status, reader)?,
            status,
            extra: object.into_extra(reader),
        })
    }
}

open_enum! {
    /// The status of an authorization (RFC 8555 Section 7.1.6).
    pub enum AuthorizationStatus {
        /// A challenge has yet to be completed.
        Pending = "pending",
        /// Control of the identifier is proved.
        Valid = "valid",
        /// A challenge failed.
        Invalid = "invalid",
        /// The client deactivated the authorization.
        Deactivated = "deactivated",
        /// The authorization expired.
        Expired = "expired",
        /// The server revoked the authorization.
        Revoked = "revoked",
    }
}

/// Takes the identifier, and returns whether it began with `*.`.
///
/// RFC 8555 Section 7.1.4 forbids that prefix, but ACME-Server-ADCS before 2.1.4 sent it.
fn identifier(
    object: &mut Object<'_>,
    reader: &mut Reader<'_>,
) -> Result<(Option<Identifier>, bool), InvalidObject> {
    let Some(member) = object.strict_object("identifier", reader)? else {
        object.expect("identifier", false, reader);
        return Ok((None, false));
    };
    let (kind, value, rest) = member.identifier(reader)?;
    object.put_back("identifier", rest);
    match value.strip_prefix("*.").filter(|_| kind.eq_ignore_ascii_case("dns")) {
        Some(base) => {
            reader.report(object.path("identifier.value"), DeviationKind::Unexpected);
            let identifier = match Identifier::from_wire(&kind, base) {
                // A wildcard of a wildcard does not exist, so no challenge for it must look usable.
                twice if twice.is_wildcard() => {
                    Identifier::Other { kind: kind.into_owned(), value: base.into() }
                }
                once => once,
            };
            Ok((Some(identifier), true))
        }
        None => Ok((Some(Identifier::from_wire(&kind, &value)), false)),
    }
}

/// Takes the challenges. Only a pending authorization needs them.
fn challenges(
    object: &mut Object<'_>,
    status: &AuthorizationStatus,
    reader: &mut Reader<'_>,
) -> Result<Vec<Challenge>, InvalidObject> {
    let entries = object.array("challenges", Authorization::MAX_CHALLENGES, reader);
    let Some(entries) = entries else {
        let field = object.path("challenges");
        let malformed = object.has("challenges");
        if *status == AuthorizationStatus::Pending {
            return Err(match malformed {
                true => InvalidObject::Malformed { field },
                false => InvalidObject::Missing { field },
            });
        }
        object.expect("challenges", malformed, reader);
        return Ok(Vec::new());
    };
    let mut challenges = Vec::new();
    for (path, entry) in entries {
        let read = Object::at(path.clone(), entry).and_then(|entry| Challenge::read(entry, reader));
        match read {
            Ok(challenge) => challenges.push(challenge),
            Err(fault) => reader.skip(path, &fault),
        }
    }
    Ok(challenges)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::wire::testing::{fault, malformed, missing, odd, read, read_odd};
    use crate::wire::{ChallengeKind, ChallengeStatus};

    fn pending(members: &str) -> String {
        format!(
            r#"{{"status":"pending","identifier":{{"type":"dns","value":"example.org"}},{members}}}"#
        )
    }

    // RFC 8555 Section 7.1.4
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let authorization = read(
            Authorization::parse,
            r#"{
                "status": "valid",
                "expires": "2015-03-01T14:09:07.99Z",
                "identifier": { "type": "dns", "value": "www.example.org" },
                "challenges": [
                    {
                        "url": "https://example.com/acme/chall/prV_B7yEyA4",
                        "type": "http-01",
                        "status": "valid",
                        "token": "DGyRejmCefe7v4NfDGDKfA",
                        "validated": "2014-12-01T12:05:58.16Z"
                    }
                ],
                "wildcard": false
            }"#,
        );
        assert_eq!(authorization.status(), &AuthorizationStatus::Valid);
        assert_eq!(
            authorization.identifier(),
            Some(&Identifier::from_wire("dns", "www.example.org"))
        );
        assert_eq!(
            authorization.expires().map(|t| t.to_string()).as_deref(),
            Some("2015-03-01T14:09:07.99Z")
        );
        assert!(!authorization.is_wildcard());
        let [challenge] = authorization.challenges() else { panic!("one challenge") };
        assert_eq!(challenge.kind(), &ChallengeKind::Http01);
        assert_eq!(challenge.status(), &ChallengeStatus::Valid);
    }

    // RFC 8555 Section 7.5.
    #[test]
    fn the_example_without_challenge_status_is_read() {
        let authorization = read(
            Authorization::parse,
            r#"{
                "status": "pending",
                "expires": "2016-01-02T14:09:30Z",
                "identifier": { "type": "dns", "value": "www.example.org" },
                "challenges": [
                    {
                        "type": "http-01",
                        "url": "https://example.com/acme/chall/prV_B7yEyA4",
                        "token": "DGyRejmCefe7v4NfDGDKfA"
                    },
                    {
                        "type": "dns-01",
                        "url": "https://example.com/acme/chall/Rg5dV14Gh1Q",
                        "token": "DGyRejmCefe7v4NfDGDKfA"
                    }
                ]
            }"#,
        );
        let kinds: Vec<_> = authorization.challenges().iter().map(Challenge::kind).collect();
        assert_eq!(kinds, [&ChallengeKind::Http01, &ChallengeKind::Dns01]);
        // covers 8555-8-1
        assert!(authorization.challenges().iter().all(|c| *c.status() == ChallengeStatus::Pending));
    }

    #[test]
    fn a_bad_challenge_does_not_fail_its_siblings() {
        let (authorization, odds) = read_odd(
            Authorization::parse,
            pending(
                r#""challenges":[
                    7,
                    {"url":"https://a.example/1"},
                    {"type":"http-01","url":"/2","token":"abcdefghijklmnopqrstuv"},
                    {"type":"http-01","url":"http://a.example/3","token":"abcdefghijklmnopqrstuv"},
                    {"type":null,"url":"https://a.example/4"},
                    {"type":"sectigo-email-01","url":"https://a.example/5","status":"pending"},
                    {"type":"dns-01","url":"https://a.example/6","token":"abcdefghijklmnopqrstuv"}
                ]"#,
            ),
        );
        let kinds: Vec<_> = authorization.challenges().iter().map(|c| c.kind().as_str()).collect();
        // covers fld-az-4
        assert_eq!(kinds, ["sectigo-email-01", "dns-01"]);
        // covers fld-ch-1, fld-ch-2, fld-gen-8
        assert_eq!(
            odds,
            [
                odd("challenges[0]", DeviationKind::BadSibling),
                odd("challenges[1].type", DeviationKind::BadSibling),
                odd("challenges[2].url", DeviationKind::BadSibling),
                odd("challenges[3].url", DeviationKind::BadSibling),
                odd("challenges[4].type", DeviationKind::BadSibling),
            ]
        );
    }

    // ACME-Server-ADCS before 2.1.4 sent the prefix together with `wildcard`.
    #[test]
    fn a_star_before_the_identifier_is_taken_as_wildcard() {
        for flag in ["", r#""wildcard":true,"#] {
            let (authorization, odds) = read_odd(
                Authorization::parse,
                format!(
                    r#"{{"status":"pending",{flag}"challenges":[],
                        "identifier":{{"type":"dns","value":"*.example.com"}}}}"#
                ),
            );
            assert_eq!(
                authorization.identifier(),
                Some(&Identifier::from_wire("dns", "example.com"))
            );
            assert!(authorization.is_wildcard());
            assert_eq!(odds, [odd("identifier.value", DeviationKind::Unexpected)]);
        }
    }

    #[test]
    fn a_wildcard_of_a_wildcard_is_no_name() {
        let (authorization, _) = read_odd(
            Authorization::parse,
            r#"{"status":"pending","challenges":[],"identifier":{"type":"dns","value":"*.*.a.example"}}"#,
        );
        assert!(!authorization.identifier().unwrap().is_wildcard());
        assert_eq!(authorization.identifier().unwrap().value(), "*.a.example");
    }

    #[test]
    fn wildcard_is_false_unless_it_is_true() {
        for (member, expected) in [
            ("", false),
            (r#""wildcard":null,"#, false),
            (r#""wildcard":false,"#, false),
            (r#""wildcard":true,"#, true),
        ] {
            let body = pending(&format!(r#"{member}"challenges":[]"#));
            // covers 8555-7.1.4-5
            assert_eq!(read(Authorization::parse, body).is_wildcard(), expected, "{member}");
        }
        let body = pending(r#""wildcard":"true","challenges":[]"#);
        // covers fld-az-5
        assert_eq!(fault(Authorization::parse, body), malformed("wildcard"));
    }

    #[test]
    fn only_a_pending_authorization_needs_challenges() {
        // covers fld-az-4
        assert_eq!(fault(Authorization::parse, pending(r#""x":1"#)), missing("challenges"));
        let body = pending(r#""challenges":{}"#);
        assert_eq!(fault(Authorization::parse, body), malformed("challenges"));
        for (member, kind) in
            [(r#""x":1"#, DeviationKind::Missing), (r#""challenges":{}"#, DeviationKind::Malformed)]
        {
            let body = pending(member).replace("pending", "invalid");
            let (authorization, odds) = read_odd(Authorization::parse, body);
            // covers fld-az-4
            assert!(authorization.challenges().is_empty());
            assert_eq!(odds, [odd("challenges", kind)]);
        }
    }

    #[test]
    fn the_status_cannot_be_done_without_nor_can_an_identifier_be_guessed() {
        let identifier = r#""identifier":{"type":"dns","value":"a.example"}"#;
        for (body, expected) in [
            (r#"{"status":"valid","identifier":"a"}"#.to_string(), malformed("identifier")),
            (
                r#"{"status":"valid","identifier":{"type":"dns"}}"#.to_string(),
                missing("identifier.value"),
            ),
            (format!("{{{identifier}}}"), missing("status")),
            (format!(r#"{{{identifier},"status":null}}"#), malformed("status")),
        ] {
            // covers fld-az-1, fld-az-2
            assert_eq!(fault(Authorization::parse, &body), expected, "{body}");
        }
        // The order may tell it.
        let (nameless, odds) = read_odd(Authorization::parse, r#"{"status":"invalid"}"#);
        assert_eq!(nameless.identifier(), None);
        assert!(odds.contains(&odd("identifier", DeviationKind::Missing)), "{odds:?}");
    }

    #[test]
    fn an_unknown_status_is_kept() {
        let body = pending(r#""challenges":[]"#).replace("pending", "Valid");
        let (authorization, odds) = read_odd(Authorization::parse, body);
        // covers fld-az-2
        assert_eq!(authorization.status(), &AuthorizationStatus::Other("Valid".into()));
        assert_eq!(odds, [odd("status", DeviationKind::UnknownValue("Valid".into()))]);
    }

    #[test]
    fn an_identifier_of_unknown_type_is_kept_as_text() {
        let authorization = read(
            Authorization::parse,
            r#"{"status":"pending","identifier":{"type":"*x","value":"*.y"},"challenges":[]}"#,
        );
        // covers fld-ord-4
        assert_eq!(authorization.identifier().unwrap().kind(), "*x");
        assert_eq!(authorization.identifier().unwrap().value(), "*.y");
    }

    #[test]
    fn a_valid_authorization_without_expires_is_reported() {
        let body = pending(r#""challenges":[]"#).replace("pending", "valid");
        let (authorization, odds) = read_odd(Authorization::parse, body);
        // covers 8555-7.1.4-10
        assert_eq!(authorization.expires(), None);
        // covers fld-az-3
        assert_eq!(odds, [odd("expires", DeviationKind::Missing)]);
    }

    #[test]
    fn only_64_challenges_are_kept() {
        let one =
            r#"{"type":"dns-01","url":"https://a.example/6","token":"abcdefghijklmnopqrstuv"}"#;
        let body = pending(&format!(r#""challenges":[{}{one}]"#, format!("{one},").repeat(99)));
        let (authorization, odds) = read_odd(Authorization::parse, body);
        // covers fld-gen-6
        assert_eq!(authorization.challenges().len(), 64);
        assert_eq!(odds, [odd("challenges", DeviationKind::TooMany { limit: 64 })]);
    }

    #[test]
    fn subdomains_and_unknown_members_are_shown() {
        let body = pending(r#""challenges":[],"subdomainAuthAllowed":true,"future":[1]"#);
        let authorization = read(Authorization::parse, body);
        // covers 9444-4.1-1
        assert!(authorization.subdomain_auth_allowed());
        // covers fld-gen-1
        assert_eq!(authorization.extra()["future"][0], 1);
        assert_eq!(authorization.extra().len(), 1);
    }
}
