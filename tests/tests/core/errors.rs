//! Errors and problem documents (RFC 8555 section 6.7, RFC 7807, RFC 9457).

use std::sync::Arc;

use acme_proto::call::Call;
use acme_proto::error::{Error, ServerProblem};
use acme_proto::http::Response;
use acme_proto::op::NewOrder;
use acme_proto::register::Register;
use acme_proto::wire::{Problem, ProblemType};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Quirks, RequestKind};
use acme_tests::script::{
    DIRECTORY, NEW_ACCOUNT, NEW_ORDER, Script, URN, problem, problem_document,
};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

/// Sends newOrder, gets this answer, and returns the error.
fn error_of(answer: Response) -> Error {
    let order = NewOrder::new(["a.example".parse().expect("a name")]).expect("a name");
    let mut script = Script::new().known_account().start().post(NEW_ORDER, answer);
    script.run(Call::new(order)).expect_err("an error answer")
}

fn refused(answer: Response) -> Arc<ServerProblem> {
    match error_of(answer) {
        Error::Problem(problem) => problem,
        other => panic!("{other}"),
    }
}

/// Reads a problem document that comes with status 403.
fn document(body: &Value) -> Problem {
    refused(problem_document(403, body)).problem().expect("a problem document").clone()
}

#[test]
fn every_error_status_is_an_error_with_or_without_a_document() {
    for status in [400, 401, 402, 403, 404, 405, 409, 410, 415, 418, 422, 451, 499, 501, 505, 600] {
        let page =
            Response::new(status).with_header("Content-Type", "text/html").with_body("<p>No</p>");
        let problem = refused(page);
        let shown = problem.status() == status && problem.snippet() == "<p>No</p>";
        // covers 8555-6.7-1
        assert!(shown, "{problem}");
        assert!(problem.problem().is_none(), "{problem}");
        let told = "no problem document but text/html: <p>No</p>";
        assert!(problem.to_string().contains(told), "{problem}");
        let empty = refused(Response::new(status));
        // covers 8555-6.7-1
        assert!(empty.to_string().contains("no explanation"), "{empty}");
    }
}

#[test]
fn a_page_of_html_is_shown_with_status_type_and_its_beginning() {
    let page = format!("<html>\r\n <body>502\u{1b}[31m Bad \u{202e}Gateway {}", "x".repeat(5000));
    let answer =
        Response::new(403).with_header("Content-Type", "Text/HTML; charset=x").with_body(page);
    let shown = error_of(answer).to_string();
    // covers 8555-6.7-1
    assert!(shown.contains("403"), "{shown}");
    assert!(shown.contains("text/html"), "{shown}");
    // covers 8555-6.7-5
    assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
    assert!(shown.contains("<html> <body>502\\u{1b}[31m Bad \\u{202e}Gateway"), "{shown}");
    assert!(shown.len() < 600, "{}", shown.len());
}

#[test]
fn a_problem_is_read_under_any_media_type() {
    let body = json!({ "type": format!("{URN}rejectedIdentifier"), "detail": "no" }).to_string();
    for media_type in [
        "application/problem+json",
        "Application/Problem+JSON; charset=utf-8",
        "application/json",
        "text/plain",
        "text/html",
    ] {
        let answer =
            Response::new(403).with_header("Content-Type", media_type).with_body(body.clone());
        let kind = refused(answer).problem().map(|p| p.kind().clone());
        // covers 8555-6.7-2
        assert_eq!(kind, Some(ProblemType::RejectedIdentifier), "{media_type}");
    }
    let kind = refused(Response::new(403).with_body(body)).problem().map(|p| p.kind().clone());
    // covers fld-hdr-10
    assert_eq!(kind, Some(ProblemType::RejectedIdentifier));
}

#[test]
fn json_that_is_no_problem_is_shown_as_what_it_is() {
    for body in [r#"{"error":"x"}"#, "[]", "5", "{", "{}"] {
        let problem = refused(Response::new(400).with_body(body));
        // covers 8555-6.7-2
        assert!(problem.problem().is_none(), "{body}");
        assert_eq!(problem.snippet(), body);
    }
}

