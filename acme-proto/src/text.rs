//! Text from outside, made fit for one line of a log, a terminal or a zone file.

use alloc::string::String;
use core::fmt::{self, Write as _};

/// Escapes what could steer a terminal or mislead the eye, and cuts the text at `max` characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for c in text.chars() {
        let mut piece = String::new();
        match c {
            '\n' => piece.push_str("\\n"),
            '\r' => piece.push_str("\\r"),
            '\t' => piece.push_str("\\t"),
            c if c.is_control() || misleads(c) => {
                let _ = write!(piece, "\\u{{{:x}}}", u32::from(c));
            }
            c => piece.push(c),
        }
        length += piece.chars().count();
        if length > max {
            out.push('…');
            break;
        }
        out.push_str(&piece);
    }
    out
}

/// Writes a number of things: "1 try", "2 tries".
pub(crate) fn counted(number: u32, one: &str, many: &str) -> String {
    alloc::format!("{number} {}", if number == 1 { one } else { many })
}

/// Writes octets as a quoted character-string of a zone file (RFC 1035 section 5.1).
pub(crate) fn write_quoted(out: &mut impl fmt::Write, octets: &[u8]) -> fmt::Result {
    out.write_char('"')?;
    for &octet in octets {
        match octet {
            b'"' | b'\\' => write!(out, "\\{}", char::from(octet))?,
            b' '..=b'~' => out.write_char(char::from(octet))?,
            _ => write!(out, "\\{octet:03}")?,
        }
    }
    out.write_char('"')
}

/// Returns the beginning of a body that could not be read, white space folded.
pub(crate) fn snippet(body: &[u8]) -> String {
    let head = body.get(..READ).unwrap_or(body);
    let text = String::from_utf8_lossy(head);
    let mut folded = String::new();
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    printable(&folded, SNIPPET)
}

/// Line and paragraph separators, invisible characters and those that turn the writing direction.
const fn misleads(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

const READ: usize = 1024;
const SNIPPET: usize = 200;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31mb\r\n\tc\u{9b}", 99), "a\\u{1b}[31mb\\r\\n\\tc\\u{9b}");
    }

    #[test]
    fn characters_that_turn_the_direction_are_escaped() {
        assert_eq!(printable("a\u{202e}b\u{2066}\u{2028}", 99), "a\\u{202e}b\\u{2066}\\u{2028}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(printable("äöüß", 3), "äöü…");
        assert_eq!(printable("äöü", 3), "äöü");
        assert_eq!(printable("ab\u{1b}", 3), "ab…", "an escape is not cut in the middle");
    }

    // nginx in front of a CA responds for it: https://github.com/go-acme/lego/issues/390
    #[test]
    fn a_snippet_of_html_is_one_line() {
        let body = b"<html>\r\n  <head><title>429 Too Many Requests</title></head>\n";
        assert_eq!(snippet(body), "<html> <head><title>429 Too Many Requests</title></head>");
    }

    #[test]
    fn a_snippet_of_any_bytes_is_short_text() {
        assert_eq!(snippet(b"\xff\x00"), "\u{fffd}\\u{0}");
        assert_eq!(snippet(b""), "");
        let long = "x".to_string().repeat(1 << 20);
        assert_eq!(snippet(long.as_bytes()).chars().count(), SNIPPET + 1);
    }
}
