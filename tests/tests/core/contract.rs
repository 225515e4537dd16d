//! The contract between a flow and its driver: the one rule, ids, sessions, limits, time.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Misuse};
use acme_proto::flow::{Flow, Input, Lost, Output, RequestId, SignId, SignRequest, Transmit};
use acme_proto::http::{Method, Response};
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::{GetAccount, GetDirectory};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::canned_server::{CannedServer, oblige};
use acme_tests::script::{
    ACCOUNT, BEGINNING, DIRECTORY, NEW_NONCE, Script, account_object, answer, directory,
    directory_with, ed1, protected, url,
};
use acme_tests::world::{SolverPlan, World, issuance, issue_with};
use serde_json::json;

/// What a flow handed out until it had nothing more to do.
struct Drained {
    transmits: Vec<Transmit>,
    signs: Vec<SignRequest>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Timeout(Timestamp),
    Done(Result<(), String>),
}

impl Drained {
    fn id(&self) -> RequestId {
        assert_eq!(self.transmits.len(), 1);
        self.transmits[0].id
    }

    fn sign_id(&self) -> SignId {
        assert_eq!(self.signs.len(), 1);
        self.signs[0].id
    }
}

/// Polls until `Timeout` or `Done`.
fn drain<F: Flow>(flow: &mut F, session: &mut Session, now: Timestamp) -> Drained {
    let (mut transmits, mut signs) = (Vec::new(), Vec::new());
    for _ in 0..1000 {
        let end = match flow.poll_output(session, now) {
            Output::Transmit(transmit) => {
                transmits.push(transmit);
                continue;
            }
            Output::Sign(sign) => {
                signs.push(sign);
                continue;
            }
            Output::Timeout(at) => {
                assert!(at > now, "a wake-up that does not lie ahead");
                End::Timeout(at)
            }
            Output::Done(result) => End::Done(result.map(|_| ()).map_err(|e| e.to_string())),
            _ => continue,
        };
        return Drained { transmits, signs, end };
    }
    panic!("the flow hands out things for ever");
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(BEGINNING)
}

fn later(millis: u64) -> Timestamp {
    now().saturating_add(Duration::from_millis(millis))
}

fn session() -> Session {
    Script::new().known_account().session
}

fn nonce(text: &str) -> Response {
    Response::new(200).with_header("Replay-Nonce", text)
}

/// Signs what was asked for, and returns the request that follows.
fn signed<F: Flow>(flow: &mut F, session: &mut Session, sign: &Drained) -> Drained {
    let signature = ed1().sign(&sign.signs[0].message);
    let input = Input::Signature(sign.sign_id(), signature);
    flow.handle_input(session, input, now()).expect("a known id");
    drain(flow, session, now())
}

/// Brings a fresh session so far that it knows the directory.
fn ready() -> Session {
    let mut session = session();
    let mut call = Call::new(GetDirectory);
    let id = drain(&mut call, &mut session, now()).id();
    let input = Input::Response(id, directory());
    call.handle_input(&mut session, input, now()).expect("a known id");
    assert_eq!(drain(&mut call, &mut session, now()).end, End::Done(Ok(())));
    session
}

/// A call that has its nonce and its request out.
fn sent(session: &mut Session, with: &str) -> (Call<GetAccount>, RequestId) {
    let mut call = Call::new(GetAccount);
    let id = drain(&mut call, session, now()).id();
    call.handle_input(session, Input::Response(id, nonce(with)), now()).expect("a known id");
    let sign = drain(&mut call, session, now());
    let id = signed(&mut call, session, &sign).id();
    (call, id)
}

#[test]
fn before_the_first_poll_no_id_is_known() {
    let mut session = session();
    let id = drain(&mut Call::new(GetDirectory), &mut session, now()).id();
    let mut fresh = Call::new(GetDirectory);
    let told = fresh.handle_input(&mut session, Input::Response(id, directory()), now());
    assert_eq!(told, Err(Misuse::UnknownId));
}

