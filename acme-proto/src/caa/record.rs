//! One CAA record (RFC 8659 Section 4.1).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::issue_value::IssueValue;

/// The data of a CAA record: flags, tag and value.
///
/// `Display` writes the presentation form of a zone file, `0 issue "ca.example"`, and `FromStr`
/// reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaaRecord {
    flags: u8,
    tag: String,
    value: Vec<u8>,
}

/// The octets or the text are not the data of a CAA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the data of a CAA record (RFC 8659 section 4.1): {0}")]
pub struct InvalidCaaRecord(&'static str);

impl CaaRecord {
    /// Creates a record that restricts which CA may issue for names, and also for wildcards if
    /// there is no `issuewild` record.
    pub fn issue(value: &IssueValue) -> Self {
        Self { flags: 0, tag: "issue".to_owned(), value: value.to_string().into_bytes() }
    }

    /// Creates a record that restricts which CA may issue for wildcard names.
    pub fn issue_wild(value: &IssueValue) -> Self {
        Self { tag: "issuewild".to_owned(), ..Self::issue(value) }
    }

    /// Creates a record with any tag and value.
    ///
    /// # Errors
    /// [`InvalidCaaRecord`] for a tag that is empty, longer than 255 octets, or does not consist of
    /// letters and digits, and for a value too long for a DNS record.
    pub fn new(tag: &str, value: impl Into<Vec<u8>>) -> Result<Self, InvalidCaaRecord> {
        let value = value.into();
        if tag.is_empty() || tag.len() > 255 || !tag.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(InvalidCaaRecord("the tag"));
        }
        // RDLENGTH has 16 bits. Flags and tag length take two octets.
        if value.len() > usize::from(u16::MAX) - 2 - tag.len() {
            return Err(InvalidCaaRecord("the value is too long"));
        }
        Ok(Self { flags: 0, tag: tag.to_owned(), value })
    }

    /// Marks the record as critical: a CA that does not know its tag must not issue (RFC 8659
    /// Section 4.5).
    pub const fn critical(mut self) -> Self {
        self.flags |= CRITICAL;
        self
    }

    /// Parses the data of a record in DNS wire format.
    ///
    /// # Errors
    /// [`InvalidCaaRecord`] if the data is too short for its tag, or the tag is invalid.
    pub fn from_rdata(rdata: &[u8]) -> Result<Self, InvalidCaaRecord> {
        let [flags, length, rest @ ..] = rdata else { return Err(InvalidCaaRecord("too short")) };
        let split = rest.split_at_checked(usize::from(*length));
        let (tag, value) = split.ok_or(InvalidCaaRecord("too short"))?;
        let tag = core::str::from_utf8(tag).map_err(|_| InvalidCaaRecord("the tag"))?;
        Ok(Self { flags: *flags, ..Self::new(tag, value)? })
    }

    /// Returns the data in DNS wire format.
    pub fn to_rdata(&self) -> Vec<u8> {
        // `new` limits the tag to 255 octets.
        let length = u8::try_from(self.tag.len()).unwrap_or(u8::MAX);
        [&[self.flags, length], self.tag.as_bytes(), &self.value].concat()
    }

    /// Returns whether the record is critical. The other flags are reserved.
    pub const fn is_critical(&self) -> bool {
        self.flags & CRITICAL != 0
    }

    /// Returns the tag in its original case.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns the octets of the value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Returns whether the record has this tag, without regard to case.
    pub fn is(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag)
    }

    /// Returns the value of an `issue` or `issuewild` record, or `None` for other tags and for a
    /// malformed value.
    pub fn issue_value(&self) -> Option<IssueValue> {
        if !self.is("issue") && !self.is("issuewild") {
            return None;
        }
        IssueValue::parse(core::str::from_utf8(&self.value).ok()?).ok()
    }
}

impl fmt::Display for CaaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.flags, self.tag.to_ascii_lowercase())?;
        crate::text::write_quoted(f, &self.value)
    }
}

impl FromStr for CaaRecord {
    type Err = InvalidCaaRecord;

