//! The messages against values that Python's `hmac` computed, and hostile responses. The behaviour of the solver is tested
//! in `acme-tests`, against servers.

use super::message::{self, Change, Response};
use super::name::DnsName;
use super::*;
use crate::clock;
use acme_proto::time::Timestamp;

const NAME: &str = "_acme-challenge.example.test";
const NOW: u64 = 1_800_000_000;

/// A change of id 0x1234 that adds "value" for 60 seconds, without its signature.
const REQUEST: &str = "123428000001000000010000076578616d706c65047465737400000600010f5f61636d652d6368616c6c656e6765\
    076578616d706c65047465737400001000010000003c00060576616c7565";

/// The MACs of it at [`NOW`], and of the response to it two seconds later.
const MACS: [(TsigAlgorithm, &str, &str); 3] = [
    (
        TsigAlgorithm::HmacSha256,
        "00555a4cc7a0f20d60b730131483ebd95c2fd31631695e05c2dbf69676df9e20",
        "7288757f298c99d75519a72f7e3a0a81889e1491c6049ff778a5607ef635ac26",
    ),
    (
        TsigAlgorithm::HmacSha384,
        "4976a470f80751e22b18b93260df9a4725f3b972c3377602ead2fed75fb0038b8c2df61309d8002e3a82d2ec17ee17c9",
        "bdb4086ec50772718f44f4c61a8dde527302ae67e502c653a2a726208d1c1abf76b08ae5b2b4bac60dc60d5ec0ebe0fa",
    ),
    (
        TsigAlgorithm::HmacSha512,
        "7e55cd53d4b145f0aa1da9cbf74388fb18542d225063e485c5373478b1372affb494d879a8692304c5d1ed8e7c4693da\
         198c78c898486821e3941642068d8601",
        "97eae9ec634c50acce9d4018d4eca9b6392a55b0f3044c1ea34b89ec297a14d2c5133546dcc0c31f130517bc6ecefc1a\
         c374b7b3c47f22dca0c7b4cc6c471a7d",
    ),
];

