//! A TXT record, and how long values are cut (RFC 1035 Sections 3.3 and 5.1).

use alloc::string::String;
use alloc::vec::Vec;

use crate::identifier::Identifier;
use crate::text::write_quoted;

/// A TXT record to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxtRecord {
    /// The owner name, without a final dot.
    pub name: String,
    /// The one value to add; other values at the name stay.
    pub value: String,
}

impl TxtRecord {
    /// Returns the character-strings that the value consists of, each of at most 255 octets.
    ///
    /// A record's value is all of them in a row, without anything between them.
    pub fn strings(&self) -> Vec<&[u8]> {
        self.value.as_bytes().chunks(MOST_OCTETS).collect()
    }

    /// Returns the data as it stands in a zone file: `"…"`, or several of these with a space between them.
    pub fn presentation(&self) -> String {
        let mut text = String::new();
        for string in self.strings() {
            if !text.is_empty() {
                text.push(' ');
            }
            // Writing to a String does not fail.
            let _ = write_quoted(&mut text, string);
        }
        text
    }
}

/// Returns whether a record can be named by `prefix` before the identifier: no address has a name in the DNS, and no
/// name is longer than 253 octets as text (RFC 1035 Section 2.3.4).
pub(super) fn fits_below(prefix: &str, identifier: &Identifier) -> bool {
    let is_ip = matches!(identifier, Identifier::Ip(_));
    !is_ip && prefix.len() + identifier.value().len() <= LONGEST_NAME
}

const LONGEST_NAME: usize = 253;
const MOST_OCTETS: usize = 255;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn record(value: &str) -> TxtRecord {
        TxtRecord { name: "a.example".to_string(), value: value.to_string() }
    }

    // RFC 1035 Section 3.3
    #[test]
    fn a_value_is_cut_into_strings_of_255_octets() {
        for (length, strings) in [(1, 1), (255, 1), (256, 2), (510, 2), (511, 3)] {
            let record = record(&"a".repeat(length));
            assert_eq!(record.strings().len(), strings, "{length}");
            assert!(record.strings().iter().all(|s| s.len() <= 255));
            assert_eq!(record.strings().concat(), record.value.as_bytes());
        }
    }

    // RFC 1035 Section 5.1
    #[test]
    fn the_presentation_is_quoted_and_escaped() {
        assert_eq!(record(r#"a "b" \ c"#).presentation(), r#""a \"b\" \\ c""#);
        assert_eq!(record("\u{fc}\n").presentation(), r#""\195\188\010""#);
        let long = record(&"a".repeat(256)).presentation();
        assert_eq!(long, alloc::format!("\"{}\" \"a\"", "a".repeat(255)));
    }
}
