//! The issuances of acme-proto, in virtual time.

use core::time::Duration;

use acme_proto::flow::{Flow, Input, Output};
use acme_proto::http::Response;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;

use super::{Awaited, Ca, Client, End, Noticed};
use crate::canned_server::{self, CannedServer, authorization, challenge, object, order};
use crate::world::issuance;

const NAME: &str = "a.example";

/// A client with a session for each issuance, or with one for all of them.
pub(super) struct Ours {
    session: Option<Session>,
    now: Timestamp,
}

impl Ours {
    pub(super) fn without_memory() -> Self {
        Self { session: None, now: CannedServer::new().now() }
    }

    pub(super) fn with_memory() -> Self {
        Self { session: Some(CannedServer::new().session()), ..Self::without_memory() }
    }
}

impl Client for Ours {
    fn wait_for(&mut self, ca: &Ca) -> Option<Noticed> {
        let mut fresh = CannedServer::new().session();
        let session = self.session.as_mut().unwrap_or(&mut fresh);
        let mut waiting = Waiting::new(ca, self.now);
        let noticed = waiting.run(session);
        self.now = waiting.server.now().saturating_add(Duration::from_secs(3600));
        noticed
    }
}

/// One issuance, at a CA that is at work.
struct Waiting<'a> {
    ca: &'a Ca,
    server: CannedServer,
    began: Option<Timestamp>,
    polls: u32,
    noticed: Option<Noticed>,
}

impl<'a> Waiting<'a> {
    fn new(ca: &'a Ca, now: Timestamp) -> Self {
        let mut server = CannedServer::obliging(&[NAME]);
        server.start_at(now);
        let waits = |answer| with_retry_after(answer, ca);
        server.on("/challenge/1", [waits(object(&challenge("processing", "http-01", 1)))]);
        if ca.awaited == Awaited::Certificate {
            server.on("/finalize/1", [waits(object(&order("processing", &[NAME])))]);
        }
        Self { ca, server, began: None, polls: 0, noticed: None }
    }

    fn run(&mut self, session: &mut Session) -> Option<Noticed> {
        let mut flow = issuance(&[NAME]).with_time_limit(Duration::from_secs(1800));
        let result = loop {
            let now = self.server.now();
            let input = match flow.poll_output(session, now) {
                Output::Transmit(transmit) => {
                    let url = transmit.request.url().as_str();
                    let path = url.strip_prefix(canned_server::BASE).unwrap_or(url).to_owned();
                    self.prepare(&path);
                    let response = self.server.respond(transmit.request).expect("a response");
                    self.begin(&path);
                    Input::Response(transmit.id, response)
                }
                Output::Sign(request) => {
                    Input::Signature(request.id, self.server.key.sign(&request.message))
                }
                Output::Event(event) => {
                    canned_server::oblige(&mut flow, session, event);
                    continue;
                }
                Output::Timeout(at) => {
                    self.server.sleep_until(at);
                    continue;
                }
                Output::Done(result) => break result,
                _ => continue,
            };
            flow.handle_input(session, input, self.server.now()).expect("a known id");
        };
        assert_eq!(result.is_ok(), self.ca.end == End::Success, "{result:?}");
        self.noticed
    }

    /// Has the server respond as far as it has come.
    fn prepare(&mut self, path: &str) {
        let Some(began) = self.began.filter(|_| self.noticed.is_none()) else { return };
        let elapsed = self.server.now().saturating_duration_since(began).as_secs_f64();
        let is_over = elapsed >= self.ca.takes;
        let (status, authorized) = match (self.ca.awaited, is_over, self.ca.end) {
            (Awaited::Validation, false, _) => ("pending", "pending"),
            (Awaited::Validation, true, End::Success) => ("ready", "valid"),
            (Awaited::Validation, true, End::Failure) => ("invalid", "invalid"),
            (Awaited::Validation, true, End::HiddenFailure) => ("pending", "invalid"),
            (Awaited::Certificate, false, _) => ("processing", "valid"),
            (Awaited::Certificate, true, _) => ("valid", "valid"),
        };
        let answer = object(&order(status, &[NAME]));
        let answer = if is_over { answer } else { with_retry_after(answer, self.ca) };
        self.server.on("/order/1", [answer]);
        self.server.on("/authz/1", [object(&authorization(authorized, NAME, 1))]);
        self.polls += u32::from(path == "/order/1" || path == "/authz/1");
        let shows = match self.ca.end {
            End::Success => path == "/order/1",
            End::Failure => path == "/order/1" || path == "/authz/1",
            End::HiddenFailure => path == "/authz/1",
        };
        if is_over && shows {
            self.noticed = Some(Noticed { at: elapsed, polls: self.polls });
        }
    }

    /// Has the CA begin, once it has responded.
    fn begin(&mut self, path: &str) {
        let begins = match self.ca.awaited {
            Awaited::Validation => "/challenge/1",
            Awaited::Certificate => "/finalize/1",
        };
        if path == begins {
            self.began = self.began.or_else(|| Some(self.server.now()));
        }
    }
}

fn with_retry_after(answer: Response, ca: &Ca) -> Response {
    match ca.retry_after {
        Some(seconds) => answer.with_header("retry-after", &format!("{seconds}")),
        None => answer,
    }
}
