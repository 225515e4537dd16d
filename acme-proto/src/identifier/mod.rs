//! The identifiers of a certificate: DNS names, wildcards and IP addresses (RFC 8555 Section 7.1.3,
//! RFC 8738).

mod punycode;

use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::str::FromStr;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identifier of an order or an authorization.
///
/// Its JSON form is `{"type": …, "value": …}`. A value that is not a valid name or address is
/// parsed as [`Other`](Self::Other), so that an unknown identifier never makes an object unusable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Identifier {
    /// A DNS name or wildcard.
    Dns(DnsName),
    /// An IP address.
    Ip(IpAddr),
    /// An identifier of another type, or one with a value that this client would not order.
    Other {
        /// The type.
        kind: String,
        /// The value.
        value: String,
    },
}

/// A DNS name in lower-case A-labels, with `*.` in front if it is a wildcard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

/// The text cannot be a DNS name or an address in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not a name that a certificate can have: {reason}")]
pub struct InvalidIdentifier {
    name: String,
    reason: &'static str,
}

impl Identifier {
    /// Creates a DNS identifier.
    ///
    /// # Errors
    /// [`InvalidIdentifier`] as for [`DnsName::parse`].
    pub fn dns(name: &str) -> Result<Self, InvalidIdentifier> {
        DnsName::parse(name).map(Self::Dns)
    }

    /// Creates an IP identifier.
    pub const fn ip(address: IpAddr) -> Self {
        Self::Ip(address)
    }

    /// Parses an identifier sent by a server.
    ///
    /// The case of the type, and a dot at the end of a DNS name, make no difference.
    pub fn from_wire(kind: &str, value: &str) -> Self {
        let known = if kind.eq_ignore_ascii_case("dns") {
            Self::dns(value.strip_suffix('.').unwrap_or(value)).ok()
        } else if kind.eq_ignore_ascii_case("ip") {
            value.parse().ok().map(Self::Ip)
        } else {
            None
        };
        known.unwrap_or_else(|| Self::Other { kind: kind.to_string(), value: value.to_string() })
    }

    /// Returns the type, such as `dns`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
            Self::Other { kind, .. } => kind,
        }
    }

    /// Returns the value. An address has the form of RFC 5952, as RFC 8738 Section 3 requires.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.0.clone(),
            Self::Ip(address) => address.to_string(),
            Self::Other { value, .. } => value.clone(),
        }
    }

    /// Returns whether this is a wildcard name.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.is_wildcard())
    }

    /// Returns the identifier without the `*.` of a wildcard.
    pub fn base(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(name.base()),
            other => other.clone(),
        }
    }
}

