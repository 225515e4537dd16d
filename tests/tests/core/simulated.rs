//! What the simulation of `acme-proof` found: each fault as the least that shows it.

use core::time::Duration;

use acme_proto::error::Error;
use acme_proto::flow::{Flow, Input, Lost, Output, SignFailed};
use acme_proto::http::{Method, Request, Response};
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::jose::Jwk;
use acme_proto::op::Resource;
use acme_proto::rollover::{Rollover, RolloverEvent};
use acme_proto::session::Session;
use acme_tests::canned_server::{
    CannedServer, authorization, certificate, chain, challenge, object, oblige, order, problem,
};
use acme_tests::script::{KEY_CHANGE, NEW_ACCOUNT, NEW_NONCE, Script, account, ed2};
use acme_tests::world::issuance;

const NAME: &str = "a.example";

fn payloads(server: &CannedServer, path: &str) -> Vec<String> {
    server.at(path).iter().map(|asked| asked.payload()).collect()
}

fn garbled() -> Response {
    object(&serde_json::json!({})).with_body("{")
}

#[test]
fn a_certificate_that_is_garbled_once_is_downloaded_again() {
    let mut server = CannedServer::obliging(&[NAME]);
    let good = certificate(&chain(&[NAME]));
    server.on("/cert/1", [certificate("garbled"), good]);
    server.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(server.count("/cert/1"), 2);
    assert_eq!(server.count("/newOrder"), 1);
}

#[test]
fn a_garbled_certificate_of_a_resumed_order_leads_to_no_second_one() {
    let mut server = CannedServer::obliging(&[NAME]);
    let good = certificate(&chain(&[NAME]));
    server.on("/cert/1", [certificate("garbled"), certificate("garbled"), good]);
    server.issue(issuance(&[NAME]).durable()).expect_err("garbled twice");
    let snapshot = server.snapshots.last().cloned().expect("a snapshot");
    server.on("/order/1", [object(&order("valid", &[NAME]))]);
    server.on("/cert/1", [certificate("garbled"), certificate(&chain(&[NAME]))]);
    server.issue(Issuance::resume(snapshot)).expect("a certificate");
    assert_eq!(server.count("/newOrder"), 1);
}

#[test]
fn a_lost_response_to_a_challenge_and_garbage_after_it_are_sent_again() {
    let mut server = CannedServer::obliging(&[NAME]);
    let pending = object(&authorization("pending", NAME, 1));
    server.on("/authz/1", [pending]);
    server.on("/challenge/1", [garbled(), object(&challenge("processing", "http-01", 1))]);
    server.lose("/challenge/1");
    let begin = server.now();
    server.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(payloads(&server, "/challenge/1"), ["{}", "", "{}"]);
    assert!(server.now().saturating_duration_since(begin) < Duration::from_secs(20));
}

#[test]
fn the_reason_of_a_failed_order_is_read_again_if_it_cannot_be_read() {
    let mut server = CannedServer::obliging(&[NAME]);
    server.on("/order/1", [object(&order("invalid", &[NAME]))]);
    let mut invalid = authorization("invalid", NAME, 1);
    invalid["challenges"][0]["status"] = "invalid".into();
    invalid["challenges"][0]["error"] = serde_json::json!({
        "type": "urn:ietf:params:acme:error:connection", "detail": "no route to it",
    });
    let pending = object(&authorization("pending", NAME, 1));
    server.on("/authz/1", [pending, garbled(), object(&invalid)]);
    let error = server.issue(issuance(&[NAME])).expect_err("the order is invalid");
    assert!(error.to_string().contains("no route to it"), "{error}");
}

#[test]
fn a_limit_on_the_response_to_a_challenge_is_no_failure_of_the_challenge() {
    let mut server = CannedServer::obliging(&[NAME]);
    let limit = problem(429, "rateLimited").with_header("retry-after", "7200");
    server.on("/challenge/1", [limit]);
    let error = server.issue(issuance(&[NAME])).expect_err("a limit of hours");
    assert!(matches!(&error, Error::Problem(p) if p.status() == 429), "{error}");
    assert!(error.retry_at().is_some(), "{error}");
}

