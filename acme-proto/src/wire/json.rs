//! Decoding of bytes to a JSON value of bounded depth and size, and how much memory a value takes.

use crate::text::snippet;
use alloc::borrow::Cow;
use alloc::string::String;

use serde_json::{Map, Value};

use super::InvalidObject;

/// Decodes a body as JSON.
///
/// Arrays and objects nested deeper than [`MAX_DEPTH`] become `null`. `serde_json` rejects the
/// whole body of an object that is nested too deeply, and with it the members that matter.
///
/// A body of more values than its length has room for is refused: three octets of it would take hundreds in memory.
pub(super) fn decode(body: &[u8]) -> Result<(Value, Oddity), InvalidObject> {
    let Ok(text) = core::str::from_utf8(body) else {
        return Err(InvalidObject::NotUtf8 { snippet: snippet(body) });
    };
    let (text, marked) = text.strip_prefix('\u{feff}').map_or((text, false), |rest| (rest, true));
    let Scan { shallow, objects, values } = scan(text);
    let limit = FEW + shallow.len() / OCTETS_OF_AN_OBJECT;
    if objects > limit || values > FEW + shallow.len() / OCTETS_OF_A_VALUE {
        return Err(InvalidObject::TooManyValues { limit });
    }
    let deep = matches!(shallow, Cow::Owned(_));
    match serde_json::from_str(&shallow) {
        Ok(value) => Ok((value, Oddity { marked, deep })),
        Err(_) => Err(InvalidObject::NotJson { snippet: snippet(body) }),
    }
}

/// Returns the octets of a text that are in no string, each with its place.
///
/// What has a meaning there is ASCII, and no octet of a longer UTF-8 sequence is.
fn outside_strings(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().enumerate().filter(move |(_, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted,
        }
        false
    })
}

/// Returns about how many octets of memory a value takes beside its own place.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(entries) => {
            entries.iter().map(|entry| size_of::<Value>() + weight(entry)).sum()
        }
        Value::Object(members) => weight_of_members(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// As [`weight`], of an object.
pub(super) fn weight_of_members(members: &Map<String, Value>) -> usize {
    let own = if members.is_empty() { 0 } else { OBJECT };
    let each = members.iter().map(|(name, value)| OF_A_MEMBER + name.len() + weight(value));
    own + each.sum::<usize>()
}

/// What was unusual about a body as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddity {
    /// The body began with a byte order mark.
    pub(super) marked: bool,
    /// Something was nested too deeply and was replaced.
    pub(super) deep: bool,
}

/// What one pass over a text finds, before anything is parsed.
struct Scan<'a> {
    /// The text, with `null` in the place of every array and object that is nested too deeply.
    shallow: Cow<'a, str>,
    /// About how many objects are left.
    objects: usize,
    /// About how many values are left, objects included.
    values: usize,
}

/// Bounds the depth of a text, and counts what is left.
///
/// Only brackets, commas and strings are tracked. The rest is left to the JSON parser. Brackets are ASCII, so that the
/// text can be cut at any of them.
fn scan(text: &str) -> Scan<'_> {
    let mut kept = String::new();
    let mut copied = 0; // everything before is in `kept`, or was replaced
    let mut depth = 0_usize;
    let (mut objects, mut values) = (0, 1);
    for (at, byte) in outside_strings(text) {
        match byte {
            b'[' | b'{' => {
                if depth == MAX_DEPTH {
                    kept.push_str(&text[copied..at]);
                    kept.push_str("null");
                    copied = text.len(); // unless its closing bracket follows
                } else if depth < MAX_DEPTH {
                    values += 1;
                    objects += usize::from(byte == b'{');
                }
                depth += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == MAX_DEPTH {
                    copied = at + 1;
                }
            }
            b',' if depth <= MAX_DEPTH => values += 1,
            _ => {}
        }
    }
    // The usual case copies nothing.
    let shallow = if kept.is_empty() {
        Cow::Borrowed(text)
    } else {
        kept.push_str(&text[copied..]);
        Cow::Owned(kept)
    };
    Scan { shallow, objects, values }
}

/// So many values, and so many objects, are no matter.
const FEW: usize = 3000;
/// How long an object is at least, on average over a long body. That of an identifier with its authorization has a hundred
/// or more.
const OCTETS_OF_AN_OBJECT: usize = 80;
/// How long a value is at least, on average over a long body.
const OCTETS_OF_A_VALUE: usize = 12;
/// What the smallest object takes: the first node of a tree has room for eleven members.
const OBJECT: usize = 11 * (size_of::<String>() + size_of::<Value>());
const OF_A_MEMBER: usize = size_of::<String>() + size_of::<Value>();

/// The maximum nesting of arrays and objects. ACME objects need far less.
pub(super) const MAX_DEPTH: usize = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nested_too_deeply_becomes_null() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let (value, oddity) =
            decode(format!(r#"{{"a":1,"b":{deep},"c":"]]"}}"#).as_bytes()).unwrap();
        assert_eq!((&value["a"], &value["c"]), (&json!(1), &json!("]]")));
        // covers fld-gen-6
        assert!(oddity.deep);
    }

    #[test]
    fn a_body_of_more_values_than_its_length_has_room_for_is_refused() {
        for entry in ["{},", "[],", "0,", "\"\",", "{\"\":0},"] {
            let body = format!("{{\"a\":[{}0]}}", entry.repeat(100_000));
            let refused = decode(body.as_bytes());
            assert!(matches!(refused, Err(InvalidObject::TooManyValues { .. })), "{entry}");
            let body = format!("{{\"a\":[{}0]}}", entry.repeat(400));
            assert!(decode(body.as_bytes()).is_ok(), "{entry}");
        }
        let entry = r#"{"type":"dns","value":"www.a.example"},"https://a.example/acme/authorization/1234567","#;
        let order = format!("{{\"a\":[{}0]}}", entry.repeat(50_000));
        assert!(decode(order.as_bytes()).is_ok());
    }

    #[test]
    fn the_depth_limit_itself_is_allowed() {
        let text = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(scan(&text).shallow, Cow::Borrowed(text.as_str()));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!(r#"{{"a":"\"{}","b":"\\"}}"#, "[".repeat(100));
        assert_eq!(decode(text.as_bytes()).unwrap().1, Oddity::default());
    }

    #[test]
    fn unbalanced_brackets_are_refused_without_panic() {
        let open = "[".repeat(1000);
        let shut = "]}".repeat(1000);
        for text in [open.as_str(), shut.as_str(), "{\"a\":[", "\"\\", "\"", "{\"a\":1}}", ""] {
            let fault = decode(text.as_bytes()).unwrap_err();
            // covers fld-gen-6
            assert!(matches!(fault, InvalidObject::NotJson { .. }), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let (value, oddity) = decode("\u{feff}{}".as_bytes()).unwrap();
        assert_eq!(value, json!({}));
        assert!(oddity.marked);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        assert!(matches!(decode(b"{\"a\":\"\xff\"}"), Err(InvalidObject::NotUtf8 { .. })));
    }
}
