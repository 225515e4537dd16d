//! TXT records on a DNS server that takes dynamic updates (RFC 2136), signed with a shared key (RFC 8945).
//!
//! Whoever has BIND, Knot DNS, PowerDNS or NSD behind one of them needs three lines, with either adapter:
//!
//! ```text
//! let key = TsigKey::load("/etc/acme/update.key")?;
//! let solver = DnsUpdate::new(["192.0.2.53:53".parse()?], key);
//! let issued = client.issue(["example.org", "*.example.org"]).key(&cert_key).solver(&solver).run()?;
//! ```
//!
//! [`DnsUpdate`] has the settings, and [`DnsUpdateFlow`] is one change, without any I/O: the adapters exchange its
//! messages. It asks for the SOA record of the name, which tells its zone or the target of an alias (CNAME), and then
//! sends one update that adds or removes one value. Everything goes by TCP: a change needs one connection more than by
//! UDP at most, and in return no answer is truncated, forged blindly, or lost without notice.

mod cursor;
mod error;
mod flow;
mod key;
mod message;
mod name;
mod server;
mod tsig;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

pub use self::error::{DnsCode, DnsRefusal, DnsUpdateError, TsigFailure};
pub use self::flow::{DnsExchange, DnsTask, DnsUpdateFlow, DnsUpdateStep};
pub use self::key::{InvalidTsigKey, TsigAlgorithm, TsigKey, TsigKeyError};
pub use self::server::{DnsServer, InvalidDnsServer};

/// Publishes TXT records by dynamic updates (RFC 2136) signed with TSIG (RFC 8945).
///
/// It is a solver of dns-01 and dns-account-01, and by the adapter's trait `Dns01` it may be given to
/// [`Dns01Solver`](crate::txt::Dns01Solver) and [`DnsPersist01Solver`](crate::txt::DnsPersist01Solver), which also wait
/// until secondary servers have the record (`propagation`).
///
/// - The zone of a record is found by its SOA record.
/// - An alias (CNAME) is followed, so that `_acme-challenge` may lead into a zone that only has challenges. If the
///   server does not have the zone with the alias, name a [`resolver`](Self::resolver) that finds it.
/// - One value is added beside the others at the name, and only that value is removed. A wildcard and its base name
///   have two values at one name.
/// - The signature of the server's response is verified.
///
/// ```no_run
/// use acme_adapter::dns_update::{DnsUpdate, TsigKey};
///
/// let key = TsigKey::load("/etc/acme/update.key")?;
/// let solver = DnsUpdate::new(["192.0.2.53:53".parse()?], key).ttl(30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DnsUpdate {
    servers: Vec<DnsServer>,
    resolvers: Vec<DnsServer>,
    key: TsigKey,
    ttl: u32,
    time_limit: Duration,
}

impl DnsUpdate {
    /// Changes the zones of the primary server at these addresses, at most eight; one is asked if those before it cannot
    /// be reached or do not answer. A name stands for all of its addresses, and is looked up before each change.
    pub fn new(servers: impl IntoIterator<Item = DnsServer>, key: TsigKey) -> Self {
        Self {
            servers: servers.into_iter().take(MAX_SERVERS).collect(),
            resolvers: Vec::new(),
            key,
            ttl: 60,
            time_limit: Duration::from_secs(30),
        }
    }

    /// Finds aliases and zones through this resolver, and not at the server that is changed; repeatable, at most eight.
    ///
    /// The resolver may remember for a while that there is no record, so do not use one that the CA uses, too.
    pub fn resolver(mut self, resolver: DnsServer) -> Self {
        if self.resolvers.len() < MAX_SERVERS {
            self.resolvers.push(resolver);
        }
        self
    }

    /// Sets how many seconds resolvers may remember a record; 60 by default.
    pub const fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = seconds;
        self
    }

    /// Sets how long one change may take, with everything that is looked up for it; 30 seconds by default.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Returns whether servers are given by name, so that [`looked_up`](Self::looked_up) has something to do.
    pub fn has_names(&self) -> bool {
        self.servers.iter().chain(&self.resolvers).any(|server| server.address().is_none())
    }

    /// Looks servers up that are given by name, by the system's resolver; this blocks, and may take a while.
    ///
    /// # Errors
    /// [`DnsUpdateError::UnknownServer`] if no server, or no resolver, has an address.
    pub fn looked_up(mut self) -> Result<Self, DnsUpdateError> {
        self.servers = looked_up(&self.servers)?;
        self.resolvers = looked_up(&self.resolvers)?;
        Ok(self)
    }

    /// Returns how long [`looked_up`](Self::looked_up) is waited for at most, and the failure of a change for which it
    /// takes longer.
    ///
    /// A change that was looked up for has what is left of its time: [`DnsUpdateFlow::poll`] counts from before that.
    pub fn look_up_limit(&self) -> (Duration, DnsUpdateError) {
        let mut servers = self.servers.iter().chain(&self.resolvers);
        let named = servers.find(|server| server.address().is_none());
        let server = named.map(ToString::to_string).unwrap_or_default();
        let source = io::ErrorKind::TimedOut.into();
        (self.time_limit, DnsUpdateError::UnknownServer { server, source })
    }

    /// Starts a task at a name, which has no final dot.
    ///
    /// # Errors
    /// [`DnsUpdateError::NoServer`], also if a server is given by name and was not [looked up](Self::looked_up), and
    /// [`DnsUpdateError::InvalidName`]: the caller is at fault.
    pub fn start(&self, name: &str, task: DnsTask<'_>) -> Result<DnsUpdateFlow, DnsUpdateError> {
        DnsUpdateFlow::new(self.clone(), name, task)
    }
}

/// Looks servers up; one that fails matters only if there is no other.
fn looked_up(servers: &[DnsServer]) -> Result<Vec<DnsServer>, DnsUpdateError> {
    let mut failure: Option<(&DnsServer, io::Error)> = None;
    let mut found = Vec::new();
    for server in servers {
        match server.look_up() {
            Ok(addresses) => found.extend(addresses.into_iter().map(DnsServer::from)),
            Err(error) => failure = failure.or(Some((server, error))),
        }
    }
    match failure {
        Some((server, source)) if found.is_empty() => {
            Err(DnsUpdateError::UnknownServer { server: server.to_string(), source })
        }
        _ => {
            found.truncate(MAX_SERVERS);
            Ok(found)
        }
    }
}

/// Returns the addresses that are known.
fn addresses(servers: &[DnsServer]) -> Vec<SocketAddr> {
    servers.iter().filter_map(DnsServer::address).collect()
}

/// With more of them, it would take too long to find out that none answers.
const MAX_SERVERS: usize = 8;

#[cfg(test)]
mod tests;