#[test]
fn a_wait_of_our_own_is_not_measured_by_the_cap_for_those_of_a_server() {
    let mut server = CannedServer::obliging(&[NAME]);
    let mut session = server.session();
    let mut policy = session.policy().clone();
    policy.retry_after_cap = Duration::from_millis(100);
    session.set_policy(policy);
    let pending = object(&order("pending", &[NAME]));
    let ready = object(&order("ready", &[NAME]));
    server.on("/order/1", [pending.clone(), pending.clone(), pending, ready]);
    server.issue_in(&mut session, issuance(&[NAME])).expect("a certificate");
}

#[test]
fn a_valid_order_is_not_waited_for_whatever_its_retry_after() {
    let mut server = CannedServer::obliging(&[NAME]);
    server.on("/finalize/1", [object(&order("processing", &[NAME]))]);
    let valid = object(&order("valid", &[NAME])).with_header("retry-after", "7200");
    server.on("/order/1", [object(&order("ready", &[NAME])), valid]);
    server.issue(issuance(&[NAME])).expect("a certificate");
}

#[test]
fn the_certificate_of_a_resumed_order_may_be_as_new_as_its_url() {
    let mut server = CannedServer::obliging(&[NAME]);
    server.on("/cert/1", [certificate("garbled")]);
    server.issue(issuance(&[NAME]).durable()).expect_err("garbled");
    let snapshot = server.snapshots.last().cloned().expect("a snapshot");
    server.on("/order/1", [object(&order("valid", &[NAME]))]);
    let good = certificate(&chain(&[NAME]));
    server.on("/cert/1", [problem(404, "malformed"), good]);
    server.issue(Issuance::resume(snapshot)).expect("a certificate");
    assert_eq!(server.count("/newOrder"), 1);
}

#[test]
fn a_server_that_gives_no_nonce_for_the_response_says_nothing_of_the_challenge() {
    let mut server = CannedServer::obliging(&[NAME]);
    let (mut session, mut flow) = (server.session(), issuance(&[NAME]));
    let bare = |status| Response::new(status).with_header("content-type", "application/json");
    let respond = |server: &mut CannedServer, _: &mut Session, request: Request| {
        let path = request.url().as_str().to_owned();
        let given = server.respond(request)?;
        Some(match &*path {
            path if path.ends_with("/newNonce") => bare(500),
            path if path.ends_with("/authz/1") => bare(200).with_body(given.body().to_vec()),
            _ => given,
        })
    };
    let on_event = |flow: &mut Issuance, session: &mut Session, event| oblige(flow, session, event);
    let result = server.run_between(&mut session, &mut flow, respond, on_event);
    let error = result.expect_err("no nonce");
    let is_it =
        matches!(&error, Error::Problem(problem) if problem.resource() == Resource::NewNonce);
    assert!(is_it, "{error}");
    assert_eq!((server.count("/newOrder"), server.count("/challenge/1")), (1, 0));
}

/// A proxy repeats the request, and passes on what comes of the copy.
#[test]
fn a_change_of_the_key_whose_copy_is_refused_may_have_landed() {
    for refusal in [problem(400, "malformed"), problem(401, "unauthorized")] {
        let mut script = Script::new()
            .known_account()
            .start()
            .post(KEY_CHANGE, problem(400, "badNonce").with_header("replay-nonce", "fresh"))
            .post(KEY_CHANGE, refusal)
            .post(NEW_ACCOUNT, account(200));
        let new_key = ed2().public_key();
        let flow = Rollover::new(new_key.clone());
        let result = script.run_with(flow, |flow, _, event| {
            let RolloverEvent::Store(_) = event else { panic!("{event:?}") };
            flow.stored().expect("it asked");
        });
        assert!(result.is_ok_and(|key| key == new_key));
        assert_eq!(script.session.account_key(), Some(&new_key));
    }
}

