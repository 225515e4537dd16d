//! One change of one name, without I/O: requests out, responses in.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use acme_proto::time::Timestamp;

use super::error::{DnsCode, DnsRefusal, DnsUpdateError, TsigFailure};
use super::message::{self, Change, Response};
use super::name::DnsName;
use super::tsig;
use super::{DnsUpdate, addresses};
use crate::clock;

/// What a flow does at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an adapter asks for these three")]
pub enum DnsTask<'a> {
    /// Add this value to the TXT records.
    Add(&'a str),
    /// Remove this value from the TXT records.
    Remove(&'a str),
    /// Read the values of the TXT records.
    Read,
}

/// One change of one name, or the reading of it.
///
/// Call [`poll`](Self::poll) until it returns [`Done`](DnsUpdateStep::Done), and pass what each
/// [`Exchange`](DnsUpdateStep::Exchange) brought to [`answer`](Self::answer). Time is measured from the start.
#[derive(Debug)]
pub struct DnsUpdateFlow {
    settings: DnsUpdate,
    servers: Vec<SocketAddr>,
    resolvers: Vec<SocketAddr>,
    change: Option<Change>,
    /// The name of the record, and what it is an alias for, in order.
    names: Vec<DnsName>,
    stage: Stage,
    /// Which of the servers is asked.
    server: usize,
    request: Vec<u8>,
    mac: Vec<u8>,
    /// What the first server failed with that could not be asked.
    failure: Option<(SocketAddr, io::Error)>,
}

#[derive(Debug)]
enum Stage {
    /// Which zone is the name in? Asked for this one: the last name, or one that it is below.
    Zone(DnsName),
    /// Which TXT records does it have?
    Read,
    /// Change it in this zone, which names this primary server.
    Update(DnsName, DnsName),
    Done(Option<Result<Vec<String>, DnsUpdateError>>),
}

/// What [`DnsUpdateFlow::poll`] wants next.
#[derive(Debug)]
#[must_use]
#[allow(clippy::exhaustive_enums, reason = "an adapter does both")]
pub enum DnsUpdateStep {
    /// Connect to this server by TCP, send the octets, and read one message.
    Exchange(DnsExchange),
    /// The end: the values of a [`DnsTask::Read`], else none.
    Done(Result<Vec<String>, DnsUpdateError>),
}

/// A request to be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsExchange {
    /// The server to ask.
    pub server: SocketAddr,
    /// The message, with its length in two octets in front (RFC 1035 Section 4.2.2).
    pub framed: Vec<u8>,
    /// How long it may take to connect, send and receive, together.
    pub time_limit: Duration,
}

impl DnsUpdateFlow {
    pub(super) fn new(
        settings: DnsUpdate,
        name: &str,
        task: DnsTask<'_>,
    ) -> Result<Self, DnsUpdateError> {
        let (servers, resolvers) = (addresses(&settings.servers), addresses(&settings.resolvers));
        if servers.is_empty() || settings.has_names() {
            return Err(DnsUpdateError::NoServer);
        }
        // Bounded, because the caller's text ends up in a message.
        let invalid = || DnsUpdateError::InvalidName(name.chars().take(300).collect());
        let name = DnsName::parse(name).ok_or_else(invalid)?;
        if let DnsTask::Add(value) | DnsTask::Remove(value) = task
            && value.len() > MAX_VALUE
        {
            let (name, length) = (name.to_string(), value.len());
            return Err(DnsUpdateError::TooLong { name, length, most: MAX_VALUE });
        }
        let change = |add, value: &str| {
            Some(Change { add, ttl: settings.ttl, value: value.as_bytes().to_vec() })
        };
        let change = match task {
            DnsTask::Add(value) => change(true, value),
            DnsTask::Remove(value) => change(false, value),
            DnsTask::Read => None,
        };
        Ok(Self {
            settings,
            servers,
            resolvers,
            change,
            stage: Stage::Zone(name.clone()),
            names: vec![name],
            server: 0,
            request: Vec::new(),
            mac: Vec::new(),
            failure: None,
        })
    }

