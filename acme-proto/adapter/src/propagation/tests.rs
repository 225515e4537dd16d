use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::*;

const NAME: &str = "_acme-challenge.example.org";
const RESOLVER: &str = "192.0.2.53:53";

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).expect("a name")
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 60, data)
}

fn soa(zone: &str) -> Record {
    record(zone, RData::SOA(SOA::new(name("ns.example"), name("me.example"), 1, 2, 3, 4, 5)))
}

fn txt(owner: &str, value: &str) -> Record {
    record(owner, RData::TXT(TXT::new(vec![value.to_owned()])))
}

fn cname(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

fn answer(query: &DnsQuery, code: ResponseCode, records: Vec<Record>) -> Message {
    let mut message = Message::from_vec(&query.message).expect("a query").into_response();
    message.metadata.message_type = MessageType::Response;
    message.metadata.authoritative = true;
    message.metadata.response_code = code;
    message.edns = None;
    message.add_answers(records);
    message
}

fn found(query: &DnsQuery, records: Vec<Record>) -> io::Result<Message> {
    Ok(answer(query, ResponseCode::NoError, records))
}

fn missing(query: &DnsQuery) -> io::Result<Message> {
    Ok(answer(query, ResponseCode::NXDomain, Vec::new()))
}

type Server = Box<dyn FnMut(&DnsQuery, u32) -> io::Result<Message>>;

/// A resolver that knows zones, and authoritative servers that are functions of query and round.
#[derive(Default)]
struct Net {
    zones: BTreeMap<String, Vec<(String, IpAddr)>>,
    aliases: BTreeMap<String, String>,
    servers: BTreeMap<SocketAddr, (Server, u32)>,
    asked: Vec<(SocketAddr, RecordType, String, bool)>,
    elapsed: Duration,
    /// A zone of whose SOA record the resolver knows nothing, and what it answers.
    without_soa: Option<(String, ResponseCode)>,
    /// What the resolver answers to a question for TXT.
    record: Vec<Record>,
}

impl Net {
    /// A zone with one server for each function, called `ns1.ZONE` and so on.
    fn zone(mut self, zone: &str, addresses: &[&str], servers: Vec<Server>) -> Self {
        let mut known = Vec::new();
        for (place, (address, server)) in addresses.iter().zip(servers).enumerate() {
            let address: IpAddr = address.parse().expect("an address");
            known.push((format!("ns{}.{zone}", place + 1), address));
            self.servers.insert(SocketAddr::new(address, 53), (server, 0));
        }
        self.zones.insert(zone.into(), known);
        self
    }

    fn resolve(&self, query: &DnsQuery, kind: RecordType, asked: &str) -> io::Result<Message> {
        if let Some((zone, code)) = &self.without_soa
            && (kind, asked) == (RecordType::SOA, zone.as_str())
        {
            return Ok(answer(query, *code, vec![]));
        }
        let zone = self.zones.keys().filter(|zone| name(zone).zone_of(&name(asked)));
        let zone = zone.max_by_key(|zone| zone.len());
        let servers = self.zones.values().flatten();
        let records: Vec<Record> = match kind {
            RecordType::NS => self.zones[asked]
                .iter()
                .map(|(server, _)| record(asked, RData::NS(NS(name(server)))))
                .collect(),
            RecordType::SOA if self.aliases.contains_key(asked) => {
                vec![cname(asked, &self.aliases[asked])]
            }
            RecordType::SOA if zone.is_some_and(|zone| zone == asked) => vec![soa(asked)],
            RecordType::SOA => Vec::new(),
            RecordType::TXT => self.record.clone(),
            _ => servers
                .filter(|(server, _)| server == asked)
                .filter_map(|(server, address)| match (address, kind) {
                    (IpAddr::V4(v4), RecordType::A) => Some(record(server, RData::A(A(*v4)))),
                    (IpAddr::V6(v6), RecordType::AAAA) => {
                        Some(record(server, RData::AAAA(AAAA(*v6))))
                    }
                    _ => None,
                })
                .collect(),
        };
        let empty = records.is_empty();
        let mut message = answer(query, ResponseCode::NoError, records);
        if let (true, RecordType::SOA, Some(zone)) = (empty, kind, zone) {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_authority(soa(zone));
        }
        Ok(message)
    }

    fn exchange(&mut self, query: &DnsQuery) -> io::Result<Vec<u8>> {
        let message = Message::from_vec(&query.message).expect("a query");
        let question = &message.queries[0];
        let (kind, asked) = (question.query_type(), question.name().to_ascii());
        let asked = asked.trim_end_matches('.');
        self.asked.push((query.server, kind, asked.to_owned(), query.tcp));
        let recursive = query.server == RESOLVER.parse().expect("an address");
        let known = recursive || self.servers.contains_key(&query.server);
        assert!(!known || message.metadata.recursion_desired == recursive);
        let answer = if recursive {
            self.resolve(query, kind, asked)
        } else {
            let refused = io::ErrorKind::ConnectionRefused;
            let (server, round) = self.servers.get_mut(&query.server).ok_or(refused)?;
            *round += 1;
            server(query, *round)
        };
        Ok(answer?.to_vec().expect("a message"))
    }

    fn run(
        &mut self,
        check: &PropagationCheck,
        value: &str,
    ) -> Result<Propagated, PropagationError> {
        let mut search = check.start(NAME, value)?;
        self.elapsed = Duration::ZERO;
        loop {
            match search.poll(self.elapsed) {
                PropagationStep::Ask(query) => {
                    let answer = self.exchange(&query);
                    search.answer(query.id, answer);
                }
                PropagationStep::Wait(pause) => {
                    assert!(!pause.is_zero(), "no busy loop");
                    self.elapsed += pause;
                }
                PropagationStep::Done(result) => return result,
            }
        }
    }

    fn check(&mut self, value: &str) -> Result<Propagated, PropagationError> {
        self.run(&check(), value)
    }

    fn rounds(&self, address: &str) -> u32 {
        self.servers[&SocketAddr::new(address.parse().expect("an address"), 53)].1
    }
}

fn check() -> PropagationCheck {
    PropagationCheck::new([RESOLVER.parse().expect("an address")])
}

/// Has the values from a round on, and before that no such name.
fn has_from(first: u32, values: &'static [&'static str]) -> Server {
    Box::new(move |query, round| {
        if round < first {
            return missing(query);
        }
        found(query, values.iter().map(|value| txt(NAME, value)).collect())
    })
}