#[test]
fn an_unknown_type_is_an_ordinary_error_that_keeps_its_uri() {
    for uri in ["urn:ietf:params:acme:error:brandNew", "https://ca.example/errors/7", "about:x"] {
        let error = error_of(problem_document(400, &json!({ "type": uri, "detail": "hm" })));
        let kind = error.problem_type().map(ToString::to_string);
        // covers 8555-6.7-3
        assert_eq!(kind.as_deref(), Some(uri), "{kind:?}");
        // covers 8555-6.7-4
        assert!(error.to_string().contains("hm"), "{error}");
        // covers fld-pb-1
        assert_eq!(kind.as_deref(), Some(uri));
    }
}

#[test]
fn an_absent_type_is_about_blank() {
    for absent in [json!({ "detail": "x" }), json!({ "detail": "x", "type": null })] {
        // covers 8555-6.7-6
        assert_eq!(*document(&absent).kind(), ProblemType::AboutBlank);
    }
    let malformed = document(&json!({ "type": 5, "detail": "x" }));
    // covers fld-pb-1
    assert_eq!(*malformed.kind(), ProblemType::AboutBlank);
}

#[test]
fn every_type_of_the_rfc_is_known_and_says_what_to_do() {
    let kinds = [
        "accountDoesNotExist",
        "alreadyRevoked",
        "badCSR",
        "badPublicKey",
        "badRevocationReason",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
        "alreadyReplaced",
        "invalidProfile",
    ];
    for kind in kinds {
        let mut script = Script::new().start().post(NEW_ACCOUNT, problem(403, kind));
        let error = script.run(Register::new()).expect_err("refused");
        let known = match error.problem_type() {
            Some(known) => known.acme_name() == Some(kind),
            // Registering says this in words of its own.
            None => kind == "externalAccountRequired",
        };
        // covers 8555-6.7-3
        assert!(known, "{kind}: {error}");
        let advice = error.to_string().rsplit("; ").next().map(str::len);
        // covers 8555-6.7-8
        assert!(advice.is_some_and(|length| length > 5), "{error}");
    }
}

#[test]
fn different_types_ask_for_different_things() {
    let advice = |kind: &str| refused(problem(403, kind)).advice();
    let all = ["unauthorized", "rateLimited", "badCSR", "userActionRequired", "rejectedIdentifier"];
    for (n, kind) in all.iter().enumerate() {
        let others = all.iter().skip(n + 1);
        // covers 8555-6.7-8
        assert!(others.clone().all(|other| advice(kind) != advice(other)));
    }
}

#[test]
fn the_detail_is_kept_verbatim_and_shown_escaped() {
    let detail = "Zürich: no \u{1b}[2Jescape\r\nnor second line";
    let error =
        error_of(problem_document(403, &json!({ "type": "about:blank", "detail": detail })));
    let Error::Problem(problem) = &error else { panic!("{error}") };
    let kept = problem.problem().and_then(Problem::detail);
    // covers 8555-6.7-5
    assert_eq!(kept, Some(detail));
    // covers 8555-5-1
    assert!(error.to_string().contains("Zürich"));
    let shown = error.to_string();
    // covers 8555-6.7-5
    assert!(shown.contains("\\u{1b}[2Jescape\\r\\nnor"), "{shown:?}");
    assert!(!shown.contains('\n'), "{shown:?}");
    // covers fld-pb-4
    assert_eq!(kept, Some(detail));
}

