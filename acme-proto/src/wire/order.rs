//! The order object (RFC 8555 Section 7.1.3).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::object::{self, Object, Path, Reader};
use super::open_enum::open_enum;
use super::problem::Problem;
use super::{Context, InvalidObject, Parsed};
use crate::identifier::Identifier;
use crate::time::Timestamp;
use crate::url::Url;

/// An order for a certificate (RFC 8555 Section 7.1.3).
///
/// Its URL is not part of the object. Only the `Location` header contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(Arc<Members>);

/// What an order consists of. Clones share it, and it is dropped by one call.
#[derive(Debug, PartialEq, Eq)]
struct Members {
    status: OrderStatus,
    expires: Option<Timestamp>,
    identifiers: Vec<Identifier>,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    error: Option<Problem>,
    authorizations: Vec<Url>,
    finalize: Option<Url>,
    certificate: Option<Url>,
    replaces: Option<String>,
    profile: Option<String>,
    star_certificate: Option<Url>,
    extra: Map<String, Value>,
}

impl Order {
    /// The maximum number of identifiers that is read; an issuance accepts far fewer.
    pub const MAX_IDENTIFIERS: usize = 50_000;
    /// The maximum number of authorizations that is read.
    pub const MAX_AUTHORIZATIONS: usize = 50_000;

    /// Parses an order.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is not a JSON object, `status` is missing or malformed,
    /// `authorizations` has an entry that is not a usable URL, or a list is too long. The server is at fault.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        object::parse(body, context, Self::read)
    }

    /// Returns the status.
    pub fn status(&self) -> &OrderStatus {
        &self.0.status
    }

    /// Returns the time at which the server abandons the order.
    pub fn expires(&self) -> Option<Timestamp> {
        self.0.expires
    }

    /// Returns the identifiers, in no particular order. Empty if the server does not send them, or one of them is malformed.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.0.identifiers
    }

    /// Returns the requested start of the validity period.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.0.not_before
    }

    /// Returns the requested end of the validity period.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.0.not_after
    }

    /// Returns the error that occurred while the server processed the order.
    pub fn error(&self) -> Option<&Problem> {
        self.0.error.as_ref()
    }

    /// Returns the URLs of the authorizations. They need not match the identifiers in order or
    /// number. Empty if the server does not send them.
    pub fn authorizations(&self) -> &[Url] {
        &self.0.authorizations
    }

    /// Returns the URL to send the CSR to once the order is ready.
    pub fn finalize(&self) -> Option<&Url> {
        self.0.finalize.as_ref()
    }

    /// Returns the URL of the certificate once the order is valid.
    pub fn certificate(&self) -> Option<&Url> {
        self.0.certificate.as_ref()
    }

    /// Returns the identifier of the certificate that this order replaces (RFC 9773 Section 5).
    pub fn replaces(&self) -> Option<&str> {
        self.0.replaces.as_deref()
    }

    /// Returns the profile of the order (draft-ietf-acme-profiles Section 4).
    pub fn profile(&self) -> Option<&str> {
        self.0.profile.as_deref()
    }

    /// Returns the URL of the current certificate of an order with automatic renewal (RFC 8739).
    pub fn star_certificate(&self) -> Option<&Url> {
        self.0.star_certificate.as_ref()
    }

    /// Returns the parameters of automatic renewal, as received (RFC 8739 Section 3.1.1).
    pub fn auto_renewal(&self) -> Option<&Map<String, Value>> {
        self.0.extra.get("auto-renewal").and_then(Value::as_object)
    }

    /// Returns all other members, including those of the identifiers, under `identifiers`.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.0.extra
    }

    fn read(mut object: Object<'_>, reader: &mut Reader<'_>) -> Result<Self, InvalidObject> {
        let status = object.status(reader)?;
        let expires = object.timestamp("expires", reader);
        // RFC 8555 requires `expires` for these two states, but some CAs omit it:
        // https://github.com/rmbolger/Posh-ACME/issues/611.
        if matches!(status, OrderStatus::Pending | OrderStatus::Valid) {
            object.expect("expires", expires.is_some(), reader);
        }
        let finalize = object.url("finalize", reader);
        object.expect("finalize", finalize.is_some(), reader);
        Ok(Self(Arc::new(Members {
            status,
            expires,
            identifiers: identifiers(&mut object, reader)?,
            not_before: object.timestamp("notBefore", reader),
            not_after: object.timestamp("notAfter", reader),
            error: Problem::member(&mut object, "error", reader),
            authorizations: authorizations(&mut object, reader)?,
            finalize,
            certificate: object.url("certificate", reader),
            replaces: object.string("replaces", reader),
            profile: object.string("profile", reader),
            star_certificate: object.url("star-certificate", reader),
            extra: object.into_extra(reader),
        })))
    }
}

