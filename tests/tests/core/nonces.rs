//! Replay protection (RFC 8555 sections 6.5 and 7.2).

use std::collections::BTreeSet;

use acme_proto::call::Call;
use acme_proto::error::{Error, PeerFault};
use acme_proto::http::{Method, Response};
use acme_proto::issuance::Issuance;
use acme_proto::notice::{Notice, RetryReason};
use acme_proto::op::{FindAccount, GetAccount, GetDirectory, Resource};
use acme_proto::register::Register;
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Problem, Quirks, RequestKind};
use acme_tests::script::{
    ACCOUNT, DIRECTORY, NEW_ACCOUNT, NEW_NONCE, Script, account, account_object, answer, directory,
    payload, problem, protected,
};
use acme_tests::world::{FaultPlan, SolverPlan, World, issue_with};

/// Returns a `badNonce` with this nonce.
fn bad_nonce(nonce: &str) -> Response {
    problem(400, "badNonce").with_header("Replay-Nonce", nonce)
}

fn retries(script: &Script) -> usize {
    let bad =
        |notice: &&Notice| matches!(notice, Notice::Retry { reason: RetryReason::BadNonce, .. });
    script.notices.iter().filter(bad).count()
}

#[test]
fn a_bad_nonce_is_answered_with_the_nonce_that_came_with_it() {
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, bad_nonce("of-the-error"))
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    // covers 8555-6.5-4
    assert_eq!(script.posts().len(), 2);
    assert_eq!(retries(&script), 1);
    // covers 8555-6.5-5
    assert_eq!(script.used_nonces(), ["first", "of-the-error"]);
    let [first, second] = script.posts()[..] else { panic!("two requests") };
    assert_eq!(payload(first), payload(second));
}

#[test]
fn a_request_names_the_one_whose_response_gave_its_nonce() {
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, bad_nonce("a"))
        .post(NEW_ACCOUNT, bad_nonce("b"))
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    let [(_, directory), (nonce, none), (first, from), (second, again), (_, and_again)] =
        script.ids[..]
    else {
        panic!("five requests: {:?}", script.lines())
    };
    assert_eq!([directory, none], [None; 2]);
    assert_eq!([from, again, and_again], [Some(nonce), Some(first), Some(second)]);
}

#[test]
fn the_nonce_of_the_error_goes_before_those_of_the_pool() {
    let mut script = Script::new()
        .get(DIRECTORY, directory().with_header("Replay-Nonce", "pool-1"))
        .post(NEW_ACCOUNT, bad_nonce("own"))
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    // covers 8555-6.5-5
    assert_eq!(script.used_nonces(), ["pool-1", "own"]);
    // covers 8555-6.5-3
    assert_eq!(script.used_nonces()[0], "pool-1");
}

#[test]
fn twenty_three_bad_nonces_are_survived() {
    let mut world = World::new(CaConfig::default(), 1);
    let refusal = FaultAction::Problem(Problem::new(400, "badNonce", "no"));
    let rule = FaultRule::next(refusal).on(RequestKind::NewAccount).times(23);
    world.ca.set_faults(Faults::none().with(rule));
    let mut session = world.session();
    let entry = world.run(&mut session, Register::new(), |_, _, _| ());
    let sent = world.transcript.iter().filter(|e| e.kind == RequestKind::NewAccount).count();
    // covers 8555-6.5-4
    assert!(entry.is_ok(), "{sent}");
    assert_eq!(sent, 24);
}

#[test]
fn the_twenty_fourth_bad_nonce_is_an_error() {
    let mut world = World::new(CaConfig::default(), 1);
    let refusal = FaultAction::Problem(Problem::new(400, "badNonce", "no"));
    let rule = FaultRule::next(refusal).on(RequestKind::NewAccount).times(usize::MAX);
    world.ca.set_faults(Faults::none().with(rule));
    let mut session = world.session();
    let error = world.run(&mut session, Register::new(), |_, _, _| ()).expect_err("endless");
    let sent = world.transcript.iter().filter(|e| e.kind == RequestKind::NewAccount).count();
    let typed = error.problem_type() == Some(&ProblemType::BadNonce);
    // covers 8555-6.5-6
    assert!(typed, "{error}, {sent}");
    assert_eq!(sent, 24, "{error}, {sent}");
}

