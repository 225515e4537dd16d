//! From replies to bytes: the header fields that all responses have in common, and the quirks that
//! concern every response.

use serde_json::{Map, Value, json};

use super::ca::Ca;
use super::clock::{http_date, rfc3339};
use super::config::RetryAfter;
use super::kind::RequestKind;
use super::message::CaRequest;
use super::problem::Problem;

/// A response before the parts that all responses have in common.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Empty,
    Json(Value),
    Problem(Value),
    Text { content_type: &'static str, text: String },
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, Body::Empty)
    }

    pub(crate) fn json(status: u16, value: Value) -> Self {
        Self::new(status, Body::Json(value))
    }

    pub(crate) fn text(status: u16, content_type: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(status, Body::Text { content_type, text })
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn with_link(self, url: &str, relation: &str) -> Self {
        self.with_header("Link", format!("<{url}>;rel=\"{relation}\""))
    }

    pub(crate) fn without_body(mut self) -> Self {
        self.body = Body::Empty;
        self
    }

    fn new(status: u16, body: Body) -> Self {
        Self { status, headers: Vec::new(), body }
    }
}

impl Ca {
    pub(super) fn problem_reply(&self, problem: &Problem) -> Reply {
        let body = if self.config.quirks.html_errors {
            Body::Text {
                content_type: "text/html",
                text: format!(
                    "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>",
                    problem.status()
                ),
            }
        } else {
            Body::Problem(self.problem_json(problem))
        };
        let mut reply = Reply::new(problem.status(), body);
        reply.headers.extend_from_slice(problem.headers());
        reply
    }

    /// Returns a problem document as this CA writes it.
    pub(super) fn problem_json(&self, problem: &Problem) -> Value {
        let quirks = &self.config.quirks;
        let mut document = problem.to_json();
        if quirks.unknown_subproblems {
            let identifier = json!({ "type": "pigeonhole", "value": { "row": 7 } });
            let odd = json!({ "detail": "of another kind", "identifier": identifier });
            match document.get_mut("subproblems").and_then(Value::as_array_mut) {
                Some(subproblems) => subproblems.insert(0, odd),
                None => document["subproblems"] = json!([odd]),
            }
        } else if quirks.null_subproblems && document.get("subproblems").is_none() {
            document["subproblems"] = Value::Null;
        }
        if let (true, Some(members)) = (quirks.problems_without_type, document.as_object_mut()) {
            members.remove("type");
        }
        document
    }

    /// Returns the status of a response to a creation.
    pub(super) fn created(&self) -> u16 {
        if self.config.quirks.ok_for_created { 200 } else { 201 }
    }

    /// Returns the `Retry-After` of a resource that a client waits for, or of one that is final.
    pub(super) fn retry_after(
        &self,
        configured: Option<&RetryAfter>,
        waiting: bool,
    ) -> Option<RetryAfter> {
        let quirks = &self.config.quirks;
        match waiting {
            true => configured.cloned(),
            false if quirks.endless_retry_after => Some(RetryAfter::Seconds(u64::MAX)),
            false if quirks.retry_after_always => {
                Some(configured.cloned().unwrap_or(RetryAfter::Seconds(300)))
            }
            false => None,
        }
    }

    /// Adds a `Retry-After` header field to a reply.
    pub(super) fn with_retry_after(
        &self,
        reply: Reply,
        value: Option<&RetryAfter>,
        now: u64,
    ) -> Reply {
        match value {
            None => reply,
            Some(RetryAfter::Seconds(seconds)) => {
                reply.with_header("Retry-After", seconds.to_string())
            }
            Some(RetryAfter::Date(seconds)) => {
                // A date has whole seconds. It is rounded up, or clients would come too early.
                reply.with_header("Retry-After", http_date(now + seconds * 1000 + 999))
            }
            Some(RetryAfter::Text(text)) => reply.with_header("Retry-After", text.clone()),
        }
    }

    /// Formats a date, with or without a fraction as configured.
    pub(super) fn date(&self, millis: u64) -> Value {
        json!(rfc3339(millis, self.config.quirks.nanosecond_dates))
    }

    /// Sets an optional member. Without a value it is absent, or `null` if that quirk is on.
    pub(super) fn set(&self, object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
        match value {
            Some(value) => {
                object.insert(name.to_owned(), value);
            }
            None if self.config.quirks.null_members => {
                object.insert(name.to_owned(), Value::Null);
            }
            None => {}
        }
    }