fn fails(kind: io::ErrorKind) -> Server {
    Box::new(move |_, _| Err(kind.into()))
}

fn states(servers: &[ServerAnswer]) -> Vec<ServerState> {
    servers.iter().map(|server| server.state.clone()).collect()
}

fn timed_out(error: PropagationError) -> Vec<ServerState> {
    match error {
        PropagationError::TimedOut { servers, .. } => states(&servers),
        other => panic!("{other}"),
    }
}

#[test]
fn the_record_is_there_when_every_server_has_it() {
    let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::3"];
    let servers = vec![has_from(1, &["v"]), has_from(4, &["v"]), has_from(2, &["v"])];
    let mut net = Net::default().zone("example.org", &addresses, servers);
    let done = net.check("v").expect("it propagates");
    assert_eq!((done.zone.as_str(), done.names.as_slice()), ("example.org", &[NAME.into()][..]));
    assert_eq!(states(&done.servers), [ServerState::Found, ServerState::Found, ServerState::Found]);
    assert_eq!(done.servers[1].server, "ns2.example.org");
    // Who has it is not asked again; the pauses are 1, 2 and 4 seconds.
    assert_eq!(
        [net.rounds("192.0.2.1"), net.rounds("192.0.2.2"), net.rounds("2001:db8::3")],
        [1, 4, 2]
    );
    assert_eq!(net.elapsed, Duration::from_secs(7));
}

