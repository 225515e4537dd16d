//! Kinds of fault from the field, at a CA whose responses are changed on the way to both adapters.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use acme_proto::http::Response;
use acme_testca::RequestKind;
use acme_tests::crowded::{CROWD, crowded_chain};
use acme_tests::mutations::{Change, Which};
use acme_tests::scenario::{Adapter, Changed, ChangedCa};
use serde_json::{Value, json};

/// Issues by both adapters, and changes each response of a kind.
fn issue(
    kind: RequestKind,
    change: impl Fn(&Response) -> Option<Response> + Send + Sync + 'static,
) -> [Changed; 2] {
    issue_at(&ChangedCa::start(), kind, change)
}

fn issue_at(
    ca: &ChangedCa,
    kind: RequestKind,
    change: impl Fn(&Response) -> Option<Response> + Send + Sync + 'static,
) -> [Changed; 2] {
    let change: Arc<Change> = Arc::new(Box::new(change));
    [Adapter::Tokio, Adapter::Blocking].map(|adapter| {
        let changed = ca.issue(adapter, Which::From(kind, 0), &change);
        assert!(changed.left.is_empty(), "{adapter:?}: {:?}", changed.left);
        changed
    })
}

/// Copies a response, with another body and without the fields of these names.
fn with(response: &Response, body: impl Into<Vec<u8>>, without: &[&str]) -> Response {
    let fields = response.headers().iter();
    let kept = fields.filter(|(name, _)| !without.iter().any(|n| n.eq_ignore_ascii_case(name)));
    let start = Response::new(response.status()).with_body(body.into());
    kept.fold(start, |response, (name, value)| response.with_header(name, value))
}

/// Edits the object in a response.
fn edited(response: &Response, edit: impl Fn(&mut Value)) -> Option<Response> {
    let mut object: Value = serde_json::from_slice(response.body()).ok()?;
    edit(&mut object);
    Some(with(response, object.to_string(), &["content-length"]))
}

#[track_caller]
fn assert_issued(both: &[Changed; 2]) {
    for changed in both {
        assert_eq!(changed.result.as_deref(), Ok(&["example.test".to_owned()][..]));
    }
}

/// Asserts that both failed, and that the CA was sent no request of a kind.
#[track_caller]
fn assert_failed(both: &[Changed; 2], text: &str, before: RequestKind) {
    for changed in both {
        let error = changed.result.as_ref().expect_err("it was changed");
        assert!(error.contains(text), "{error}");
        assert!(changed.sent.iter().all(|(kind, _)| *kind != before), "{before} was sent");
    }
}

#[test]
fn both_adapters_take_a_chain_of_another_media_type_and_with_text_in_it() {
    for kind in ["text/plain", "application/x-pem-file", ""] {
        assert_issued(&issue(RequestKind::Certificate, move |response| {
            let mut body = "\u{feff}subject=/CN=x\n".as_bytes().to_vec();
            body.extend_from_slice(response.body());
            let changed = with(response, body, &["content-type", "content-length"]);
            let named = !kind.is_empty();
            Some(if named { changed.with_header("content-type", kind) } else { changed })
        }));
    }
}

#[test]
fn both_adapters_call_a_compressed_chain_that() {
    let both = issue(RequestKind::Certificate, |response| {
        let body = b"\x1f\x8b\x08\0\0\0\0\0".to_vec();
        Some(with(response, body, &["content-length"]).with_header("content-encoding", "gzip"))
    });
    assert_failed(&both, "gzip", RequestKind::RevokeCert);
}

#[test]
fn both_adapters_go_on_without_members_that_the_next_step_does_not_need() {
    for member in ["identifiers", "authorizations", "finalize"] {
        assert_issued(&issue(RequestKind::Order, move |response| {
            edited(response, |order| {
                order.as_object_mut().and_then(|order| order.remove(member));
            })
        }));
    }
    assert_issued(&issue(RequestKind::Authorization, |response| {
        edited(response, |authorization| {
            authorization.as_object_mut().and_then(|object| object.remove("identifier"));
        })
    }));
}