#[test]
fn the_bound_on_bad_nonces_is_the_policys_and_counts_for_each_request() {
    let mut script = Script::new()
        .policy(|policy| policy.bad_nonce_tries = 3)
        .start()
        .post(NEW_ACCOUNT, bad_nonce("b"))
        .post(NEW_ACCOUNT, bad_nonce("c"))
        .post(NEW_ACCOUNT, account(200))
        .post(ACCOUNT, bad_nonce("d"))
        .post(ACCOUNT, bad_nonce("e"))
        .post(ACCOUNT, answer(200, &account_object()));
    // Without an account URL the call looks for it first: two requests, each with a bound of its own.
    script.run(Call::new(GetAccount)).expect("four refusals, two for each request");
    // covers 8555-6.5-6
    assert_eq!(script.posts().len(), 6);
}

#[test]
fn a_bad_nonce_without_a_nonce_is_followed_by_new_nonce() {
    for unusable in [None, Some(""), Some("ab=c"), Some("a b")] {
        let refusal = problem(400, "badNonce");
        let refusal = match unusable {
            Some(value) => refusal.with_header("Replay-Nonce", value),
            None => refusal,
        };
        let mut script = Script::new()
            .start()
            .exact(Method::Post, NEW_ACCOUNT, refusal)
            .nonce("second")
            .post(NEW_ACCOUNT, account(201));
        script.run(Register::new()).expect("an account");
        // covers 8555-6.5-7, 8555-6.5.1-1
        assert_eq!(script.used_nonces(), ["first", "second"], "{unusable:?}");
    }
}

#[test]
fn a_ca_that_gives_no_nonce_with_errors_is_survived() {
    let mut config = CaConfig::default();
    config.bad_nonce_percent = 50;
    let mut world = World::new(config, 3);
    world.ca.set_quirks(Quirks { no_nonce_on_errors: true, ..Quirks::default() });
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    for _ in 0..10 {
        let read = world.run(&mut session, Call::new(GetAccount), |_, _, _| ());
        // covers 8555-6.5-7
        assert!(read.is_ok(), "{:?}", world.lines());
    }
}

#[test]
fn another_problem_with_status_400_is_not_sent_again() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, problem(400, "malformed"));
    let error = script.run(Register::new()).expect_err("refused");
    // covers 8555-6.5-8
    assert_eq!(script.posts().len(), 1, "{error}");
}

#[test]
fn a_bad_nonce_is_known_by_its_type_whatever_the_status() {
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, problem(500, "badNonce").with_header("Replay-Nonce", "second"))
        .post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    // covers 8555-6.5-8
    assert_eq!(script.used_nonces(), ["first", "second"]);
    assert!(script.waits.is_empty(), "{:?}", script.waits);
}

#[test]
fn the_nonce_of_an_error_is_used_next() {
    let mut script = Script::new()
        .start()
        .post(NEW_ACCOUNT, problem(403, "unauthorized").with_header("Replay-Nonce", "from-403"));
    script.run(Register::new()).expect_err("refused");
    let mut script = script.post(NEW_ACCOUNT, account(200));
    script.run(Call::new(FindAccount)).expect("an answer");
    // covers 8555-6.5-3
    assert_eq!(script.used_nonces(), ["first", "from-403"]);
}

#[test]
fn the_nonce_of_a_directory_is_used() {
    let mut script =
        Script::new().get(DIRECTORY, directory().with_header("replay-nonce", "from-directory"));
    script.run(Call::new(GetDirectory)).expect("a directory");
    let mut script = script.post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    // covers 8555-6.5-3
    assert_eq!(script.used_nonces(), ["from-directory"]);
}

#[test]
fn the_nonce_of_a_lost_request_is_not_used_again() {
    use acme_proto::flow::Lost;
    let lost = Lost::NoResponse("reset".into());
    let mut script = Script::new()
        .start()
        .lost(Method::Post, NEW_ACCOUNT, lost)
        .nonce("second")
        .post(NEW_ACCOUNT, account(200));
    script.run(Register::new()).expect("an account");
    // covers 8555-6.5-2
    assert_eq!(script.used_nonces(), ["first", "second"]);
}

