//! Waiting for a TXT record to reach every authoritative server, over real sockets, by both adapters.

use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use acme_testca::{ChallengeKind, TestCa};
use acme_tests::name_servers::{
    Answer, NameServers, Records, answer, asked, record, resolver, txt,
};
use acme_tokio::{BoxError, Propagated, PropagationCheck, PropagationError, ServerState};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{CNAME, NS};
use hickory_proto::rr::{RData, RecordType};

use crate::both::{on_blocking, on_tokio};

const NAME: &str = "_acme-challenge.example.test";

type Adapter = fn(&PropagationCheck) -> Result<Propagated, PropagationError>;

/// Both adapters' ways to look for the value `v`.
const ADAPTERS: [Adapter; 2] = [
    |check| runtime().block_on(acme_tokio::propagated(check, NAME, "v")),
    |check| acme_blocking::propagated(check, NAME, "v"),
];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn check(servers: &NameServers) -> PropagationCheck {
    PropagationCheck::new([servers.resolver()])
        .authoritative_port(servers.server(1).port())
        .pauses(Duration::from_millis(5), Duration::from_millis(50))
        .query_limit(Duration::from_secs(5))
}

fn has_it() -> Answer {
    Box::new(|query, _, _| Some(answer(query, vec![txt(&asked(query), "v")])))
}

/// By then any server of these tests would have answered; one that never does costs this much.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn a_secondary_that_lags_is_waited_for() {
    for adapter in ADAPTERS {
        let records = Records::default();
        records.set(NAME, "another order's");
        records.set(NAME, "v");
        let all = vec![records.server(0), records.server(3)];
        let servers = NameServers::start(&[("example.test", &[1, 2])], all);
        let done = adapter(&check(&servers)).expect("it propagates");
        assert_eq!(done.zone, "example.test");
        assert_eq!((servers.queries(1), servers.queries(2)), (1, 4));
    }
}

#[test]
fn an_alias_is_followed_into_its_zone_and_a_truncated_answer_by_tcp() {
    let target = "here.acme.test";
    for adapter in ADAPTERS {
        let alias: Answer = Box::new(move |query, _, _| {
            let target = acme_tests::name_servers::name(target);
            Some(answer(query, vec![record(NAME, RData::CNAME(CNAME(target)))]))
        });
        let big: Answer = Box::new(move |query, tcp, _| {
            assert_eq!(asked(query), target);
            let mut message = answer(query, vec![txt(target, if tcp { "v" } else { "cut" })]);
            message.metadata.truncation = !tcp;
            Some(message)
        });
        let zones: [(&str, &[usize]); 2] = [("example.test", &[1]), ("acme.test", &[2])];
        let servers = NameServers::start(&zones, vec![alias, big]);
        let done = adapter(&check(&servers)).expect("it is there");
        assert_eq!(done.names, [NAME, target]);
        assert_eq!((servers.queries(1), servers.queries(2)), (1, 2));
    }
}