#[test]
fn no_resolver_is_asked_for_the_record_itself() {
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![has_from(1, &["v"])]);
    net.check("v").expect("it is there");
    let resolver: SocketAddr = RESOLVER.parse().expect("an address");
    let to_resolver = |asked: &&(SocketAddr, RecordType, String, bool)| asked.0 == resolver;
    assert!(net.asked.iter().filter(to_resolver).all(|asked| asked.1 != RecordType::TXT));
}

#[test]
fn a_wildcard_and_its_base_share_the_name() {
    let server = || has_from(1, &["old", "of the base", "of the wildcard"]);
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![server()]);
    net.check("of the base").expect("it is there");
    net.check("of the wildcard").expect("it is there");
    let error = net.check("of another order").expect_err("it is not there");
    assert!(matches!(timed_out(error)[..], [ServerState::Others(ref v)] if v.len() == 3));
}

#[test]
fn a_record_that_stays_away_is_reported_with_what_each_server_said() {
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    let odd: Server = Box::new(|query, _| found(query, vec![txt(NAME, "a\n\u{1b}[2J")]));
    let broken: Server = Box::new(|query, _| Ok(answer(query, ResponseCode::ServFail, vec![])));
    let servers = vec![has_from(1, &["v"]), odd, fails(io::ErrorKind::TimedOut), broken];
    let mut net = Net::default().zone("example.org", &addresses, servers);
    let error = net.check("v").expect_err("it does not propagate");
    let text = error.to_string();
    assert!(text.contains(r#"ns2.example.org (192.0.2.2) has only "a\n\u{1b}[2J""#), "{text}");
    assert!(text.contains("ns3.example.org (192.0.2.3) does not answer"), "{text}");
    assert!(text.contains("300 s") && !text.contains("192.0.2.1"), "{text}");
    assert!(matches!(timed_out(error)[3], ServerState::Failed(_)));
    assert_eq!(net.elapsed, Duration::from_secs(300));
}

#[test]
fn a_server_that_does_not_serve_the_zone_is_left_aside_after_three_answers() {
    let refuses = |query: &DnsQuery| Ok(answer(query, ResponseCode::Refused, vec![]));
    let no_authority = |query: &DnsQuery| {
        let mut message = answer(query, ResponseCode::NoError, vec![txt(NAME, "v")]);
        message.metadata.authoritative = false;
        Ok(message)
    };
    let servers: Vec<Server> = vec![
        has_from(1, &["v"]),
        Box::new(move |query, _| refuses(query)),
        Box::new(move |query, _| no_authority(query)),
    ];
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let mut net = Net::default().zone("example.org", &addresses, servers);
    net.check("v").expect("the one that serves it has it");
    assert_eq!([net.rounds("192.0.2.2"), net.rounds("192.0.2.3")], [3, 3]);

    let servers: Vec<Server> = vec![Box::new(move |query, _| refuses(query))];
    let mut net = Net::default().zone("example.org", &["192.0.2.2"], servers);
    let error = net.check("v").expect_err("nobody has it");
    assert!(matches!(timed_out(error)[..], [ServerState::Lame(_)]));
}

#[test]
fn an_address_without_a_way_to_it_does_not_count_and_one_that_is_silent_counts_for_some_rounds() {
    let servers = vec![has_from(1, &["v"]), fails(io::ErrorKind::NetworkUnreachable)];
    let mut net = Net::default().zone("example.org", &["192.0.2.1", "2001:db8::2"], servers);
    net.check("v").expect("every reachable server has it");

    let servers = vec![has_from(1, &["v"]), fails(io::ErrorKind::TimedOut)];
    let mut net = Net::default().zone("example.org", &["192.0.2.1", "2001:db8::2"], servers);
    let done = net.check("v").expect("the other one has it");
    assert_eq!(states(&done.servers), [ServerState::Found, ServerState::Silent]);
    // With three seconds for each query, this is about twenty seconds.
    assert_eq!((net.rounds("2001:db8::2"), net.elapsed), (4, Duration::from_secs(1 + 2 + 4)));
    net.run(&check().ipv4_only(), "v").expect("it is not asked");

    let mut net =
        Net::default().zone("example.org", &["192.0.2.1"], vec![fails(io::ErrorKind::TimedOut)]);
    let error = net.check("v").expect_err("nobody has it");
    assert_eq!(timed_out(error), [ServerState::Silent]);
}

#[test]
fn a_server_that_answers_again_counts_again() {
    let lossy: Server = Box::new(|query, round| match round {
        1..=3 | 5..=7 => Err(io::ErrorKind::TimedOut.into()),
        4 => missing(query),
        _ => found(query, vec![txt(NAME, "v")]),
    });
    let servers = vec![has_from(1, &["v"]), lossy];
    let mut net = Net::default().zone("example.org", &["192.0.2.1", "192.0.2.2"], servers);
    let done = net.check("v").expect("it propagates");
    assert_eq!(states(&done.servers), [ServerState::Found, ServerState::Found]);
    assert_eq!(net.rounds("192.0.2.2"), 8);
}

/// The servers of the parent zone, which delegate the name.
fn delegates(to: &'static str) -> Server {
    Box::new(move |query, _| {
        let mut message = answer(query, ResponseCode::NoError, vec![]);
        message.metadata.authoritative = false;
        message.add_authority(record(NAME, RData::NS(NS(name(to)))));
        Ok(message)
    })
}

#[test]
fn a_delegated_name_without_soa_record_is_found_by_the_delegation() {
    let server = format!("ns1.{NAME}");
    let server: &'static str = server.leak();
    for code in [ResponseCode::NoError, ResponseCode::ServFail, ResponseCode::NotImp] {
        let mut net = Net::default()
            .zone("example.org", &["192.0.2.1"], vec![delegates(server)])
            .zone(NAME, &["198.51.100.1"], vec![has_from(2, &["v"])]);
        net.without_soa = Some((NAME.to_owned(), code));
        let done = net.check("v").expect("it is there");
        assert_eq!(done.zone, NAME, "{code}");
        assert_eq!(net.rounds("192.0.2.1"), 1);
        assert_eq!(net.rounds("198.51.100.1"), 2);
    }
}

#[test]
fn a_zone_whose_soa_record_nobody_can_answer_is_asked_through_its_parent() {
    let server = |query: &DnsQuery| found(query, vec![txt(NAME, "v")]);
    let mut net = Net::default()
        .zone(
            "org",
            &["192.0.2.9"],
            vec![Box::new(|query, _| {
                let mut message = answer(query, ResponseCode::NoError, vec![]);
                message.metadata.authoritative = false;
                message
                    .add_authority(record("example.org", RData::NS(NS(name("ns1.example.org")))));
                Ok(message)
            })],
        )
        .zone("example.org", &["192.0.2.1"], vec![Box::new(move |query, _| server(query))]);
    net.without_soa = Some(("example.org".to_owned(), ResponseCode::ServFail));
    assert_eq!(net.check("v").expect("it is there").zone, "example.org");
}

#[test]
fn a_server_that_does_not_know_edns_is_asked_without_it() {
    for code in [ResponseCode::FormErr, ResponseCode::NotImp] {
        let old: Server = Box::new(move |query, _| {
            let has_edns = Message::from_vec(&query.message).expect("a query").edns.is_some();
            match has_edns {
                true => Ok(answer(query, code, vec![])),
                false => found(query, vec![txt(NAME, "v")]),
            }
        });
        let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![old]);
        net.check("v").expect("it is there");
        assert_eq!((net.rounds("192.0.2.1"), net.elapsed), (2, Duration::ZERO));
    }
    let refuses: Server = Box::new(|query, _| Ok(answer(query, ResponseCode::NotImp, vec![])));
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![refuses]);
    assert!(matches!(timed_out(net.check("v").expect_err("no")), states if states.len() == 1));
}

