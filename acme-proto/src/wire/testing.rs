//! Helpers of the unit tests.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Context, DeviationKind, InvalidObject, Parsed};
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

/// Reads an object that must be free of deviations.
#[track_caller]
pub(super) fn read<T>(parse: Parse<T>, body: impl AsRef<[u8]>) -> T {
    let Parsed { value, deviations } = try_read(parse, body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(deviations, []);
    value
}

/// Reads an object and lists its deviations.
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
