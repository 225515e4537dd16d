//! The results of a search for a record.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

/// Every authoritative server that counts has the record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Propagated {
    /// The names that were searched: the requested one, then the targets of aliases (CNAME).
    pub names: Vec<String>,
    /// The zone that the last of them is in; empty if [only resolvers](super::PropagationCheck::resolvers_only) were
    /// asked.
    pub zone: String,
    /// The servers of that zone, or the resolvers, with what each last answered: those that have the
    /// record, and those that did not count.
    pub servers: Vec<ServerAnswer>,
}

/// One address of an authoritative server, and what it last answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerAnswer {
    /// The name of the server.
    pub server: String,
    /// The address that was asked.
    pub address: SocketAddr,
    /// What it answered.
    pub state: ServerState,
}

/// What an authoritative server answered when it was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerState {
    /// It was not asked yet.
    NotAsked,
    /// It has the record, maybe among others.
    Found,
    /// It has other TXT records at the name: the first few of them, cut short.
    Others(Vec<String>),
    /// It has no TXT record at the name.
    Missing,
    /// The name is an alias for this one.
    Alias(String),
    /// It delegates the name to the servers of this zone.
    Delegated(String),
    /// It does not serve the zone, with its response code. After three such answers it no longer
    /// counts, because the CA's resolver does not use it either.
    Lame(String),
    /// It failed, with its response code or why its answer cannot be read. After four failures in a
    /// row it no longer counts.
    Failed(String),
    /// It did not answer in time. After four times in a row it no longer counts, because the CA's
    /// resolver asks another server.
    Silent,
    /// This system cannot reach the address, such as IPv6 without a route; it does not count.
    Unreachable,
}

impl ServerAnswer {
    /// Returns whether the server has the record.
    pub fn has_record(&self) -> bool {
        self.state == ServerState::Found
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("was not asked"),
            Self::Found => f.write_str("has the record"),
            Self::Others(values) => write!(f, "has only {}", values.join(", ")),
            Self::Missing => f.write_str("has no TXT record there"),
            Self::Alias(name) => write!(f, "has an alias for {name}"),
            Self::Delegated(zone) => write!(f, "delegates it to the servers of {zone}"),
            Self::Lame(code) => write!(f, "does not serve the zone ({code})"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Silent => f.write_str("does not answer"),
            Self::Unreachable => f.write_str("cannot be reached from here"),
        }
    }
}

impl fmt::Display for ServerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {}", self.server, self.address.ip(), self.state)
    }
}

/// Why a search ended without finding the record at every authoritative server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropagationError {
    /// No recursive resolver is known.
    #[error("no DNS resolver is known ({0}); name one for the propagation check")]
    NoResolver(String),
    /// The name is not a DNS name.
    #[error("{0:?} is not a DNS name")]
    InvalidName(String),
    /// No zone was found for the name.
    #[error("no DNS zone was found for {0}; is the domain registered?")]
    NoZone(String),
    /// The zone has no server with an address.
    #[error("the DNS zone {0} has no name server with an address")]
    NoServers(String),
    /// The aliases form a loop.
    #[error("the DNS name {0} is an alias in a circle")]
    AliasLoop(String),
    /// The chain of aliases is too long.
    #[error("the DNS name {0} is at the end of too many aliases")]
    TooManyAliases(String),
    /// The resolvers gave no answer within the time limit.
    #[error("the DNS resolvers cannot tell {what}: {why}")]
    Resolver {
        /// The question: type and name.
        what: String,
        /// The failure of the last of them.
        why: String,
    },
    /// The issuance has no use for the result any more.
    #[error(
        "the search for the TXT record at {0} was stopped, because its result is no longer needed"
    )]
    Stopped(String),
    /// Some server did not have the record within the time limit.
    #[error(
        "the TXT record {value:?} at {name} has not reached every server of its zone within {} s: {}",
        limit.as_secs(),
        Lagging(servers)
    )]
    TimedOut {
        /// The name, which is the target of the aliases if there are any.
        name: String,
        /// The expected value.
        value: String,
        /// The time limit.
        limit: Duration,
        /// Every server, with what it last answered.
        servers: Vec<ServerAnswer>,
    },
}

/// Displays the servers that do not have the record, a few of them at most.
struct Lagging<'a>(&'a [ServerAnswer]);

impl fmt::Display for Lagging<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let lags = |answer: &&ServerAnswer| {
            !matches!(answer.state, ServerState::Found | ServerState::Unreachable)
        };
        let lagging: Vec<String> = self.0.iter().filter(lags).map(ToString::to_string).collect();
        f.write_str(&lagging[..lagging.len().min(SHOWN)].join("; "))?;
        match lagging.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, "; and {more} more"),
            _ if lagging.is_empty() => f.write_str("none can be reached"),
            _ => Ok(()),
        }
    }
}