impl DnsName {
    /// Validates a name and folds it to lower case.
    ///
    /// # Errors
    /// [`InvalidIdentifier`] for a name that a certificate cannot contain (RFC 5280 Section 7):
    ///
    /// - a label that is empty, is longer than 63 octets, does not consist of letters, digits and
    ///   inner hyphens, or has `xn--` without well-formed Punycode;
    /// - a name that is longer than 253 octets (with the `*.`), has a number as its last label, a
    ///   trailing dot, an underscore, or a `*` other than as its first label;
    /// - an IP address;
    /// - a name that is not ASCII (convert it to its `xn--` form first).
    pub fn parse(name: &str) -> Result<Self, InvalidIdentifier> {
        match fault(name) {
            // CAs return names in lower case whatever the case of the order (for example
            // https://github.com/certbot/certbot/issues/1712), so folding makes comparison exact.
            None => Ok(Self(name.to_ascii_lowercase())),
            Some(reason) => {
                Err(InvalidIdentifier { name: crate::text::printable(name, 80), reason })
            }
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Returns the name without `*.`.
    pub fn base(&self) -> Self {
        Self(String::from(self.0.strip_prefix("*.").unwrap_or(&self.0)))
    }
}

/// Returns the reason why a name is invalid, if it is.
fn fault(name: &str) -> Option<&'static str> {
    if !name.is_ascii() {
        return Some("it is not ASCII; convert it to its xn-- form (IDNA) first");
    }
    let base = name.strip_prefix("*.").unwrap_or(name);
    // Checked before the lengths, so that an IPv6 address gets the helpful message.
    if looks_like_address(base) {
        return Some("it is an IP address, or looks like one; give an address as one");
    }
    // 255 octets in a DNS message (RFC 1035 Section 2.3.4), of which two are not in the text.
    if name.len() > 253 {
        return Some("it is longer than 253 octets");
    }
    if base.ends_with('.') {
        return Some("it ends with a dot");
    }
    base.split('.').find_map(label_fault)
}

/// Returns whether this is an address, or software may parse it as one.
///
/// Many parsers accept forms such as `127.1` and `010.0.0.1` as IPv4. All have a number as their
/// last part, which no top-level domain is.
fn looks_like_address(base: &str) -> bool {
    let last = base.rsplit('.').next().unwrap_or(base);
    let numeric = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    numeric || base.parse::<Ipv6Addr>().is_ok()
}

fn label_fault(label: &str) -> Option<&'static str> {
    let ldh = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if label.is_empty() {
        Some("it has an empty label")
    } else if label.len() > 63 {
        Some("it has a label longer than 63 octets")
    } else if label.contains('*') {
        Some("a * can only be the whole first label")
    } else if !label.bytes().all(ldh) {
        // The DNS allows an underscore, but not in the preferred name syntax that RFC 5280 Section
        // 4.2.1.6 requires of a dNSName.
        Some("it has a character other than letters, digits and hyphens")
    } else if label.starts_with('-') || label.ends_with('-') {
        Some("it has a label that starts or ends with a hyphen")
    } else if has_bad_punycode(label) {
        Some("it has a malformed xn-- label")
    } else {
        None
    }
}

fn has_bad_punycode(label: &str) -> bool {
    // Other labels with two hyphens in the third and fourth place exist and are valid host names.
    match label.split_at_checked(4) {
        Some((prefix, encoded)) if prefix.eq_ignore_ascii_case("xn--") => {
            !punycode::is_well_formed(encoded)
        }
        _ => false,
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(&name.0),
            Self::Ip(address) => address.fmt(f),
            Self::Other { value, .. } => f.write_str(&crate::text::printable(value, 253)),
        }
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Identifier {
    type Err = InvalidIdentifier;

    /// Parses an address, with or without brackets if it is IPv6, or else a DNS name.
    fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
        let address = match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => text.parse().ok(),
        };
        address.map_or_else(|| Self::dns(text), |address| Ok(Self::Ip(address)))
    }
}

impl TryFrom<&str> for Identifier {
    type Error = InvalidIdentifier;

    fn try_from(text: &str) -> Result<Self, InvalidIdentifier> {
        text.parse()
    }
}

impl TryFrom<&String> for Identifier {
    type Error = InvalidIdentifier;

    fn try_from(text: &String) -> Result<Self, InvalidIdentifier> {
        text.parse()
    }
}

impl TryFrom<String> for Identifier {
    type Error = InvalidIdentifier;

    fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
        text.parse()
    }
}

