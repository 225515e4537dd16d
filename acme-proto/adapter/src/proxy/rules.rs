//! `NO_PROXY`: the hosts that are reached without a proxy.

use core::net::IpAddr;

/// The rules in `NO_PROXY`, separated by commas or spaces.
///
/// `*` covers everything; `example.org` and `.example.org` cover that name and those below it; an
/// address covers itself, and `10.0.0.0/8` a network. A `:port` at the end restricts a rule to that
/// port. No standard defines the variable; this is what curl and most programs accept.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Place {
    Everything,
    Name(String),
    Network(IpAddr, u32),
}

impl Rules {
    pub(super) fn new(text: &str) -> Self {
        let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        Self { rules: words.map(Rule::new).collect() }
    }

    pub(super) fn cover(&self, host: &str, port: u16) -> bool {
        self.rules.iter().any(|rule| rule.covers(host, port))
    }
}

impl Rule {
    fn new(word: &str) -> Self {
        let (place, port) = split_port(word);
        let network = place.split_once('/').and_then(|(address, length)| {
            Some(Place::Network(bare(address).parse().ok()?, length.parse().ok()?))
        });
        // A single address is a network whose prefix is longer than any address.
        let address = || bare(place).parse().ok().map(|address| Place::Network(address, u32::MAX));
        let place = if place == "*" {
            Place::Everything
        } else {
            network.or_else(address).unwrap_or_else(|| {
                // `*.example.org` means the same as `.example.org`.
                let name = place.trim_start_matches('*').trim_matches('.');
                Place::Name(name.to_ascii_lowercase())
            })
        };
        Self { place, port }
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|only| only != port) {
            return false;
        }
        match &self.place {
            Place::Everything => true,
            Place::Name(name) => {
                // Names match by whole labels: `example.org` does not cover `notexample.org`. An
                // empty name, as of the word `.`, would end every host and covers none.
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                !name.is_empty()
                    && host
                        .strip_suffix(name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Place::Network(network, length) => {
                host.parse().is_ok_and(|address| in_network(address, *network, *length))
            }
        }
    }
}

/// Splits a port from a name or a bracketed address; a bare IPv6 address has none.
fn split_port(word: &str) -> (&str, Option<u16>) {
    match word.rsplit_once(':') {
        Some((place, port)) if !place.contains(':') || place.ends_with(']') => {
            port.parse().map_or((word, None), |port| (place, Some(port)))
        }
        _ => (word, None),
    }
}

/// Strips the brackets of an IPv6 address.
fn bare(address: &str) -> &str {
    address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address)
}

/// Returns whether the first `length` bits of both addresses are the same.
///
/// A shift by all bits, for a length of 0, is `None` and leaves nothing that differs.
fn in_network(address: IpAddr, network: IpAddr, length: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let shift = 32_u32.saturating_sub(length);
            let differing = u32::from(a) ^ u32::from(n);
            differing.checked_shr(shift).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let shift = 128_u32.saturating_sub(length);
            let differing = u128::from(a) ^ u128::from(n);
            differing.checked_shr(shift).unwrap_or(0) == 0
        }
        _ => false,
    }
}
