//! The order in which the addresses of a name are tried, and the delays between them (RFC 8305).

use core::time::Duration;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use acme_proto::flow::Lost;

use crate::locked;

/// How long an attempt runs before the next address is tried beside it (RFC 8305 section 8).
pub const HEAD_START: Duration = Duration::from_millis(250);

/// The addresses at which a connection failed, by TCP, TLS or silence: they are tried after all others.
///
/// It is a handle: clones share the addresses. The latest 64 are kept.
#[derive(Clone, Debug, Default)]
pub struct FailedAddresses(Arc<Mutex<VecDeque<SocketAddr>>>);

impl FailedAddresses {
    /// Remembers a failure.
    pub fn add(&self, address: SocketAddr) {
        let mut failed = locked(&self.0);
        failed.retain(|known| *known != address);
        failed.push_back(address);
        if failed.len() > MAX_FAILED {
            failed.pop_front();
        }
    }

    /// Remembers a failure at this address unless the trial passes: a trial that is dropped because time is up has failed.
    pub fn trial(&self, address: SocketAddr) -> Trial {
        Trial { failed: Some(self.clone()), address }
    }

    /// Puts the addresses that failed after the others, the one that failed last at the end.
    fn sort(&self, addresses: &mut Vec<SocketAddr>) {
        for failed in &*locked(&self.0) {
            let before = addresses.len();
            addresses.retain(|address| address != failed);
            addresses.resize(before, *failed);
        }
    }
}

/// What is done with an address until it is known whether that failed.
#[derive(Debug)]
pub struct Trial {
    failed: Option<FailedAddresses>,
    address: SocketAddr,
}

impl Trial {
    /// Ends the trial: the address did not fail.
    pub fn pass(mut self) {
        self.failed = None;
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(failed) = self.failed.take() {
            failed.add(self.address);
        }
    }
}

/// The attempts to connect to one name.
///
/// IPv6 and IPv4 addresses alternate, so that a family that does not work causes a short delay
/// only. The family of the first address, which the system's resolver prefers, comes first, and
/// what failed before comes last. At most eight addresses are tried.
///
/// The caller starts an attempt for each address that [`next`](Iterator::next) returns: the first
/// one at once, and another one whenever an attempt fails or the [head start](Self::head_start) is
/// over. The first address that takes TCP has [connected](Self::connected), and has a
/// [share](Self::share) of the time for the rest, such as TLS.
#[derive(Clone, Debug)]
pub struct ConnectAttempts {
    waiting: VecDeque<SocketAddr>,
    under_way: Vec<SocketAddr>,
    failure: Lost,
}

impl ConnectAttempts {
    /// Orders the addresses.
    pub fn new(addresses: &[SocketAddr], failed: &FailedAddresses) -> Self {
        let v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
        let preferred = addresses.iter().filter(|a| a.is_ipv6() == v6_first);
        let mut others = addresses.iter().filter(|a| a.is_ipv6() != v6_first);
        let mut ordered = Vec::new();
        for address in preferred {
            ordered.push(*address);
            ordered.extend(others.next());
        }
        ordered.extend(others);
        failed.sort(&mut ordered);
        ordered.truncate(MAX_ADDRESSES);
        let failure = Lost::NotSent("the name has no address".into());
        Self { waiting: ordered.into(), under_way: Vec::new(), failure }
    }

    /// Returns how long to wait for the running attempts before the next address is tried; `None`
    /// if no address is left, so that only the time limit of the attempts applies.
    pub fn head_start(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(HEAD_START)
    }

