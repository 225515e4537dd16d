//! What the CA sends.

use acme_proto::http::Response;

use super::ca::{BASE, Ca, Status};

fn json(status: u16, body: String) -> Response {
    Response::new(status).with_header("content-type", "application/json").with_body(body)
}

pub(crate) fn pem(chain: &str) -> Response {
    Response::new(200)
        .with_header("content-type", "application/pem-certificate-chain")
        .with_body(chain.to_owned())
}

pub(crate) fn problem(status: u16, kind: &str, detail: &str) -> Response {
    let body = format!(
        r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"{detail}","status":{status}}}"#
    );
    Response::new(status).with_header("content-type", "application/problem+json").with_body(body)
}

pub(super) fn directory() -> Response {
    let entry = |name| format!(r#""{name}":"{BASE}/{name}""#);
    let entries = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"].map(entry);
    json(200, format!("{{{}}}", entries.join(",")))
}

pub(super) fn account(status: u16, id: usize) -> Response {
    json(status, r#"{"status":"valid"}"#.into())
        .with_header("location", &format!("{BASE}/acct/{id}"))
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Ready => "ready",
        Status::Processing => "processing",
        Status::Valid => "valid",
        Status::Invalid => "invalid",
    }
}

pub(super) fn order(ca: &Ca, index: usize, at: u64, code: u16) -> Response {
    let status = ca.status(index, at);
    let Some(order) = &ca.orders[index] else { return problem(404, "malformed", "forgotten") };
    let certificate = match status {
        Status::Valid => format!(r#""certificate":"{BASE}/cert/{index}","#),
        _ => String::new(),
    };
    let names = order.names.iter().map(|name| format!(r#"{{"type":"dns","value":"{name}"}}"#));
    let urls = order.authorizations.iter().map(|one| format!(r#""{BASE}/authz/{one}""#));
    let body = format!(
        r#"{{"status":"{}",{certificate}"finalize":"{BASE}/finalize/{index}","identifiers":[{}],"authorizations":[{}]}}"#,
        word(status),
        names.collect::<Vec<_>>().join(","),
        urls.collect::<Vec<_>>().join(",")
    );
    let response = json(code, body);
    match ca.temper.retry_after {
        Some(seconds) if !matches!(status, Status::Valid | Status::Invalid) && code == 200 => {
            response.with_header("retry-after", &seconds.to_string())
        }
        _ => response,
    }
}

pub(super) fn authorization(ca: &Ca, index: usize, at: u64) -> Response {
    let one = &ca.authorizations[index];
    let wildcard = if one.wildcard { r#""wildcard":true,"# } else { "" };
    let challenges = (0..one.challenges.len()).map(|n| challenge_text(ca, index, n, at));
    json(
        200,
        format!(
            r#"{{"status":"{}",{wildcard}"identifier":{{"type":"dns","value":"{}"}},"challenges":[{}]}}"#,
            word(one.status(at)),
            one.name,
            challenges.collect::<Vec<_>>().join(",")
        ),
    )
}

pub(super) fn challenge(ca: &Ca, index: usize, n: usize, at: u64) -> Response {
    json(200, challenge_text(ca, index, n, at))
        .with_header("link", &format!(r#"<{BASE}/authz/{index}>;rel="up""#))
}

/// Returns what the CA says of a challenge that failed: no other one has these words.
pub(super) fn reason(index: usize, n: usize) -> String {
    format!("refusal {index}-{n}.")
}

fn challenge_text(ca: &Ca, index: usize, n: usize, at: u64) -> String {
    let challenge = &ca.authorizations[index].challenges[n];
    let status = challenge.status(at);
    let error = match challenge.decided {
        Some((_, Some(kind))) if status == Status::Invalid => format!(
            r#","error":{{"type":"urn:ietf:params:acme:error:{kind}","detail":"{}"}}"#,
            reason(index, n)
        ),
        _ => String::new(),
    };
    format!(
        r#"{{"type":"{}","url":"{BASE}/chall/{index}/{n}","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-{index}-{n}","status":"{}"{error}}}"#,
        challenge.kind,
        word(status)
    )
}
