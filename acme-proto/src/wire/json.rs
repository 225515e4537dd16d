//! Decoding of bytes to a JSON value of bounded depth.

use crate::text::snippet;
use alloc::borrow::Cow;
use alloc::string::String;

use serde_json::Value;

use super::InvalidObject;

/// Decodes a body as JSON.
///
/// Arrays and objects nested deeper than [`MAX_DEPTH`] become `null`. `serde_json` rejects the
/// whole body of an object that is nested too deeply, and with it the members that matter.
pub(super) fn decode(body: &[u8]) -> Result<(Value, Oddity), InvalidObject> {
    let Ok(text) = core::str::from_utf8(body) else {
        return Err(InvalidObject::NotUtf8 { snippet: snippet(body) });
    };
    let (text, marked) = text.strip_prefix('\u{feff}').map_or((text, false), |rest| (rest, true));
    let shallow = prune(text);
    let deep = matches!(shallow, Cow::Owned(_));
    match serde_json::from_str(&shallow) {
        Ok(value) => Ok((value, Oddity { marked, deep })),
        Err(_) => Err(InvalidObject::NotJson { snippet: snippet(body) }),
    }
}

/// What was unusual about a body as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddity {
    /// The body began with a byte order mark.
    pub(super) marked: bool,
    /// Something was nested too deeply and was replaced.
    pub(super) deep: bool,
}

/// Replaces every array and object that is nested too deeply by `null`.
///
/// In the replaced text, only brackets and strings are tracked. The rest is left to the JSON
/// parser.
///
/// The brackets are ASCII, and no byte of a longer UTF-8 sequence is, so the text can be scanned by
/// bytes and cut at any bracket.
fn prune(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut copied = 0; // everything before is in `kept`, or was replaced
    let mut depth = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                if depth == MAX_DEPTH {
                    kept.push_str(&text[copied..at]);
                    kept.push_str("null");
                    copied = text.len(); // unless its closing bracket follows
                }
                depth += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == MAX_DEPTH {
                    copied = at + 1;
                }
            }
            _ => {}
        }
    }
    // The usual case copies nothing.
    if kept.is_empty() {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[copied..]);
    Cow::Owned(kept)
}

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
    fn the_depth_limit_itself_is_allowed() {
        let text = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(prune(&text), Cow::Borrowed(text.as_str()));
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
