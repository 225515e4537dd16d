//! The names of what is stored.

use core::fmt::{self, Write as _};
use core::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The name of a stored value: segments with `/` between them, each safe as a file name.
///
/// Any text becomes a segment, different texts become different ones, even where file names have
/// no case, and ordinary names stay as they are:
///
/// | text | segment |
/// | --- | --- |
/// | `www.example.org` | `www.example.org` |
/// | `*.example.org` | `_wildcard_.example.org` |
/// | `2001:db8::1` | `2001+db8++1` |
/// | `ca.example/directory` | `ca.example,directory` |
/// | `A_b`, `..`, `con.txt` | `%41%5fb`, `%2e%2e`, `%63on.txt` |
/// | more than 160 characters | the first 120, `~`, and a hash of the text |
///
/// ```
/// use acme_adapter::storage::Key;
///
/// let key = Key::new("certificates").join("*.example.org").join("../key.pem");
/// assert_eq!(key.as_str(), "certificates/_wildcard_.example.org/%2e.,key.pem");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    text: String,
}

/// The text is not that of a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the text of a storage key")]
pub struct InvalidKey;

impl Key {
    /// Creates a key of one segment, from any text.
    pub fn new(segment: &str) -> Self {
        Self { text: escape(segment) }
    }

    /// Appends a segment, from any text.
    #[must_use]
    pub fn join(&self, segment: &str) -> Self {
        self.join_escaped(&escape(segment), "")
    }

    /// Appends a segment, and an ending such as `.json`, which has only such characters.
    pub(super) fn join_with_ending(&self, segment: &str, ending: &'static str) -> Self {
        self.join_escaped(&escape(segment), ending)
    }

    pub(super) fn join_escaped(&self, segment: &str, ending: &'static str) -> Self {
        debug_assert!(ending.len() <= MAX_ENDING && ending.chars().all(is_plain), "{ending}");
        Self { text: format!("{}/{segment}{ending}", self.text) }
    }

    /// Parses the text of a key, as [`as_str`](Self::as_str) returns it.
    ///
    /// It is for a storage that lists what it has. A text from elsewhere is for [`new`](Self::new)
    /// and [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] for a text that no key has.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let valid = text.split('/').all(is_segment);
        if valid { Ok(Self { text: text.into() }) } else { Err(InvalidKey) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the segments in order; there is always at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text.split('/')
    }

    /// Returns whether this key is below another one, at any depth.
    pub fn is_below(&self, other: &Self) -> bool {
        self.text.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Says which lock this is the name of, and how to find its holder where it is a file.
    pub(crate) fn describe_lock(&self) -> String {
        let file = format!(".locks/{}.lock", self.flat());
        format!("the lock {self} (in a folder, the file {file}, whose holder `fuser` names)")
    }

    /// Returns the key as one segment, for a storage without folders.
    pub(super) fn flat(&self) -> String {
        escape(&self.text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.text)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::parse(text)
    }
}

/// Makes a segment of any text; different texts have different segments.
pub(super) fn escape(text: &str) -> String {
    if text.is_empty() {
        return "_empty_".into();
    }
    let mut escaped = String::with_capacity(text.len());
    let last = text.len() - 1;
    let reserved = is_reserved(text);
    for (at, byte) in text.bytes().enumerate() {
        // A dot in front hides a file or leads upwards, a hyphen makes an option of it, and Windows
        // drops a dot at the end.
        let misplaced =
            (at == 0 && (matches!(byte, b'.' | b'-') || reserved)) || (at == last && byte == b'.');
        match char::from(byte) {
            c if is_plain(c) && !misplaced => escaped.push(c),
            '*' => escaped.push_str("_wildcard_"),
            ':' => escaped.push('+'),
            '/' => escaped.push(','),
            _ => write!(escaped, "%{byte:02x}").expect("a String takes everything"),
        }
    }
    if escaped.len() <= MAX_PLAIN {
        return escaped;
    }
    // `~` is in no other segment.
    escaped.truncate(KEPT);
    escaped.push('~');
    for byte in &Sha256::digest(text.as_bytes())[..16] {
        write!(escaped, "{byte:02x}").expect("a String takes everything");
    }
    escaped
}

/// Returns the text that a segment was made of; `None` if only its hash is there.
pub(super) fn unescape(segment: &str) -> Option<String> {
    if segment == "_empty_" {
        return Some(String::new());
    }
    let mut text = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("_wildcard_") {
            text.push(b'*');
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '+' => text.push(b':'),
            ',' => text.push(b'/'),
            '%' => {
                text.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                rest = &rest[2..];
            }
            c if is_plain(c) => text.push(c as u8),
            _ => return None,
        }
    }
    String::from_utf8(text).ok()
}

