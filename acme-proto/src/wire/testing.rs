//! Helpers for the unit tests.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{
    Account, Authorization, Challenge, Context, DeviationKind, Directory, InvalidObject, Order,
    OrdersList, Parsed, Problem, RenewalInfo,
};
use crate::url::Url;

type Parse<T> = fn(&[u8], Context<'_>) -> Result<Parsed<T>, InvalidObject>;

pub(super) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

pub(super) fn try_read<T>(
    parse: Parse<T>,
    body: impl AsRef<[u8]>,
) -> Result<Parsed<T>, InvalidObject> {
    let base = url("https://ca.example/acme/request");
    parse(body.as_ref(), Context { url: &base, allow_http: false })
}

/// Parses an object that must have no deviations.
#[track_caller]
pub(super) fn read<T>(parse: Parse<T>, body: impl AsRef<[u8]>) -> T {
    let Parsed { value, deviations } = try_read(parse, body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(deviations, []);
    value
}

/// Parses an object and lists its deviations.
#[track_caller]
pub(super) fn read_odd<T>(
    parse: Parse<T>,
    body: impl AsRef<[u8]>,
) -> (T, Vec<(String, DeviationKind)>) {
    let Parsed { value, deviations } = try_read(parse, body).unwrap_or_else(|e| panic!("{e}"));
    (value, deviations.iter().map(|d| (d.field().to_string(), d.kind().clone())).collect())
}

#[track_caller]
pub(super) fn fault<T>(parse: Parse<T>, body: impl AsRef<[u8]>) -> InvalidObject {
    match try_read(parse, body) {
        Err(fault) => fault,
        Ok(_) => panic!("the object was read"),
    }
}

pub(super) fn odd(field: &str, kind: DeviationKind) -> (String, DeviationKind) {
    (field.to_string(), kind)
}

pub(super) fn missing(field: &str) -> InvalidObject {
    InvalidObject::Missing { field: field.to_string() }
}

pub(super) fn malformed(field: &str) -> InvalidObject {
    InvalidObject::Malformed { field: field.to_string() }
}

#[test]
fn no_bytes_make_any_object_panic() {
    let seed = br#"{"status":"pending","identifier":{"type":"dns","value":"*.a"},"challenges":[{"type":"x",
        "url":"https:\/\/a.example","error":{"subproblems":[{"identifier":{}}]}}],"identifiers":[],
        "authorizations":["https://a.example"],"orders":[""],"newNonce":"https://a.example","meta":{},
        "suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"},"detail":"\u00e9"}"#;
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2000 {
        let mut body = seed.to_vec();
        for _ in 0..=random(3) {
            let at = random(body.len());
            match random(3) {
                0 => body[at] = random(256) as u8,
                1 => drop(body.remove(at)),
                _ => body.insert(at, b"\"\\{}[],:0-e."[random(12)]),
            }
        }
        read_all(&body);
    }
}

fn read_all(body: &[u8]) {
    let _ = try_read(Account::parse, body);
    let _ = try_read(Authorization::parse, body);
    let _ = try_read(Challenge::parse, body);
    let _ = try_read(Directory::parse, body);
    let _ = try_read(Order::parse, body);
    let _ = try_read(OrdersList::parse, body);
    let _ = try_read(RenewalInfo::parse, body);
    if let Ok(parsed) = try_read(Problem::parse, body) {
        let _ = parsed.value.to_string();
    }
}
