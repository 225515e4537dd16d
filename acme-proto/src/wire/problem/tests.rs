//! Unit tests of the problem document.

use alloc::string::ToString;

use super::*;
use crate::wire::testing::{fault, missing, odd, read, read_odd, url};

// RFC 8555 Section 6.7.1.
const RFC: &str = r#"{
    "type": "urn:ietf:params:acme:error:malformed",
    "detail": "Some of the identifiers requested were rejected",
    "subproblems": [
        {
            "type": "urn:ietf:params:acme:error:malformed",
            "detail": "Invalid underscore in DNS name \"_example.org\"",
            "identifier": { "type": "dns", "value": "_example.org" }
        },
        {
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "This CA will not issue for \"example.net\"",
            "identifier": { "type": "dns", "value": "example.net" }
        }
    ]
}"#;

#[test]
fn the_example_with_subproblems_is_read() {
    let problem = read(Problem::parse, RFC);
    assert_eq!(problem.kind(), &ProblemType::Malformed);
    assert_eq!(problem.detail(), Some("Some of the identifiers requested were rejected"));
    let [first, second] = problem.subproblems() else { panic!("two subproblems") };
    assert_eq!(first.identifier().map(|i| i.value()).as_deref(), Some("_example.org"));
    assert_eq!(second.kind(), &ProblemType::RejectedIdentifier);
    assert_eq!(second.identifier(), Some(&Identifier::from_wire("dns", "example.net")));
}

#[test]
fn display_is_the_detail_and_the_subproblems() {
    // covers 8555-6.7-5
    assert_eq!(
        read(Problem::parse, RFC).to_string(),
        "Some of the identifiers requested were rejected \
         [_example.org: Invalid underscore in DNS name \"_example.org\"; \
         example.net: This CA will not issue for \"example.net\"]"
    );
}