#[test]
fn the_id_of_another_flow_is_unknown() {
    let mut session = session();
    let (mut one, mut other) = (Call::new(GetDirectory), Call::new(GetDirectory));
    let foreign = drain(&mut one, &mut session, now()).id();
    let own = drain(&mut other, &mut session, now()).id();
    for input in [Input::Response(foreign, directory()), Input::Lost(foreign, Lost::TimedOut)] {
        assert_eq!(other.handle_input(&mut session, input, now()), Err(Misuse::UnknownId));
    }
    other.handle_input(&mut session, Input::Response(own, directory()), now()).expect("its own");
    assert_eq!(drain(&mut other, &mut session, now()).end, End::Done(Ok(())));
}

#[test]
fn an_id_that_was_never_given_out_is_unknown() {
    let mut busy = ready();
    let (_, late) = sent(&mut busy, "a");
    let mut session = ready();
    let mut call = Call::new(GetAccount);
    drain(&mut call, &mut session, now());
    // The same flow number in another session, but a later id.
    let told = call.handle_input(&mut session, Input::Lost(late, Lost::TimedOut), now());
    assert_eq!(told, Err(Misuse::UnknownId));
}

#[test]
fn an_answer_to_a_settled_id_is_ignored() {
    let mut session = session();
    let mut call = Call::new(GetAccount);
    let id = drain(&mut call, &mut session, now()).id();
    call.handle_input(&mut session, Input::Response(id, directory()), now()).expect("known");
    let again = Response::new(500);
    call.handle_input(&mut session, Input::Response(id, again), now()).expect("settled");
    call.handle_input(&mut session, Input::Lost(id, Lost::TimedOut), now()).expect("settled");
    let next = drain(&mut call, &mut session, now());
    assert_eq!(next.transmits[0].request.url().as_str(), NEW_NONCE);
}

#[test]
fn a_flow_belongs_to_the_session_of_its_first_poll() {
    let (mut first, mut second) = (session(), session());
    let mut call = Call::new(GetDirectory);
    let id = drain(&mut call, &mut first, now()).id();
    let wrong = Misuse::WrongSession.to_string();
    let End::Done(Err(said)) = drain(&mut call, &mut second, now()).end else { panic!("refused") };
    assert!(said.contains(&wrong), "{said}");
    let input = Input::Response(id, directory());
    assert_eq!(call.handle_input(&mut second, input, now()), Err(Misuse::WrongSession));
    call.handle_input(&mut first, Input::Response(id, directory()), now()).expect("its own");
    assert_eq!(drain(&mut call, &mut first, now()).end, End::Done(Ok(())));
}

#[test]
fn after_the_end_a_poll_is_a_misuse_and_inputs_are_ignored() {
    let mut session = session();
    let mut call = Call::new(GetDirectory);
    let id = drain(&mut call, &mut session, now()).id();
    call.handle_input(&mut session, Input::Response(id, directory()), now()).expect("known");
    assert_eq!(drain(&mut call, &mut session, now()).end, End::Done(Ok(())));
    for _ in 0..3 {
        let end = drain(&mut call, &mut session, later(1)).end;
        assert_eq!(end, End::Done(Err(Misuse::Finished.to_string())));
        let input = Input::Response(id, Response::new(500));
        call.handle_input(&mut session, input, later(1)).expect("ignored");
    }
}

#[test]
fn a_command_after_the_end_is_a_misuse() {
    let mut session = session();
    let mut flow = Register::new().with_time_limit(Duration::from_secs(10));
    assert_eq!(flow.agree(), Err(Misuse::ConsentNotRequested));
    let id = drain(&mut flow, &mut session, now()).id();
    let terms = directory_with(&json!({ "meta": { "termsOfService": "https://e.example/t" } }));
    flow.handle_input(&mut session, Input::Response(id, terms), now()).expect("known");
    let asked = flow.poll_output(&mut session, now());
    assert!(matches!(asked, Output::Event(RegisterEvent::AgreeToTerms(_))), "{asked:?}");
    let end = drain(&mut flow, &mut session, later(10_000)).end;
    assert!(matches!(end, End::Done(Err(_))), "{end:?}");
    assert_eq!(flow.agree(), Err(Misuse::Finished));
    assert_eq!(flow.decline(), Err(Misuse::Finished));
}

