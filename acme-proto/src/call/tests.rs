//! The engine alone, with many operations and a server that gives each answer at once.

#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::engine::{Engine, Step};
use crate::error::Error;
use crate::http::{Method, Response};
use crate::jose::{Algorithm, Jwk, Signature};
use crate::op::GetChallenge;
use crate::policy::{Policy, Rate, Rates, ResourceClass};
use crate::request::{Input, Lost, Transmit};
use crate::session::{Fresh, Session};
use crate::time::Timestamp;
use crate::token::Nonce;
use crate::url::Url;
use crate::wire::{Context, Directory};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

fn url(path: impl core::fmt::Display) -> Url {
    Url::parse(&format!("https://ca.example/{path}")).unwrap()
}

/// Knows directory and account, but no nonce.
fn session() -> Session {
    let root = url("directory");
    let body = br#"{"newNonce":"https://ca.example/new-nonce"}"#;
    let parsed = Directory::parse(body, Context { url: &root, allow_http: false });
    let directory = parsed.unwrap().value;
    let mut session = Session::new(root, 1)
        .with_account_key(Jwk::ec_p256(&[1; 32], &[2; 32]))
        .with_account_url(url("account"));
    session.set_directory(directory);
    session.directory_asked(NOW);
    session
}

/// An engine with its session, and what came of it.
struct World {
    now: Timestamp,
    session: Session,
    engine: Engine<GetChallenge>,
    nonces: u32,
    outputs: usize,
    sent: Vec<Url>,
    finished: Vec<Url>,
    errors: Vec<Error>,
    /// How many operations end with a request that may have been processed.
    unsure: usize,
}

impl World {
    fn new(operations: usize) -> Self {
        let mut engine = Engine::new();
        for n in 0..operations {
            engine.start(GetChallenge(url(n)));
        }
        let session = session();
        let (sent, finished, errors) = (Vec::new(), Vec::new(), Vec::new());
        let (nonces, outputs, unsure) = (0, 0, 0);
        Self { now: NOW, session, engine, nonces, outputs, sent, finished, errors, unsure }
    }

