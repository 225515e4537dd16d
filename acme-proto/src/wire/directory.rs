//! The directory object (RFC 8555 Section 7.1.1).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::object::{self, Object, Reader};
use super::{Context, DeviationKind, InvalidObject, Parsed};
use crate::url::Url;

/// The directory: the URLs of a server's operations (RFC 8555 Section 7.1.1).
///
/// An operation with an absent or unusable URL is not available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory(Arc<Members>);

/// What a directory consists of. Clones share it.
#[derive(Debug, PartialEq, Eq)]
struct Members {
    new_nonce: Url,
    new_account: Option<Url>,
    new_order: Option<Url>,
    new_authz: Option<Url>,
    revoke_cert: Option<Url>,
    key_change: Option<Url>,
    renewal_info: Option<Url>,
    meta: Meta,
    extra: Map<String, Value>,
}

impl Directory {
    /// Parses a directory.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is not a JSON object, or has no usable `newNonce`. The server
    /// is at fault, or the directory URL is wrong.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        object::parse(body, context, Self::read)
    }

    /// Returns the URL that issues nonces (RFC 8555 Section 7.2).
    pub fn new_nonce(&self) -> &Url {
        &self.0.new_nonce
    }

    /// Returns the URL that finds and creates accounts (RFC 8555 Section 7.3).
    pub fn new_account(&self) -> Option<&Url> {
        self.0.new_account.as_ref()
    }

    /// Returns the URL that creates orders (RFC 8555 Section 7.4).
    pub fn new_order(&self) -> Option<&Url> {
        self.0.new_order.as_ref()
    }

    /// Returns the URL that creates authorizations without an order (RFC 8555 Section 7.4.1).
    pub fn new_authz(&self) -> Option<&Url> {
        self.0.new_authz.as_ref()
    }

    /// Returns the URL that revokes certificates (RFC 8555 Section 7.6).
    pub fn revoke_cert(&self) -> Option<&Url> {
        self.0.revoke_cert.as_ref()
    }

    /// Returns the URL that changes account keys (RFC 8555 Section 7.3.5).
    pub fn key_change(&self) -> Option<&Url> {
        self.0.key_change.as_ref()
    }

    /// Returns the base URL of renewal information (RFC 9773 Section 3).
    pub fn renewal_info(&self) -> Option<&Url> {
        self.0.renewal_info.as_ref()
    }

    /// Returns the metadata of the server, or defaults if it sends none.
    pub fn meta(&self) -> &Meta {
        &self.0.meta
    }

    /// Returns all other members.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.0.extra
    }

    /// Returns the object as JSON, as [`parse`](Self::parse) reads it.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = self.0.extra.clone();
        let urls = [
            ("newNonce", Some(&self.0.new_nonce)),
            ("newAccount", self.0.new_account.as_ref()),
            ("newOrder", self.0.new_order.as_ref()),
            ("newAuthz", self.0.new_authz.as_ref()),
            ("revokeCert", self.0.revoke_cert.as_ref()),
            ("keyChange", self.0.key_change.as_ref()),
            ("renewalInfo", self.0.renewal_info.as_ref()),
        ];
        for (name, url) in urls {
            object.extend(url.map(|url| (name.into(), url.as_str().into())));
        }
        object.insert("meta".into(), self.0.meta.to_json());
        Value::Object(object)
    }

    fn read(mut object: Object<'_>, reader: &mut Reader<'_>) -> Result<Self, InvalidObject> {
        // Every signed request needs a nonce, so a directory without this URL is useless. Without
        // any other URL, only its operation is unavailable.
        let new_nonce = object.required("newNonce", reader, |value, reader| reader.url(value))?;
        // RFC 8555 Section 7.1.1 requires these four, but for example some CAs do not support key
        // changes: https://github.com/rmbolger/Posh-ACME/issues/483.
        let mut needed = |object: &mut Object<'_>, name| {
            let url = object.url(name, reader);
            object.expect(name, url.is_some(), reader);
            url
        };
        let new_account = needed(&mut object, "newAccount");
        let new_order = needed(&mut object, "newOrder");
        let revoke_cert = needed(&mut object, "revokeCert");
        let key_change = needed(&mut object, "keyChange");
        Ok(Self(Arc::new(Members {
            new_nonce,
            new_account,
            new_order,
            new_authz: object.url("newAuthz", reader),
            revoke_cert,
            key_change,
            renewal_info: object.url("renewalInfo", reader),
            meta: object
                .object("meta", reader)
                .map_or_else(Meta::default, |meta| Meta::read(meta, reader)),
            extra: object.into_extra(reader),
        })))
    }
}