#[test]
fn a_session_without_a_key_is_a_misuse_of_what_needs_one() {
    let mut session = Session::new(url(DIRECTORY), 7);
    let mut call = Call::new(GetAccount);
    let id = drain(&mut call, &mut session, now()).id();
    call.handle_input(&mut session, Input::Response(id, directory()), now()).expect("known");
    let End::Done(Err(said)) = drain(&mut call, &mut session, now()).end else { panic!("refused") };
    assert!(said.contains(&Misuse::NoAccountKey.to_string()), "{said}");
}

#[test]
fn every_wake_up_lies_ahead_even_when_time_goes_backwards() {
    let mut session = session();
    let mut call = Call::new(GetDirectory);
    let id = drain(&mut call, &mut session, later(5000)).id();
    let End::Timeout(first) = drain(&mut call, &mut session, now()).end else { panic!("") };
    assert!(first > later(5000), "the latest time that was seen counts");
    let unavailable = Response::new(503).with_header("Retry-After", "2");
    let earlier = Timestamp::UNIX_EPOCH;
    call.handle_input(&mut session, Input::Response(id, unavailable), earlier).expect("known");
    let End::Timeout(wake) = drain(&mut call, &mut session, earlier).end else { panic!("") };
    assert_eq!(wake, later(7000));
    assert_eq!(drain(&mut call, &mut session, later(7000)).transmits.len(), 1);
}

#[test]
fn one_wrong_reading_of_the_clock_poisons_nothing_but_its_flow() {
    let mut session = session();
    let far = Timestamp::from_unix_seconds(BEGINNING + 100 * 365 * 86_400);
    drain(&mut Call::new(GetDirectory), &mut session, far);
    let mut call = Call::new(GetDirectory);
    assert_eq!(drain(&mut call, &mut session, now()).transmits.len(), 1);
}

#[test]
fn a_request_has_the_policys_limits_and_none_beyond_the_deadline() {
    let mut script = Script::new().policy(|policy| policy.body_limit = 1000);
    let mut call = Call::new(GetDirectory).with_time_limit(Duration::from_secs(10));
    let transmit = drain(&mut call, &mut script.session, now()).transmits.remove(0);
    assert_eq!((transmit.body_limit, transmit.time_limit), (1000, Duration::from_secs(10)));
    // covers 8555-6.1-11
    assert_eq!(transmit.body_limit, 1000);
    let mut call = Call::new(GetDirectory).with_time_limit(Duration::from_secs(100));
    let transmit = drain(&mut call, &mut script.session, now()).transmits.remove(0);
    assert_eq!(transmit.time_limit, Duration::from_secs(30));
}

#[test]
fn a_signature_is_not_waited_for_beyond_the_deadline() {
    let mut session = ready();
    let mut call = Call::new(GetAccount).with_time_limit(Duration::from_secs(5));
    let id = drain(&mut call, &mut session, now()).id();
    call.handle_input(&mut session, Input::Response(id, nonce("n")), now()).expect("known");
    let sign = drain(&mut call, &mut session, later(1000));
    assert_eq!(sign.signs[0].time_limit, Duration::from_secs(4));
    assert_eq!(sign.end, End::Timeout(later(5000)));
    let end = drain(&mut call, &mut session, later(5000)).end;
    assert!(matches!(end, End::Done(Err(_))), "{end:?}");
}

#[test]
fn after_the_deadline_nothing_is_sent() {
    let mut session = session();
    let mut call = Call::new(GetDirectory).with_time_limit(Duration::from_secs(10));
    let id = drain(&mut call, &mut session, now()).id();
    let unavailable = Response::new(503).with_header("Retry-After", "5");
    call.handle_input(&mut session, Input::Response(id, unavailable), now()).expect("known");
    // The machine sleeps, and wakes up long after the request was due and the deadline has passed.
    let end = drain(&mut call, &mut session, later(60_000));
    assert!(end.transmits.is_empty(), "{:?}", end.transmits);
    assert!(matches!(end.end, End::Done(Err(_))), "{:?}", end.end);
}

