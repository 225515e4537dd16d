//! The CA's end of the network.

use std::fmt;

use acme_proto::flow::Transmit;
use acme_proto::http::{Request, Response};
use acme_proto::jose::base64url;
use acme_testca::{
    CaRequest, CaResponse, ChallengeKind, Delivery, Problem, RequestKind, Validation,
};
use serde_json::Value;

use super::World;

/// An exchange as the CA saw it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When it was processed, in Unix milliseconds.
    pub millis: u64,
    /// What was asked for.
    pub kind: RequestKind,
    /// The request.
    pub request: Request,
    /// The status of the answer.
    pub status: u16,
    /// The problem type of an error, without its URN prefix.
    pub problem: Option<String>,
}

impl Exchange {
    /// Returns the protected header of a signed request.
    pub fn protected(&self) -> Option<Value> {
        protected(&self.request)
    }

    /// Returns the payload of a signed request: empty for POST-as-GET.
    pub fn payload(&self) -> Option<Vec<u8>> {
        member(&self.request, "payload")
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.request.method(), self.kind, self.status)?;
        self.problem.as_ref().map_or(Ok(()), |problem| write!(f, " {problem}"))
    }
}

impl World {
    /// Asks the CA at once, for a test that drives a flow by itself.
    pub fn ask(&mut self, transmit: &Transmit) -> Option<Response> {
        self.now += 1;
        self.exchange(transmit)
    }

    /// Has the CA process a request, and validate what it wants validated; `None` if the answer is lost.
    pub(super) fn exchange(&mut self, transmit: &Transmit) -> Option<Response> {
        let millis = self.now;
        let unavailable = self.faults.unavailable(&mut self.rng);
        let answer = self.ca.handle(&ca_request(&transmit.request), millis);
        self.transcript.push(Exchange {
            millis,
            kind: answer.kind,
            request: transmit.request.clone(),
            status: answer.status,
            problem: answer.problem.clone(),
        });
        for validation in self.ca.take_validations() {
            let outcome = self.judge(&validation, millis);
            self.ca.validated(validation.id, outcome, millis);
        }
        if unavailable {
            return Some(Response::new(503).with_header("retry-after", "1"));
        }
        (answer.delivery == Delivery::Answer).then(|| response(&answer))
    }
}

impl World {
    fn judge(&self, validation: &Validation, millis: u64) -> Result<(), Problem> {
        if matches!(validation.kind, ChallengeKind::DnsAccount01 | ChallengeKind::DnsPersist01) {
            let name = validation.txt_name().unwrap_or_default();
            return validation.judge_txt(self.txt.get(&name).map_or(&[], Vec::as_slice), millis);
        }
        match self.published.get(&validation.token) {
            Some(published) if *published == validation.key_authorization => Ok(()),
            Some(_) => Err(Problem::new(403, "incorrectResponse", "the wrong content")),
            None => Err(Problem::new(403, "connection", "nothing is published")),
        }
    }
}

fn ca_request(request: &Request) -> CaRequest {
    let mut out =
        CaRequest::new(request.method().as_str(), request.url().as_str()).with_body(request.body());
    for (name, value) in request.headers().iter() {
        out = out.with_header(name, value);
    }
    out
}

fn response(answer: &CaResponse) -> Response {
    let response = Response::new(answer.status).with_body(answer.body.clone());
    answer
        .headers
        .iter()
        .fold(response, |response, (name, value)| response.with_header(name, value))
}

fn member(request: &Request, name: &str) -> Option<Vec<u8>> {
    let jws: Value = serde_json::from_slice(request.body()).ok()?;
    base64url::decode(jws.get(name)?.as_str()?).ok()
}

fn protected(request: &Request) -> Option<Value> {
    serde_json::from_slice(&member(request, "protected")?).ok()
}

pub(crate) fn nonce(request: &Request) -> Option<String> {
    Some(protected(request)?.get("nonce")?.as_str()?.to_owned())
}
