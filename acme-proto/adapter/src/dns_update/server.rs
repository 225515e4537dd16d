//! The servers that updates are sent to, by address or by name.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;
use std::io;
use std::net::ToSocketAddrs as _;

use super::name::DnsName;

/// A DNS server: its address, or a name whose addresses are looked up each time that they are needed.
///
/// It is parsed from an address or a name, with or without a port, such as `192.0.2.53`, `[2001:db8::53]:53` or
/// `ns1.example.org`. The port is 53 unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsServer(Host);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Address(SocketAddr),
    Name(String, u16),
}

impl DnsServer {
    /// Returns its address, unless it has a name.
    pub const fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Host::Address(address) => Some(*address),
            Host::Name(..) => None,
        }
    }

    /// Looks its addresses up by the system's resolver, which may take a while.
    ///
    /// # Errors
    /// The operating system's error, also if there is no address.
    pub fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = match &self.0 {
            Host::Address(address) => vec![*address],
            Host::Name(name, port) => (name.as_str(), *port).to_socket_addrs()?.collect(),
        };
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        }
        Ok(found)
    }
}

impl From<SocketAddr> for DnsServer {
    fn from(address: SocketAddr) -> Self {
        Self(Host::Address(address))
    }
}

impl FromStr for DnsServer {
    type Err = InvalidDnsServer;

    fn from_str(text: &str) -> Result<Self, InvalidDnsServer> {
        let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let ip = plain.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
        if let Ok(address) = ip.or_else(|_| text.parse()) {
            return Ok(Self(Host::Address(address)));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| InvalidDnsServer)?),
            None => (text, DNS_PORT),
        };
        let is_host =
            name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet));
        // The last label of a name is no number, and that of an address with a mistake is one.
        let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|octet| octet.is_ascii_digit());
        if !is_host || is_number || DnsName::parse(name).is_none() {
            return Err(InvalidDnsServer);
        }
        Ok(Self(Host::Name(name.to_owned(), port)))
    }
}

impl fmt::Display for DnsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Host::Address(address) => address.fmt(f),
            Host::Name(name, DNS_PORT) => f.write_str(name),
            Host::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// A text that names no DNS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give the address of a DNS server, such as 192.0.2.53 or [2001:db8::53]:53, or its name, such as ns1.example.org"
)]
#[non_exhaustive]
pub struct InvalidDnsServer;

const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_name_with_or_without_a_port() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("127.0.0.1:5300", "127.0.0.1:5300"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5300", "[::1]:5300"),
            ("ns1.example.org", "ns1.example.org"),
            ("ns1.example.org.:53", "ns1.example.org."),
            ("localhost:5300", "localhost:5300"),
        ] {
            let server: DnsServer = text.parse().expect(text);
            assert_eq!(server.to_string(), shown);
            assert_eq!(server.address().is_none(), text.contains('o'), "{text}");
        }
        for text in
            ["", ":53", "127.0.0.1:x", "127.0.0.256", "::1:x", "a b", "a..b", "http://a", "a:99999"]
        {
            assert_eq!(text.parse::<DnsServer>(), Err(InvalidDnsServer), "{text}");
        }
    }

    #[test]
    fn a_name_is_looked_up_and_an_address_is_itself() {
        let local: DnsServer = "localhost:5300".parse().expect("a name");
        let found = local.look_up().expect("every system knows it");
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 5300));
        let address = SocketAddr::from(([192, 0, 2, 53], 53));
        assert_eq!(DnsServer::from(address).look_up().expect("itself"), [address]);
    }
}