#[test]
fn the_subproblems_of_the_rfcs_example_are_read() {
    let example = json!({
        "type": "urn:ietf:params:acme:error:malformed",
        "detail": "Some of the identifiers requested were rejected",
        "subproblems": [
            { "type": "urn:ietf:params:acme:error:malformed",
              "detail": "Invalid underscore in DNS name \"_example.org\"",
              "identifier": { "type": "dns", "value": "_example.org" } },
            { "type": "urn:ietf:params:acme:error:rejectedIdentifier",
              "detail": "This CA will not issue for \"example.net\"",
              "identifier": { "type": "dns", "value": "example.net" } },
        ],
    });
    let error = error_of(problem_document(403, &example));
    let Error::Problem(refusal) = &error else { panic!("{error}") };
    let parts = refusal.problem().expect("a document").subproblems();
    let second = parts.get(1).expect("two parts");
    // covers 8555-6.7.1-1
    assert_eq!(*second.kind(), ProblemType::RejectedIdentifier);
    let names: Vec<_> = parts.iter().filter_map(Problem::identifier).collect();
    let names: Vec<_> = names.iter().map(|name| name.value()).collect();
    // covers 8555-6.7.1-3
    assert!(names.contains(&"example.net".to_owned()), "{names:?}");
    // covers fld-pb-7
    assert_eq!(names, ["_example.org", "example.net"]);
    // covers 8555-7.4-22
    assert!(error.to_string().contains("This CA will not issue"), "{error}");
}

#[test]
fn a_subproblem_without_an_identifier_applies_to_all() {
    let body = json!({ "type": format!("{URN}compound"), "detail": "x",
        "subproblems": [{ "type": format!("{URN}caa"), "detail": "y" }] });
    let problem = document(&body);
    let part = &problem.subproblems()[0];
    // covers fld-pb-7
    assert!(part.identifier().is_none());
    assert_eq!(*part.kind(), ProblemType::Caa);
    // covers 8555-6.7.1-4
    assert!(problem.to_string().contains('y'), "{problem}");
}

#[test]
fn an_identifier_at_the_top_level_is_ignored() {
    let body = json!({ "type": format!("{URN}malformed"), "detail": "x",
        "identifier": { "type": "dns", "value": "a.example" } });
    // covers 8555-6.7.1-2, fld-pb-9
    assert!(document(&body).identifier().is_none());
}

#[test]
fn malformed_subproblems_do_not_hide_the_problem() {
    let cases = [json!("x"), json!(5), json!({}), json!([5, "x", null, []]), json!(null)];
    for subproblems in cases {
        let body =
            json!({ "type": format!("{URN}caa"), "detail": "top", "subproblems": subproblems });
        let problem = document(&body);
        let top = *problem.kind() == ProblemType::Caa && problem.detail() == Some("top");
        // covers 8555-6.7.1-5
        assert!(top, "{subproblems}");
        assert!(problem.subproblems().is_empty(), "{subproblems}");
    }
    let body = json!({ "type": format!("{URN}caa"),
        "subproblems": [7, { "type": format!("{URN}dns"), "detail": "good" }] });
    // covers fld-pb-6
    assert_eq!(document(&body).subproblems().len(), 1);
}

#[test]
fn a_thousand_nested_subproblems_are_bounded() {
    let mut body = json!({ "type": format!("{URN}caa"), "detail": "deepest" });
    for _ in 0..100 {
        body = json!({ "type": format!("{URN}compound"), "subproblems": [body] });
    }
    let mut depth = 0;
    let problem = refused(problem_document(403, &body));
    let mut level = problem.problem();
    while let Some(part) = level.and_then(|p| p.subproblems().first()) {
        depth += 1;
        level = Some(part);
    }
    // covers 8555-6.7.1-5
    assert!(depth <= Problem::MAX_DEPTH, "{depth}");
    let deep = "{\"detail\":\"x\",\"subproblems\":[".repeat(1000);
    let shown = error_of(Response::new(403).with_body(deep)).to_string();
    // covers fld-gen-6
    assert!(shown.len() < 1000, "{shown}");
}

#[test]
fn a_hundred_subproblems_are_shown_in_one_bounded_line() {
    let part = |n| {
        json!({ "type": format!("{URN}caa"), "detail": format!("part {n}"),
        "identifier": { "type": "dns", "value": format!("n{n}.example") } })
    };
    let parts: Vec<_> = (0..100).map(part).collect();
    let body = json!({ "type": format!("{URN}compound"), "detail": "all", "subproblems": parts });
    let error = error_of(problem_document(403, &body));
    let Error::Problem(problem) = &error else { panic!("{error}") };
    let kept = problem.problem().map(|p| p.subproblems().len());
    // covers 8555-6.7.1-1
    assert_eq!(kept, Some(100));
    assert!(error.to_string().contains("n0.example: part 0"));
    assert!(error.to_string().contains("more"), "{error}");
}

