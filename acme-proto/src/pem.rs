//! A PEM encoder and a PEM parser (RFC 7468, RFC 8555 Sections 9.1 and 11.4).
//!
//! The parser skips text outside the blocks, and is strict about the blocks. A block may be a private key, so that no
//! copy of its text stays in freed memory.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const LINE: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// What editors of Windows write first.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// The room for the text of a block; that of an RSA key of 4096 bits has about 3,200 octets.
const MOST_AT_FIRST: usize = 16 * 1024;

/// What is wrong with a PEM text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPem {
    /// The text is not UTF-8.
    #[error("it is not text")]
    NotUtf8,
    /// There is no block.
    #[error("it has no PEM block")]
    Empty,
    /// There is a block of another kind, such as a private key.
    #[error("it has a block of another kind: {0}")]
    OtherBlock(String),
    /// A block's content is not base64.
    #[error("a PEM block is not valid base64")]
    Base64,
    /// A block has no end line, or the end line of another label.
    #[error("a PEM block does not end")]
    Unterminated,
    /// There are more blocks than allowed.
    #[error("it has more than {0} PEM blocks")]
    TooMany(usize),
}

/// Encodes one block, in lines of 64 characters that end with LF.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    // The whole capacity up front: a text that grows leaves copies behind.
    let lines = body.len() + body.len().div_ceil(LINE);
    let mut text =
        String::with_capacity(lines + 2 * (BEGIN.len() + label.len() + DASHES.len() + 1));
    for part in [BEGIN, label, DASHES, "\n"] {
        text.push_str(part);
    }
    for line in body.as_bytes().chunks(LINE) {
        text.extend(line.iter().map(|b| char::from(*b)));
        text.push('\n');
    }
    text.push_str(END);
    text.push_str(label);
    text.push_str(DASHES);
    text.push('\n');
    text
}

/// The blocks of a PEM text, all with one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Their contents, in DER.
    pub contents: Vec<Vec<u8>>,
    /// There is other text before, between or after them.
    pub has_text: bool,
}

/// Parses text whose blocks all have one label, and skips what is not in a block.
///
/// Lines end with LF or CRLF. RFC 8555 Section 9.1 forbids explanatory text in certificate chains, but CAs send it, and
/// files of users have it (RFC 7468 Section 2).
///
/// # Errors
/// [`InvalidPem`]. A block with another label is one: it may be a private key that a server wants installed (RFC 8555
/// Section 11.4).
pub fn decode(text: &[u8], label: &str, max_blocks: usize) -> Result<Blocks, InvalidPem> {
    let mut blocks = Blocks { contents: Vec::new(), has_text: false };
    read(text, |found, lines| {
        match found {
            Line::Text(line) => blocks.has_text |= !line.is_empty(),
            Line::Begin(found) if found != label => {
                return Err(InvalidPem::OtherBlock(crate::text::printable(found, 64)));
            }
            Line::Begin(_) if blocks.contents.len() == max_blocks => {
                return Err(InvalidPem::TooMany(max_blocks));
            }
            Line::Begin(_) => blocks.contents.push(block(lines, label)?),
        }
        Ok(())
    })?;
    if blocks.contents.is_empty() { Err(none(text)) } else { Ok(blocks) }
}

/// Parses text of the user's own that has one block with this label, and skips everything else, such as the
/// certificates beside a key.
///
/// # Errors
/// As [`decode`], except that other blocks are none.
pub fn decode_one(text: &[u8], label: &str) -> Result<Vec<u8>, InvalidPem> {
    let mut only = None;
    read(text, |found, lines| {
        match found {
            Line::Begin(found) if found == label => {
                if only.is_some() {
                    return Err(InvalidPem::TooMany(1));
                }
                only = Some(block(lines, label)?);
            }
            _ => {}
        }
        Ok(())
    })?;
    only.ok_or_else(|| none(text))
}

