//! Identifiers of RFC 8555 (dns) and RFC 8738 (ip).

use core::fmt;
use core::net::IpAddr;

use serde_json::{Value, json};

use super::problem::Problem;

/// Represents what a certificate is for: a DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A DNS name in lower case; in an order it may start with `*.`.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

impl Identifier {
    /// Returns the identifier type, `dns` or `ip`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
        }
    }

    /// Returns the value as text.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.clone(),
            Self::Ip(address) => address.to_string(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "type": self.kind(), "value": self.value() })
    }

    /// Splits a wildcard name into its base and `true`.
    pub(crate) fn base(&self) -> (Self, bool) {
        match self {
            Self::Dns(name) => name
                .strip_prefix("*.")
                .map_or_else(|| (self.clone(), false), |base| (Self::Dns(base.to_owned()), true)),
            Self::Ip(_) => (self.clone(), false),
        }
    }

    pub(crate) fn parse(kind: &str, value: &str) -> Result<Self, Problem> {
        match kind {
            "dns" => parse_dns(value).map(Self::Dns),
            "ip" => parse_ip(value).map(Self::Ip),
            other => Err(Problem::new(
                400,
                "unsupportedIdentifier",
                format!("identifier type {other:?} is not supported"),
            )),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

fn parse_dns(value: &str) -> Result<String, Problem> {
    let refuse = |why: &str| {
        Problem::malformed(format!("{value:?} is not a DNS name that can be certified: {why}"))
    };
    let name = value.to_ascii_lowercase();
    let base = name.strip_prefix("*.").unwrap_or(&name);
    if base.is_empty() || name.len() > 253 {
        return Err(refuse("it must have 1 to 253 characters"));
    }
    // An address in a dNSName would be accepted by some TLS clients and refused by others.
    if base.parse::<IpAddr>().is_ok() {
        return Err(refuse("it is an IP address, which has an identifier type of its own"));
    }
    if name != base && !base.contains('.') {
        return Err(refuse("a wildcard needs a base of at least two labels"));
    }
    for label in base.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(refuse("a label must have 1 to 63 characters"));
        }
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(refuse("only letters, digits and hyphens are allowed"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(refuse("a label must not start or end with a hyphen"));
        }
        // RFC 5891 Section 4.2.3.1 reserves `--` there, and only A-labels use it.
        let reserved = label.as_bytes().get(2..4) == Some(b"--");
        if reserved && (!label.starts_with("xn--") || label.len() == 4) {
            return Err(refuse("the third and fourth character of a label are reserved for xn--"));
        }
    }
    if base.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(refuse("the last label must not be all digits"));
    }
    Ok(name)
}

fn parse_ip(value: &str) -> Result<IpAddr, Problem> {
    let address: IpAddr =
        value.parse().map_err(|_| Problem::malformed(format!("{value:?} is not an IP address")))?;
    // RFC 8738 Section 3 demands the form of RFC 5952. Two spellings of an address would be two
    // identifiers.
    if address.to_string() != value {
        return Err(Problem::malformed(format!(
            "{value:?} is not the canonical text form, which is {address} (RFC 8738 section 3)"
        )));
    }
    Ok(address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Identifier;

    #[test]
    fn names_are_lower_cased_and_checked() {
        assert_eq!(Identifier::parse("dns", "Example.TEST").unwrap().value(), "example.test");
        assert_eq!(
            Identifier::parse("dns", "*.a.test").unwrap().base(),
            (Identifier::Dns("a.test".into()), true)
        );
        for bad in [
            "",
            "a..b",
            "a.",
            ".a",
            "*",
            "*.test",
            "a.*.test",
            "**.a.test",
            "a_b.test",
            "-a.test",
            "xn--.test",
            "ab--c.test",
            "127.0.0.1",
            "a.123",
            "ä.test",
        ] {
            assert_eq!(Identifier::parse("dns", bad).unwrap_err().kind(), "malformed", "{bad}");
        }
    }

    #[test]
    fn addresses_must_be_in_canonical_form() {
        assert!(Identifier::parse("ip", "127.0.0.1").is_ok());
        assert!(Identifier::parse("ip", "::1").is_ok());
        for bad in ["0:0::1", "::0001", "127.1", "fe80::1%eth0", "[::1]", "2001:DB8::1"] {
            assert!(Identifier::parse("ip", bad).is_err(), "{bad}");
        }
        assert_eq!(Identifier::parse("email", "a@b").unwrap_err().kind(), "unsupportedIdentifier");
    }
}
