//! The management endpoint: TXT records for clients without a DNS server.

use serde::Deserialize;
use serde_json::json;

use super::shared::Shared;
use crate::authority::CaRequest;

const PREFIX: &str = "/management/";

#[derive(Deserialize)]
struct TxtRecord {
    host: String,
    value: String,
}

pub(crate) fn is_for(request: &CaRequest) -> bool {
    request.path().starts_with(PREFIX)
}

/// Answers with a status and a JSON body.
pub(crate) fn handle(shared: &Shared, request: &CaRequest) -> (u16, String) {
    let record = || serde_json::from_slice::<TxtRecord>(&request.body);
    let bad = |error: serde_json::Error| {
        let detail = format!("the body must be {{\"host\":\"…\",\"value\":\"…\"}}: {error}");
        (400, json!({ "error": detail }).to_string())
    };
    match (request.method.as_str(), request.path()) {
        ("GET", "/management/txt") => (200, json!(shared.txt.all()).to_string()),
        ("POST", "/management/set-txt") => match record() {
            Err(error) => bad(error),
            Ok(record) if shared.txt.set(&record.host, &record.value) => (200, "{}".to_owned()),
            Ok(_) => (507, json!({ "error": "there is no room for more records" }).to_string()),
        },
        ("POST", "/management/clear-txt") => match record() {
            Err(error) => bad(error),
            Ok(record) => {
                let removed = shared.txt.clear(&record.host, &record.value);
                (200, json!({ "removed": removed }).to_string())
            }
        },
        (_, "/management/txt" | "/management/set-txt" | "/management/clear-txt") => {
            (405, json!({ "error": "this method is not allowed here" }).to_string())
        }
        _ => (404, json!({ "error": "there is nothing here" }).to_string()),
    }
}