    /// Returns the next thing to do, `elapsed` after the start; `now` is the time of the wall clock.
    pub fn poll(&mut self, elapsed: Duration, now: Timestamp) -> DnsUpdateStep {
        if let Stage::Done(result) = &mut self.stage {
            return DnsUpdateStep::Done(result.take().unwrap_or_else(|| Ok(Vec::new())));
        }
        let limit = self.settings.time_limit;
        let left = limit.saturating_sub(elapsed);
        let servers = self.servers();
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX).max(1);
        let server = servers.get(self.server).copied();
        let Some(server) = server.filter(|_| !left.is_zero()) else {
            return DnsUpdateStep::Done(Err(self.no_answer()));
        };
        // Each server gets its share, so that a silent one does not use up the time of the others.
        let time_limit = left.min(limit / count).max(Duration::from_millis(1));
        self.write(now);
        let length = u16::try_from(self.request.len()).unwrap_or(u16::MAX);
        let framed = [&length.to_be_bytes(), &self.request[..]].concat();
        DnsUpdateStep::Exchange(DnsExchange { server, framed, time_limit })
    }

    /// Handles the response to the request: a message without its length, or the failure.
    pub fn answer(&mut self, response: io::Result<Vec<u8>>, now: Timestamp) {
        let Some(&server) = self.servers().get(self.server) else { return };
        let octets = match response {
            Ok(octets) => octets,
            Err(error) => {
                // What a socket of the standard library says when its time is over.
                let error = match error.kind() {
                    io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                    _ => error,
                };
                self.failure.get_or_insert((server, error));
                self.server += 1;
                return;
            }
        };
        let read = Response::read(&octets, &self.request);
        let next =
            read.map_err(|why| self.unreadable(server, why)).and_then(|response| {
                match &self.stage {
                    Stage::Zone(asked) => self.find_zone(server, asked, &response),
                    Stage::Read => self.read(server, &response),
                    Stage::Update(zone, primary) => {
                        self.check(server, &octets, &response, seconds(now))?;
                        match response.code {
                            DnsCode::NoError => Ok(None),
                            code => Err(self.refusal(server, zone, primary, code)),
                        }
                    }
                    Stage::Done(_) => Ok(None),
                }
            });
        match next {
            Ok(Some(Next::Zone(names, zone))) => {
                self.names.extend(names);
                self.enter(Stage::Zone(zone));
            }
            Ok(Some(Next::Found(names, zone, primary))) => {
                self.names.extend(names);
                self.enter(match self.change {
                    Some(_) => Stage::Update(zone, primary),
                    None => Stage::Read,
                });
            }
            Ok(Some(Next::Values(values))) => self.enter(Stage::Done(Some(Ok(values)))),
            Ok(None) => self.enter(Stage::Done(Some(Ok(Vec::new())))),
            Err(error) => self.enter(Stage::Done(Some(Err(error)))),
        }
    }

    /// Follows the aliases of a response, and returns where the zone is, or for which name to ask next.
    fn find_zone(
        &self,
        server: SocketAddr,
        asked: &DnsName,
        response: &Response,
    ) -> Result<Option<Next>, DnsUpdateError> {
        if !matches!(response.code, DnsCode::NoError | DnsCode::NxDomain) {
            let (name, record) = (asked.to_string(), self.names[0].to_string());
            return Err(DnsUpdateError::Lookup { server, name, record, code: response.code });
        }
        let mut aliases: Vec<DnsName> = Vec::new();
        // Only of the name itself: that a name above it is an alias says nothing about it.
        if asked == self.name() {
            while let Some(target) = response.alias(aliases.last().unwrap_or(asked)) {
                if self.names.contains(target) || aliases.contains(target) {
                    return Err(DnsUpdateError::AliasLoop(target.to_string()));
                }
                if self.names.len() + aliases.len() > MAX_ALIASES {
                    return Err(DnsUpdateError::TooManyAliases(target.to_string()));
                }
                aliases.push(target.clone());
            }
        }
        let name = aliases.last().unwrap_or_else(|| self.name()).clone();
        if let Some((zone, primary)) = response.zone(&name) {
            let (zone, primary) = (zone.clone(), primary.clone());
            return Ok(Some(Next::Found(aliases, zone, primary)));
        }
        if !aliases.is_empty() {
            // The server only knows that it is an alias.
            return Ok(Some(Next::Zone(aliases, name)));
        }
        if let Some(zone) = response.referral(&name).filter(|_| self.resolvers.is_empty()) {
            let (name, zone) = (name.to_string(), zone.to_string());
            return Err(DnsUpdateError::Delegated { server, name, zone });
        }
        match asked.parent() {
            Some(parent) => Ok(Some(Next::Zone(Vec::new(), parent))),
            None => {
                let (name, record) = (name.to_string(), self.names[0].to_string());
                Err(DnsUpdateError::NoZone { server, name, record })
            }
        }
    }

    fn read(
        &self,
        server: SocketAddr,
        response: &Response,
    ) -> Result<Option<Next>, DnsUpdateError> {
        match response.code {
            DnsCode::NoError | DnsCode::NxDomain => {
                Ok(Some(Next::Values(response.txt(self.name()))))
            }
            code => {
                let (name, record) = (self.name().to_string(), self.names[0].to_string());
                Err(DnsUpdateError::Lookup { server, name, record, code })
            }
        }
    }

    /// Checks the signature of the response to an update.
    fn check(
        &self,
        server: SocketAddr,
        octets: &[u8],
        response: &Response,
        now: u64,
    ) -> Result<(), DnsUpdateError> {
        let key = &self.settings.key;
        let failed = |failure| {
            let key = format!("{} ({})", key.name(), key.algorithm());
            Err(DnsUpdateError::Tsig { server, key, failure })
        };
        match &response.tsig {
            Some(record) => {
                if let Some(failure) = record.objection(now) {
                    return failed(failure);
                }
                record.verify(key, octets, &self.mac, now).or_else(failed)
            }
            // Whoever can forge a refusal can also keep the update from the server.
            None if response.code != DnsCode::NoError => Ok(()),
            None => failed(TsigFailure::Unsigned),
        }
    }

    fn refusal(
        &self,
        server: SocketAddr,
        zone: &DnsName,
        primary: &DnsName,
        code: DnsCode,
    ) -> DnsUpdateError {
        let (zone, primary) = (zone.to_string(), primary.to_string());
        let (name, key) = (self.name().to_string(), self.settings.key.name());
        DnsUpdateError::Refused(Box::new(DnsRefusal { server, zone, name, code, key, primary }))
    }

    /// Writes the request of this stage.
    fn write(&mut self, now: Timestamp) {
        // A random message ID keeps late and forged responses apart (RFC 5452 Section 9).
        let id = clock::seed().to_be_bytes();
        let id = u16::from_be_bytes([id[0], id[1]]);
        self.mac.clear();
        self.request = match (&self.stage, &self.change) {
            (Stage::Zone(name), _) => message::query(id, name, message::SOA),
            (Stage::Update(zone, _), Some(change)) => {
                let mut request = message::update(id, zone, self.name(), change);
                self.mac = tsig::sign(&mut request, &self.settings.key, seconds(now));
                request
            }
            _ => message::query(id, self.name(), message::TXT),
        };
    }

    fn enter(&mut self, stage: Stage) {
        // What failed for a look-up may have been the resolver.
        if matches!(stage, Stage::Update(..) | Stage::Read) && !self.resolvers.is_empty() {
            self.server = 0;
            self.failure = None;
        }
        self.stage = stage;
    }

    fn no_answer(&mut self) -> DnsUpdateError {
        let name = self.name().to_string();
        let first = self.servers().first().copied();
        match (self.failure.take(), first) {
            (Some((server, source)), _) => DnsUpdateError::Network { server, name, source },
            (None, Some(server)) => {
                let source = io::ErrorKind::TimedOut.into();
                DnsUpdateError::Network { server, name, source }
            }
            (None, None) => DnsUpdateError::NoServer,
        }
    }

    fn unreadable(&self, server: SocketAddr, why: &'static str) -> DnsUpdateError {
        DnsUpdateError::Unreadable { server, name: self.name().to_string(), why }
    }

    /// Returns who is asked in this stage, the preferred ones first.
    fn servers(&self) -> &[SocketAddr] {
        match &self.stage {
            Stage::Zone(_) if !self.resolvers.is_empty() => &self.resolvers,
            _ => &self.servers,
        }
    }

    fn name(&self) -> &DnsName {
        self.names.last().expect("there is the name asked for, and names are only added")
    }
}

enum Next {
    /// Ask for the zone of this name, after these aliases.
    Zone(Vec<DnsName>, DnsName),
    /// The zone of the last of these aliases, and its primary server.
    Found(Vec<DnsName>, DnsName, DnsName),
    Values(Vec<String>),
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.unix_seconds()).unwrap_or_default()
}

const MAX_ALIASES: usize = 8;
/// Leaves room in a message of 65,535 octets for two names, the key's name, the signature, and the lengths of strings.
const MAX_VALUE: usize = 60_000;
