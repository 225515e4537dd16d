//! Messages: every error is a sentence, and its causes are others.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error as _;

use serde_json::json;

use super::*;
use crate::challenge::Attempt;
use crate::identifier::Identifier;
use crate::request::Lost;
use crate::resource::Resource;
use crate::wire::{ChallengeKind, Context, InvalidObject, Problem};
use crate::x509::InvalidChain;

fn url() -> Url {
    Url::parse("https://ca.example/order/1").unwrap()
}

fn not_json() -> PeerFault {
    PeerFault::Object {
        status: 200,
        media_type: String::from("text/html"),
        fault: InvalidObject::NotJson { snippet: String::from("<html>") },
    }
}

fn transport() -> Error {
    let lost = Lost::NotSent(String::from("connection refused"));
    Error::Transport(Arc::new(TransportError { url: url(), lost, tries: 4 }))
}

fn chain(error: &Error) -> Vec<String> {
    let mut messages = Vec::from([error.to_string()]);
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages
}

#[test]
fn a_cause_is_the_source_and_is_not_repeated() {
    let late = DeadlinePassed { url: None, waiting_for: Resource::Order, last: Some(transport()) };
    let invalid_chain = InvalidChain::Pem(crate::pem::InvalidPem::NotUtf8);
    for (error, causes) in [
        (Error::Signer(SignFailed::UnknownKey), 0),
        (transport(), 0),
        (Error::Deadline(Arc::new(late)), 1),
        (Error::peer(&url(), not_json()), 1),
        (Error::peer(&url(), PeerFault::Chain(invalid_chain)), 2),
        (Error::peer(&url(), PeerFault::NoLocation), 0),
        (Error::Input(InvalidInput::NoIdentifiers), 0),
        (Error::Misuse(Misuse::UnknownId), 0),
        (Error::Cancelled, 0),
        (Error::Internal("an order is gone"), 0),
    ] {
        let messages = chain(&error);
        assert_eq!(messages.len(), causes + 1, "{messages:?}");
        for (index, message) in messages.iter().enumerate() {
            let above = &messages[..index];
            assert!(!above.iter().any(|other| other.contains(message)), "{messages:?}");
        }
        assert_eq!(Report::new(&error).to_string(), messages.join(": "));
    }
}

fn problem(json: &serde_json::Value) -> Problem {
    let context = Context { url: &url(), allow_http: false };
    Problem::from_value(json.clone(), context).unwrap().value
}

#[test]
fn a_missing_txt_record_is_called_that() {
    let said = problem(
        &json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": "No TXT record found" }),
    );
    let failed = |kind| {
        let attempt = Attempt { kind, problem: Some(said.clone()), local: None };
        let failure = IdentifierFailure {
            identifier: Identifier::dns("a.example").unwrap(),
            authorization: url(),
            status: None,
            tried: Vec::from([attempt]),
            offered: Vec::new(),
            refused: None,
        };
        let failures = Vec::from([failure]);
        OrderFailed { order_url: None, expired: false, problem: None, failures, then: None }
    };
    let hint = "the TXT record is there and has reached all name servers";
    for kind in [ChallengeKind::Dns01, ChallengeKind::DnsAccount01, ChallengeKind::DnsPersist01] {
        let text = failed(kind).to_string();
        assert!(text.contains(hint), "{text}");
    }
    let text = failed(ChallengeKind::Http01).to_string();
    assert!(text.contains("nothing else answers for the challenge"), "{text}");
}

#[test]
fn a_time_that_the_ca_tells_is_not_told_twice() {
    let at = Timestamp::parse_rfc3339("2026-11-30T05:06:07.5Z").unwrap();
    let told = |detail: &str| {
        let problem =
            problem(&json!({ "type": "urn:ietf:params:acme:error:rateLimited", "detail": detail }));
        let help = Vec::from([Url::parse("https://ca.example/limits").unwrap()]);
        ServerProblem {
            url: url(),
            resource: Resource::NewOrder,
            method: crate::http::Method::Post,
            status: 429,
            problem: Some(problem),
            media_type: String::new(),
            snippet: String::new(),
            retry_at: Some(at),
            help,
            index: None,
            terms_of_service: None,
            location: None,
        }
        .to_string()
    };
    let boulder =
        told("too many, retry after 2026-11-30 05:06:07 UTC: see https://ca.example/limits");
    assert_eq!(boulder.matches("05:06:07").count(), 1, "{boulder}");
    assert_eq!(boulder.matches("https://ca.example/limits").count(), 1, "{boulder}");
    let other = told("too many");
    assert!(
        other.contains("it asks to wait until 2026-11-30T05:06:07Z; see https://ca.example/limits"),
        "{other}"
    );
}