/// The metadata of a server, in its directory (RFC 8555 Section 9.7.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    terms_of_service: Option<String>,
    website: Option<Url>,
    caa_identities: Vec<String>,
    external_account_required: bool,
    profiles: BTreeMap<String, String>,
    subdomain_auth_allowed: bool,
    extra: Map<String, Value>,
}

impl Meta {
    /// Returns the URL of the terms of service, as sent by the CA. It may be a `data:` URL.
    ///
    /// It consists of printable ASCII without spaces.
    pub fn terms_of_service(&self) -> Option<&str> {
        self.terms_of_service.as_deref()
    }

    /// Returns the URL of a page about the server.
    pub const fn website(&self) -> Option<&Url> {
        self.website.as_ref()
    }

    /// Returns the domain names that identify the CA in CAA records (RFC 8659).
    pub fn caa_identities(&self) -> &[String] {
        &self.caa_identities
    }

    /// Returns whether a new account needs an external account binding.
    pub const fn external_account_required(&self) -> bool {
        self.external_account_required
    }

    /// Returns the profiles by name, each with a description for humans (draft-ietf-acme-profiles
    /// Section 3).
    pub const fn profiles(&self) -> &BTreeMap<String, String> {
        &self.profiles
    }

    /// Returns the offer of automatic renewal, as received (RFC 8739 Section 3.2).
    pub fn auto_renewal(&self) -> Option<&Map<String, Value>> {
        self.extra.get("auto-renewal").and_then(Value::as_object)
    }

    /// Returns whether authorizations may cover subdomains (RFC 9444 Section 4.4).
    pub const fn subdomain_auth_allowed(&self) -> bool {
        self.subdomain_auth_allowed
    }

    /// Returns all other members.
    pub const fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    fn to_json(&self) -> Value {
        let mut object = self.extra.clone();
        let texts = [
            ("termsOfService", self.terms_of_service.as_deref()),
            ("website", self.website.as_ref().map(Url::as_str)),
        ];
        for (name, text) in texts {
            object.extend(text.map(|text| (name.into(), text.into())));
        }
        if !self.caa_identities.is_empty() {
            object.insert("caaIdentities".into(), self.caa_identities.clone().into());
        }
        if !self.profiles.is_empty() {
            let text = |(name, text): (&String, &String)| (name.clone(), text.clone().into());
            object
                .insert("profiles".into(), Value::Object(self.profiles.iter().map(text).collect()));
        }
        let switches = [
            ("externalAccountRequired", self.external_account_required),
            ("subdomainAuthAllowed", self.subdomain_auth_allowed),
        ];
        for (name, _) in switches.into_iter().filter(|(_, is_on)| *is_on) {
            object.insert(name.into(), true.into());
        }
        Value::Object(object)
    }

    fn read(mut object: Object<'_>, reader: &mut Reader<'_>) -> Self {
        Self {
            terms_of_service: object.uri_text("termsOfService", reader),
            website: object.page("website", reader),
            caa_identities: object.strings("caaIdentities", reader),
            external_account_required: object
                .boolean("externalAccountRequired", reader)
                .unwrap_or(false),
            profiles: profiles(&mut object, reader),
            subdomain_auth_allowed: object.boolean("subdomainAuthAllowed", reader).unwrap_or(false),
            extra: object.into_extra(reader),
        }
    }
}