#[test]
fn display_falls_back_to_title_and_type() {
    let kind = "urn:ietf:params:acme:error:dns";
    let body = format!(r#"{{"type":"{kind}","title":"DNS","detail":" "}}"#);
    assert_eq!(read(Problem::parse, body).to_string(), "DNS");
    assert_eq!(read(Problem::parse, format!(r#"{{"type":"{kind}"}}"#)).to_string(), kind);
}

#[test]
fn display_escapes_control_characters_but_detail_does_not() {
    let problem = read(Problem::parse, r#"{"detail":"\u001b]0;x\u0007\nnext"}"#);
    assert_eq!(problem.to_string(), "\\u{1b}]0;x\\u{7}\\nnext");
    // covers 8555-6.7-5
    assert_eq!(problem.detail(), Some("\u{1b}]0;x\u{7}\nnext"));
}

#[test]
fn display_is_bounded() {
    let part = format!(r#"{{"detail":"{}"}}"#, "x".repeat(5000));
    let parts = format!("{part},").repeat(99);
    let body = format!(r#"{{"detail":"{}","subproblems":[{parts}{part}]}}"#, "y".repeat(5000));
    let text = read(Problem::parse, body).to_string();
    assert!(text.chars().count() < 8000, "{}", text.len());
    assert!(text.ends_with("; and 80 more]"), "{text}");
}

// RFC 8555 Section 7.3.3.
#[test]
fn the_page_to_visit_is_shown() {
    let problem = read(
        Problem::parse,
        r#"{
            "type": "urn:ietf:params:acme:error:userActionRequired",
            "detail": "Terms of service have changed",
            "instance": "https://example.com/acme/agreement/?token=W8Ih3PswD-8"
        }"#,
    );
    // covers 8555-7.3.3-1
    assert_eq!(problem.instance(), Some("https://example.com/acme/agreement/?token=W8Ih3PswD-8"));
    assert_eq!(
        problem.to_string(),
        "Terms of service have changed (visit https://example.com/acme/agreement/?token=W8Ih3PswD-8)"
    );
}

#[test]
fn an_absent_or_empty_type_is_about_blank() {
    for member in ["", r#""type":null,"#, r#""type":"","#, r#""type":"about:blank","#] {
        let problem = read(Problem::parse, format!(r#"{{{member}"detail":"x"}}"#));
        // covers 8555-6.7-6, fld-pb-1
        assert_eq!(problem.kind(), &ProblemType::AboutBlank, "{member}");
    }
}

#[test]
fn members_of_the_wrong_type_count_as_absent() {
    let (problem, odds) = read_odd(
        Problem::parse,
        r#"{"type":1,"title":{},"detail":"x","status":"400","instance":[],"algorithms":"RS256",
            "subproblems":"many"}"#,
    );
    // covers 9457-3.1-1
    assert_eq!(problem.kind(), &ProblemType::AboutBlank);
    // covers fld-pb-2, fld-pb-3, fld-pb-5
    assert_eq!((problem.title(), problem.status(), problem.instance()), (None, None, None));
    // covers fld-pb-8
    assert!(problem.algorithms().is_empty());
    assert!(problem.subproblems().is_empty());
    assert_eq!(problem.detail(), Some("x"));
    let fields = ["type", "title", "status", "instance", "algorithms", "subproblems"];
    assert_eq!(odds, fields.map(|field| odd(field, DeviationKind::Malformed)));
    assert_eq!(problem.extra().len(), 6);
}

#[test]
fn status_is_kept_and_null_subproblems_are_none() {
    let problem = read(
        Problem::parse,
        r#"{"type":"urn:ietf:params:acme:error:badNonce","status":400,"subproblems":null}"#,
    );
    // covers 7807-3.1-3
    assert_eq!(problem.status(), Some(400));
    assert!(problem.subproblems().is_empty() && problem.extra().is_empty());
    for status in ["-1", "4.5", "65536", "99999999999999999999"] {
        let (problem, odds) =
            read_odd(Problem::parse, format!(r#"{{"detail":"x","status":{status}}}"#));
        assert_eq!(problem.status(), None);
        assert_eq!(odds, [odd("status", DeviationKind::Malformed)]);
    }
}

// The request went to https://ca.example/acme/request.
#[test]
fn relative_references_are_resolved() {
    let problem = read(Problem::parse, r#"{"type":"/errors#1","instance":"log?id=7"}"#);
    // covers 7807-3.1-5
    assert_eq!(problem.kind(), &ProblemType::Other("https://ca.example/errors#1".into()));
    assert_eq!(problem.instance(), Some("https://ca.example/acme/log?id=7"));
    let problem = read(Problem::parse, r##"{"type":"#1","instance":"//b.example/i"}"##);
    assert_eq!(problem.kind().as_str(), "https://ca.example/acme/request#1");
    assert_eq!(problem.instance(), Some("https://b.example/i"));
    let problem =
        read(Problem::parse, r#"{"type":"tag:a.example,2026:x","instance":"urn:uuid:1"}"#);
    assert_eq!(problem.kind().as_str(), "tag:a.example,2026:x");
    assert_eq!(problem.instance(), Some("urn:uuid:1"));
}

#[test]
fn an_identifier_at_the_top_is_not_used() {
    let (problem, odds) = read_odd(
        Problem::parse,
        r#"{"detail":"x","identifier":{"type":"dns","value":"a.example"}}"#,
    );
    // covers 8555-6.7.1-2
    assert_eq!(problem.identifier(), None);
    assert_eq!(problem.extra()["identifier"]["value"], "a.example");
    // covers fld-pb-9
    assert_eq!(odds, [odd("identifier", DeviationKind::Unexpected)]);
}

#[test]
fn a_bad_subproblem_does_not_fail_the_others() {
    let (problem, odds) = read_odd(
        Problem::parse,
        r#"{"type":"urn:ietf:params:acme:error:compound","subproblems":[
            "x", {"detail":"a","identifier":{"type":"dns"}},
            {"detail":"b","identifier":{"type":"onion","value":"b"}}, null]}"#,
    );
    let details: Vec<_> = problem.subproblems().iter().filter_map(Problem::detail).collect();
    // covers fld-pb-6
    assert_eq!(details, ["a", "b"]);
    // covers fld-pb-7
    assert_eq!(problem.subproblems()[0].identifier(), None);
    assert_eq!(problem.subproblems()[1].identifier().map(|i| i.kind()), Some("onion"));
    assert_eq!(
        odds,
        [
            odd("subproblems[0]", DeviationKind::BadSibling),
            odd("subproblems[1].identifier", DeviationKind::Malformed),
            odd("subproblems[3]", DeviationKind::BadSibling),
        ]
    );
}

#[test]
fn nesting_without_end_does_not_hide_the_top() {
    let open = r#"{"detail":"x","subproblems":["#;
    let body = format!("{}{}", open.repeat(1000), "]}".repeat(1000));
    let (problem, odds) = read_odd(Problem::parse, body);
    // covers 8555-6.7.1-5
    assert_eq!(problem.to_string(), "x [x; x; x; x]");
    let field = "subproblems[0].subproblems[0].subproblems[0].subproblems[0].subproblems";
    assert_eq!(
        odds,
        [
            odd("body", DeviationKind::TooMany { limit: 32 }),
            odd(field, DeviationKind::TooMany { limit: 4 }),
        ]
    );
}

#[test]
fn only_1000_subproblems_are_kept_at_all_levels_together() {
    let inner = format!(
        r#"{{"detail":"x","subproblems":[{}{{}}]}}"#,
        "{\"detail\":\"a sentence of about so many words as servers write about one name\"},"
            .repeat(99)
    );
    let body =
        format!(r#"{{"detail":"x","subproblems":[{}{inner}]}}"#, format!("{inner},").repeat(49));
    let (problem, odds) = read_odd(Problem::parse, body);
    let mut all = Vec::new();
    problem.flatten(&mut all);
    // covers fld-gen-6
    assert_eq!(all.len(), Problem::MAX_SUBPROBLEMS);
    let kind = DeviationKind::TooMany { limit: 1000 };
    assert!(!odds.is_empty() && odds.iter().all(|(_, found)| *found == kind), "{odds:?}");
}

#[test]
fn json_that_is_no_problem_is_refused() {
    for body in [
        "{}",
        r#"{"error":"Not Found","path":"/x","status":404}"#,
        r#"{"type":7}"#,
        r#"{"type":""}"#,
    ] {
        // covers 8555-6.7-2
        assert_eq!(fault(Problem::parse, body), missing("type"), "{body}");
    }
    assert!(matches!(fault(Problem::parse, "<html>"), InvalidObject::NotJson { .. }));
    assert!(matches!(fault(Problem::parse, ""), InvalidObject::NotJson { .. }));
    assert!(matches!(fault(Problem::parse, "[]"), InvalidObject::NotAnObject { .. }));
}

#[test]
fn a_detail_that_is_not_utf_8_does_not_hide_the_problem() {
    let (problem, odds) = read_odd(
        Problem::parse,
        b"{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"Z\xfcrich\"}",
    );
    assert_eq!(problem.kind(), &ProblemType::Dns);
    assert_eq!(problem.detail(), Some("Z\u{fffd}rich"));
    assert_eq!(odds, [odd("body", DeviationKind::Malformed)]);
}

#[test]
fn algorithms_and_extensions_are_kept() {
    let (problem, odds) = read_odd(
        Problem::parse,
        r#"{"type":"urn:ietf:params:acme:error:badSignatureAlgorithm","algorithms":["RS256",1,"ES256"],
            "trace":{"id":"7"}}"#,
    );
    // covers fld-pb-8
    assert_eq!(problem.algorithms(), ["RS256", "ES256"]);
    // covers 7807-3.2-1
    assert_eq!(problem.extra()["trace"]["id"], "7");
    assert_eq!(odds, [odd("algorithms[1]", DeviationKind::BadSibling)]);
}

#[test]
fn a_problem_survives_a_snapshot() {
    let odd_one = r#"{"type":"x","title":"t","detail":"d","status":403,"instance":"i","algorithms":["ES256"],
        "identifier":{"type":"dns","value":"a.example"},"more":[1,null],"subproblems":[
            {"type":"urn:ietf:params:acme:error:caa","identifier":{"type":"dns","value":"A b"},
             "subproblems":[{"detail":"inner"}]}]}"#;
    for body in [RFC, odd_one, r#"{"title":"blank"}"#, r#"{"type":"","detail":"x","status":"bad"}"#]
    {
        let (problem, _) = read_odd(Problem::parse, body);
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem, "{text}");
    }
}

#[test]
fn an_instance_that_could_not_be_resolved_is_none_after_a_snapshot_either() {
    let (problem, _) = read_odd(Problem::parse, r#"{"detail":"x","instance":"a b"}"#);
    assert_eq!(problem.instance(), None);
    let text = serde_json::to_string(&problem).unwrap();
    assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
}

#[test]
fn a_snapshot_that_holds_no_object_is_refused() {
    assert!(serde_json::from_str::<Problem>("[]").is_err());
    assert!(serde_json::from_str::<Problem>("\"x\"").is_err());
}

#[test]
fn a_value_is_read_like_a_body() {
    let base = url("https://ca.example/acme/request");
    let context = Context { url: &base, allow_http: false };
    let parsed = Problem::from_value(json!({ "type": "/x" }), context).unwrap();
    assert_eq!(parsed.value.kind().as_str(), "https://ca.example/x");
    let refused = Problem::from_value(json!(["x"]), context).unwrap_err();
    assert_eq!(refused, InvalidObject::NotAnObject { snippet: "[\"x\"]".into() });
}

#[test]
fn only_what_acme_alone_says_is_not_generic() {
    let generic = |kind: &str| {
        read(Problem::parse, format!(r#"{{"type":"{kind}","detail":"x"}}"#)).is_generic()
    };
    assert!(generic("about:blank"));
    assert!(generic("https://tools.ietf.org/html/rfc7231#section-6.5.4"));
    assert!(generic("urn:ietf:params:acme:error:malformed"));
    assert!(!generic("urn:ietf:params:acme:error:accountDoesNotExist"));
    assert!(!generic("urn:ietf:params:acme:error:brandNew"));
}