    /// Polls until the engine waits, and signs everything. Returns the requests, for the test to answer.
    fn poll(&mut self) -> Vec<Transmit> {
        let flow = self.engine.exchanges.enter(&mut self.session, self.now).unwrap();
        self.engine.exchanges.start_clock(Duration::from_secs(600));
        let mut requests = Vec::new();
        loop {
            self.outputs += 1;
            match self.engine.poll(&mut self.session, flow) {
                Step::Transmit(transmit) => requests.push(transmit),
                Step::Sign(request) => {
                    let signature = Signature::from_bytes(Algorithm::Es256, &[1; 64]).unwrap();
                    self.input(Input::Signature(request.id, signature));
                }
                Step::Finished(finished) => {
                    self.finished.push(finished.operation.0);
                    self.errors.extend(finished.result.err());
                    self.unsure += usize::from(finished.may_have_landed);
                }
                Step::Notice(_) => {}
                Step::Wait(_) => return requests,
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.engine.exchanges.handle_input(&mut self.session, input, self.now).unwrap();
    }

    fn respond(&mut self, transmit: &Transmit, status: u16, body: &str) {
        self.nonces += 1;
        let nonce = format!("nonce{}", self.nonces);
        let response = Response::new(status).with_header("replay-nonce", &nonce).with_body(body);
        self.input(Input::Response(transmit.id, response));
    }

    fn answer(&mut self, transmit: &Transmit) {
        if transmit.request.method() == Method::Head {
            return self.respond(transmit, 204, "");
        }
        self.sent.push(transmit.request.url().clone());
        let body = r#"{"type":"x","url":"https://ca.example/x","status":"pending"}"#;
        self.respond(transmit, 200, body);
    }

    fn run(&mut self) {
        loop {
            let requests = self.poll();
            if requests.is_empty() {
                return;
            }
            requests.iter().for_each(|request| self.answer(request));
        }
    }

    /// Returns a request that is out, with the nonce that it needed fetched before.
    fn first_request(&mut self) -> Transmit {
        self.poll().iter().for_each(|request| self.answer(request));
        self.poll().remove(0)
    }
}

#[test]
fn every_operation_comes_back_once_and_the_oldest_goes_first() {
    let mut world = World::new(100);
    world.run();
    let all: Vec<_> = (0..100).map(url).collect();
    assert_eq!(world.sent, all);
    assert_eq!(world.finished, all);
    assert!(world.engine.exchanges.is_idle());
}

#[test]
fn no_more_requests_are_out_than_the_policy_allows() {
    let mut world = World::new(100);
    let limit = world.session.policy().max_in_flight;
    let mut out = world.poll();
    while !out.is_empty() {
        assert!(out.len() <= limit, "{} requests are out", out.len());
        let first = out.remove(0);
        world.answer(&first);
        out.extend(world.poll());
    }
    assert_eq!(world.finished.len(), 100);
}

#[test]
fn ten_times_the_operations_take_ten_times_the_outputs() {
    let outputs = |operations| {
        let mut world = World::new(operations);
        world.run();
        world.outputs
    };
    let (few, many) = (outputs(100), outputs(1_000));
    assert!(many <= few * 10, "{few} outputs for 100 operations, {many} for 1000");
}

#[test]
fn answers_to_what_was_given_up_are_ignored() {
    let mut world = World::new(1);
    let request = world.first_request();
    world.engine.abandon_all(&mut world.session);
    world.answer(&request);
    assert_eq!(world.poll().len(), 0);
    assert_eq!(world.finished, []);
}

#[test]
fn what_was_given_up_fills_the_rate_limit_until_its_response_comes() {
    let rates =
        Rates::unlimited().with_rate(ResourceClass::Other, Rate { per_second: 1, burst: 2 });
    for is_answered in [true, false] {
        let mut world = World::new(2);
        world.session.set_policy(Policy { rates, ..Policy::default() });
        world.poll().iter().for_each(|request| world.answer(request));
        let requests = world.poll();
        assert_eq!(requests.len(), 2);
        world.engine.abandon_all(&mut world.session);
        if is_answered {
            requests.iter().for_each(|request| world.answer(request));
        }
        // By now one of the two has left the server's bucket, if both arrived when they were sent.
        world.now = NOW.saturating_add(Duration::from_secs(1));
        world.engine.start(GetChallenge(url(2)));
        assert_eq!(world.poll().len(), usize::from(is_answered), "{is_answered}");
    }
}

/// Has the other flows of a session take every slot of the next 1000 seconds.
fn fill(session: &mut Session) {
    session.slow_down(ResourceClass::Other, NOW, NOW);
    let far = NOW.saturating_add(Duration::from_secs(1000));
    while session.reserve(ResourceClass::Other, NOW, far).is_ok() {}
}

#[test]
fn without_a_slot_before_the_deadline_nothing_is_waited_for() {
    let mut world = World::new(1);
    fill(&mut world.session);
    let nonce = Nonce::parse("unused").unwrap();
    world.session.put_nonce(Fresh { nonce: nonce.clone(), since: NOW, from: None });
    assert_eq!(world.poll().len(), 0);
    let late = |until: Timestamp| until >= NOW.saturating_add(Duration::from_secs(600));
    assert!(
        matches!(&world.errors[..], [Error::RetryLater { url: at, until }] if *at == url(0) && late(*until)),
        "{:?}",
        world.errors
    );
    assert_eq!(world.session.take_nonce(NOW).map(|fresh| fresh.nonce), Some(nonce));
    assert_eq!(world.unsure, 0);
}

#[test]
fn a_lost_request_without_a_slot_for_another_try_may_have_been_processed() {
    let mut world = World::new(1);
    let request = world.first_request();
    fill(&mut world.session);
    let nonce = Nonce::parse("unused").unwrap();
    world.session.put_nonce(Fresh { nonce, since: NOW, from: None });
    world.input(Input::Lost(request.id, Lost::TimedOut));
    world.poll();
    world.now = NOW.saturating_add(Duration::from_secs(60));
    world.poll();
    assert!(matches!(&world.errors[..], [Error::RetryLater { .. }]), "{:?}", world.errors);
    assert_eq!(world.unsure, 1);
}

#[test]
fn what_is_given_up_when_it_is_signed_leaves_its_room_and_its_nonce_behind() {
    let give_up: [fn(&mut Engine<GetChallenge>, &mut Session); 3] =
        [Engine::abandon_all, Engine::reset, Engine::expire];
    let rates =
        Rates::unlimited().with_rate(ResourceClass::Other, Rate { per_second: 1, burst: 1 });
    for give_up in give_up {
        let mut world = World::new(1);
        world.session.set_policy(Policy { rates, ..Policy::default() });
        let nonce = Nonce::parse("unused").unwrap();
        world.session.put_nonce(Fresh { nonce: nonce.clone(), since: NOW, from: None });
        let flow = world.engine.exchanges.enter(&mut world.session, NOW).unwrap();
        world.engine.exchanges.start_clock(Duration::from_secs(600));
        let Step::Sign(request) = world.engine.poll(&mut world.session, flow) else {
            panic!("nothing to sign");
        };
        let signature = Signature::from_bytes(Algorithm::Es256, &[1; 64]).unwrap();
        world.input(Input::Signature(request.id, signature));
        let second_after = NOW.saturating_add(Duration::from_secs(1));
        assert!(world.session.room(ResourceClass::Other, second_after).is_err());
        give_up(&mut world.engine, &mut world.session);
        // Counted as arrived by now, it leaves the server's bucket within a second.
        assert_eq!(world.session.room(ResourceClass::Other, second_after), Ok(()));
        assert_eq!(world.session.take_nonce(NOW).map(|fresh| fresh.nonce), Some(nonce));
    }
}

#[test]
fn a_nonce_that_was_refused_is_replaced_by_that_of_the_refusal() {
    let mut world = World::new(1);
    let request = world.first_request();
    world.respond(&request, 400, r#"{"type":"urn:ietf:params:acme:error:badNonce"}"#);
    let again = world.poll();
    assert_eq!(again.len(), 1, "no other nonce is fetched");
    assert_eq!(again[0].request.url(), &url(0));
    world.answer(&again[0]);
    world.poll();
    assert_eq!(world.finished, [url(0)]);
}

#[test]
fn a_nonce_that_cannot_be_fetched_fails_all_that_wait_for_it() {
    let mut world = World::new(3);
    let requests = world.poll();
    requests.iter().for_each(|request| world.respond(request, 400, ""));
    assert_eq!(world.poll().len(), 0);
    assert_eq!(world.finished, [url(0), url(1), url(2)]);
}
