//! Certificates with tens of thousands of names and malformed ones among them: what a hostile CA sends to cost time and
//! memory.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// So many names more are nearly as many as a certificate may have.
pub const CROWD: usize = 19_990;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Adds so many names, and two malformed ones, to the first certificate of a chain in PEM, and repeats it so many times.
///
/// No signature fits any more, which a client cannot see: it has no root to check by.
///
/// # Panics
/// If the text does not begin with a certificate that has names.
pub fn crowded_chain(pem: &str, crowd: usize, times: usize) -> String {
    let (text, rest) = pem.split_once(END).expect("a certificate");
    let base64: String = text.trim_start().trim_start_matches(BEGIN).split_whitespace().collect();
    let der = BASE64_STANDARD.decode(base64).expect("a certificate");
    let mut names: Vec<u8> = Vec::new();
    // A name that is not ASCII, and an address of three octets.
    names.extend(tlv(0x82, b"\xff\xfe"));
    names.extend(tlv(0x87, &[192, 0, 2]));
    names.extend((0..crowd).flat_map(|n| tlv(0x82, format!("n{n:05}").as_bytes())));
    let crowded = BASE64_STANDARD.encode(with_names(&der, &names));
    format!("{BEGIN}\n{crowded}\n{END}\n").repeat(times) + rest
}

/// Adds general names to the subjectAltName in a DER value.
fn with_names(der: &[u8], names: &[u8]) -> Vec<u8> {
    const SUBJECT_ALT_NAME: &[u8] = &[6, 3, 0x55, 0x1d, 0x11];
    let mut all = Vec::new();
    let mut left = der;
    while let [tag, ..] = *left {
        let (content, after) = split(left);
        let is_constructed = tag & 0x20 != 0;
        all.extend(match is_constructed {
            true if content.starts_with(SUBJECT_ALT_NAME) => {
                let (id, value) = content.split_at(SUBJECT_ALT_NAME.len());
                // What may be between them is `critical`.
                let at = value.iter().position(|octet| *octet == 4).expect("an octet string");
                let (critical, octets) = value.split_at(at);
                let (sequence, _) = split(split(octets).0);
                let sequence = tlv(0x30, &[sequence, names].concat());
                tlv(tag, &[id, critical, &tlv(4, &sequence)].concat())
            }
            true => tlv(tag, &with_names(content, names)),
            false => left[..left.len() - after.len()].to_vec(),
        });
        left = after;
    }
    all
}

/// Returns the content of the first element, and what follows it.
fn split(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ 0..0x80 => (usize::from(short), 2),
        long => {
            let end = 2 + usize::from(long & 0x7f);
            (der[2..end].iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), end)
        }
    };
    der[start..].split_at(length)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut octets = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..0x80) => octets.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let significant = &length[length.iter().take_while(|octet| **octet == 0).count()..];
            octets.push(0x80 | significant.len() as u8);
            octets.extend(significant);
        }
    }
    octets.extend(content);
    octets
}
