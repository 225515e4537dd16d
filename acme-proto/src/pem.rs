//! A PEM encoder and a strict PEM parser (RFC 7468, RFC 8555 Sections 9.1 and 11.4).

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const LINE: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

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
    /// There is text outside the blocks.
    #[error("it has text outside its PEM blocks")]
    TextBetween,
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
    let body = STANDARD.encode(der);
    let mut text = alloc::format!("{BEGIN}{label}{DASHES}\n");
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

/// Parses text that consists of blocks with one label only.
///
/// Lines end with LF or CRLF. Blank lines between blocks are allowed, other text is not. RFC 7468
/// allows explanatory text, but RFC 8555 Section 9.1 forbids it in certificate chains.
///
/// # Errors
/// [`InvalidPem`]. The author of the text is at fault.
pub fn decode_strict(
    text: &[u8],
    label: &str,
    max_blocks: usize,
) -> Result<Vec<Vec<u8>>, InvalidPem> {
    let text = core::str::from_utf8(text).map_err(|_| InvalidPem::NotUtf8)?;
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(|line| line.trim_end_matches([' ', '\t', '\r']));
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let found = line.strip_prefix(BEGIN).and_then(|l| l.strip_suffix(DASHES));
        let found = found.ok_or(InvalidPem::TextBetween)?;
        if found != label {
            // Possibly a private key that the server wants installed: reject the whole text (RFC
            // 8555 Section 11.4).
            return Err(InvalidPem::OtherBlock(crate::text::printable(found, 64)));
        }
        if blocks.len() == max_blocks {
            return Err(InvalidPem::TooMany(max_blocks));
        }
        blocks.push(block(&mut lines, label)?);
    }
    if blocks.is_empty() { Err(InvalidPem::Empty) } else { Ok(blocks) }
}

/// Parses text that consists of exactly one block.
///
/// # Errors
/// As [`decode_strict`].
pub fn decode_one(text: &[u8], label: &str) -> Result<Vec<u8>, InvalidPem> {
    decode_strict(text, label, 1)?.pop().ok_or(InvalidPem::Empty)
}

fn block<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    label: &str,
) -> Result<Vec<u8>, InvalidPem> {
    let mut body = String::new();
    for line in lines {
        if let Some(end) = line.strip_prefix(END) {
            if end.strip_suffix(DASHES) != Some(label) {
                return Err(InvalidPem::Unterminated);
            }
            let der = STANDARD.decode(body).map_err(|_| InvalidPem::Base64)?;
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
    use alloc::vec;

    fn read(text: &str) -> Result<Vec<Vec<u8>>, InvalidPem> {
        decode_strict(text.as_bytes(), "CERTIFICATE", 4)
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
    fn text_between_blocks_is_refused() {
        let text = encode("CERTIFICATE", &[1]) + "subject=x\n" + &encode("CERTIFICATE", &[2]);
        // covers 8555-11.4-3
        assert_eq!(read(&text), Err(InvalidPem::TextBetween));
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
        assert_eq!(read(&encode("CERTIFICATE", &[1]).repeat(5)), Err(InvalidPem::TooMany(4)));
        assert_eq!(decode_strict(&[0xff], "CERTIFICATE", 4), Err(InvalidPem::NotUtf8));
    }
}