#[test]
fn who_never_gets_it_is_named_by_the_error() {
    for adapter in ADAPTERS {
        let refuses: Answer = Box::new(|query, _, _| {
            let mut message = answer(query, Vec::new());
            message.metadata.response_code = ResponseCode::Refused;
            Some(message)
        });
        let all = vec![has_it(), refuses, Box::new(|_, _, _| None), Records::default().server(0)];
        let servers = NameServers::start(&[("example.test", &[1, 2, 3, 4])], all);
        let check = check(&servers).time_limit(SHORT).query_limit(Duration::from_millis(300));
        let error = adapter(&check).expect_err("it does not propagate");
        let PropagationError::TimedOut { servers: said, .. } = &error else { panic!("{error}") };
        let state = |place: usize| &said[place].state;
        assert_eq!(said[2].address, servers.server(3));
        assert_eq!(
            [state(0), state(2), state(3)],
            [&ServerState::Found, &ServerState::Silent, &ServerState::Missing]
        );
        assert!(matches!(state(1), ServerState::Lame(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("ns4.test (127.0.0.5) has no TXT record there"), "{text}");
    }
}

#[test]
fn a_datagram_that_answers_another_query_is_ignored() {
    for adapter in ADAPTERS {
        let stray: Answer = Box::new(|query, _, before| {
            let mut message = answer(query, vec![txt(NAME, "v")]);
            if before == 0 {
                message.metadata.id ^= 1;
            }
            Some(message)
        });
        let servers = NameServers::start(&[("example.test", &[1])], vec![stray]);
        let check = check(&servers).query_limit(Duration::from_millis(300));
        adapter(&check).expect("the next one is right");
        assert_eq!(servers.queries(1), 2, "the first answer was another's");
    }
}

#[test]
fn resolvers_that_do_not_answer_are_an_error_of_their_own() {
    for adapter in ADAPTERS {
        let servers = NameServers::start(&[], vec![Box::new(|_, _, _| None)]);
        let silent = PropagationCheck::new([servers.server(1)]);
        let check = silent.query_limit(Duration::from_millis(50)).time_limit(SHORT);
        let error = adapter(&check).expect_err("nobody knows the zone");
        assert!(matches!(error, PropagationError::Resolver { .. }), "{error}");
    }
}

#[test]
fn a_server_that_never_answers_is_passed_over_after_some_rounds() {
    for adapter in ADAPTERS {
        let all = vec![has_it(), Box::new(|_: &_, _, _| None) as Answer];
        let servers = NameServers::start(&[("example.test", &[1, 2])], all);
        let check = check(&servers).query_limit(Duration::from_millis(100));
        let done = adapter(&check).expect("the other one has it");
        let states: Vec<_> = done.servers.iter().map(|server| &server.state).collect();
        assert_eq!(states, [&ServerState::Found, &ServerState::Silent]);
        assert_eq!((servers.queries(1), servers.queries(2)), (1, 4));
    }
}

#[test]
fn a_delegated_name_is_found_although_its_server_answers_nothing_but_txt() {
    for adapter in ADAPTERS {
        let zones: [(&str, &[usize]); 2] = [("example.test", &[1]), (NAME, &[2])];
        let knows = resolver(&zones);
        // The resolver passes on what the server of the challenge's zone answers to SOA.
        let resolver: Answer = Box::new(move |query, tcp, before| {
            let is_soa = query.queries[0].query_type() == RecordType::SOA;
            let mut message = knows(query, tcp, before)?;
            if is_soa && asked(query) == NAME {
                message = answer(query, Vec::new());
                message.metadata.response_code = ResponseCode::ServFail;
            }
            Some(message)
        });
        let delegates: Answer = Box::new(|query, _, _| {
            let mut message = answer(query, Vec::new());
            message.metadata.response_code = ResponseCode::NoError;
            message.metadata.authoritative = false;
            let server = acme_tests::name_servers::name("ns2.test");
            message.add_authority(record(NAME, RData::NS(NS(server))));
            Some(message)
        });
        let servers = NameServers::start_with(resolver, vec![delegates, has_it()]);
        let done = adapter(&check(&servers)).expect("it is there");
        assert_eq!(done.zone, NAME);
        assert_eq!((servers.queries(1), servers.queries(2)), (1, 1));
    }
}

#[test]
fn servers_and_resolvers_that_do_not_know_edns_are_asked_without_it() {
    /// Answers a query with EDNS with this code, and passes others on.
    fn old(code: ResponseCode, server: Answer) -> Answer {
        Box::new(move |query, tcp, before| {
            let mut message = answer(query, Vec::new());
            message.metadata.response_code = code;
            if query.edns.is_some() { Some(message) } else { server(query, tcp, before) }
        })
    }
    for adapter in ADAPTERS {
        let resolver = old(ResponseCode::NotImp, resolver(&[("example.test", &[1])]));
        let server = old(ResponseCode::FormErr, has_it());
        let servers = NameServers::start_with(resolver, vec![server]);
        adapter(&check(&servers)).expect("it is there");
        assert_eq!(servers.queries(1), 2);
    }
}

#[test]
fn where_no_server_can_be_reached_the_resolvers_are_asked_for_the_record() {
    for adapter in ADAPTERS {
        let servers = NameServers::start_with(has_it(), vec![Box::new(|_, _, _| None)]);
        let check = check(&servers).resolvers_only();
        let done = adapter(&check).expect("the resolver has it");
        assert_eq!((done.servers.len(), done.zone.as_str()), (1, ""));
        assert_eq!((servers.queries(0), servers.queries(1)), (1, 0));
    }
}

/// Publishes at both servers; the second one has it only after some queries.
struct Zone(Records);

impl acme_tokio::Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.set(name, value);
        Ok(())
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.remove(name, value);
        Ok(())
    }
}

impl acme_blocking::Dns01 for Zone {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.set(name, value);
        Ok(())
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.remove(name, value);
        Ok(())
    }
}

/// A CA that asks the secondary, once: it finds the record only if the client waited.
fn ca_of_the_secondary() -> (Arc<TestCa>, NameServers, Records) {
    let records = Records::default();
    let all = vec![records.server(0), records.server(6)];
    let servers = NameServers::start(&[("example.test", &[1, 2])], all);
    let ca = TestCa::builder()
        .dns(servers.server(2))
        .challenges([ChallengeKind::Dns01, ChallengeKind::DnsPersist01])
        .start()
        .expect("a CA");
    (Arc::new(ca), servers, records)
}

