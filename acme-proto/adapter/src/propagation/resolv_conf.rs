//! The recursive resolvers in the system's configuration.

use core::net::{IpAddr, SocketAddr};
use std::fs;

use super::PropagationError;

/// Reads the resolvers that the system uses.
pub(super) fn system() -> Result<Vec<SocketAddr>, PropagationError> {
    let text = fs::read_to_string(FILE)
        .map_err(|error| PropagationError::NoResolver(format!("{FILE}: {error}")))?;
    let resolvers = parse(&text);
    if resolvers.is_empty() {
        return Err(PropagationError::NoResolver(format!("{FILE} names none")));
    }
    Ok(resolvers)
}

/// Returns the addresses in `nameserver` lines.
///
/// A link-local address may have its interface after a `%`. Such lines are skipped, because an
/// `IpAddr` cannot hold an interface.
fn parse(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok()).flatten()
    };
    text.lines().filter_map(address).map(|address| SocketAddr::new(address, 53)).collect()
}

const FILE: &str = "/etc/resolv.conf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_in_order_and_all_else_is_skipped() {
        let text = "# a comment\nsearch example.org\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # x\n\
            nameserver\nnameserver fe80::1%eth0\noptions edns0\n;nameserver 192.0.2.9\n";
        let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }
}