#[test]
fn resolvers_only_are_asked_where_that_is_set_and_no_server() {
    let second: SocketAddr = "192.0.2.54:53".parse().expect("an address");
    let first: SocketAddr = RESOLVER.parse().expect("an address");
    let check = PropagationCheck::new([first, second]).resolvers_only();
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![has_from(1, &["v"])]);
    net.record = vec![cname(NAME, "here.acme.example"), txt("here.acme.example", "v")];
    // The other one is silent.
    let done = net.run(&check, "v").expect("it is there");
    assert_eq!(states(&done.servers), [ServerState::Found, ServerState::Silent]);
    assert_eq!((done.zone.as_str(), done.servers[0].server.as_str()), ("", "resolver"));
    assert!(net.asked.iter().all(|asked| asked.1 == RecordType::TXT), "{:?}", net.asked);
    // One second before the first question, and three pauses.
    assert_eq!(net.elapsed, Duration::from_secs(1 + 1 + 2 + 4));
    net.record = vec![cname(NAME, NAME), txt("other.example", "v")];
    let error = net.run(&check, "v").expect_err("it is elsewhere").to_string();
    assert!(error.contains("resolver (192.0.2.53) has no TXT record there"), "{error}");
}

#[test]
fn a_truncated_answer_is_asked_for_again_by_tcp() {
    let server: Server = Box::new(|query, _| {
        let mut message = answer(query, ResponseCode::NoError, vec![]);
        if query.tcp {
            message.add_answer(txt(NAME, "v"));
        } else {
            message.metadata.truncation = true;
        }
        Ok(message)
    });
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![server]);
    net.check("v").expect("TCP has it");
    assert_eq!(net.rounds("192.0.2.1"), 2);
    assert_eq!(net.elapsed, Duration::ZERO, "it is asked at once");
}