impl From<IpAddr> for Identifier {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<DnsName> for Identifier {
    fn from(name: DnsName) -> Self {
        Self::Dns(name)
    }
}

impl Serialize for Identifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Identifier", 2)?;
        members.serialize_field("type", self.kind())?;
        members.serialize_field("value", &self.value())?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            r#type: String,
            value: String,
        }
        let Members { r#type, value } = Members::deserialize(deserializer)?;
        Ok(Self::from_wire(&r#type, &value))
    }
}

impl Serialize for DnsName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DnsName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn names_that_no_certificate_can_have_are_refused() {
        let long_label = alloc::format!("{}.example", "a".repeat(64));
        let long_name = alloc::vec!["abcdefg"; 32].join(".") + ".ab";
        for bad in [
            "",
            "*",
            "*foo.example",
            "a.*.example",
            "*.*.example",
            "**.example",
            "b\u{fc}cher.example",
            "a..example",
            ".example",
            "example.",
            "-a.example",
            "a-.example",
            "a_b.example",
            "192.0.2.1",
            "2001:db8::1",
            "a b",
            "*.192.0.2.1x-",
            "xn--.example",
            &long_label,
            &long_name,
        ] {
            // covers 8555-7.1.4-1, 8555-7.1.3-2
            assert!(Identifier::dns(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_no_name_and_has_no_wildcard() {
        for bad in ["*.192.0.2.1", "*.2001:db8::1", "*.::1", "127.1", "010.0.0.1", "192.0.2.256"] {
            let error = Identifier::dns(bad).unwrap_err();
            // covers 8738-3-3
            assert!(error.reason.contains("IP address"), "{bad}: {error}");
            assert!(bad.parse::<Identifier>().is_err(), "{bad}");
        }
        for bad in ["[192.0.2.1]", "[2001:db8::1", "fe80::1%eth0", "[[::1]]"] {
            assert!(bad.parse::<Identifier>().is_err(), "{bad}");
        }
        assert!(Identifier::dns("1.2.0.192.in-addr.arpa").is_ok());
    }

    #[test]
    fn a_labels_are_well_formed() {
        let name = Identifier::dns("*.XN--Bcher-kva.example").unwrap();
        assert_eq!(name.value(), "*.xn--bcher-kva.example");
        for bad in ["xn--0.example", "a.xn--999999999", "xn--b-c-.example", "xn--\u{80}"] {
            // covers 8555-7.1.4-2
            assert!(Identifier::dns(bad).is_err(), "{bad}");
        }
        assert!(Identifier::dns("r3---sn-4g5e.example").is_ok());
    }

    #[test]
    fn a_name_is_taken_by_its_a_labels_and_refused_by_its_u_labels() {
        // covers 8555-5-3
        assert!(Identifier::dns("b\u{fc}cher.example").is_err());
        let name = Identifier::dns("xn--bcher-kva.example").unwrap();
        // covers 8555-5-3
        assert_eq!(name.value(), "xn--bcher-kva.example");
    }

    #[test]
    fn lengths_are_those_of_the_dns() {
        let label = "a".repeat(63);
        let longest = alloc::format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert_eq!(longest.len(), 253);
        assert!(Identifier::dns(&longest).is_ok());
        // covers 8555-7.1.4-1
        assert!(Identifier::dns(&alloc::format!("{longest}b")).is_err());
        assert!(Identifier::dns(&alloc::format!("*.{longest}")).is_err());
    }

    #[test]
    fn names_are_folded_to_lower_case_and_wildcards_know_their_base() {
        let name = Identifier::dns("*.EXAMPLE.org").unwrap();
        // covers 8555-7.1.3-11
        assert_eq!(name.value(), "*.example.org");
        // covers 8555-7.1.3-1
        assert!(name.is_wildcard());
        assert_eq!(name.base(), Identifier::dns("example.org").unwrap());
        assert_eq!(Identifier::dns("localhost").unwrap().value(), "localhost");
    }

    #[test]
    fn addresses_are_written_as_rfc_5952_says() {
        for (text, value) in [
            ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("[::1]", "::1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            let identifier: Identifier = text.parse().unwrap();
            // covers 8738-3-1
            assert_eq!((identifier.kind(), &*identifier.value()), ("ip", value));
        }
    }

    #[test]
    fn what_a_server_sends_is_kept_even_if_it_is_odd() {
        let odd = Identifier::from_wire("TNAuthList", "F83n2a");
        // covers fld-ord-4
        assert_eq!((odd.kind(), &*odd.value()), ("TNAuthList", "F83n2a"));
        let odd = Identifier::from_wire("dns", "a_b.example");
        assert_eq!((odd.kind(), &*odd.value()), ("dns", "a_b.example"));
        let json = r#"{"type":"dns","value":"Example.org"}"#;
        let read: Identifier = serde_json::from_str(json).unwrap();
        assert_eq!(read, Identifier::dns("example.org").unwrap());
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"{"type":"dns","value":"example.org"}"#
        );
    }
}
