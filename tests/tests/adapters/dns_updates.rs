//! Dynamic updates by both adapters, at a DNS server that answers what each test wants, octet by octet.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use acme_blocking::{DnsServer, DnsUpdate, TsigAlgorithm, TsigKey};
use acme_proto::jose::{MacAlgorithm, MacKey};

const NAME: &str = "_acme-challenge.www.example.test";
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What the server does with a request.
enum Reply {
    Message(Vec<u8>),
    /// It closes the connection.
    Nothing,
    /// It keeps the connection open, and is silent.
    Silence,
}

/// A DNS server by TCP; its thread ends with the test program.
struct Scripted {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Scripted {
    fn start(reply: impl Fn(&[u8]) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let Some(request) = receive(&mut stream) else { continue };
                seen.lock().expect("no panic").push(request.clone());
                match reply(&request) {
                    Reply::Message(message) => {
                        let length = u16::try_from(message.len()).expect("a message");
                        let _ = stream.write_all(&[&length.to_be_bytes(), &message[..]].concat());
                    }
                    Reply::Nothing => {}
                    Reply::Silence => open.push(stream),
                }
            }
        });
        Self { address, requests }
    }

    /// Answers SOA queries with the zone example.test, and updates as `reply` says.
    fn with_zone(reply: impl Fn(&[u8]) -> Reply + Send + 'static) -> Self {
        Self::start(move |request| match is_update(request) {
            true => reply(request),
            false => Reply::Message(zone(request)),
        })
    }

    fn updates(&self) -> usize {
        self.requests.lock().expect("no panic").iter().filter(|request| is_update(request)).count()
    }
}

fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut request).ok()?;
    Some(request)
}

fn is_update(request: &[u8]) -> bool {
    request[2] & 0x78 == 5 << 3
}

/// Makes a response from the head of a request, its question, and octets for the other sections.
fn response(request: &[u8], code: u8, counts: [u8; 3], rest: &[u8]) -> Vec<u8> {
    let end = 12 + request[12..].iter().position(|&octet| octet == 0).expect("a name") + 5;
    let mut message = request[..end].to_vec();
    message[2] |= 0x84;
    message[3] = code;
    for (place, count) in [7, 9, 11].into_iter().zip(counts) {
        message[place] = count;
    }
    [message, rest.to_vec()].concat()
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        [&[u8::try_from(label.len()).expect("a label")], label.as_bytes()].concat()
    });
    labels.chain([0]).collect()
}

fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("data");
    let fields = [kind, 1, 0, 60, length].map(u16::to_be_bytes).concat();
    [wire(owner), fields, data.to_vec()].concat()
}

fn zone(request: &[u8]) -> Vec<u8> {
    let data = [wire("ns.example.test"), wire("me.example.test"), vec![0; 20]].concat();
    response(request, 0, [0, 1, 0], &record("example.test", 6, &data))
}

fn alias(request: &[u8], owner: &str, target: &str) -> Vec<u8> {
    response(request, 0, [1, 0, 0], &record(owner, 5, &wire(target)))
}

/// The end of a request, from its TSIG record on: behind its one update record.
fn tsig(request: &[u8]) -> usize {
    let name = wire("update.key.test");
    request.windows(name.len()).position(|part| part == name).expect("a signature")
}

/// A TSIG record, of this error and age, with a MAC as `secret` makes it.
fn signed(request: &[u8], code: u8, error: u16, age: u64, secret: Option<&str>) -> Vec<u8> {
    let time = u64::from_be_bytes([&[0, 0], time_of(request)].concat().try_into().expect("eight"));
    let other = match error {
        18 => (time - age).to_be_bytes()[2..].to_vec(),
        _ => Vec::new(),
    };
    // The server signs an objection to the time with the time of the request.
    let stamp = if error == 18 { time } else { time - age };
    let stamp = [&stamp.to_be_bytes()[2..], &300_u16.to_be_bytes()].concat();
    let message = response(request, code, [0, 0, 0], &[]);
    let algorithm = wire("hmac-sha256");
    let length = u16::try_from(other.len()).expect("short");
    let end = [&error.to_be_bytes()[..], &length.to_be_bytes(), &other].concat();
    let mac = secret.map_or_else(Vec::new, |secret| {
        let start = tsig(request) + wire("update.key.test").len() + 10 + algorithm.len() + 8;
        let asked = &request[start..start + 34];
        let head = [wire("update.key.test"), vec![0, 255, 0, 0, 0, 0]].concat();
        let all = [asked, &message, &head, &algorithm, &stamp, &end].concat();
        MacKey::from_base64(secret).expect("a key").sign(MacAlgorithm::Hs256, &all)
    });
    let length = u16::try_from(mac.len()).expect("short").to_be_bytes();
    let data = [&algorithm[..], &stamp, &length, &mac, &request[..2], &end].concat();
    let length = u16::try_from(data.len()).expect("short");
    let fields = [250, 255, 0, 0, length].map(u16::to_be_bytes).concat();
    let record = [wire("update.key.test"), fields, data].concat();
    response(request, code, [0, 0, 1], &record)
}