    /// Returns whether no attempt runs.
    pub fn are_over(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Ends the attempts: this address connected. Those that lose are the next if it fails after all.
    pub fn connected(&mut self, address: SocketAddr) {
        while let Some(other) = self.under_way.pop() {
            if other != address {
                self.waiting.push_front(other);
            }
        }
    }

    /// Ends the attempts because time is up.
    pub fn give_up(&mut self, why: &str) {
        if let Some(address) = self.under_way.drain(..).next_back() {
            self.failure = Lost::NotSent(format!("{why} ({address})"));
        }
    }

    /// Returns how much of the time that is left an address that took TCP has for the rest.
    pub fn share(&self, left: Duration) -> Duration {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        (left / waiting.saturating_add(1)).max(LEAST_SHARE).min(left)
    }

    /// Takes the failure at an address, to go on with the next one.
    ///
    /// # Errors
    ///
    /// The failure, if the other addresses will not mend it: a certificate that is not trusted.
    pub fn failed(&mut self, address: SocketAddr, lost: Lost) -> Result<(), Lost> {
        self.under_way.retain(|other| *other != address);
        let named = lost.map_words(|words| format!("{words} ({address})"));
        match named {
            Lost::Untrusted(_) | Lost::Blocked(_) => Err(named),
            _ => {
                self.failure = named;
                Ok(())
            }
        }
    }

    /// Returns how the last attempt failed.
    pub fn failure(&self) -> Lost {
        self.failure.clone()
    }
}

impl Iterator for ConnectAttempts {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        let address = self.waiting.pop_front()?;
        self.under_way.push(address);
        Some(address)
    }
}

const MAX_ADDRESSES: usize = 8;
const MAX_FAILED: usize = 64;
/// What TLS has in any case, however many addresses wait.
const LEAST_SHARE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().expect("an address"), 443)
    }

    fn attempts(addresses: &[SocketAddr]) -> ConnectAttempts {
        ConnectAttempts::new(addresses, &FailedAddresses::default())
    }

    #[test]
    fn what_failed_comes_last_and_what_failed_last_at_the_end() {
        let [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(address);
        let failed = FailedAddresses::default();
        let order = || ConnectAttempts::new(&[a, b, c], &failed).collect::<Vec<_>>();
        failed.trial(b).pass();
        assert_eq!(order(), [a, b, c]);
        drop(failed.trial(a));
        assert_eq!(order(), [b, c, a]);
        failed.add(b);
        assert_eq!(order(), [c, a, b]);
        failed.add(a);
        assert_eq!(order(), [c, b, a]);
        for last in 1..=255 {
            failed.add(address(&format!("192.0.2.{last}")));
        }
        assert_eq!(order(), [a, b, c], "forgotten");
    }

    #[test]
    fn the_time_is_shared_with_the_addresses_that_wait() {
        let [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(address);
        let mut attempts = attempts(&[a, b, c]);
        attempts.next();
        assert_eq!(attempts.share(Duration::from_secs(15)), Duration::from_secs(5));
        assert_eq!(attempts.share(Duration::from_secs(4)), LEAST_SHARE);
        assert_eq!(attempts.share(Duration::from_secs(1)), Duration::from_secs(1));
        attempts.next();
        attempts.next();
        // The others lost the race, and have done nothing wrong.
        attempts.connected(b);
        assert!(attempts.are_over());
        assert_eq!(attempts.collect::<Vec<_>>(), [a, c]);
    }

    #[test]
    fn a_failure_names_the_address_and_a_trust_error_ends_it() {
        let mut attempts = attempts(&[]);
        let no_tls = Lost::NotSent("no TLS".into());
        assert_eq!(attempts.failed(address("10.0.0.1"), no_tls), Ok(()));
        assert_eq!(attempts.failure(), Lost::NotSent("no TLS (10.0.0.1:443)".into()));
        let expired = Lost::Untrusted("expired".into());
        let named = Lost::Untrusted("expired (10.0.0.2:443)".into());
        assert_eq!(attempts.failed(address("10.0.0.2"), expired), Err(named));
    }

    #[test]
    fn the_families_of_addresses_take_turns() {
        let given = ["::1", "::2", "::3", "10.0.0.1"].map(address);
        let ordered: Vec<String> = attempts(&given).map(|a| a.ip().to_string()).collect();
        assert_eq!(ordered, ["::1", "10.0.0.1", "::2", "::3"]);
    }

    #[test]
    fn the_last_address_has_no_head_start() {
        let mut attempts = attempts(&["10.0.0.1", "10.0.0.2"].map(address));
        assert_eq!(attempts.next(), Some(address("10.0.0.1")));
        assert_eq!(attempts.head_start(), Some(HEAD_START));
        assert_eq!(attempts.next(), Some(address("10.0.0.2")));
        assert_eq!(attempts.head_start(), None);
        assert_eq!(attempts.next(), None);
    }

    #[test]
    fn no_more_than_eight_addresses_are_tried() {
        assert_eq!(attempts(&[address("10.0.0.1"); 9]).count(), 8);
    }
}