/// Takes the profiles. Entries that are not a string are reported and omitted.
fn profiles(object: &mut Object<'_>, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut profiles = BTreeMap::new();
    let Some(entries) = object.object("profiles", reader) else { return profiles };
    let path = object.path("profiles");
    for (name, description) in entries.into_members() {
        match description {
            Value::String(text) if profiles.len() < MAX_PROFILES => {
                profiles.insert(name, text);
            }
            _ => reader.report(format!("{path}.{name}"), DeviationKind::BadSibling),
        }
    }
    profiles
}

const MAX_PROFILES: usize = 1000;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::wire::testing::{fault, malformed, missing, odd, read, read_odd, try_read, url};

    fn with(members: &str) -> String {
        format!(
            r#"{{"newNonce":"https://a.example/n","newAccount":"https://a.example/a",
                "newOrder":"https://a.example/o","revokeCert":"https://a.example/r",
                "keyChange":"https://a.example/k",{members}}}"#
        )
    }

    #[test]
    fn a_directory_that_was_written_is_read_as_the_same() {
        let directory = read(
            Directory::parse,
            with(
                r#""newAuthz":"https://a.example/z","renewalInfo":"https://a.example/i","more":[1],
                "meta":{"termsOfService":"https://a.example/terms","website":"https://a.example/",
                "caaIdentities":["a.example"],"externalAccountRequired":true,"profiles":{"a":"b"},
                "subdomainAuthAllowed":true,"auto-renewal":{"x":1}}"#,
            ),
        );
        assert_eq!(read(Directory::parse, directory.to_json().to_string()), directory);
    }

    // RFC 8555 Section 7.1.1.
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let directory = read(
            Directory::parse,
            r#"{
                "newNonce": "https://example.com/acme/new-nonce",
                "newAccount": "https://example.com/acme/new-account",
                "newOrder": "https://example.com/acme/new-order",
                "newAuthz": "https://example.com/acme/new-authz",
                "revokeCert": "https://example.com/acme/revoke-cert",
                "keyChange": "https://example.com/acme/key-change",
                "meta": {
                    "termsOfService": "https://example.com/acme/terms/2017-5-30",
                    "website": "https://www.example.com/",
                    "caaIdentities": ["example.com"],
                    "externalAccountRequired": false
                }
            }"#,
        );
        // covers 8555-7.1.1-2
        assert_eq!(directory.new_nonce().as_str(), "https://example.com/acme/new-nonce");
        assert_eq!(directory.new_account(), Some(&url("https://example.com/acme/new-account")));
        assert_eq!(directory.new_order(), Some(&url("https://example.com/acme/new-order")));
        assert_eq!(directory.new_authz(), Some(&url("https://example.com/acme/new-authz")));
        assert_eq!(directory.revoke_cert(), Some(&url("https://example.com/acme/revoke-cert")));
        assert_eq!(directory.key_change(), Some(&url("https://example.com/acme/key-change")));
        assert_eq!(directory.renewal_info(), None);
        let meta = directory.meta();
        // covers 8555-7.1.1-6
        assert_eq!(meta.terms_of_service(), Some("https://example.com/acme/terms/2017-5-30"));
        assert_eq!(meta.website(), Some(&url("https://www.example.com/")));
        assert_eq!(meta.caa_identities(), ["example.com"]);
        assert!(!meta.external_account_required());
        assert!(meta.profiles().is_empty() && meta.extra().is_empty());
        assert!(directory.extra().is_empty());
    }

    // Let's Encrypt has a random key, profiles, and no meta.website.
    #[test]
    fn unknown_keys_of_any_type_are_kept() {
        let directory = read(
            Directory::parse,
            with(
                r#""Q3y7XPFoT5I":"https://community.example/t/adding-random-entries/33417",
                    "list":[1,{}],"renewalInfo":"https://a.example/ari",
                    "meta":{"profiles":{"classic":"https://a.example/docs#classic",
                        "shortlived":"https://a.example/docs#shortlived (not yet generally available)"}}"#,
            ),
        );
        // covers 8555-7.1.1-5
        assert_eq!(directory.extra().len(), 2);
        assert_eq!(directory.renewal_info(), Some(&url("https://a.example/ari")));
        let profiles: Vec<_> = directory.meta().profiles().keys().map(String::as_str).collect();
        assert_eq!(profiles, ["classic", "shortlived"]);
    }

    // step-ca sends a directory without `meta`.
    #[test]
    fn a_directory_without_meta_has_all_defaults() {
        for member in [r#""x":1"#, r#""meta":null"#] {
            assert_eq!(read(Directory::parse, with(member)).meta(), &Meta::default());
        }
    }

    #[test]
    fn only_new_nonce_cannot_be_done_without() {
        let (directory, odds) = read_odd(Directory::parse, r#"{"newNonce":"https://a.example/n"}"#);
        // covers fld-dir-2
        assert_eq!(directory.new_account(), None);
        let missing = ["newAccount", "newOrder", "revokeCert", "keyChange"];
        // covers 8555-7.1.1-4, fld-dir-3, fld-dir-5, fld-dir-6
        assert_eq!(odds, missing.map(|name| odd(name, DeviationKind::Missing)));
    }

    #[test]
    fn an_unusable_new_nonce_is_refused() {
        let not_https = InvalidObject::NotHttps { field: "newNonce".to_string() };
        for (body, expected) in [
            (r#"{}"#, missing("newNonce")),
            (r#"{"newNonce":null}"#, malformed("newNonce")),
            (r#"{"newNonce":["https://a.example/n"]}"#, malformed("newNonce")),
            (r#"{"newNonce":"/n"}"#, malformed("newNonce")),
            (r#"{"newNonce":""}"#, malformed("newNonce")),
            (r#"{"newNonce":"javascript:alert(1)"}"#, malformed("newNonce")),
            (r#"{"newNonce":"http://a.example/n"}"#, not_https),
        ] {
            // covers fld-dir-1, fld-gen-8
            assert_eq!(fault(Directory::parse, body), expected, "{body}");
        }
    }

    #[test]
    fn another_unusable_url_only_takes_its_operation_away() {
        let (directory, odds) = read_odd(
            Directory::parse,
            with(r#""newAuthz":"http://a.example/z","renewalInfo":5"#)
                .replace("https://a.example/a", ""),
        );
        // covers fld-dir-2, fld-dir-4
        assert_eq!((directory.new_account(), directory.new_authz()), (None, None));
        // covers fld-dir-7
        assert_eq!(directory.renewal_info(), None);
        assert_eq!(
            odds,
            [
                odd("newAccount", DeviationKind::NotAbsoluteUrl),
                odd("newAuthz", DeviationKind::NotHttps),
                odd("renewalInfo", DeviationKind::Malformed),
            ]
        );
    }

    #[test]
    fn http_is_accepted_from_a_test_server() {
        let base = url("http://127.0.0.1:14000/dir");
        let context = Context { url: &base, allow_http: true };
        let body = br#"{"newNonce":"http://127.0.0.1:14000/nonce"}"#;
        let directory = Directory::parse(body, context).map(|parsed| parsed.value);
        // covers fld-gen-8
        assert_eq!(
            directory.map(|d| d.new_nonce().to_string()).as_deref(),
            Ok("http://127.0.0.1:14000/nonce")
        );
        // Even so, requests to other machines must not be sent in the clear.
        let body = br#"{"newNonce":"http://ca.example/nonce"}"#;
        Directory::parse(body, context).map(drop).expect_err("no http beyond this machine");
    }

    #[test]
    fn malformed_meta_members_are_ignored_and_reported() {
        let (directory, odds) = read_odd(
            Directory::parse,
            with(
                r#""meta":{"termsOfService":"no ne","website":1,"caaIdentities":["a.example",{}],
                    "externalAccountRequired":"true","profiles":{"good":"text","bad":7}}"#,
            ),
        );
        let meta = directory.meta();
        // covers fld-dir-9, fld-dir-10
        assert_eq!((meta.terms_of_service(), meta.website()), (None, None));
        // covers fld-dir-11
        assert_eq!(meta.caa_identities(), ["a.example"]);
        // covers fld-dir-12
        assert!(!meta.external_account_required());
        // covers fld-dir-13
        assert_eq!(meta.profiles().len(), 1);
        assert_eq!(
            odds,
            [
                odd("meta.termsOfService", DeviationKind::Malformed),
                odd("meta.website", DeviationKind::Malformed),
                odd("meta.caaIdentities[1]", DeviationKind::BadSibling),
                odd("meta.externalAccountRequired", DeviationKind::Malformed),
                odd("meta.profiles.bad", DeviationKind::BadSibling),
            ]
        );
    }

    // A parser that rejects `null` here would reject the whole directory.
    #[test]
    fn profiles_of_null_do_not_fail_the_directory() {
        let directory = read(Directory::parse, with(r#""meta":{"profiles":null}"#));
        assert!(directory.meta().profiles().is_empty());
    }

    #[test]
    fn meta_that_is_no_object_is_ignored() {
        let (directory, odds) = read_odd(Directory::parse, with(r#""meta":[]"#));
        // covers fld-dir-8
        assert_eq!(directory.meta(), &Meta::default());
        assert_eq!(odds, [odd("meta", DeviationKind::Malformed)]);
    }

    #[test]
    fn terms_under_http_are_shown_all_the_same() {
        let (directory, odds) =
            read_odd(Directory::parse, with(r#""meta":{"termsOfService":"http://a.example/t"}"#));
        // covers fld-dir-9
        assert_eq!(directory.meta().terms_of_service(), Some("http://a.example/t"));
        assert_eq!(odds, [odd("meta.termsOfService", DeviationKind::NotHttps)]);
    }

    #[test]
    fn terms_may_have_a_fragment() {
        let body = with(r#""meta":{"termsOfService":"https://a.example/docs#terms"}"#);
        let directory = read(Directory::parse, body);
        assert_eq!(directory.meta().terms_of_service(), Some("https://a.example/docs#terms"));
    }

    // Pebble sends this URL.
    #[test]
    fn terms_may_be_a_data_url() {
        let terms = "data:text/plain,Do%20what%20thou%20wilt";
        let body = with(&format!(r#""meta":{{"termsOfService":"{terms}"}}"#));
        let (directory, _) = read_odd(Directory::parse, body);
        assert_eq!(directory.meta().terms_of_service(), Some(terms));
    }

    #[test]
    fn extensions_in_meta_are_shown() {
        let directory = read(
            Directory::parse,
            with(r#""meta":{"auto-renewal":{"min-lifetime":86400},"subdomainAuthAllowed":true}"#),
        );
        let lifetime = directory.meta().auto_renewal().and_then(|a| a["min-lifetime"].as_u64());
        // covers fld-dir-14
        assert_eq!(lifetime, Some(86400));
        // covers fld-dir-16
        assert!(directory.meta().subdomain_auth_allowed());
    }

    #[test]
    fn of_duplicate_members_the_last_one_counts() {
        let directory = read(Directory::parse, with(r#""newOrder":"https://a.example/last""#));
        // covers fld-gen-3
        assert_eq!(directory.new_order(), Some(&url("https://a.example/last")));
    }

    #[test]
    fn what_is_no_object_is_refused_with_a_snippet() {
        let html = "<html>\n<h1>503 Service Unavailable</h1>";
        let snippet = "<html> <h1>503 Service Unavailable</h1>".to_string();
        assert_eq!(fault(Directory::parse, html), InvalidObject::NotJson { snippet });
        for body in ["[]", "\"x\"", "1", "null"] {
            let snippet = body.to_string();
            // covers fld-gen-4
            assert_eq!(fault(Directory::parse, body), InvalidObject::NotAnObject { snippet });
        }
    }

    #[test]
    fn no_prefix_and_no_changed_byte_makes_it_panic() {
        let body = with(r#""meta":{"profiles":{"a":"b"},"caaIdentities":["\u00e9"]}"#).into_bytes();
        for end in 0..body.len() {
            // covers fld-gen-6
            assert!(try_read(Directory::parse, &body[..end]).is_err());
            for byte in [0, b'"', b'\\', b'{', b']', 0x80, 0xff] {
                let mut changed = body.clone();
                changed[end] = byte;
                let _ = try_read(Directory::parse, &changed);
            }
        }
    }
}