open_enum! {
    /// The status of an order (RFC 8555 Section 7.1.6, RFC 8739 Section 3.1.1).
    pub enum OrderStatus {
        /// Control of some identifier is not proved yet.
        Pending = "pending",
        /// The server waits for the CSR.
        Ready = "ready",
        /// The server is issuing the certificate.
        Processing = "processing",
        /// The certificate is issued.
        Valid = "valid",
        /// The order failed.
        Invalid = "invalid",
        /// The automatic renewal was canceled.
        Canceled = "canceled",
    }
}

/// Takes the identifiers. If they are absent, the caller assumes those that were ordered.
fn identifiers(
    object: &mut Object<'_>,
    reader: &mut Reader<'_>,
) -> Result<Vec<Identifier>, InvalidObject> {
    let name = "identifiers";
    let Some(entries) = object.strict_array(name, Order::MAX_IDENTIFIERS, reader)? else {
        object.expect(name, false, reader);
        return Ok(Vec::new());
    };
    let (mut identifiers, mut rest) = (Vec::new(), Vec::new());
    let mut is_whole = true;
    for (path, entry) in entries {
        let read = Object::at(path.clone(), entry).and_then(|entry| entry.identifier(reader));
        match read {
            Ok((kind, value, others)) => {
                identifiers.push(Identifier::from_wire(&kind, &value));
                rest.push(others);
            }
            Err(fault) => {
                reader.skip(path, &fault);
                is_whole = false;
            }
        }
    }
    object.put_back_list(name, rest);
    // Part of the list would look like another order.
    Ok(if is_whole { identifiers } else { Vec::new() })
}

