//! The order in which the addresses of a name are tried, and the delays between them (RFC 8305).

use core::time::Duration;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long an attempt runs before the next address is tried beside it (RFC 8305 section 8).
pub const HEAD_START: Duration = Duration::from_millis(250);

/// The attempts to connect to one name.
///
/// IPv6 and IPv4 addresses alternate, so that a family that does not work causes a short delay
/// only. The family of the first address, which the system's resolver prefers, comes first. At most
/// eight addresses are tried.
///
/// The caller starts an attempt for each address that [`next`](Iterator::next) returns: the first
/// one at once, and another one whenever an attempt fails or the [head start](Self::head_start) is
/// over.
#[derive(Clone, Debug)]
pub struct ConnectAttempts {
    waiting: VecDeque<SocketAddr>,
}

impl ConnectAttempts {
    /// Orders the addresses.
    pub fn new(addresses: &[SocketAddr]) -> Self {
        let v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
        let preferred = addresses.iter().filter(|a| a.is_ipv6() == v6_first);
        let mut others = addresses.iter().filter(|a| a.is_ipv6() != v6_first);
        let mut waiting = VecDeque::new();
        for address in preferred {
            waiting.push_back(*address);
            waiting.extend(others.next());
        }
        waiting.extend(others);
        waiting.truncate(MAX_ADDRESSES);
        Self { waiting }
    }

    /// Returns how long to wait for the running attempts before the next address is tried; `None`
    /// if no address is left, so that only the time limit of the attempts applies.
    pub fn head_start(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(HEAD_START)
    }
}

impl Iterator for ConnectAttempts {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        self.waiting.pop_front()
    }
}

const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().expect("an address"), 443)
    }

    #[test]
    fn the_families_of_addresses_take_turns() {
        let given = ["::1", "::2", "::3", "10.0.0.1"].map(address);
        let ordered: Vec<String> =
            ConnectAttempts::new(&given).map(|a| a.ip().to_string()).collect();
        assert_eq!(ordered, ["::1", "10.0.0.1", "::2", "::3"]);
    }

    #[test]
    fn the_last_address_has_no_head_start() {
        let mut attempts = ConnectAttempts::new(&["10.0.0.1", "10.0.0.2"].map(address));
        assert_eq!(attempts.next(), Some(address("10.0.0.1")));
        assert_eq!(attempts.head_start(), Some(HEAD_START));
        assert_eq!(attempts.next(), Some(address("10.0.0.2")));
        assert_eq!(attempts.head_start(), None);
        assert_eq!(attempts.next(), None);
    }

    #[test]
    fn no_more_than_eight_addresses_are_tried() {
        assert_eq!(ConnectAttempts::new(&[address("10.0.0.1"); 9]).count(), 8);
    }
}