/// Whether a text may be a file name; those that [`escape`] makes are.
fn is_segment(text: &str) -> bool {
    let allowed = |c| is_plain(c) || matches!(c, '%' | '+' | ',' | '_' | '~');
    !text.is_empty()
        && text.len() <= MAX_SEGMENT
        && text.chars().all(allowed)
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
        && !is_reserved(text)
        && text.split_once('~').is_none_or(|(_, hash)| {
            hash.get(..32).is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit()))
        })
}

const fn is_plain(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '.' | '-')
}

/// Whether Windows takes the name for a device, whatever follows its first dot.
fn is_reserved(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or(text);
    let numbered = |name: &str| {
        stem.strip_prefix(name).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// Room is left for an ending, and for what a temporary file has around its name, below 255.
const MAX_SEGMENT: usize = MAX_PLAIN + MAX_ENDING;
const MAX_PLAIN: usize = 160;
const MAX_ENDING: usize = 20;
const KEPT: usize = 120;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[rustfmt::skip]
    const TEXTS: &[&str] = &[
            "",
            "a",
            "A",
            "example.org",
            "*.example.org",
            "_wildcard_.example.org",
            "_empty_",
            "*",
            "2001:db8::1",
            "2001+db8++1",
            "a/b",
            "a,b",
            "a\\b",
            "..",
            ".",
            ".a",
            "a.",
            "a..",
            "-a",
            "a\0b",
            "a%b",
            "a%00b",
            "con",
            "CON",
            "con.txt",
            "con1",
            "com1",
            "com1.a",
            "lpt9",
            "aux.example.org",
            "é",
            "\u{e9}\u{301}",
            "a b",
            "~",
            "a~b",
            "\u{7f}",
            "\n",
            "👩",
            "xn--bcher-kva.example",
            "%",
            "%4",
            "%41",
    ];

    #[test]
    fn every_text_is_a_safe_segment_of_its_own_and_comes_back() {
        let mut seen = HashMap::new();
        for &text in TEXTS {
            let segment = escape(text);
            assert!(is_segment(&segment), "{text:?} became {segment}");
            assert_eq!(segment, segment.to_lowercase());
            assert_eq!(unescape(&segment).as_deref(), Some(text), "{segment}");
            assert_eq!(seen.insert(segment.clone(), text), None, "{text:?}: {segment} is taken");
            assert_eq!(Key::parse(&segment), Ok(Key::new(text)));
        }
        for byte in 0..=127_u8 {
            let text = char::from(byte).to_string();
            assert!(is_segment(&escape(&text)), "{byte}");
            assert_eq!(unescape(&escape(&text)), Some(text));
        }
    }

    #[test]
    fn a_long_text_is_cut_and_has_a_hash() {
        for text in ["a", "%", "*", "/"] {
            let (one, other) = (escape(&text.repeat(161)), escape(&text.repeat(162)));
            assert_ne!(one, other);
            assert!(is_segment(&one) && one.len() <= MAX_PLAIN && unescape(&one).is_none());
        }
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["example.org", "a.b-c.example", "192.0.2.7", "xn--bcher-kva.example"] {
            assert_eq!(escape(name), name);
        }
        let key = Key::new("orders").join_with_ending("*.example.org", ".json");
        assert_eq!(key.to_string(), "orders/_wildcard_.example.org.json");
        assert!(key.is_below(&Key::new("orders")) && !key.is_below(&key));
        assert!(!Key::new("ordersx").join("a").is_below(&Key::new("orders")));
    }

    #[test]
    fn a_text_that_no_key_has_is_refused() {
        let long = "a".repeat(MAX_SEGMENT + 1);
        for text in ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", ".locks", "A", "a\\b", "a\0"]
            .into_iter()
            .chain(["a b", "é", "con", "a/nul.txt", "-a", "a.", "a:b", "*", "a~", long.as_str()])
        {
            assert_eq!(Key::parse(text), Err(InvalidKey), "{text:?}");
        }
    }
}