/// Runs an issuance whose response to a challenge is answered with `first`, while another flow changes the account key.
fn key_changes_during_a_response(first: Response) -> (CannedServer, Vec<String>) {
    key_changes(CannedServer::obliging(&[NAME]), first)
}

fn key_changes(mut server: CannedServer, first: Response) -> (CannedServer, Vec<String>) {
    server.on("/challenge/1", [first, object(&challenge("processing", "http-01", 1))]);
    let mut session = server.session();
    let mut flow = issuance(&[NAME]);
    let mut events = Vec::new();
    let new_key = ed2().public_key();
    let respond = |server: &mut CannedServer, session: &mut Session, request: Request| {
        let is_first =
            request.url().as_str().ends_with("/challenge/1") && server.count("/challenge/1") == 0;
        let response = server.respond(request);
        if is_first {
            change_key(server, session, &new_key);
        }
        response
    };
    let on_event = |flow: &mut Issuance, session: &mut Session, event| {
        match &event {
            IssuanceEvent::Provision(challenge) => {
                events.push(format!("publish for {}", challenge.thumbprint()));
            }
            IssuanceEvent::CleanUp(_) => events.push("clean up".to_owned()),
            _ => {}
        }
        oblige(flow, session, event);
    };
    server.run_between(&mut session, &mut flow, respond, on_event).expect("a certificate");
    (server, events)
}

/// Changes the account key, as another flow of the session does.
fn change_key(server: &mut CannedServer, session: &mut Session, new_key: &Jwk) {
    server.on("/keyChange", [object(&serde_json::json!({ "status": "valid" }))]);
    let mut flow = Rollover::new(new_key.clone());
    let result = server.run(session, &mut flow, |flow, _, event| {
        let RolloverEvent::Store(_) = event else { panic!("{event:?}") };
        flow.stored().expect("it asked");
    });
    result.expect("changed");
}

fn sign(request: &acme_proto::flow::SignRequest) -> acme_proto::jose::Signature {
    let acme_proto::flow::SignatureAlgorithm::Jws(algorithm) = request.algorithm else {
        panic!("{request:?}")
    };
    acme_proto::jose::Signature::from_bytes(algorithm, &[7; 64]).expect("64 octets")
}

#[test]
fn a_response_that_waits_is_not_sent_for_a_key_that_the_account_has_no_more() {
    let busy = Response::new(503).with_header("retry-after", "1");
    let (server, events) = key_changes_during_a_response(busy);
    let published = |key: &Jwk| format!("publish for {}", key.thumbprint());
    let old = published(server.session().account_key().expect("it has one"));
    let new = published(&ed2().public_key());
    assert_eq!(events, [old, "clean up".into(), new, "clean up".into()]);
    assert_eq!(payloads(&server, "/challenge/1"), ["{}", "{}"]);
}

/// A proxy answers 503 for a server that has taken the response.
#[test]
fn what_may_be_validated_stays_published_though_the_key_changes() {
    let mut server = CannedServer::obliging(&[NAME]);
    let mut taken = authorization("pending", NAME, 1);
    taken["challenges"][0]["status"] = "processing".into();
    server.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&taken)]);
    let (server, events) = key_changes(server, Response::new(503).with_header("retry-after", "1"));
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(payloads(&server, "/challenge/1"), ["{}"]);
}

#[test]
fn what_was_responded_to_stays_published_though_the_key_changes_meanwhile() {
    let processing = object(&challenge("processing", "http-01", 1));
    let (server, events) = key_changes_during_a_response(processing);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(payloads(&server, "/challenge/1"), ["{}"]);
}