#[test]
fn no_nonce_is_used_twice_whatever_happens() {
    // The world refuses to see a nonce twice, and panics.
    let mut all = BTreeSet::new();
    let mut sent = 0;
    for seed in 0..12 {
        let mut config = CaConfig::default();
        config.bad_nonce_percent = 30;
        let mut world = World::new(config, seed);
        let mut session = world.session();
        world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
        world.faults = FaultPlan::rough();
        let flow = |name: &str| Issuance::new([name.parse().expect("a name")]).expect("a name");
        let flows = vec![flow("a.test"), flow("b.test"), flow("c.test")];
        for result in issue_with(&mut world, &mut session, flows, &SolverPlan::default()) {
            result.expect("issued");
        }
        let posts = world.transcript.iter().filter_map(|exchange| exchange.protected());
        for header in posts {
            sent += 1;
            all.insert((seed, header["nonce"].as_str().expect("a nonce").to_owned()));
        }
    }
    // covers 8555-6.5-2
    assert!(sent > 300, "{} of {sent}", all.len());
    assert_eq!(all.len(), sent, "{} of {sent}", all.len());
    // covers 8555-6.5-1
    assert_eq!(all.len(), sent);
}

#[test]
fn an_unusable_nonce_counts_as_none() {
    for bad in ["ab=c", "a b", "", "a+b", "ü"] {
        let created = account(201).with_header("Replay-Nonce", bad);
        let mut script = Script::new().start().exact(Method::Post, NEW_ACCOUNT, created);
        script.run(Register::new()).expect("an account");
        let mut script = script.nonce("second").post(ACCOUNT, answer(200, &account_object()));
        script.run(Call::new(GetAccount)).expect("the account");
        // covers 8555-6.5.1-1, fld-hdr-1
        assert_eq!(script.used_nonces(), ["first", "second"], "{bad:?}");
    }
}

#[test]
fn of_several_nonces_in_an_answer_one_valid_one_is_used() {
    let two = account(201).with_header("Replay-Nonce", "one").with_header("Replay-Nonce", "two");
    let joined = account(201).with_header("Replay-Nonce", "one, two");
    let behind_a_bad_one =
        account(201).with_header("Replay-Nonce", "=").with_header("Replay-Nonce", "one");
    for created in [two, joined, behind_a_bad_one] {
        let mut script = Script::new().start().exact(Method::Post, NEW_ACCOUNT, created);
        script.run(Register::new()).expect("an account");
        let mut script = script.post(ACCOUNT, answer(200, &account_object()));
        script.run(Call::new(GetAccount)).expect("the account");
        // covers 8555-6.5.1-3
        assert!(["one", "two"].contains(&script.used_nonces()[1].as_str()));
    }
}

#[test]
fn a_nonce_goes_into_the_header_exactly_as_it_came() {
    let strange = "-_A_-0000_not-canonical-base64url-Z";
    let mut script =
        Script::new().get(DIRECTORY, directory()).nonce(strange).post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    // covers 8555-6.5.2-1
    assert_eq!(protected(script.posts()[0])["nonce"], strange);
}

#[test]
fn new_nonce_may_answer_200_or_204() {
    for status in [200, 204] {
        let answer = Response::new(status).with_header("Replay-Nonce", "n");
        let mut script = Script::new()
            .get(DIRECTORY, directory())
            .exact(Method::Head, NEW_NONCE, answer)
            .post(NEW_ACCOUNT, account(201));
        script.run(Register::new()).expect("an account");
        // covers 8555-7.2-2, http-hdr-3
        assert_eq!(script.used_nonces(), ["n"], "{status}");
    }
}