const RESPONSE: &str = "1234a8000001000000000001076578616d706c650474657374000006000106757064617465036b6579047465737400\
    00fa00ff00000000003d0b686d61632d7368613235360000006b49d202012c00207288757f298c99d75519a72f7e3a0a81889e1491c6049ff\
    778a5607ef635ac26123400000000";

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn key(algorithm: TsigAlgorithm) -> TsigKey {
    TsigKey::new("update.key.test.", algorithm, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        .unwrap()
}

fn name(text: &str) -> DnsName {
    DnsName::parse(text).unwrap()
}

fn request(value: &[u8], add: bool) -> Vec<u8> {
    let change = Change { add, ttl: 60, value: value.to_vec() };
    message::update(0x1234, &name("example.test"), &name(NAME), &change)
}

#[test]
fn an_update_and_its_signature_are_those_of_an_independent_computation() {
    for (algorithm, mac, _) in MACS {
        let mut message = request(b"value", true);
        assert_eq!(message, octets(REQUEST));
        assert_eq!(tsig::sign(&mut message, &key(algorithm), NOW), octets(mac));
        let (start, end) = message.split_at(octets(REQUEST).len());
        assert_eq!(start[11], 1, "one additional record");
        assert_eq!(start[12..], octets(REQUEST)[12..]);
        assert!(end.windows(octets(mac).len()).any(|part| part == octets(mac)));
    }
}

#[test]
fn a_removal_names_the_value_with_class_none_and_no_ttl() {
    let added = request(b"value", true);
    let removed = request(b"value", false);
    let end = added.len() - 6;
    assert_eq!(added[..end - 8], removed[..end - 8]);
    assert_eq!(removed[end - 8..end], [0, 254, 0, 0, 0, 0, 0, 6]);
    assert_eq!(added[end..], removed[end..]);
}

#[test]
fn a_long_value_is_split_into_strings() {
    let message = request(&[b'a'; 300], true);
    let data = &message[message.len() - 304..];
    assert_eq!(data[..2], 302_u16.to_be_bytes());
    assert_eq!((data[2], data[258]), (255, 45));
}

/// Verifies a response to [`REQUEST`] as signed with HMAC-SHA-256.
fn verify(response: &[u8], key: &TsigKey, now: u64) -> Result<(), TsigFailure> {
    let read = Response::read(response, &octets(REQUEST)).unwrap();
    read.tsig.unwrap().verify(key, response, &octets(MACS[0].1), now)
}

#[test]
fn a_response_is_verified_by_its_mac_and_then_by_its_time() {
    let own = key(TsigAlgorithm::HmacSha256);
    let response = octets(RESPONSE);
    assert_eq!(verify(&response, &own, NOW), Ok(()));
    assert_eq!(verify(&response, &own, NOW + 302), Ok(()));
    assert_eq!(verify(&response, &own, NOW + 303), Err(TsigFailure::Clock { ahead: -301 }));
    assert_eq!(verify(&response, &own, NOW - 299), Err(TsigFailure::Clock { ahead: 301 }));
    let other = TsigKey::new("update.key.test", TsigAlgorithm::HmacSha256, "bm90IHRoZSBzZWNyZXQ=");
    assert_eq!(verify(&response, &other.unwrap(), NOW), Err(TsigFailure::Forged));
    let other = key(TsigAlgorithm::HmacSha512);
    assert_eq!(verify(&response, &other, NOW), Err(TsigFailure::OtherKey));
    let other = TsigKey::new("other.test", TsigAlgorithm::HmacSha256, "bm90IHRoZSBzZWNyZXQ=");
    assert_eq!(verify(&response, &other.unwrap(), NOW), Err(TsigFailure::OtherKey));
    // To another request, the same response is not signed rightly.
    let read = Response::read(&response, &octets(REQUEST)).unwrap();
    let verified = read.tsig.unwrap().verify(&own, &response, &octets(MACS[1].1), NOW);
    assert_eq!(verified, Err(TsigFailure::Forged));
}

#[test]
fn no_bit_of_a_signed_response_can_be_changed_and_nothing_panics() {
    let own = key(TsigAlgorithm::HmacSha256);
    let (response, asked) = (octets(RESPONSE), octets(REQUEST));
    for place in 0..response.len() {
        for bit in 0..8 {
            let mut changed = response.clone();
            changed[place] ^= 1 << bit;
            let Ok(read) = Response::read(&changed, &asked) else { continue };
            let Some(record) = read.tsig else { continue };
            let verified = record.verify(&own, &changed, &octets(MACS[0].1), NOW);
            // Upper and lower case are the same name, and the TTL of the record is always signed as zero.
            let letter = bit == 5 && changed[place].is_ascii_alphabetic();
            let ttl = (51..55).contains(&place);
            assert!(verified.is_err() || letter || ttl, "bit {bit} of octet {place}");
        }
        let _ = Response::read(&response[..place], &asked);
    }
}

/// Answers every request of a flow with these octets behind the header, for as long as it asks.
fn answer(flow: &mut DnsUpdateFlow, flags: u16, counts: [u16; 4], rest: &[u8]) -> usize {
    for asked in 0.. {
        match flow.poll(Duration::ZERO, clock::wall()) {
            DnsUpdateStep::Exchange(query) => {
                let mut response = query.framed[2..4].to_vec();
                let opcode = u16::from_be_bytes([query.framed[4], 0]) & 0x7800;
                for field in [flags | opcode].into_iter().chain(counts) {
                    response.extend_from_slice(&field.to_be_bytes());
                }
                response.extend_from_slice(rest);
                flow.answer(Ok(response), clock::wall());
            }
            DnsUpdateStep::Done(_) => return asked,
        }
    }
    0
}

#[test]
fn whatever_a_server_answers_a_flow_ends_soon() {
    let update = DnsUpdate::new(
        [SocketAddr::from(([127, 0, 0, 1], 53)).into()],
        key(TsigAlgorithm::HmacSha256),
    );
    // A small generator, so that every run is the same.
    let mut state = 0x2136_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    // Pieces of valid messages in any order come further than random octets.
    let names = [NAME, "example.test", "a.test"].map(name);
    let pieces: [&[u8]; 12] = [
        names[0].wire(),
        names[1].wire(),
        names[2].wire(),
        b"\xc0\x0c",
        b"\x00\x05\x00\x01\0\0\0\0\x00\x02\xc0\x0c",
        b"\x00\x06\x00\x01\0\0\0\0\x00\x08\x01a\0\0\0\0\0\0",
        b"\x00\x10\x00\x01\0\0\0\0\x00\x03\x02hi",
        b"\x00\x05\x00\x01\0\0\0\0\x00\x08\x01a\x04test\0",
        b"\x00\x02\x00\x01\0\0\0\0\x00\x00",
        b"\x00\xfa\x00\xff\0\0\0\0\x00\x14\x01a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x00\x01\x00\x01",
        b"\0",
    ];
    let mut longest = 0;
    for _ in 0..20_000 {
        let rest: Vec<u8> = (0..next() % 8).flat_map(|_| pieces[next() % 12].to_vec()).collect();
        let counts = [(); 4].map(|()| u16::try_from(next() % 3).unwrap());
        let flags = 0x8000 | if next() % 4 == 0 { 0x0400 } else { 0 };
        for task in [DnsTask::Add("value"), DnsTask::Read] {
            let mut flow = update.start(NAME, task).unwrap();
            longest = longest.max(answer(&mut flow, flags, counts, &rest));
        }
    }
    assert!((3..=12).contains(&longest), "{longest} requests");
}

#[test]
fn a_value_that_fits_no_message_is_refused() {
    let update = DnsUpdate::new(
        [SocketAddr::from(([127, 0, 0, 1], 53)).into()],
        key(TsigAlgorithm::HmacSha512),
    );
    let (most, more) = ("a".repeat(60_000), "a".repeat(60_001));
    for task in [DnsTask::Add, DnsTask::Remove] {
        assert!(update.start(NAME, task(&most)).is_ok());
        let error = update.start(NAME, task(&more)).unwrap_err().to_string();
        assert!(error.contains("60001 octets") && error.contains("shorten it"), "{error}");
    }
    let longest = DnsName::parse(&vec!["a".repeat(49); 5].join(".")).unwrap();
    let change = Change { add: true, ttl: 60, value: vec![b'a'; 60_000] };
    let mut message = message::update(0, &longest, &longest, &change);
    tsig::sign(&mut message, &key(TsigAlgorithm::HmacSha512), NOW);
    assert!(message.len() + 255 < usize::from(u16::MAX), "{}", message.len());
}

#[test]
fn a_key_file_of_bind_is_parsed() {
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
    let plain =
        format!("key \"a.test.\" {{\n\talgorithm HMAC-SHA512;\n\tsecret \"{secret}\";\n}};\n");
    let odd = format!(
        "# by hand\n/* or\nnot */key a.test{{secret {secret} ; // here\nalgorithm \"hmac-sha512.\";}}"
    );
    for text in [plain, odd] {
        let key = TsigKey::parse(&text).unwrap();
        assert_eq!((key.name().as_str(), key.algorithm()), ("a.test", TsigAlgorithm::HmacSha512));
        assert_eq!(format!("{key:?}"), "TsigKey { name: a.test, algorithm: HmacSha512, .. }");
    }
}

#[test]
fn a_key_file_that_is_none_is_refused_with_the_line() {
    let refused = |text: &str| TsigKey::parse(text).unwrap_err();
    let syntax = |line| InvalidTsigKey::Syntax { line };
    assert_eq!(refused(" # nothing\n"), InvalidTsigKey::NoKey);
    assert_eq!(refused("\nkey a {\n algorithm hmac-sha256\n}"), syntax(4));
    assert_eq!(refused("key a { secret \"c2VjcmV0\n\"; };"), syntax(1));
    assert_eq!(refused("key:\n  - id: a"), syntax(1));
    assert_eq!(refused("/* no end"), syntax(1));
    for cut in ["key", "key a", "key a {", "key a { secret", "key a { secret c2VjcmV0", "\""] {
        assert_eq!(refused(cut), syntax(1));
    }
    let key = "key a { algorithm hmac-sha256; secret c2VjcmV0; };";
    assert_eq!(refused(&format!("{key}\n{key}")), InvalidTsigKey::SeveralKeys);
    assert_eq!(refused(&format!("{key}\nzone a {{}};")), syntax(2));
    assert_eq!(refused(&key.replace("sha256", "md5")), InvalidTsigKey::Algorithm);
    assert_eq!(refused(&key.replace("algorithm hmac-sha256;", "")), InvalidTsigKey::NoAlgorithm);
    assert_eq!(refused(&key.replace("secret c2VjcmV0;", "")), InvalidTsigKey::NoSecret);
    assert_eq!(refused(&key.replace("key a", "key a..b")), InvalidTsigKey::Name);
    assert!(matches!(refused(&key.replace("c2VjcmV0", "!")), InvalidTsigKey::Secret(_)));
}

#[cfg(unix)]
#[test]
fn a_key_file_that_everyone_may_read_is_refused() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let dir = std::env::temp_dir().join(format!("acme-tsig-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("update.key");
    fs::write(&path, "key a { algorithm hmac-sha256; secret c2VjcmV0; };").unwrap();
    for (mode, usable) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let loaded = TsigKey::load(&path).map(drop).map_err(|error| error.to_string());
        match loaded {
            Ok(()) => assert!(usable),
            Err(words) => {
                assert!(!usable && words.contains(&format!("mode {mode:04o}")), "{words}");
                assert!(words.contains(&format!("chmod 600 {}", path.display())), "{words}");
            }
        }
    }
    fs::remove_dir_all(&dir).unwrap();
    let missing = TsigKey::load(&path).unwrap_err();
    assert!(matches!(missing, TsigKeyError::Io { .. }), "{missing}");
}

#[test]
fn the_time_of_a_change_is_shared_among_the_servers() {
    let servers = [1, 2].map(|last| SocketAddr::from(([127, 0, 0, last], 53)));
    let update = DnsUpdate::new(servers.map(DnsServer::from), key(TsigAlgorithm::HmacSha256));
    let mut flow = update.start(NAME, DnsTask::Read).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let exchange =
        |elapsed, flow: &mut DnsUpdateFlow| match flow.poll(Duration::from_secs(elapsed), now) {
            DnsUpdateStep::Exchange(query) => Ok((query.server, query.time_limit.as_secs())),
            DnsUpdateStep::Done(result) => Err(result.unwrap_err().to_string()),
        };
    assert_eq!(exchange(0, &mut flow), Ok((servers[0], 15)));
    flow.answer(Err(io::ErrorKind::ConnectionRefused.into()), now);
    assert_eq!(exchange(20, &mut flow), Ok((servers[1], 10)));
    flow.answer(Err(io::ErrorKind::TimedOut.into()), now);
    let words = exchange(30, &mut flow).unwrap_err();
    assert!(words.starts_with("the DNS server 127.0.0.1:53 cannot be reached by TCP"), "{words}");
}
