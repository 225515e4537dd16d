//! A response, and the ways in which it can be wrong.

use acme_proto::http::Response;
use serde_json::{Value, json};

use super::ca::ORIGIN;
use crate::bytes::Bytes;

const STATUSES: [u16; 20] = [
    200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 429, 500, 501, 503, 505, 100, 301, 302, 304,
    0,
];
const ERRORS: [&str; 16] = [
    "malformed",
    "serverInternal",
    "rateLimited",
    "accountDoesNotExist",
    "badNonce",
    "unauthorized",
    "orderNotReady",
    "alreadyReplaced",
    "externalAccountRequired",
    "userActionRequired",
    "badCSR",
    "rejectedIdentifier",
    "compound",
    "connection",
    "badSignatureAlgorithm",
    "\u{1b}[2J\u{202e}",
];
const WAITS: [&str; 10] = [
    "0",
    "1",
    "30",
    "700",
    "86400",
    "99999999999999999999",
    "soon",
    "-1",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Fri, 01 Jan 2027 00:00:00 GMT",
];
const WORDS: [&str; 12] = [
    "pending",
    "ready",
    "processing",
    "valid",
    "invalid",
    "deactivated",
    "expired",
    "revoked",
    "canceled",
    "Valid",
    "",
    "\u{1b}",
];
const REFERENCES: [&str; 14] = [
    "https://ca.example/order/0",
    "https://ca.example/authz/0",
    "https://ca.example/authz/1",
    "https://ca.example/chall/0/0",
    "https://ca.example/chall/1/0",
    "https://ca.example/order/0/finalize",
    "https://ca.example/cert/0",
    "https://ca.example/directory",
    "https://other.example/x",
    "http://ca.example/order/0",
    "/order/0",
    "javascript:0",
    "",
    "https://ca.example/authz/0?x",
];

/// A response that the CA is about to send.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) truncated: bool,
}

impl Answer {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::raw(status, value.to_string().as_bytes()).header("Content-Type", "application/json")
    }

    pub(crate) fn raw(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec(), truncated: false }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(self.status).with_body(self.body);
        for (name, value) in &self.headers {
            response = response.with_header(name, value);
        }
        if self.truncated { response.truncated() } else { response }
    }

    /// Changes one value or octet of the body.
    pub(crate) fn mutate(&mut self, bytes: &mut Bytes<'_>) {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(mut value) => {
                mutate(&mut value, bytes, 5);
                self.body = value.to_string().into_bytes();
            }
            Err(_) => {
                let at = bytes.u8();
                if let Some(byte) = self.body.get_mut(usize::from(at) * 3) {
                    *byte = bytes.u8();
                }
            }
        }
    }

    /// Removes header fields, or adds one with an unusual or invalid value.
    pub(crate) fn odd_header(&mut self, bytes: &mut Bytes<'_>) {
        let (name, value) = match bytes.below(8) {
            0..=3 => ("Retry-After", bytes.pick(&WAITS).to_owned()),
            4 => return self.headers.clear(),
            5 => ("Link", format!("<{}>;rel=\"alternate\", <x", bytes.pick(&REFERENCES))),
            6 => {
                self.headers.retain(|(name, _)| name != "Location");
                ("Location", bytes.pick(&REFERENCES).to_owned())
            }
            _ => ("Replay-Nonce", bytes.pick(&["", "a b", "odd", "odd, odder", "="]).to_owned()),
        };
        self.headers.push((name.into(), value));
    }
}

/// Replaces, repeats or removes one value somewhere in a JSON document.
fn mutate(value: &mut Value, bytes: &mut Bytes<'_>, depth: usize) {
    let count = match value {
        Value::Array(entries) => entries.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    if depth > 0 && count > 0 && bytes.below(4) != 3 {
        let at = bytes.below(count);
        let removed = bytes.below(8) == 7;
        match value {
            Value::Array(entries) if removed => drop(entries.remove(at)),
            Value::Array(entries) if bytes.below(8) == 7 => entries.push(entries[at].clone()),
            Value::Array(entries) => mutate(&mut entries[at], bytes, depth - 1),
            Value::Object(members) => {
                let name = members.keys().nth(at).cloned().unwrap_or_default();
                if removed {
                    members.remove(&name);
                } else if let Some(member) = members.get_mut(&name) {
                    mutate(member, bytes, depth - 1);
                }
            }
            _ => {}
        }
        return;
    }
    *value = match bytes.below(8) {
        0 | 1 => json!(bytes.pick(&WORDS)),
        2 | 3 => json!(bytes.pick(&REFERENCES)),
        4 => Value::Null,
        5 => json!([value.clone(), value.clone()]),
        6 => json!(bytes.u8()),
        _ => json!({ "type": urn(bytes.pick(&ERRORS)), "value": "a.example", "detail": "\u{1b}" }),
    };
}

pub(crate) fn status(bytes: &mut Bytes<'_>) -> u16 {
    bytes.pick(&STATUSES)
}

pub(crate) fn problem(status: u16, name: &str) -> Answer {
    let object = json!({ "type": urn(name), "detail": "as the input says", "status": status });
    Answer::raw(status, object.to_string().as_bytes())
        .header("Content-Type", "application/problem+json")
}

/// Makes a problem of any type and status, some of them with `Retry-After` or `Location`.
pub(crate) fn any_problem(bytes: &mut Bytes<'_>) -> Answer {
    let name = bytes.pick(&ERRORS);
    let answer = problem(bytes.pick(&[400, 503, 429, 403, 404, 500, 401, 409, 501]), name);
    match bytes.below(4) {
        1 => answer.header("Retry-After", bytes.pick(&WAITS)),
        2 => answer.header("Location", &format!("{ORIGIN}/account/2")),
        _ => answer,
    }
}

pub(crate) fn urn(name: &str) -> String {
    format!("urn:ietf:params:acme:error:{name}")
}