    fn from_str(text: &str) -> Result<Self, InvalidCaaRecord> {
        let mut parts = text.trim().splitn(3, [' ', '\t']);
        let flags = parts.next().and_then(|flags| flags.parse().ok());
        let flags = flags.ok_or(InvalidCaaRecord("the flags"))?;
        let mut rest = || parts.next().map(str::trim_start).filter(|part| !part.is_empty());
        let tag = rest().ok_or(InvalidCaaRecord("the tag"))?;
        let value = unquoted(rest().unwrap_or_default()).ok_or(InvalidCaaRecord("the value"))?;
        Ok(Self { flags, ..Self::new(tag, value)? })
    }
}

/// Parses a character-string of a zone file (RFC 1035 Section 5.1).
fn unquoted(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let (text, quoted) = inner.map_or((text, false), |inner| (inner, true));
    let mut octets = text.bytes();
    let mut value = Vec::new();
    while let Some(octet) = octets.next() {
        value.push(match octet {
            b'\\' => match octets.next()? {
                digit @ b'0'..=b'9' => {
                    let code = [digit, octets.next()?, octets.next()?];
                    // `\DDD` is a decimal octet; a value above 255 fails to parse as `u8`.
                    core::str::from_utf8(&code).ok()?.parse().ok()?
                }
                escaped => escaped,
            },
            b'"' => return None,
            b' ' | b'\t' if !quoted => return None,
            plain => plain,
        });
    }
    Some(value)
}

const CRITICAL: u8 = 0x80;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // RFC 8659 Section 4
    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
        for example in [
            r#"0 issue "ca1.example.net""#,
            r#"0 issue ";""#,
            r#"0 issue "%%%%%""#,
            r#"0 issuewild "ca2.example.org""#,
            r#"0 iodef "mailto:security@example.com""#,
            r#"128 tbs "Unknown""#,
        ] {
            let record: CaaRecord = example.parse().unwrap();
            assert_eq!(record.to_string(), example);
            assert_eq!(CaaRecord::from_rdata(&record.to_rdata()).unwrap(), record);
        }
        let bare: CaaRecord = "0 issue ca1.example.net".parse().unwrap();
        assert_eq!(bare.to_string(), r#"0 issue "ca1.example.net""#);
    }

    // RFC 8659 Section 4.1
    #[test]
    fn the_octets_are_flags_length_tag_value() {
        let record = CaaRecord::new("tbs", "x").unwrap().critical();
        assert_eq!(record.to_rdata(), b"\x80\x03tbsx");
        assert!(record.is_critical());
        let reserved = CaaRecord::from_rdata(b"\x01\x05ISSUEca.example").unwrap();
        assert!(!reserved.is_critical() && reserved.is("issue"));
        assert_eq!(reserved.issue_value().unwrap().issuer(), Some("ca.example"));
        for bad in [&b""[..], b"\0", b"\0\x05issu", b"\0\0value", b"\0\x02a-v", b"\0\x02\xff\xffv"]
        {
            assert!(CaaRecord::from_rdata(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_record_has_room_for_65535_octets() {
        let of = |length| CaaRecord::new("issue", "a".repeat(length));
        let longest = of(65_535 - 2 - 5).unwrap();
        assert_eq!(longest.to_rdata().len(), 65_535);
        assert_eq!(CaaRecord::from_rdata(&longest.to_rdata()).unwrap(), longest);
        assert!(of(65_535 - 2 - 4).is_err());
        assert!(CaaRecord::new(&"a".repeat(255), "").is_ok());
        for tag in ["", "a-b", &"a".repeat(256)] {
            assert!(CaaRecord::new(tag, "").is_err(), "{tag}");
        }
        let other = CaaRecord::new("tbs", "ca.example").unwrap();
        assert_eq!((other.tag(), other.issue_value()), ("tbs", None));
    }

    #[test]
    fn any_octet_survives_the_presentation_form() {
        let all: Vec<u8> = (0..=255).collect();
        let record = CaaRecord::new("x", all.clone()).unwrap();
        let text = record.to_string();
        assert!(text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{text}");
        assert_eq!(text.parse::<CaaRecord>().unwrap().value(), all);
    }

    #[test]
    fn other_texts_are_no_records() {
        for bad in
            ["", "0", "0 issue-x a", "256 issue a", "0 issue a b", r#"0 issue "a"b""#, r"0 a \"]
        {
            assert!(bad.parse::<CaaRecord>().is_err(), "{bad}");
        }
    }
}