/// A line outside the blocks.
enum Line<'a> {
    Text(&'a str),
    /// The first line of a block with this label.
    Begin(&'a str),
}

/// Goes through the lines outside the blocks; `visit` takes the lines of a block that it wants.
fn read(
    text: &[u8],
    mut visit: impl FnMut(Line<'_>, &mut Lines<'_>) -> Result<(), InvalidPem>,
) -> Result<(), InvalidPem> {
    let text = text.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(text);
    let mut lines = Lines(text);
    while let Some(line) = lines.next() {
        let line = match line.trim().split_once(BEGIN) {
            // Whatever looks like the beginning of a block is taken for one.
            Some((_, rest)) => Line::Begin(rest.strip_suffix(DASHES).unwrap_or(rest)),
            None => Line::Text(line.trim()),
        };
        visit(line, &mut lines)?;
    }
    Ok(())
}

/// The lines of a text, each converted by itself: what is not UTF-8 cannot be in a block, and the names in explanatory
/// text may be in any character set.
struct Lines<'a>(&'a [u8]);

/// A line. Only one that is not UTF-8 is copied, and wiped: it may be that of a key.
enum LineText<'a> {
    Own(&'a str),
    Copy(Zeroizing<String>),
}

impl core::ops::Deref for LineText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Copy(text) => text,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = LineText<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|octet| *octet == b'\n');
        let (line, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        let text = core::str::from_utf8(line).map(LineText::Own);
        Some(text.unwrap_or_else(|_| LineText::Copy(converted(line))))
    }
}