#[test]
fn an_alias_into_another_zone_is_followed_when_every_server_has_it() {
    let alias = |first: u32| -> Server {
        Box::new(move |query, round| match round {
            round if round < first => missing(query),
            _ => found(query, vec![cname(NAME, "here.acme.example")]),
        })
    };
    let target: Server = Box::new(|query, _| found(query, vec![txt("here.acme.example", "v")]));
    let mut net = Net::default()
        .zone("example.org", &["192.0.2.1", "192.0.2.2"], vec![alias(1), alias(3)])
        .zone("acme.example", &["198.51.100.1"], vec![target]);
    let done = net.check("v").expect("it is there");
    assert_eq!(done.names, [NAME, "here.acme.example"]);
    assert_eq!(done.zone, "acme.example");
    assert_eq!(net.rounds("192.0.2.2"), 3);

    // The resolver knows of the alias already, and says nothing of the zone that it is in.
    net.aliases.insert(NAME.into(), "here.acme.example".into());
    assert_eq!(net.check("v").expect("it is there").names.len(), 2);
}

#[test]
fn aliases_in_a_circle_end() {
    let to = |from: &'static str, target: &'static str| -> Server {
        Box::new(move |query, _| found(query, vec![cname(from, target)]))
    };
    let mut net = Net::default()
        .zone("example.org", &["192.0.2.1"], vec![to(NAME, "a.example.net")])
        .zone("example.net", &["192.0.2.2"], vec![to("a.example.net", NAME)]);
    assert_eq!(net.check("v"), Err(PropagationError::AliasLoop(NAME.into())));

    let endless: Server = Box::new(|query, round| {
        let asked = Message::from_vec(&query.message).expect("a query").queries[0].name().clone();
        let target = name(&format!("n{round}.example.org"));
        found(query, vec![Record::from_rdata(asked, 60, RData::CNAME(CNAME(target)))])
    });
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![endless]);
    assert!(matches!(net.check("v"), Err(PropagationError::TooManyAliases(_))));
}