#[test]
fn new_nonce_without_a_nonce_is_a_typed_error_and_no_loop() {
    for answer in [Response::new(200), Response::new(204).with_header("Replay-Nonce", "a b")] {
        let mut script =
            Script::new().get(DIRECTORY, directory()).exact(Method::Head, NEW_NONCE, answer);
        let error = script.run(Register::new()).expect_err("no nonce");
        let Error::Peer(peer) = &error else { panic!("{error}") };
        let typed = matches!(peer.fault(), PeerFault::NoNonce(200 | 204));
        // covers 8555-7.2-3
        assert!(typed, "{error}");
        assert_eq!(script.requests.len(), 2, "{error}");
        // covers fld-hdr-1
        assert!(typed);
    }
}

#[test]
fn an_error_of_new_nonce_ends_the_flow_and_says_where() {
    let refused = problem(400, "malformed");
    let mut script =
        Script::new().get(DIRECTORY, directory()).exact(Method::Head, NEW_NONCE, refused);
    let error = script.run(Register::new()).expect_err("refused");
    // covers 8555-7.2-3
    assert_eq!(error.url().map(|url| url.as_str()), Some(NEW_NONCE), "{error}");
    let Error::Problem(problem) = &error else { panic!("{error}") };
    assert_eq!((problem.resource(), problem.method()), (Resource::NewNonce, Method::Head));
}

#[test]
fn a_nonce_that_is_too_old_is_not_tried() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    script.run(Register::new()).expect("an account");
    script.pass(301);
    let mut script = script.nonce("second").post(ACCOUNT, answer(200, &account_object()));
    script.run(Call::new(GetAccount)).expect("the account");
    // covers 8555-7.2-5
    assert_eq!(script.used_nonces(), ["first", "second"]);
}

#[test]
fn a_stale_nonce_does_not_fail_anything() {
    let mut config = CaConfig::default();
    config.nonce_lifetime = 1000;
    let mut world = World::new(config, 1);
    let mut session = world.session();
    world.run(&mut session, Register::new(), |_, _, _| ()).expect("an account");
    world.pass(60_000);
    let read = world.run(&mut session, Call::new(GetAccount), |_, _, _| ());
    let refused = world.transcript.iter().any(|e| e.problem.as_deref() == Some("badNonce"));
    // covers 8555-7.2-5
    assert!(read.is_ok(), "{:?}", world.lines());
    assert!(refused, "{:?}", world.lines());
}

#[test]
fn the_pool_is_bounded_and_gives_the_newest_first() {
    let mut script = Script::new().policy(|policy| policy.max_nonces = 2);
    for nonce in ["a", "b", "c"] {
        script = script.get(DIRECTORY, directory().with_header("Replay-Nonce", nonce));
        script.run(Call::new(GetDirectory)).expect("a directory");
    }
    // No answer brings another one: the two that were kept are used, then newNonce is asked.
    let reads = || answer(200, &account_object());
    let mut script = script
        .known_account()
        .exact(Method::Post, ACCOUNT, reads())
        .exact(Method::Post, ACCOUNT, reads())
        .nonce("d")
        .exact(Method::Post, ACCOUNT, reads());
    for _ in 0..3 {
        script.run_once(Call::new(GetAccount)).expect("the account");
    }
    // covers 8555-6.5-9
    assert_eq!(script.used_nonces(), ["c", "b", "d"]);
}

#[test]
fn two_sessions_share_no_nonce() {
    let mut one = Script::new().start().post(NEW_ACCOUNT, account(201));
    one.run(Register::new()).expect("an account");
    let mut other = Script::new().start().post(NEW_ACCOUNT, account(201));
    other.run(Register::new()).expect("an account");
    // covers 8555-6.5-10
    assert!(other.lines().iter().any(|line| line.starts_with("HEAD")));
}

#[test]
fn an_error_of_new_nonce_is_not_taken_for_one_of_the_account() {
    let refused = problem(400, "malformed");
    let mut script = Script::new().known_account().get(DIRECTORY, directory()).exact(
        Method::Head,
        NEW_NONCE,
        refused,
    );
    let error = script.run(Call::new(GetAccount)).expect_err("no nonce");
    // covers 8555-7.2-3
    assert_eq!(error.url().map(|url| url.as_str()), Some(NEW_NONCE), "{error}");
}
