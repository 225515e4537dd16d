//! Checks that several targets share.

use std::fmt::Display;

use acme_proto::url::Url;
use acme_proto::wire::{Context, Deviation, InvalidObject, Parsed};
use serde_json::Value;

/// The URL that the objects of the targets come from.
pub(crate) fn base() -> Url {
    Url::parse("https://ca.example/acme/resource/1").expect("the base is a URL")
}

/// Checks that a text is one line without control characters.
pub(crate) fn is_plain(shown: &impl Display) {
    let shown = shown.to_string();
    assert!(!shown.contains(char::is_control), "control characters in {shown:?}");
    assert!(!shown.contains(['\u{2028}', '\u{202e}', '\u{feff}']), "misleading: {shown:?}");
}

/// Checks that a URL can be requested, and parses to itself.
pub(crate) fn is_usable(url: &Url, allow_http: bool) {
    assert!(url.is_https() || allow_http, "{url} is not https");
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(url));
}

/// Reads an object with and without `http:` URLs, and checks what all objects have in common.
pub(crate) fn object<T: PartialEq + std::fmt::Debug>(
    data: &[u8],
    parse: impl Fn(&[u8], Context<'_>) -> Result<Parsed<T>, InvalidObject>,
    look: impl Fn(&T, bool),
) {
    let base = base();
    for allow_http in [false, true] {
        let context = Context { url: &base, allow_http };
        match parse(data, context) {
            Err(error) => is_plain(&error),
            Ok(parsed) => {
                are_plain(&parsed.deviations);
                look(&parsed.value, allow_http);
                if let Some(again) = rewritten(data) {
                    let again = parse(again.as_bytes(), context).map(|parsed| parsed.value);
                    assert_eq!(again, Ok(parsed.value), "in another spelling");
                }
            }
        }
    }
}

/// Checks a list of deviations.
pub(crate) fn are_plain(deviations: &[Deviation]) {
    assert!(deviations.len() <= 64);
    deviations.iter().for_each(is_plain);
}

/// Writes a JSON text in another spelling: sorted, indented, without duplicates and needless
/// escapes.
///
/// `None` if the text is no JSON, or has fractions that could be rounded on the way.
fn rewritten(data: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(data).ok()?;
    (!has_fraction(&value)).then(|| serde_json::to_string_pretty(&value).expect("a value is JSON"))
}

/// Returns whether a value has a number that may be rounded when it is written and read.
pub(crate) fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(entries) => entries.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}