fn time_of(request: &[u8]) -> &[u8] {
    let start = tsig(request) + wire("update.key.test").len() + 10 + wire("hmac-sha256").len();
    &request[start..start + 6]
}

fn key() -> TsigKey {
    TsigKey::new("update.key.test", TsigAlgorithm::HmacSha256, SECRET).expect("a key")
}

fn solver(servers: &[SocketAddr]) -> DnsUpdate {
    let key = key();
    DnsUpdate::new(servers.iter().copied().map(DnsServer::from), key)
}

/// Adds a value through each adapter, and returns how each ended; it must be the same.
fn set(solver: &DnsUpdate) -> Result<(), String> {
    let words = |error: acme_blocking::BoxError| acme_adapter::error_chain(&*error);
    let blocking = acme_blocking::Dns01::set_txt(solver, NAME, "value").map_err(words);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let set = acme_tokio::Dns01::set_txt(solver, NAME, "value");
    let tokio = runtime.expect("a runtime").block_on(set).map_err(words);
    assert_eq!(blocking, tokio);
    tokio
}

fn assert_fails(server: &Scripted, expected: &[&str]) {
    let words = set(&solver(&[server.address])).expect_err("a failure");
    for text in expected.iter().copied().chain([server.address.to_string().as_str()]) {
        assert!(words.contains(text), "{words}\nlacks {text}");
    }
}

#[test]
fn a_change_is_asked_for_once_and_its_response_is_verified() {
    let server =
        Scripted::with_zone(|request| Reply::Message(signed(request, 0, 0, 0, Some(SECRET))));
    assert_eq!(set(&solver(&[server.address])), Ok(()));
    assert_eq!(server.updates(), 2, "one for each adapter");
}

#[test]
fn a_server_that_is_given_by_name_is_looked_up_for_each_change() {
    let server =
        Scripted::with_zone(|request| Reply::Message(signed(request, 0, 0, 0, Some(SECRET))));
    let of = |names: &[String]| {
        let names = names.iter().map(|name| name.parse::<DnsServer>().expect("a server"));
        DnsUpdate::new(names, key())
    };
    let (local, unknown) =
        (format!("localhost:{}", server.address.port()), "ns1.invalid".to_owned());
    assert_eq!(set(&of(core::slice::from_ref(&local))), Ok(()));
    // One name that nobody knows does no harm beside another.
    assert_eq!(set(&of(&[unknown.clone(), local])), Ok(()));
    assert_eq!(server.updates(), 4, "one for each adapter");
    let words = set(&of(&[unknown])).expect_err("nobody knows it");
    assert!(words.starts_with("the DNS server ns1.invalid cannot be looked up; "), "{words}");
}

#[test]
fn a_look_up_takes_its_time_from_the_change_and_no_server_is_blamed_for_it() {
    let server =
        Scripted::with_zone(|request| Reply::Message(signed(request, 0, 0, 0, Some(SECRET))));
    let local = format!("localhost:{}", server.address.port());
    let by_name = DnsUpdate::new([local.parse().expect("a server")], key());
    let words = set(&by_name.time_limit(Duration::ZERO)).expect_err("no time to look it up");
    let start = format!("the DNS server {local} cannot be looked up; ");
    assert!(words.starts_with(&start) && words.ends_with(": timed out"), "{words}");
    assert_eq!(server.requests.lock().expect("no panic").len(), 0);
    // A resolver that is given by name has the same limit.
    let by_address = solver(&[server.address]).resolver(local.parse().expect("a server"));
    let words = set(&by_address.time_limit(Duration::ZERO)).expect_err("no time to look it up");
    assert!(words.starts_with(&start), "{words}");
}

#[test]
fn a_response_without_a_valid_signature_is_no_success() {
    let unsigned = Scripted::with_zone(|request| Reply::Message(response(request, 0, [0; 3], &[])));
    assert_fails(&unsigned, &["has no signature by update.key.test", "check who answers"]);
    let other = |request: &[u8]| Reply::Message(signed(request, 0, 0, 0, Some("b3RoZXI=")));
    assert_fails(&Scripted::with_zone(other), &["has a wrong signature by", "check who answers"]);
    let old = |request: &[u8]| Reply::Message(signed(request, 0, 0, 1000, Some(SECRET)));
    assert_fails(&Scripted::with_zone(old), &["behind this machine's", "set the wrong one"]);
}

#[test]
fn an_objection_to_the_signature_is_named_with_the_remedy() {
    let object = |error, secret: Option<&'static str>| {
        Scripted::with_zone(move |request| Reply::Message(signed(request, 9, error, 3600, secret)))
    };
    let key = "the key update.key.test (hmac-sha256)";
    assert_fails(&object(16, None), &["another secret for", key, "(BADSIG)", "copy it from"]);
    assert_fails(&object(17, None), &["does not know", key, "(BADKEY)", "must have a key"]);
    assert_fails(&object(18, Some(SECRET)), &["clock", "s behind", key, "(BADTIME)", "by NTP"]);
    assert_fails(&object(22, None), &[key, "TSIG error 22", "its log"]);
}