#[test]
fn the_status_of_the_answer_decides_over_that_in_the_document() {
    let body = json!({ "type": format!("{URN}malformed"), "detail": "x", "status": 400 });
    let problem = refused(problem_document(403, &body));
    // covers 7807-3.1-3
    assert_eq!(problem.status(), 403);
    // covers fld-pb-3
    assert_eq!(problem.problem().and_then(Problem::status), Some(400));
    // A 200 in the document of a 500 does not make it a success, and it is tried again as a 500 is.
    let mut script = Script::new().start();
    for _ in 0..4 {
        script = script
            .post(NEW_ACCOUNT, problem_document(500, &json!({ "title": "x", "status": 200 })));
    }
    let error = script.run(Register::new()).expect_err("a 500");
    // covers 7807-3.1-3
    assert_eq!(script.posts().len(), 4, "{error}");
}

#[test]
fn the_type_identifies_a_problem_and_its_title_does_not() {
    let body = json!({ "type": format!("{URN}caa"), "title": "rateLimited", "detail": "badNonce" });
    let problem = document(&body);
    // covers 7807-3.1-1
    assert_eq!(*problem.kind(), ProblemType::Caa);
    // covers fld-pb-2
    assert_eq!(problem.title(), Some("rateLimited"));
    // Text that looks like a limit or a bad nonce starts no retry: one request, as error_of checks.
    let again = refused(problem_document(
        400,
        &json!({ "detail": "JWS has an invalid anti-replay nonce" }),
    ));
    // covers 7807-3.1-4
    assert_eq!(again.status(), 400);
}

#[test]
fn nothing_a_problem_names_is_fetched() {
    let body = json!({ "type": "https://ca.example/errors/1", "detail": "x",
        "instance": "https://ca.example/instances/1" });
    let mut script = Script::new().start().post(
        NEW_ACCOUNT,
        problem_document(403, &body).with_header("Link", "<https://ca.example/help>;rel=help"),
    );
    script.run(Register::new()).expect_err("refused");
    // covers 7807-3.1-2
    assert_eq!(script.requests.len(), 3, "{:?}", script.lines());
}

#[test]
fn relative_references_are_resolved_against_the_request() {
    let body = json!({ "type": "/errors/1", "detail": "x", "instance": "../instances/1" });
    let problem = document(&body);
    let kind = problem.kind().to_string();
    // covers 7807-3.1-5
    assert_eq!(kind, "https://example.com/errors/1");
    let instance = problem.instance();
    // covers 7807-3.1-5
    assert_eq!(instance, Some("https://example.com/instances/1"));
}

#[test]
fn unknown_members_are_kept_for_display() {
    let body = json!({ "type": format!("{URN}caa"), "detail": "x", "traceId": { "a": [1] } });
    // covers 7807-3.2-1
    assert_eq!(document(&body).extra()["traceId"], json!({ "a": [1] }));
}

#[test]
fn members_of_the_wrong_type_count_as_absent() {
    let body = json!({ "type": format!("{URN}caa"), "title": 5, "detail": {}, "status": "400",
        "instance": 7, "algorithms": "ES256" });
    let problem = document(&body);
    // covers 9457-3.1-1
    assert!(problem.detail().is_none());
    assert!(problem.status().is_none());
    // covers fld-pb-2
    assert!(problem.title().is_none());
    // covers fld-pb-3
    assert!(problem.status().is_none());
    // covers fld-pb-4
    assert!(problem.detail().is_none());
    // covers fld-pb-5
    assert!(problem.instance().is_none());
}

#[test]
fn a_server_cannot_talk_us_into_another_algorithm() {
    for algorithms in [json!(["HS256", "none"]), json!(["RS256"]), json!("none"), json!(null)] {
        let body = json!({ "type": format!("{URN}badSignatureAlgorithm"), "detail": "x",
            "algorithms": algorithms });
        let mut script = Script::new().start().post(NEW_ACCOUNT, problem_document(400, &body));
        let error = script.run(Register::new()).expect_err("refused");
        // covers 8555-6.2-19
        assert_eq!(script.posts().len(), 1, "{error}");
        // covers 8555-10.1-1
        assert_eq!(script.signatures.len(), 1, "{error}");
    }
    let body = json!({ "type": format!("{URN}badSignatureAlgorithm"), "algorithms": ["RS256", 5] });
    // covers fld-pb-8
    assert_eq!(document(&body).algorithms(), ["RS256"]);
}

