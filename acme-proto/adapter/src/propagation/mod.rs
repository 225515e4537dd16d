//! Checking that a TXT record has reached every authoritative server of its zone.
//!
//! A CA may ask any of them, and from several places. If only some of them have the record, the
//! validation fails by chance. [`PropagationCheck`] has the settings, and [`Propagation`] is the
//! search, without any I/O. It finds the zone by its SOA record and the servers by their NS and
//! address records through a recursive resolver. Then it asks every address of every server for the
//! record, follows aliases (CNAME) and delegations into other zones, and asks again with growing
//! pauses until all servers have the record. A server that does not answer at all holds the search
//! up for some rounds only. The adapters send its queries.

mod answer;
mod engine;
mod error;
mod message;
mod resolv_conf;
mod target;
#[cfg(feature = "tracing")]
mod trace;

use core::net::SocketAddr;
use core::time::Duration;

pub use self::engine::{Propagation, PropagationStep};
pub use self::error::{Propagated, PropagationError, ServerAnswer, ServerState};
pub use self::message::{DnsQuery, QueryId};

/// The settings of a search for a record at the authoritative servers of its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropagationCheck {
    resolvers: Vec<SocketAddr>,
    port: u16,
    time_limit: Duration,
    query_limit: Duration,
    first_pause: Duration,
    longest_pause: Duration,
    ipv6: bool,
    resolvers_only: bool,
}

impl PropagationCheck {
    /// Finds zones and servers through these recursive resolvers, at most eight; the first are
    /// preferred.
    pub fn new(resolvers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            resolvers: resolvers.into_iter().take(MAX_RESOLVERS).collect(),
            port: 53,
            time_limit: Duration::from_secs(300),
            query_limit: Duration::from_secs(3),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(15),
            ipv6: true,
            resolvers_only: false,
        }
    }

    /// Finds zones and servers through the resolvers of `/etc/resolv.conf`.
    ///
    /// # Errors
    /// [`PropagationError::NoResolver`] if the file names none, or cannot be read, as on Windows.
    /// The caller then uses [`new`](Self::new).
    pub fn from_system() -> Result<Self, PropagationError> {
        Ok(Self::new(resolv_conf::system()?))
    }

    /// Sets how long the record may take to arrive; 5 minutes by default.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets how long one answer may take; 3 seconds by default.
    pub const fn query_limit(mut self, limit: Duration) -> Self {
        self.query_limit = limit;
        self
    }

    /// Sets the pause before the servers are asked again, which doubles up to `longest`; 1 and 15
    /// seconds by default.
    pub const fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }

    /// Asks the authoritative servers at a port other than 53, for tests.
    pub const fn authoritative_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Asks the servers at their IPv4 addresses only, for networks that silently drop IPv6.
    ///
    /// A system that knows that it has no IPv6 does not need this.
    pub const fn ipv4_only(mut self) -> Self {
        self.ipv6 = false;
        self
    }

    /// Asks the resolvers for the record, and no authoritative server: for networks in which only
    /// the resolvers can be reached at port 53.
    ///
    /// The record is there when every resolver that answers has it. That says less than the
    /// authoritative servers do: the CA's resolver may ask another one of them. And a resolver that
    /// was asked too early remembers for a while that there is no record, for as long as the zone's
    /// SOA record says. So the first question waits for the first of the [`pauses`](Self::pauses).
    pub const fn resolvers_only(mut self) -> Self {
        self.resolvers_only = true;
        self
    }

    /// Starts the search for `value` among the TXT records at `name`, which has no final dot.
    ///
    /// # Errors
    /// [`PropagationError::NoResolver`] and [`PropagationError::InvalidName`]: the caller is at
    /// fault.
    pub fn start(&self, name: &str, value: &str) -> Result<Propagation, PropagationError> {
        Propagation::new(self.clone(), name, value)
    }
}

/// With more of them, it would take too long to find out that none answers.
const MAX_RESOLVERS: usize = 8;

#[cfg(test)]
mod tests;