#[test]
fn no_flow_waits_for_the_answer_of_another() {
    let mut session = session();
    let (mut one, mut other) = (Call::new(GetAccount), Call::new(GetAccount));
    for call in [&mut one, &mut other] {
        let drained = drain(call, &mut session, now());
        assert_eq!(drained.transmits[0].request.url().as_str(), DIRECTORY);
        let input = Input::Response(drained.id(), directory());
        if session.directory().is_none() {
            continue;
        }
        call.handle_input(&mut session, input, now()).expect("known");
    }
    // The first one's driver has died; the second goes on by itself.
    let fetches = drain(&mut other, &mut session, now());
    assert!(matches!(fetches.end, End::Timeout(_)));
}

#[test]
fn a_nonce_from_a_flows_own_new_nonce_is_its_own() {
    let mut session = ready();
    let (mut one, mut other) = (Call::new(GetAccount), Call::new(GetAccount));
    let first = drain(&mut one, &mut session, now()).id();
    let second = drain(&mut other, &mut session, now()).id();
    one.handle_input(&mut session, Input::Response(first, nonce("first")), now()).expect("known");
    // The other flow is polled before the first one takes its nonce, and leaves it alone.
    assert!(drain(&mut other, &mut session, now()).signs.is_empty());
    assert_eq!(drain(&mut one, &mut session, now()).signs.len(), 1);
    let input = Input::Response(second, nonce("second"));
    other.handle_input(&mut session, input, now()).expect("known");
    assert_eq!(drain(&mut other, &mut session, now()).signs.len(), 1);
}

#[test]
fn the_nonce_of_a_bad_nonce_stays_with_its_request() {
    let mut session = ready();
    let (mut call, id) = sent(&mut session, "a");
    let refused = acme_tests::script::problem(400, "badNonce").with_header("Replay-Nonce", "b");
    call.handle_input(&mut session, Input::Response(id, refused), now()).expect("known");
    let mut thief = Call::new(GetAccount);
    let stolen = drain(&mut thief, &mut session, now());
    assert_eq!(stolen.transmits[0].request.method(), Method::Head);
    let sign = drain(&mut call, &mut session, now());
    let request = signed(&mut call, &mut session, &sign).transmits.remove(0).request;
    // covers 8555-6.5-5
    assert_eq!(protected(&request)["nonce"], "b");
}

#[test]
fn a_nonce_that_comes_with_an_answer_is_there_for_every_flow() {
    let mut session = ready();
    let (mut call, id) = sent(&mut session, "a");
    let read = answer(200, &account_object()).with_header("Replay-Nonce", "b");
    call.handle_input(&mut session, Input::Response(id, read), now()).expect("known");
    assert_eq!(drain(&mut call, &mut session, now()).end, End::Done(Ok(())));
    let mut next = Call::new(GetAccount);
    // covers 8555-6.5-9
    assert_eq!(drain(&mut next, &mut session, now()).signs.len(), 1);
}

#[test]
fn a_slow_signer_is_an_input_that_comes_later() {
    let mut session = ready();
    let mut call = Call::new(GetAccount);
    let id = drain(&mut call, &mut session, now()).id();
    call.handle_input(&mut session, Input::Response(id, nonce("n")), now()).expect("known");
    let sign = drain(&mut call, &mut session, now());
    // Two seconds pass, and another flow does its work in the meantime.
    let (mut other, id) = sent(&mut session, "m");
    let read = answer(200, &account_object());
    other.handle_input(&mut session, Input::Response(id, read), later(1000)).expect("known");
    assert_eq!(drain(&mut other, &mut session, later(1000)).end, End::Done(Ok(())));
    let signature = ed1().sign(&sign.signs[0].message);
    let input = Input::Signature(sign.sign_id(), signature);
    call.handle_input(&mut session, input, later(2000)).expect("known");
    assert_eq!(drain(&mut call, &mut session, later(2000)).transmits.len(), 1);
}

#[test]
fn everything_that_is_due_is_handed_out_before_timeout() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let names: Vec<_> = (0..8).map(|n| format!("n{n}.test").parse().expect("a name")).collect();
    let flows = vec![Issuance::new(names).expect("names")];
    issue_with(&mut world, &mut session, flows, &SolverPlan::default())
        .pop()
        .expect("one")
        .expect("issued");
    assert_eq!(world.max_in_flight, 8);
}