/// A proxy answers for a server that has changed the key, and the last try does not arrive, is limited or is refused.
#[test]
fn a_change_of_the_key_that_an_earlier_try_made_is_not_taken_for_refused() {
    let ends: [fn(Script) -> Script; 3] = [
        |script| {
            script.lost(Method::Post, KEY_CHANGE, Lost::NotSent("refused".into())).nonce("fresh")
        },
        |script| {
            let limited = problem(429, "rateLimited").with_header("retry-after", "86400");
            script.post(KEY_CHANGE, limited)
        },
        |script| script.post(KEY_CHANGE, problem(409, "malformed")),
    ];
    for end in ends {
        let script = Script::new().known_account().policy(|policy| policy.tries = 2).start();
        let mut script = end(script.post(KEY_CHANGE, problem(503, "serverInternal")))
            .post(NEW_ACCOUNT, account(200));
        let new_key = ed2().public_key();
        let result = script.run_with(Rollover::new(new_key.clone()), |flow, _, _| {
            flow.stored().expect("it asked");
        });
        assert!(result.is_ok_and(|key| key == new_key));
        assert_eq!(script.session.account_key(), Some(&new_key));
    }
}

/// The limit is not the CA's word on the change: the first try may have landed.
#[test]
fn a_limit_that_keeps_a_change_of_the_key_from_being_asked_about_leaves_both_keys_in_use() {
    let limited = problem(429, "rateLimited").with_header("retry-after", "86400");
    let mut script = Script::new()
        .known_account()
        .start()
        .exact(Method::Post, KEY_CHANGE, problem(503, "serverInternal"))
        .exact(Method::Head, NEW_NONCE, limited.clone())
        .exact(Method::Head, NEW_NONCE, limited);
    let new_key = ed2().public_key();
    let result = script.run_with(Rollover::new(new_key.clone()), |flow, _, _| {
        flow.stored().expect("it asked");
    });
    let error = result.expect_err("no nonce");
    assert!(error.to_string().contains("newNonce"), "{error}");
    assert_eq!(script.session.new_account_key(), Some(&new_key));
}

#[test]
fn a_signer_that_fails_during_a_change_of_the_key_leaves_both_keys_in_use() {
    let mut server = CannedServer::obliging(&[NAME]);
    server.on("/keyChange", [problem(400, "badNonce")]);
    let mut session = server.session();
    let mut flow = Rollover::new(ed2().public_key());
    let mut signatures = 0;
    let error = loop {
        let now = server.now();
        let input = match flow.poll_output(&mut session, now) {
            Output::Transmit(transmit) => {
                let response = server.respond(transmit.request).expect("nothing is lost");
                Input::Response(transmit.id, response)
            }
            Output::Sign(request) if signatures < 2 => {
                signatures += 1;
                Input::Signature(request.id, sign(&request))
            }
            Output::Sign(request) => {
                Input::SignFailed(request.id, SignFailed::Failed("no device".into()))
            }
            Output::Event(_) => {
                flow.stored().expect("it asked");
                continue;
            }
            Output::Timeout(at) => {
                server.sleep_until(at);
                continue;
            }
            Output::Done(result) => break result.expect_err("the signer failed"),
            _ => continue,
        };
        flow.handle_input(&mut session, input, now).expect("a known id");
    };
    assert!(matches!(error, Error::Signer(_)), "{error}");
    assert_eq!(session.new_account_key(), Some(&ed2().public_key()));
}

#[test]
fn an_order_that_was_just_read_is_not_gone_though_a_replica_says_so() {
    let mut server = CannedServer::obliging(&[NAME]);
    server.issue(issuance(&[NAME]).durable()).expect("a certificate");
    let snapshot = server.snapshots[1].clone();
    assert!(snapshot.order_url().is_some());
    server.start_at(server.now().saturating_add(Duration::from_secs(3600)));
    let ready = object(&order("ready", &[NAME]));
    let valid = object(&order("valid", &[NAME]));
    server.on("/order/1", [ready, problem(404, "malformed"), valid]);
    server.on("/finalize/1", [problem(403, "orderNotReady")]);
    server.issue(Issuance::resume(snapshot)).expect("a certificate");
    assert_eq!(server.count("/newOrder"), 1);
}
