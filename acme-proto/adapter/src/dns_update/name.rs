//! Domain names (RFC 1035 Section 3.1).

use core::fmt;

use super::cursor::Cursor;

/// A name in lower case, as its labels are sent: each after its length, and a zero at the end.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct DnsName(Vec<u8>);

impl DnsName {
    /// Parses a name with or without its final dot; one with escapes is refused, since no challenge has one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.split('.') {
            let is_plain = |octet: u8| octet.is_ascii_graphic() && octet != b'\\';
            if label.is_empty() || label.len() > MAX_LABEL || !label.bytes().all(is_plain) {
                return None;
            }
            wire.push(u8::try_from(label.len()).ok()?);
            wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
        }
        wire.push(0);
        (wire.len() <= MAX_NAME).then_some(Self(wire))
    }

    /// Reads a name, and moves the cursor behind it. Pointers are followed (RFC 1035 Section 4.1.4), backwards only.
    ///
    /// So a circle has a label in it, and ends when the name is too long. The pointers are counted nevertheless: each
    /// record of a message may lead along all of them.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut wire = Vec::new();
        let mut from = cursor.clone();
        let mut followed = 0;
        loop {
            let start = from.place();
            let length = from.u8()?;
            match length {
                0 => break,
                1..=63 => {
                    wire.push(length);
                    let label = from.take(usize::from(length))?;
                    wire.extend(label.iter().map(u8::to_ascii_lowercase));
                    // With the zero that is still to come.
                    if wire.len() >= MAX_NAME {
                        return None;
                    }
                }
                0xc0.. => {
                    let place = usize::from(u16::from_be_bytes([length & 0x3f, from.u8()?]));
                    if followed == 0 {
                        *cursor = from.clone();
                    }
                    followed += 1;
                    if followed > MAX_POINTERS {
                        return None;
                    }
                    from = from.at(place).filter(|_| place < start)?;
                }
                _ => return None,
            }
        }
        if followed == 0 {
            *cursor = from;
        }
        wire.push(0);
        Some(Self(wire))
    }

    /// Returns the octets to send, without compression.
    pub(super) fn wire(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Returns the name without its first label; `None` for a top-level domain and the root.
    pub(super) fn parent(&self) -> Option<Self> {
        let first = usize::from(*self.0.first()?);
        let rest = self.0.get(first + 1..).filter(|rest| rest.len() > 1)?;
        Some(Self(rest.to_vec()))
    }

    /// Returns whether this is the other name, or one of the names that it is below.
    pub(super) fn encloses(&self, other: &Self) -> bool {
        let mut rest = &other.0[..];
        loop {
            if rest == self.0 {
                return true;
            }
            match rest.split_first() {
                Some((&length, labels)) if length != 0 => {
                    rest = labels.get(usize::from(length)..).unwrap_or_default();
                }
                _ => return false,
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Displays it without the final dot; octets that are not printable are escaped (RFC 1035 Section 5.1).
impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        let mut rest = &self.0[..];
        let mut first = true;
        while let Some((&length, labels)) = rest.split_first()
            && length != 0
        {
            let (label, next) = labels.split_at_checked(usize::from(length)).unwrap_or_default();
            if !core::mem::take(&mut first) {
                f.write_str(".")?;
            }
            for &octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(octet))?,
                    _ if octet.is_ascii_graphic() => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            rest = next;
        }
        Ok(())
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 255;
/// A name has no more labels than this.
const MAX_POINTERS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DnsName {
        DnsName::parse(text).expect("a name")
    }

    #[test]
    fn a_name_is_parsed_and_displayed() {
        assert_eq!(
            name("_acme-challenge.Example.TEST.").to_string(),
            "_acme-challenge.example.test"
        );
        assert_eq!(name("a.b").wire(), b"\x01a\x01b\0");
        for bad in ["", ".", "a..b", ".a", "a b", "a\\.b", "ä.test", &"a".repeat(64)] {
            assert!(DnsName::parse(bad).is_none(), "{bad}");
        }
        assert!(DnsName::parse(&vec!["a".repeat(49); 5].join(".")).is_some());
        assert!(DnsName::parse(&vec!["a".repeat(50); 5].join(".")).is_none());
    }

    #[test]
    fn a_name_encloses_itself_and_what_is_below_it() {
        let zone = name("example.test");
        assert!(zone.encloses(&zone) && zone.encloses(&name("a.b.example.test")));
        assert!(!zone.encloses(&name("anexample.test")) && !zone.encloses(&name("test")));
        assert_eq!(zone.parent(), Some(name("test")));
        assert_eq!(name("test").parent(), None);
    }

    #[test]
    fn pointers_lead_backwards_only() {
        let read = |octets: &[u8], at| {
            let mut cursor = Cursor::new(octets).at(at).expect("a place");
            DnsName::read(&mut cursor).map(|name| (name.to_string(), cursor.place()))
        };
        let octets = b"\x01a\0\x01b\xc0\0\xc0\x03\xc0\x09\xc0\x0c";
        assert_eq!(read(octets, 0), Some(("a".into(), 3)));
        assert_eq!(read(octets, 3), Some(("b.a".into(), 7)));
        assert_eq!(read(octets, 7), Some(("b.a".into(), 9)));
        assert_eq!(read(octets, 9), None, "a pointer to itself");
        assert_eq!(read(octets, 11), None, "a pointer forwards");
        assert_eq!(read(b"\x02a", 0), None);
        let chain = |pointers: u16| {
            let all = (0..pointers)
                .map(|number| 0xc000 | (number.saturating_sub(1) * 2 + u16::from(number > 0)));
            [b"\0".to_vec(), all.flat_map(u16::to_be_bytes).collect()].concat()
        };
        assert_eq!(read(&chain(128), 255).map(|(_, end)| end), Some(257));
        assert_eq!(read(&chain(129), 257), None, "too many pointers");
        assert_eq!(read(b"\x80a\0", 0), None);
        assert_eq!(read(&[b"\x3f".to_vec(), vec![b'a'; 63]].concat().repeat(5), 0), None);
    }
}