#[test]
fn acme_tokio_answers_a_challenge_when_the_record_is_everywhere() {
    use acme_tokio::DynSolver;
    for (names, persists) in
        [(&["example.test", "*.example.test"][..], false), (&["example.test"], true)]
    {
        let (ca, servers, records) = ca_of_the_secondary();
        runtime().block_on(async {
            let client = on_tokio::ca::client(&ca).await;
            let (zone, check) = (Zone(records), check(&servers));
            let solver: Box<dyn DynSolver> = if persists {
                Box::new(acme_tokio::DnsPersist01Solver::new(zone).propagation(check))
            } else {
                Box::new(acme_tokio::Dns01Solver::new(zone).propagation(check))
            };
            let key = on_tokio::ca::certificate_key();
            let issue = client.issue(names.iter().copied()).key(&key).solver(solver);
            issue.await.expect("a certificate");
        });
    }
}

#[test]
fn acme_blocking_answers_a_challenge_when_the_record_is_everywhere() {
    use acme_blocking::Solver;
    for (names, persists) in
        [(&["example.test", "*.example.test"][..], false), (&["example.test"], true)]
    {
        let (ca, servers, records) = ca_of_the_secondary();
        let client = on_blocking::ca::client(&ca);
        let (zone, check) = (Zone(records), check(&servers));
        let solver: Box<dyn Solver> = if persists {
            Box::new(acme_blocking::DnsPersist01Solver::new(zone).propagation(check))
        } else {
            Box::new(acme_blocking::Dns01Solver::new(zone).propagation(check))
        };
        let key = on_blocking::ca::certificate_key();
        let issue = client.issue(names.iter().copied()).key(&key).solver(solver);
        issue.run().expect("a certificate");
    }
}

/// A secondary that lacks the record while a long pause passes, or that is silent while a query waits for long: the search
/// goes on for a minute.
fn endless(secondary: fn() -> Answer) -> (Arc<TestCa>, NameServers, Records, PropagationCheck) {
    let records = Records::default();
    let all = vec![records.server(0), secondary()];
    let servers = NameServers::start(&[("example.test", &[1, 2])], all);
    let ca = TestCa::builder().dns(servers.server(1)).start().expect("a CA");
    let long = Duration::from_secs(60);
    let check = check(&servers).pauses(long, long).query_limit(long).time_limit(long);
    (Arc::new(ca), servers, records, check)
}

const SECONDARIES: [fn() -> Answer; 2] =
    [|| Box::new(|query, _, _| Some(answer(query, Vec::new()))), || Box::new(|_, _, _| None)];

/// How long the end may take.
const AT_ONCE: Duration = Duration::from_secs(5);

#[test]
fn a_search_of_acme_tokio_ends_when_the_issuance_is_cancelled() {
    use acme_tokio::Dns01Solver;
    for secondary in SECONDARIES {
        let (ca, servers, records, check) = endless(secondary);
        runtime().block_on(async {
            let client = on_tokio::ca::client(&ca).await;
            let key = on_tokio::ca::certificate_key();
            let solver = Dns01Solver::new(Zone(records.clone())).propagation(check);
            let cancelled = Mutex::new(None);
            let issue = client.issue(["example.test"]).key(&key).solver(solver);
            let result = issue.cancel_on(async {
                while servers.queries(2) == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                *cancelled.lock().expect("no panic") = Some(Instant::now());
            });
            let result = result.await;
            assert_ended(&result, &cancelled, &records);
        });
    }
}

#[test]
fn a_search_of_acme_blocking_ends_when_the_issuance_is_cancelled() {
    use acme_blocking::{Cancel, Dns01Solver};
    for secondary in SECONDARIES {
        let (ca, servers, records, check) = endless(secondary);
        let client = on_blocking::ca::client(&ca);
        let key = on_blocking::ca::certificate_key();
        let solver = Dns01Solver::new(Zone(records.clone())).propagation(check);
        let (wish, cancelled) = (Cancel::new(), Mutex::new(None));
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while servers.queries(2) == 0 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                *cancelled.lock().expect("no panic") = Some(Instant::now());
                wish.cancel();
            });
            client.issue(["example.test"]).key(&key).solver(solver).cancel_on(&wish).run()
        });
        assert_ended(&result, &cancelled, &records);
    }
}

#[track_caller]
fn assert_ended<T, E: core::fmt::Display>(
    result: &Result<T, E>,
    cancelled: &Mutex<Option<Instant>>,
    records: &Records,
) {
    let took = cancelled.lock().expect("no panic").expect("cancelled").elapsed();
    assert!(took < AT_ONCE, "{took:?}");
    let error = result.as_ref().err().expect("it was cancelled").to_string();
    assert!(error.contains("cancelled"), "{error}");
    assert!(records.is_empty(), "the record is left");
}