#[test]
fn no_more_than_max_in_flight_requests_are_out_at_once() {
    for width in [1, 3] {
        let mut world = World::new(CaConfig::default(), 1);
        let mut policy = world.session().policy().clone();
        policy.max_in_flight = width;
        let mut session = world.session().with_policy(policy);
        world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
        let names: Vec<_> = (0..8).map(|n| format!("n{n}.test").parse().expect("a name")).collect();
        let flows = vec![Issuance::new(names).expect("names")];
        let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
        result.expect("one").expect("issued");
        assert_eq!(world.max_in_flight, width);
    }
}

#[test]
fn fifty_flows_share_one_rate_limit_and_all_end() {
    use acme_proto::policy::{Rate, Rates, ResourceClass};
    let mut world = World::new(CaConfig::default(), 1);
    let mut policy = world.session().policy().clone();
    policy.rates =
        Rates::unlimited().with_rate(ResourceClass::Other, Rate { per_second: 5, burst: 5 });
    let mut session = world.session().with_policy(policy);
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    let flows = (0..50).map(|_| Call::new(GetAccount)).collect();
    let results = world.run_all(&mut session, flows, |_, _, _, _, _, _| ());
    assert!(results.iter().all(Result::is_ok));
    let reads = world.transcript.iter().filter(|e| e.kind == RequestKind::Account);
    let times: Vec<_> = reads.map(|e| e.millis).collect();
    // Five at once, and five a second: no more than ten in any second.
    let within = |n: usize| times[n + 10] - times[n] >= 990;
    // covers 8555-6.6-6
    assert!((0..times.len() - 10).all(within), "{times:?}");
    assert!(times[49] - times[0] >= 8_990, "{times:?}");
}

#[test]
fn the_slot_of_a_dropped_flow_lapses() {
    use acme_proto::policy::{Rate, Rates, ResourceClass};
    let mut script = Script::new().policy(|policy| {
        policy.rates = Rates::unlimited()
            .with_rate(ResourceClass::Directory, Rate { per_second: 1, burst: 1 });
    });
    let session = &mut script.session;
    let mut flows: Vec<_> = (0..3).map(|_| Call::new(GetDirectory)).collect();
    let ends: Vec<_> = flows.iter_mut().map(|flow| drain(flow, session, now())).collect();
    assert_eq!(ends[0].transmits.len(), 1);
    assert_eq!(ends[1].end, End::Timeout(later(1000)));
    assert_eq!(ends[2].end, End::Timeout(later(2000)));
    let mut last = flows.pop().expect("three");
    drop(flows);
    // The request that the first one sent counts until it must have arrived, and then for as long as any.
    let end = drain(&mut last, session, later(2000));
    assert_eq!((end.transmits.len(), end.end), (0, End::Timeout(later(3000))));
    assert_eq!(drain(&mut last, session, later(3000)).transmits.len(), 1);
}

#[test]
fn flows_and_sessions_can_be_sent_and_shared() {
    fn both<T: Send + Sync>() {}
    both::<Session>();
    both::<Call<GetDirectory>>();
    both::<Register>();
    both::<Issuance>();
    both::<Error>();
    both::<Input>();
    both::<Output<IssuanceEvent, ()>>();
    assert_eq!(url(ACCOUNT).as_str(), ACCOUNT);
}

#[test]
fn a_challenge_is_not_chosen_for_the_account_key_of_another_session() {
    let mut server = CannedServer::obliging(&["a.example"]);
    let (mut session, mut other) = (server.session(), server.session());
    let mut call = Call::new(GetAccount);
    let _ = call.poll_output(&mut other, now());
    let (mut flow, mut offers) = (issuance(&["a.example"]), 0);
    let issued = server.run(&mut session, &mut flow, |flow, session, event| {
        if let IssuanceEvent::Authorize(offer) = &event {
            offers += 1;
            let chosen = flow.select(&other, &offer.id(), &offer.kinds()[0]);
            assert_eq!(chosen, Err(Misuse::WrongSession));
        }
        oblige(flow, session, event);
    });
    issued.expect("the offer is still open");
    assert_eq!(offers, 1);
}