    pub(super) fn finish(
        &mut self,
        reply: Reply,
        request: &CaRequest,
        kind: RequestKind,
        failed: bool,
        now: u64,
    ) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let mut headers = Vec::new();
        let (content_type, body) = self.render(reply.body);
        if let Some(content_type) = content_type {
            headers.push(("Content-Type".to_owned(), content_type));
        }
        headers.extend(reply.headers);
        if kind != RequestKind::Directory {
            headers.push(("Link".to_owned(), format!("<{}>;rel=\"index\"", self.directory_url())));
        }
        let quirks = &self.config.quirks;
        // Section 6.5: with every response to a POST, errors included, and with newNonce.
        let wanted = request.method == "POST"
            || (kind == RequestKind::NewNonce && !failed)
            || (kind == RequestKind::Directory && quirks.nonce_on_directory);
        let kept = if failed {
            quirks.no_nonce_on_errors
        } else {
            quirks.no_nonce_on_success && kind != RequestKind::NewNonce
        };
        if wanted && !kept {
            let joined = quirks.joined_nonces;
            let mut nonce = self.nonces.give(&mut self.rng, now, request.connection);
            if joined {
                let another = self.nonces.give(&mut self.rng, now, request.connection);
                nonce = format!("{nonce}, {another}");
            }
            headers.push(("Replay-Nonce".to_owned(), nonce));
        }
        self.bend_headers(&mut headers);
        // Section 6.1 recommends this for clients in browsers.
        headers.push(("Access-Control-Allow-Origin".to_owned(), "*".to_owned()));
        if kind == RequestKind::NewNonce {
            headers.push(("Cache-Control".to_owned(), "no-store".to_owned()));
        }
        self.bend_urls(&mut headers);
        let body = if request.method == "HEAD" { Vec::new() } else { body };
        (reply.status, headers, body)
    }

    fn render(&self, body: Body) -> (Option<String>, Vec<u8>) {
        let quirks = &self.config.quirks;
        let (content_type, bytes) = match body {
            Body::Empty => return (None, Vec::new()),
            Body::Json(mut value) => {
                if let (true, Some(object)) = (quirks.unknown_members, value.as_object_mut()) {
                    object.insert("createdAt".to_owned(), json!("2026-01-02T03:04:05.123456789Z"));
                    object.insert("x-unknown".to_owned(), json!({ "nested": [1, null, "two"] }));
                }
                let mut text = value.to_string();
                if quirks.plain_http_urls {
                    text = text.replace("https://", "http://");
                }
                if quirks.escaped_json {
                    text = text.replace('/', "\\/").replace("\"https:", "\"\\u0068ttps:");
                    text = text.replace("\"valid\"", "\"\\u0076alid\"");
                }
                let html = quirks.objects_as_html;
                (if html { "text/html" } else { "application/json" }, text.into_bytes())
            }
            Body::Problem(value) => {
                let plain = quirks.problem_as_json;
                let content_type =
                    if plain { "application/json" } else { "application/problem+json" };
                (content_type, value.to_string().into_bytes())
            }
            Body::Text { content_type, text } => (content_type, text.into_bytes()),
        };
        let parameters = if quirks.content_type_parameters { "; charset=utf-8" } else { "" };
        let mut content_type = format!("{content_type}{parameters}");
        if quirks.capital_content_types {
            content_type.make_ascii_uppercase();
        }
        (Some(content_type), bytes)
    }

    fn bend_headers(&self, headers: &mut Vec<(String, String)>) {
        let quirks = &self.config.quirks;
        let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
        if quirks.unknown_members {
            add("Boulder-Requester", "1");
        }
        if quirks.negative_max_age {
            add("Cache-Control", "max-age=-1");
        }
        if quirks.unreadable_retry_after {
            add("Retry-After", "soon");
        }
    }

    fn bend_urls(&self, headers: &mut Vec<(String, String)>) {
        let quirks = &self.config.quirks;
        if quirks.relative_urls {
            for (name, value) in headers.iter_mut() {
                if name == "Location" || name == "Link" {
                    *value = value.replacen(&self.config.base_url, "", 1);
                }
            }
        }
        if quirks.joined_links {
            let links: Vec<String> =
                headers.iter().filter(|(name, _)| name == "Link").map(|(_, v)| v.clone()).collect();
            headers.retain(|(name, _)| name != "Link");
            if !links.is_empty() {
                headers.push(("Link".to_owned(), links.join(", ")));
            }
        }
    }
}