/// Puts a replacement character in the place of what is not UTF-8. A text that grows leaves copies behind, so that it
/// has all its room from the start.
fn converted(line: &[u8]) -> Zeroizing<String> {
    let replaced = line.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    let room = line.len() + replaced * char::REPLACEMENT_CHARACTER.len_utf8();
    let mut text = Zeroizing::new(String::with_capacity(room));
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

fn none(text: &[u8]) -> InvalidPem {
    if core::str::from_utf8(text).is_ok() { InvalidPem::Empty } else { InvalidPem::NotUtf8 }
}

fn block(lines: &mut Lines<'_>, label: &str) -> Result<Vec<u8>, InvalidPem> {
    // A text that grows leaves copies behind, so that it gets room for all that may follow.
    let mut body = Zeroizing::new(String::with_capacity(lines.0.len().min(MOST_AT_FIRST)));
    for line in lines {
        let line = line.trim();
        if let Some(end) = line.strip_prefix(END) {
            if end.strip_suffix(DASHES) != Some(label) {
                return Err(InvalidPem::Unterminated);
            }
            let mut der = Zeroizing::new(Vec::with_capacity(body.len()));
            STANDARD.decode_vec(body.as_bytes(), &mut der).map_err(|_| InvalidPem::Base64)?;
            let der = core::mem::take(&mut *der);
            return if der.is_empty() { Err(InvalidPem::Base64) } else { Ok(der) };
        }
        // The next block begins before this one ends.
        if line.starts_with(DASHES) {
            return Err(InvalidPem::Unterminated);
        }
        body.push_str(line);
    }
    Err(InvalidPem::Unterminated)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;
    use alloc::format;
    use alloc::vec;

    fn read(text: &str) -> Result<Vec<Vec<u8>>, InvalidPem> {
        decode(text.as_bytes(), "CERTIFICATE", 4).map(|blocks| blocks.contents)
    }

    fn two() -> String {
        encode("CERTIFICATE", &[1; 70]) + &encode("CERTIFICATE", &[2; 5])
    }

    #[test]
    fn line_ends_and_blank_lines_do_not_matter() {
        let expected = vec![vec![1; 70], vec![2; 5]];
        let text = two();
        assert_eq!(read(&text).unwrap(), expected);
        // covers 8555-9.1-2
        assert_eq!(read(&text.replace('\n', "\r\n")).unwrap(), expected);
        assert_eq!(read(text.trim_end()).unwrap(), expected);
        let blank =
            encode("CERTIFICATE", &[1; 70]) + "\n\n" + &encode("CERTIFICATE", &[2; 5]) + "\n";
        // covers 8555-9.1-2
        assert_eq!(read(&blank).unwrap(), expected);
    }

    #[test]
    fn a_block_of_another_kind_makes_the_whole_unusable() {
        for label in ["PRIVATE KEY", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "certificate"] {
            let text = two() + &encode(label, &[3]);
            // covers 8555-11.4-2
            assert_eq!(read(&text), Err(InvalidPem::OtherBlock(String::from(label))));
        }
    }

    #[test]
    fn text_outside_the_blocks_is_skipped_and_told() {
        let expected = vec![vec![1], vec![2]];
        let (one, two) = (encode("CERTIFICATE", &[1]), encode("CERTIFICATE", &[2]));
        let read = |text: &[u8]| decode(text, "CERTIFICATE", 4).unwrap();
        for text in [
            format!("{one}subject=x\n{two}").into_bytes(),
            format!("notes\n\n{one}{two}the end").into_bytes(),
            format!("Bag Attributes\n    friendlyName: x\n{one}\n  {two}").into_bytes(),
            [b"caf\xe9\n", one.as_bytes(), two.as_bytes()].concat(),
        ] {
            let found = read(&text);
            // covers 8555-11.4-3
            assert_eq!(found.contents, expected);
            assert!(found.has_text);
        }
        let marked = read(format!("\u{feff}{one}\r\n{two}").as_bytes());
        assert_eq!((marked.contents, marked.has_text), (expected, false));
    }

    #[test]
    fn a_private_key_in_the_text_is_refused() {
        let chain = two();
        for hidden in [
            "-----BEGIN PRIVATE KEY-----",
            "see -----BEGIN RSA PRIVATE KEY-----",
            "  -----BEGIN EC PRIVATE KEY-----  ",
            "-----BEGIN PRIVATE KEY",
        ] {
            let refused = read(&format!("{chain}{hidden}\n"));
            // covers 8555-11.4-2
            assert!(matches!(refused, Err(InvalidPem::OtherBlock(_))), "{hidden}: {refused:?}");
        }
    }

    #[test]
    fn the_one_block_of_a_users_file_is_found_among_others() {
        let text = format!(
            "Bag Attributes\n{}Key Attributes: <No Attributes>\n{}",
            encode("CERTIFICATE", &[1]),
            encode("PRIVATE KEY", &[2])
        );
        assert_eq!(decode_one(text.as_bytes(), "PRIVATE KEY").unwrap(), [2]);
        let twice = text.repeat(2);
        assert_eq!(decode_one(twice.as_bytes(), "PRIVATE KEY"), Err(InvalidPem::TooMany(1)));
        assert_eq!(decode_one(b"\xff\xfe", "PRIVATE KEY"), Err(InvalidPem::NotUtf8));
    }

    #[test]
    fn broken_blocks_are_refused() {
        // covers 8555-9.1-4
        assert_eq!(read(""), Err(InvalidPem::Empty));
        assert_eq!(read("\n\n"), Err(InvalidPem::Empty));
        let text = encode("CERTIFICATE", &[1; 9]);
        // covers 8555-9.1-4
        assert_eq!(read(&text.replace("AQEB", "A!EB")), Err(InvalidPem::Base64));
        assert_eq!(
            read(&text.replace("-----END CERTIFICATE-----", "")),
            Err(InvalidPem::Unterminated)
        );
        assert_eq!(read(&text.replace("END CERT", "END KERT")), Err(InvalidPem::Unterminated));
        let unended = text.replace("-----END CERTIFICATE-----\n", "");
        assert_eq!(read(&format!("{unended}{text}")), Err(InvalidPem::Unterminated));
        assert_eq!(read(&encode("CERTIFICATE", &[1]).repeat(5)), Err(InvalidPem::TooMany(4)));
        assert_eq!(decode(&[0xff], "CERTIFICATE", 4), Err(InvalidPem::NotUtf8));
    }
}
