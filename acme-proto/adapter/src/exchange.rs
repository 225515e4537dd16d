//! A record of an HTTP exchange, for a client's observer.

use core::time::Duration;

use acme_proto::flow::Lost;
use acme_proto::header::{self, Link};
use acme_proto::http::{Method, Response};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use serde::{Serialize, Serializer};

/// One exchange: its time, URL and outcome. It has no body and no header except links, so no
/// secrets.
///
/// As JSON it is one line:
/// `{"time":…,"ms":…,"method":…,"url":…,"status":…,"lost":…,"sent":…,"received":…}`, with `status`
/// or `lost` left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExchangeRecord {
    /// When the request was sent.
    #[serde(rename = "time")]
    pub started: Timestamp,
    /// How long it took until the response was complete or the exchange failed.
    #[serde(rename = "ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// The method.
    #[serde(serialize_with = "method")]
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// The status code, if there was a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was no response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// Octets of body sent.
    pub sent: usize,
    /// Octets of body received.
    pub received: usize,
    /// The links of the response, such as `help` on rate limits, and `index`, which is the
    /// directory.
    #[serde(skip)]
    pub links: Vec<Link>,
}

impl ExchangeRecord {
    /// Creates the record of an exchange that has ended.
    pub fn new(
        started: Timestamp,
        elapsed: Duration,
        method: Method,
        url: Url,
        sent: usize,
        result: &Result<Response, Lost>,
    ) -> Self {
        let response = result.as_ref().ok();
        Self {
            started,
            elapsed,
            method,
            status: response.map(Response::status),
            lost: result.as_ref().err().map(ToString::to_string),
            sent,
            received: response.map_or(0, |response| response.body().len()),
            links: response.map_or_else(Vec::new, |r| header::links(r.headers(), &url)),
            url,
        }
    }
}

fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(elapsed.as_millis().try_into().unwrap_or(u64::MAX))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn method<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json() {
        let url = Url::parse("https://ca.example/dir").expect("a URL");
        let elapsed = Duration::from_millis(12);
        let result = Ok(Response::new(200).with_body("{}"));
        let record =
            ExchangeRecord::new(Timestamp::UNIX_EPOCH, elapsed, Method::Get, url, 0, &result);
        assert_eq!(
            serde_json::to_string(&record).expect("JSON"),
            r#"{"time":"1970-01-01T00:00:00Z","ms":12,"method":"GET","url":"https://ca.example/dir","status":200,"sent":0,"received":2}"#
        );
    }

    #[test]
    fn a_lost_exchange_says_why() {
        let url = Url::parse("https://ca.example/dir").expect("a URL");
        let lost = Err(Lost::NotSent("connection refused".into()));
        let record =
            ExchangeRecord::new(Timestamp::UNIX_EPOCH, Duration::ZERO, Method::Post, url, 9, &lost);
        assert_eq!(record.lost.as_deref(), Some("not sent: connection refused"));
        assert_eq!((record.status, record.sent, record.received), (None, 9, 0));
        assert!(record.links.is_empty());
    }

    #[test]
    fn the_links_of_an_answer_are_resolved_and_kept() {
        let url = Url::parse("https://ca.example/new-order").expect("a URL");
        let answer = Response::new(201)
            .with_header("Link", "</dir>;rel=\"index\", <https://ca.example/limits>;rel=help");
        let ended = Duration::ZERO;
        let record =
            ExchangeRecord::new(Timestamp::UNIX_EPOCH, ended, Method::Post, url, 0, &Ok(answer));
        let target = |rel: &str| {
            let link = record.links.iter().find(|link| link.has_rel(rel));
            link.map(|link| link.target().as_str().to_owned())
        };
        assert_eq!(target("index").as_deref(), Some("https://ca.example/dir"));
        assert_eq!(target("help").as_deref(), Some("https://ca.example/limits"));
    }
}