#[test]
fn a_refusal_is_named_with_the_remedy() {
    let refuse = |code, is_signed| {
        Scripted::with_zone(move |request| {
            Reply::Message(match is_signed {
                true => signed(request, code, 0, 0, Some(SECRET)),
                false => response(request, code, [0; 3], &[]),
            })
        })
    };
    for is_signed in [true, false] {
        let refused = ["REFUSED", NAME, "zone example.test", "allow updates", "update.key.test"];
        assert_fails(&refuse(5, is_signed), &refused);
        assert_fails(&refuse(9, is_signed), &["NOTAUTH", "may be ns.example.test"]);
        assert_fails(&refuse(4, is_signed), &["NOTIMP", "takes no dynamic updates"]);
        assert_fails(&refuse(2, is_signed), &["SERVFAIL", "its log says why"]);
    }
    let lookup = Scripted::start(|request| Reply::Message(response(request, 5, [0; 3], &[])));
    assert_fails(&lookup, &[NAME, "REFUSED", "name the primary server of its zone, or a resolver"]);
    assert_eq!(lookup.updates(), 0);
}

#[test]
fn what_is_no_response_is_refused() {
    let unusable = |change: fn(Vec<u8>) -> Vec<u8>, words: &str| {
        let zone = Scripted::start(move |request| Reply::Message(change(zone(request))));
        assert_fails(&zone, &[NAME, words, "check that it is a DNS server"]);
        let update = Scripted::with_zone(move |request| {
            Reply::Message(change(signed(request, 0, 0, 0, Some(SECRET))))
        });
        assert_fails(&update, &[NAME, words]);
    };
    unusable(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "it is no response");
    unusable(|_| Vec::new(), "shorter than a header");
    unusable(|message| message[..message.len() - 1].to_vec(), "it cannot be parsed");
    unusable(|message| vec![0xff; message.len()], "another message");
    unusable(
        |mut message| {
            message[0] ^= 1;
            message
        },
        "another message",
    );
    unusable(
        |mut message| {
            message[2] |= 2;
            message
        },
        "it is truncated",
    );
}

#[test]
fn a_server_that_is_silent_costs_no_more_than_the_time_limit() {
    for silent in [Scripted::start(|_| Reply::Silence), Scripted::with_zone(|_| Reply::Silence)] {
        let start = Instant::now();
        let solver = solver(&[silent.address]).time_limit(Duration::from_millis(300));
        let words = set(&solver).expect_err("a failure");
        assert!(words.contains("does not answer in time") && words.contains("firewall"), "{words}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
    let closing = Scripted::start(|_| Reply::Nothing);
    assert_fails(&closing, &["closes the connection without an answer"]);
}

#[test]
fn another_address_is_asked_if_one_cannot_be_reached() {
    let server =
        Scripted::with_zone(|request| Reply::Message(signed(request, 0, 0, 0, Some(SECRET))));
    // It never listens, and keeps others from doing so.
    let bound = tokio::net::TcpSocket::new_v4().expect("a socket");
    bound.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let gone = bound.local_addr().expect("an address");
    assert_eq!(set(&solver(&[gone, server.address])), Ok(()));
    let words = set(&solver(&[gone])).expect_err("a failure");
    assert!(words.contains(&format!("{gone} cannot be reached by TCP")), "{words}");
    let words = set(&solver(&[])).expect_err("a failure");
    assert!(words.contains("name the primary server"), "{words}");
}

#[test]
fn aliases_in_a_circle_or_without_an_end_are_refused() {
    let circle = Scripted::start(|request| {
        let asked = &request[12..];
        Reply::Message(match asked.starts_with(&wire(NAME)) {
            true => alias(request, NAME, "other.example.test"),
            false => alias(request, "other.example.test", NAME),
        })
    });
    let words = set(&solver(&[circle.address])).expect_err("a failure");
    assert!(words.contains("alias in a circle") && words.contains(NAME), "{words}");

    let endless = Scripted::start(|request| {
        let end = request[12..].iter().position(|&octet| octet == 0).expect("a name");
        let asked = request[13..12 + end].to_vec();
        let asked: String = asked.iter().map(|&o| if o < 32 { '.' } else { o.into() }).collect();
        Reply::Message(alias(request, &asked, &format!("a.{asked}")))
    });
    let words = set(&solver(&[endless.address])).expect_err("a failure");
    assert!(words.contains("too many aliases"), "{words}");
    assert_eq!(endless.requests.lock().expect("no panic").len(), 2 * 9);
}

#[test]
fn a_name_without_a_zone_or_in_a_delegated_one_is_not_changed() {
    let none = Scripted::start(|request| Reply::Message(response(request, 3, [0; 3], &[])));
    assert_fails(&none, &[NAME, "knows no zone for"]);
    let referral = Scripted::start(|request| {
        let servers = record("www.example.test", 2, &wire("ns.elsewhere.test"));
        let mut message = response(request, 0, [0, 1, 0], &servers);
        message[2] &= !4;
        Reply::Message(message)
    });
    assert_fails(&referral, &["delegates www.example.test", "name the primary server of www"]);
    assert_eq!(none.updates() + referral.updates(), 0);
}