#[test]
fn a_key_that_the_server_refuses_is_not_tried_again() {
    let body = json!({ "type": format!("{URN}badPublicKey"), "detail": "weak key: small e" });
    let mut script = Script::new().start().post(NEW_ACCOUNT, problem_document(400, &body));
    let shown = script.run(Register::new()).expect_err("refused").to_string();
    // covers 8555-6.2-20
    assert_eq!(script.posts().len(), 1);
    assert!(shown.contains("weak key: small e"), "{shown:?}");
    // covers 8555-6.7-5
    assert!(shown.contains("use another kind of account key"), "{shown}");
}

#[test]
fn an_error_in_one_line_has_cause_url_and_remedy() {
    let shown = error_of(problem(403, "rejectedIdentifier")).to_string();
    assert_eq!(
        shown,
        "the CA refused newOrder (403 at https://example.com/acme/new-order): \
         about rejectedIdentifier; leave out the names that the CA refuses"
    );
    let page = Response::new(404).with_header("Content-Type", "text/html").with_body("<p>gone</p>");
    let shown =
        Script::new().get(DIRECTORY, page).run(Register::new()).expect_err("404").to_string();
    assert_eq!(
        shown,
        "the CA refused directory (404 at https://example.com/acme/directory): no problem document \
         but text/html: <p>gone</p>; check that the URL is that of an ACME directory, and current"
    );
}

#[test]
fn the_error_of_a_failed_challenge_is_a_problem_too() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let plan = acme_tests::world::SolverPlan { forgets: true, ..Default::default() };
    let flow = acme_proto::issuance::Issuance::new(["a.test".parse().expect("a name")]);
    let flows = vec![flow.expect("a name")];
    let result = acme_tests::world::issue_with(&mut world, &mut session, flows, &plan).pop();
    let error = result.expect("one").expect_err("nothing was published");
    let Error::Order(order) = &error else { panic!("{error}") };
    let kind = order.failures()[0].problem().map(|p| p.kind().clone());
    // covers 8555-6.7-7
    assert_eq!(kind, Some(ProblemType::Connection), "{error}");
    // covers 8555-6.7-5
    assert!(error.to_string().contains("nothing is published"), "{error}");
}

#[test]
fn errors_of_a_ca_that_speaks_html_or_plain_json_are_errors() {
    let config = || {
        let mut config = CaConfig::default();
        config.blocked_names.insert("blocked.test".into());
        config
    };
    for (html_errors, problem_as_json) in [(true, false), (false, true)] {
        let mut world = World::new(config(), 1);
        let mut session = world.session();
        world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
        world.ca.set_quirks(Quirks { html_errors, problem_as_json, ..Quirks::default() });
        let error = issue(&mut world, &mut session, &["blocked.test"]).expect_err("blocked");
        // covers 8555-6.7-1
        assert!(matches!(error, Error::Problem(_)), "{error}");
        let typed = error.problem_type() == Some(&ProblemType::RejectedIdentifier);
        // covers 8555-6.7-2
        assert_eq!(typed, problem_as_json, "{error}");
    }
}

#[test]
fn a_proxys_page_on_any_request_of_an_issuance_is_an_error_or_survived() {
    use RequestKind::{Authorization, Certificate, Challenge, Finalize, NewOrder, Order};
    for kind in [NewOrder, Authorization, Challenge, Order, Finalize, Certificate] {
        let mut world = World::new(CaConfig::default(), 1);
        let mut session = world.session();
        world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
        let page = FaultAction::unavailable(Some("1"));
        world.ca.set_faults(Faults::none().with(FaultRule::next(page).on(kind)));
        let issued = issue(&mut world, &mut session, &["a.test"]);
        // covers 8555-6.7-1
        assert!(issued.is_ok(), "{kind}: {issued:?}");
    }
}