/// Takes the authorizations. If they are absent, the caller goes on with those that it knows.
///
/// Here a malformed entry does invalidate the list: without that authorization the order would stay
/// pending until it expires.
fn authorizations(
    object: &mut Object<'_>,
    reader: &mut Reader<'_>,
) -> Result<Vec<Url>, InvalidObject> {
    let name = "authorizations";
    let Some(entries) = object.strict_array(name, Order::MAX_AUTHORIZATIONS, reader)? else {
        object.expect(name, false, reader);
        return Ok(Vec::new());
    };
    let at = |path: Path, kind| InvalidObject::at(path.into(), &kind);
    entries.map(|(path, entry)| reader.url(&entry).map_err(|kind| at(path, kind))).collect()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::wire::testing::{fault, malformed, missing, odd, read, read_odd, url};
    use crate::wire::{DeviationKind, ProblemType};

    /// A ready order with more members.
    fn ready(members: &str) -> String {
        format!(
            r#"{{"status":"ready","identifiers":[{{"type":"dns","value":"a.example"}}],
                "authorizations":["https://a.example/z/1"],"finalize":"https://a.example/f",{members}}}"#
        )
    }

    // RFC 8555 Section 7.1.3
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let order = read(
            Order::parse,
            r#"{
                "status": "valid",
                "expires": "2016-01-20T14:09:07.99Z",
                "identifiers": [
                    { "type": "dns", "value": "www.example.org" },
                    { "type": "dns", "value": "example.org" }
                ],
                "notBefore": "2016-01-01T00:00:00Z",
                "notAfter": "2016-01-08T00:00:00Z",
                "authorizations": [
                    "https://example.com/acme/authz/PAniVnsZcis",
                    "https://example.com/acme/authz/r4HqLzrSrpI"
                ],
                "finalize": "https://example.com/acme/order/TOlocE8rfgo/finalize",
                "certificate": "https://example.com/acme/cert/mAt3xBGaobw"
            }"#,
        );
        assert_eq!(order.status(), &OrderStatus::Valid);
        assert_eq!(
            order.expires().map(|t| t.to_string()).as_deref(),
            Some("2016-01-20T14:09:07.99Z")
        );
        let dns = |name| Identifier::from_wire("dns", name);
        assert_eq!(order.identifiers(), [dns("www.example.org"), dns("example.org")]);
        assert_eq!(order.not_before().map(Timestamp::unix_seconds), Some(1_451_606_400));
        assert_eq!(order.not_after().map(Timestamp::unix_seconds), Some(1_452_211_200));
        assert_eq!(order.authorizations()[1], url("https://example.com/acme/authz/r4HqLzrSrpI"));
        assert_eq!(
            order.finalize(),
            Some(&url("https://example.com/acme/order/TOlocE8rfgo/finalize"))
        );
        assert_eq!(order.certificate(), Some(&url("https://example.com/acme/cert/mAt3xBGaobw")));
        assert_eq!(order.error(), None);
        assert!(order.extra().is_empty());
    }

    #[test]
    fn expires_may_be_missing_where_it_is_required() {
        for status in ["pending", "valid"] {
            let body = ready(r#""x":1"#).replace("ready", status);
            let (order, odds) = read_odd(Order::parse, body);
            // covers 8555-7.1.3-7
            assert_eq!(order.expires(), None);
            // covers fld-ord-2
            assert_eq!(odds, [odd("expires", DeviationKind::Missing)]);
        }
        assert_eq!(read(Order::parse, ready(r#""x":1"#)).expires(), None);
    }

    #[test]
    fn the_status_is_required_but_may_be_unknown() {
        let body = ready(r#""x":1"#);
        // covers fld-ord-1
        assert_eq!(fault(Order::parse, body.replace("status", "state")), missing("status"));
        assert_eq!(fault(Order::parse, body.replace("\"ready\"", "null")), malformed("status"));
        let (order, odds) = read_odd(Order::parse, body.replace("ready", "on-hold"));
        // covers 8555-7.1.6-6
        assert_eq!(order.status(), &OrderStatus::Other("on-hold".into()));
        assert_eq!(odds, [odd("status", DeviationKind::UnknownValue("on-hold".into()))]);
    }

    #[test]
    fn absent_identifiers_are_reported() {
        let body =
            r#"{"status":"processing","authorizations":[],"finalize":"https://a.example/f"}"#;
        let (order, odds) = read_odd(Order::parse, body);
        assert!(order.identifiers().is_empty() && order.authorizations().is_empty());
        // covers fld-ord-3
        assert_eq!(odds, [odd("identifiers", DeviationKind::Missing)]);
    }

    #[test]
    fn a_malformed_identifier_leaves_the_order_without_any() {
        let body = r#"{"status":"ready","authorizations":[],"identifiers":{}}"#;
        // covers fld-ord-3
        assert_eq!(fault(Order::parse, body), malformed("identifiers"));
        let body = ready(r#""x":1"#);
        for (odd_body, field) in [
            // covers fld-ord-4
            (body.replace("type", "kind"), "identifiers[0].type"),
            // covers fld-ord-5
            (body.replace("\"a.example\"", "4"), "identifiers[0].value"),
            (body.replace("[{", "[7,{"), "identifiers[0]"),
        ] {
            let (order, odds) = read_odd(Order::parse, &odd_body);
            assert!(order.identifiers().is_empty(), "{odd_body}");
            assert!(odds.contains(&odd(field, DeviationKind::BadSibling)), "{odds:?}");
        }
    }

    #[test]
    fn identifiers_of_unknown_type_or_odd_value_are_kept() {
        let body = ready(r#""x":1"#).replace(
            r#"[{"type":"dns","value":"a.example"}]"#,
            r#"[{"type":"email","value":"a@b.example"},{"type":"dns","value":"A B"},
                {"type":"dns","value":"*.Example.ORG"},{"type":"ip","value":"2001:db8::1"}]"#,
        );
        let order = read(Order::parse, body);
        let shown: Vec<_> =
            order.identifiers().iter().map(|i| (i.kind().to_string(), i.value())).collect();
        let pair = |kind: &str, value: &str| (kind.to_string(), value.to_string());
        // covers fld-ord-4
        assert_eq!(shown[0], pair("email", "a@b.example"));
        // covers fld-ord-5
        assert_eq!(shown[1], pair("dns", "A B"));
        assert_eq!(shown[2], pair("dns", "*.example.org"));
        assert_eq!(shown[3], pair("ip", "2001:db8::1"));
        assert!(order.identifiers()[2].is_wildcard());
    }

    #[test]
    fn unusable_authorizations_are_refused() {
        let body = ready(r#""x":1"#);
        let list = r#"["https://a.example/z/1"]"#;
        // covers fld-ord-8
        let (order, odds) = read_odd(Order::parse, body.replace("authorizations", "x"));
        assert!(order.authorizations().is_empty());
        assert!(odds.contains(&odd("authorizations", DeviationKind::Missing)), "{odds:?}");
        let (order, _) = read_odd(Order::parse, body.replace(list, "null"));
        assert!(order.authorizations().is_empty());
        // covers fld-ord-8
        assert_eq!(fault(Order::parse, body.replace(list, "7")), malformed("authorizations"));
        assert_eq!(
            fault(Order::parse, body.replace(list, "[\"/z\"]")),
            malformed("authorizations[0]")
        );
        // covers fld-gen-8
        assert_eq!(
            fault(Order::parse, body.replace("https://a.example/z", "http://a.example/z")),
            InvalidObject::NotHttps { field: "authorizations[0]".into() }
        );
    }

    #[test]
    fn too_many_entries_are_refused() {
        let body = ready(r#""x":1"#);
        let zs = format!("[{}\"https://a.example/z\"]", "\"https://a.example/z\",".repeat(50_000));
        // covers fld-gen-6
        assert_eq!(
            fault(Order::parse, body.replace(r#"["https://a.example/z/1"]"#, &zs)),
            InvalidObject::TooMany { field: "authorizations".into(), limit: 50_000 }
        );
        let one = r#"{"type":"dns","value":"a.example"}"#;
        let long = one.replace('a', &"a".repeat(60));
        let names = format!("[{}{one}]", format!("{long},").repeat(50_000));
        assert_eq!(
            fault(Order::parse, body.replace(&format!("[{one}]"), &names)),
            InvalidObject::TooMany { field: "identifiers".into(), limit: 50_000 }
        );
    }

    #[test]
    fn unusable_urls_of_later_steps_are_reported() {
        let body = ready(r#""certificate":"""#).replace("https://a.example/f", "/f");
        let (order, odds) = read_odd(Order::parse, body);
        // covers fld-ord-9, fld-ord-10
        assert_eq!((order.finalize(), order.certificate()), (None, None));
        assert_eq!(
            odds,
            [
                odd("finalize", DeviationKind::NotAbsoluteUrl),
                odd("certificate", DeviationKind::NotAbsoluteUrl),
            ]
        );
    }

    #[test]
    fn times_are_instants_and_unreadable_ones_are_ignored() {
        let body = ready(r#""notBefore":"2026-01-01T04:00:00+04:00","notAfter":1767225600"#);
        let (order, odds) = read_odd(Order::parse, body);
        // covers 8555-7.4-23
        assert_eq!(order.not_before().map(Timestamp::unix_seconds), Some(1_767_225_600));
        // covers fld-ord-6
        assert_eq!(order.not_after(), None);
        assert_eq!(odds, [odd("notAfter", DeviationKind::Malformed)]);
    }

    #[test]
    fn the_zero_time_of_go_is_not_a_time() {
        let (order, odds) = read_odd(Order::parse, ready(r#""expires":"0001-01-01T00:00:00Z""#));
        assert_eq!(order.expires(), None);
        assert_eq!(odds, [odd("expires", DeviationKind::Malformed)]);
    }

    #[test]
    fn the_error_is_readable_and_an_unreadable_one_survived() {
        let body = ready(r#""error":{"type":"urn:ietf:params:acme:error:caa","detail":"no"}"#);
        let order = read(Order::parse, body);
        // covers 8555-7.1.3-10
        assert_eq!(order.error().map(Problem::kind), Some(&ProblemType::Caa));
        let (order, odds) = read_odd(Order::parse, ready(r#""error":"no""#));
        // covers fld-ord-7
        assert_eq!(order.error(), None);
        assert_eq!(odds, [odd("error", DeviationKind::Malformed)]);
    }

    // ZeroSSL sends an empty error.
    #[test]
    fn an_empty_error_is_none() {
        for error in ["{}", "null"] {
            assert_eq!(read(Order::parse, ready(&format!(r#""error":{error}"#))).error(), None);
        }
    }

    #[test]
    fn extensions_are_shown() {
        let order = read(
            Order::parse,
            ready(
                r#""replaces":"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE","profile":"shortlived",
                    "star-certificate":"https://a.example/star",
                    "auto-renewal":{"lifetime":345600},"allow-certificate-get":true"#,
            ),
        );
        // covers fld-ord-11
        assert_eq!(order.replaces(), Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"));
        // covers fld-ord-12
        assert_eq!(order.profile(), Some("shortlived"));
        // covers fld-ord-13
        assert_eq!(order.star_certificate(), Some(&url("https://a.example/star")));
        assert_eq!(order.auto_renewal().map(|a| a["lifetime"] == 345_600), Some(true));
        assert_eq!(order.extra()["allow-certificate-get"], true);
    }

    // PHP servers escape the slash, Go servers the ampersand
    #[test]
    fn escapes_in_urls_are_read() {
        let body =
            ready(r#""x":1"#).replace("https://a.example/z/1", r"https:\/\/a.example\/z?a\u0026b");
        assert_eq!(
            read(Order::parse, body).authorizations()[0].as_str(),
            "https://a.example/z?a&b"
        );
    }
}