#[test]
fn the_challenge_name_can_be_a_zone_of_its_own() {
    let mut net = Net::default()
        .zone("example.org", &["192.0.2.1"], vec![fails(io::ErrorKind::TimedOut)])
        .zone(NAME, &["192.0.2.2"], vec![has_from(1, &["v"])]);
    assert_eq!(net.check("v").expect("it is there").zone, NAME);
}

#[test]
fn a_name_without_a_zone_or_a_zone_without_servers_is_an_error_at_once() {
    let error = Net::default().check("v").expect_err("there is no zone");
    assert_eq!(error, PropagationError::NoZone(NAME.into()));
    let error = Net::default().zone("example.org", &[], vec![]).check("v").expect_err("no servers");
    assert_eq!(error, PropagationError::NoServers("example.org".into()));
    let invalid = check().start("a..b", "v").expect_err("no name");
    assert_eq!(invalid, PropagationError::InvalidName("a..b".into()));
    let none = PropagationCheck::new([]).start(NAME, "v").expect_err("no resolver");
    assert!(matches!(none, PropagationError::NoResolver(_)));
}

#[test]
fn the_next_resolver_is_asked_when_one_fails() {
    let dead: SocketAddr = "192.0.2.54:53".parse().expect("an address");
    let working: SocketAddr = RESOLVER.parse().expect("an address");
    let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![has_from(1, &["v"])]);
    net.run(&PropagationCheck::new([dead, working]), "v").expect("the second one answers");

    let error = net.run(&PropagationCheck::new([dead]), "v").expect_err("none answers");
    assert!(matches!(&error, PropagationError::Resolver { what, .. } if what.contains("SOA of")));
    assert_eq!(net.elapsed, Duration::from_secs(300));
}

#[test]
fn no_answer_makes_it_panic_or_succeed_without_the_record() {
    let whole = {
        let mut search = check().start(NAME, "v").expect("a search");
        let PropagationStep::Ask(query) = search.poll(Duration::ZERO) else { panic!("a query") };
        answer(&query, ResponseCode::NoError, vec![soa("example.org"), txt(NAME, "v")])
            .to_vec()
            .expect("a message")
    };
    for round in 0..whole.len() {
        let mut net = Net::default().zone("example.org", &["192.0.2.1"], vec![has_from(1, &["v"])]);
        let mut search = check().start(NAME, "v").expect("a search");
        let mut ended = false;
        while !ended {
            match search.poll(net.elapsed) {
                PropagationStep::Ask(query) => {
                    let mut octets = net.exchange(&query).expect("an answer");
                    let place = round.min(octets.len() - 1);
                    if query.server == RESOLVER.parse().expect("an address") {
                        search.answer(query.id, Ok(octets));
                        continue;
                    }
                    match round % 3 {
                        0 => octets.truncate(place),
                        1 => octets[place] ^= 0x55,
                        _ => octets = whole.clone(), // the right record, but another message's answer
                    }
                    let unharmed = query.is_answered_by(&octets) && round % 3 == 1;
                    search.answer(query.id, Ok(octets));
                    if !unharmed {
                        let step = search.poll(net.elapsed);
                        assert!(matches!(step, PropagationStep::Wait(_)), "{round}: {step:?}");
                    }
                    ended = true;
                }
                PropagationStep::Wait(pause) => net.elapsed += pause,
                PropagationStep::Done(_) => ended = true,
            }
        }
    }
}

#[test]
fn an_answer_is_told_from_what_else_arrives_on_the_socket() {
    let mut search = check().start(NAME, "v").expect("a search");
    let PropagationStep::Ask(query) = search.poll(Duration::ZERO) else { panic!("a query") };
    let mut ours = query.message.clone();
    assert!(!query.is_answered_by(&ours), "a query is no answer");
    ours[2] |= 0x80;
    assert!(query.is_answered_by(&ours));
    ours[0] ^= 1;
    assert!(!query.is_answered_by(&ours) && !query.is_answered_by(&[]));
    let framed = query.framed();
    assert_eq!(usize::from(u16::from_be_bytes([framed[0], framed[1]])), query.message.len());
}
