//! Secret text in JSON, read without the copies that a parser leaves in memory.

use core::str::Chars;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// Returns the text of a JSON string; `None` for another type, and for an escaped surrogate.
pub(crate) fn text(raw: &RawValue) -> Option<Zeroizing<String>> {
    let inside = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    // No escape is longer than its text, so the buffer never grows and leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(inside.len()));
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { escaped(&mut chars)? } else { c });
    }
    Some(text)
}

/// Reads an escape after its backslash.
///
/// The parser has validated the text: any other character stands for itself, such as `\"`.
fn escaped(chars: &mut Chars<'_>) -> Option<char> {
    match chars.next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'u' => {
            let digits = chars.as_str().get(..4)?;
            *chars = chars.as_str().get(4..)?.chars();
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        text(raw).map(|text| text.as_str().to_owned())
    }

    #[test]
    fn every_escape_is_read_as_the_parser_reads_it() {
        for json in [
            r#""-----BEGIN PRIVATE KEY-----\nMC4C\/+==\n""#,
            r#""\"\\\/\b\f\n\r\t\u00e9\u0041""#,
            "\"\"",
            "\"plain \u{fc}\"",
        ] {
            let expected: String = serde_json::from_str(json).expect("a string");
            assert_eq!(read(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn what_is_no_string_is_none() {
        for json in ["7", "null", "[\"a\"]", r#""\ud83d\ude00""#] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