#[test]
fn both_adapters_show_the_problem_in_a_response_of_success() {
    let both = issue(RequestKind::NewOrder, |response| {
        let said = json!({
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "not for you",
        });
        Some(with(response, said.to_string(), &["content-length"]))
    });
    assert_failed(&both, "not for you", RequestKind::Challenge);
}

#[test]
fn both_adapters_refuse_an_order_for_other_names_before_a_challenge() {
    for names in [&["evil.test"][..], &["example.test", "www.example.test"]] {
        let both = issue(RequestKind::NewOrder, move |response| {
            edited(response, |order| {
                let of = |name: &&str| json!({ "type": "dns", "value": name });
                order["identifiers"] = names.iter().map(of).collect();
            })
        });
        assert_failed(&both, names[names.len() - 1], RequestKind::Challenge);
    }
}

#[test]
fn both_adapters_refuse_an_order_with_surplus_authorizations_before_any_is_read() {
    let both = issue(RequestKind::NewOrder, |response| {
        edited(response, |order| {
            let one = order["authorizations"][0].clone();
            let of = |number| json!(format!("{}{number}", one.as_str().unwrap_or_default()));
            order["authorizations"] = (0..1_000).map(of).collect();
        })
    });
    assert_failed(&both, "authorizations", RequestKind::Authorization);
}

/// Puts so many empty objects into the object of a response.
fn unfolding(response: &Response, count: usize) -> Option<Response> {
    let rest = response.body().strip_prefix(b"{")?;
    let many = vec!["{}"; count].join(",");
    let body = [format!("{{\"x\":[{many}],").as_bytes(), rest].concat();
    Some(with(response, body, &["content-length"]))
}

#[test]
fn both_adapters_go_on_beside_members_that_unfold_or_refuse_them() {
    for kind in [RequestKind::NewOrder, RequestKind::Order, RequestKind::Authorization] {
        assert_issued(&issue(kind, |response| unfolding(response, 1_000)));
    }
    let both = issue(RequestKind::Order, |response| unfolding(response, 80_000));
    assert_failed(&both, "objects, or too many values", RequestKind::Finalize);
}

/// Issues by both adapters at a CA whose certificates have so many names more, and malformed ones.
fn issue_crowded(crowd: usize, times: usize) -> [Changed; 2] {
    let started = Instant::now();
    let ca = ChangedCa::start().with_time_limit(Duration::from_secs(60));
    let both = issue_at(&ca, RequestKind::Certificate, move |response| {
        let chain = core::str::from_utf8(response.body()).ok()?;
        Some(with(response, crowded_chain(chain, crowd, times), &["content-length"]))
    });
    let took = started.elapsed();
    println!("{times} certificates with {crowd} names more: {took:?} by both adapters");
    // In square time it would take minutes.
    assert!(took < Duration::from_secs(60), "{crowd} {times}: {took:?}");
    both
}

#[test]
fn both_adapters_take_a_certificate_with_a_crowd_of_names_and_malformed_ones_in_little_time() {
    for changed in issue_crowded(CROWD, 1) {
        let names = changed.result.expect("the name that was ordered is among them");
        assert!(names.len() > CROWD && names.iter().any(|name| name == "example.test"));
    }
}

#[test]
fn both_adapters_refuse_certificates_with_more_names_than_they_keep() {
    for (crowd, times, words) in [
        (CROWD, 3, "the certificates of the chain have more than 20000 names"),
        (30_000, 1, "certificate has more than 20000 names"),
        (43_000, 2, "certificate is larger than 256 KiB"),
    ] {
        let both = issue_crowded(crowd, times);
        assert_failed(&both, words, RequestKind::RevokeCert);
    }
}

#[test]
fn both_adapters_compare_a_date_of_retry_after_with_that_of_the_response() {
    for kind in [RequestKind::Order, RequestKind::Challenge, RequestKind::Finalize] {
        assert_issued(&issue(kind, |response| {
            let far = "Tue, 01 Dec 2099 00:00:00 GMT";
            let changed = with(response, response.body(), &["date", "retry-after"]);
            Some(changed.with_header("date", far).with_header("retry-after", far))
        }));
    }
}
