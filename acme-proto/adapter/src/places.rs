//! A bound on the connections to a listener that no stranger can use up for others.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::locked;

/// The places for connections, each with what closes the connection.
///
/// Anyone can connect to a listener for validations, and keep silent. A new connection never waits
/// for such a one: if all places are taken, the oldest connection of the network that holds most of
/// them is closed. So whoever opens many connections closes their own, and a validation, which
/// opens few, goes on.
pub struct Places<C> {
    most: usize,
    state: Arc<Mutex<State<C>>>,
}

struct State<C> {
    next: u64,
    /// Oldest first.
    open: Vec<Open<C>>,
}

struct Open<C> {
    number: u64,
    network: Network,
    close: C,
}

impl<C> Places<C> {
    /// Creates `most` places, at least one.
    pub fn new(most: usize) -> Self {
        let state = State { next: 0, open: Vec::new() };
        Self { most: most.max(1), state: Arc::new(Mutex::new(state)) }
    }

    /// Takes a place for a connection from `peer`, and returns what closes the connection that has
    /// to make room for it, if one has to.
    pub fn take(&self, peer: IpAddr, close: C) -> (Place<C>, Option<C>) {
        let network = Network::of(peer);
        let mut state = locked(&self.state);
        let number = state.next;
        state.next += 1;
        let oldest = (state.open.len() >= self.most).then(|| state.oldest_of_most(network));
        let crowded_out = oldest.map(|place| state.open.remove(place).close);
        state.open.push(Open { number, network, close });
        (Place { number, state: Arc::clone(&self.state) }, crowded_out)
    }
}

impl<C> State<C> {
    /// Returns the index of the oldest connection of the network that has most, with the new one
    /// from `new` counted.
    fn oldest_of_most(&self, new: Network) -> usize {
        let mut held = HashMap::from([(new, 1_usize)]);
        for open in &self.open {
            *held.entry(open.network).or_default() += 1;
        }
        let most = self.open.iter().map(|open| held[&open.network]).max();
        self.open.iter().position(|open| Some(held[&open.network]) == most).unwrap_or(0)
    }
}

/// Returns whether accepting a connection failed because its client has left, so that the next one
/// can be accepted at once.
///
/// After another failure, such as too many open files, a pause keeps the loop from spinning.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The place of one connection, given back when dropped.
pub struct Place<C> {
    number: u64,
    state: Arc<Mutex<State<C>>>,
}

impl<C> Drop for Place<C> {
    fn drop(&mut self) {
        locked(&self.state).open.retain(|open| open.number != self.number);
    }
}

impl<C> fmt::Debug for Places<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for Place<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.number).finish()
    }
}

/// What one party usually has: an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Network {
    fn of(ip: IpAddr) -> Self {
        // A listener on `[::]` sees the IPv4 address of a peer as an IPv6 address.
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an IP address")
    }

    #[test]
    fn the_oldest_of_who_holds_most_makes_room() {
        let places = Places::new(3);
        let (_validation, none) = places.take(ip("192.0.2.1"), "validation");
        assert_eq!(none, None);
        let strangers: Vec<_> =
            ["a", "b", "c", "d"].map(|name| places.take(ip("2001:db8::1"), name)).into();
        let crowded_out: Vec<_> = strangers.iter().map(|(_, out)| *out).collect();
        assert_eq!(crowded_out, [None, None, Some("a"), Some("b")]);
        let (_another, out) = places.take(ip("192.0.2.2"), "another validation");
        assert_eq!(out, Some("c"));
    }

    #[test]
    fn one_network_is_one_party() {
        let places = Places::new(2);
        let (_a, _) = places.take(ip("192.0.2.1"), "validation");
        let (_b, _) = places.take(ip("2001:db8::1"), "a");
        let (_c, out) = places.take(ip("2001:db8::2"), "b");
        assert_eq!(out, Some("a"));
        let (_d, out) = places.take(ip("::ffff:192.0.2.1"), "again");
        assert_eq!(out, Some("validation"));
    }

    #[test]
    fn whoever_has_left_has_no_place() {
        let places = Places::new(1);
        let (first, _) = places.take(ip("192.0.2.1"), "first");
        drop(first);
        let (_second, out) = places.take(ip("192.0.2.1"), "second");
        assert_eq!(out, None);
    }
}
