//! An address that is asked for the record, and how long what it answers counts.

use core::net::SocketAddr;

use hickory_proto::rr::Name;

use super::error::ServerState;

/// An address of an authoritative server, or of a resolver.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) server: Name,
    pub(super) address: SocketAddr,
    state: ServerState,
    next: Option<Next>,
    /// How many rounds in a row it has not answered, or only with a failure.
    failures: u32,
}

/// Where an answer says that the record is.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// At the target of an alias.
    Alias(Name),
    /// In this zone, which has these servers.
    Zone(Name, Vec<Name>),
}

impl Target {
    pub(super) const fn new(server: Name, address: SocketAddr) -> Self {
        Self { server, address, state: ServerState::NotAsked, next: None, failures: 0 }
    }

    pub(super) const fn state(&self) -> &ServerState {
        &self.state
    }

    pub(super) const fn next(&self) -> Option<&Next> {
        self.next.as_ref()
    }

    pub(super) fn is_found(&self) -> bool {
        self.state == ServerState::Found
    }

    /// Takes what the server answered in this round.
    pub(super) fn set(&mut self, state: ServerState, next: Option<Next>) {
        self.failures = match state {
            ServerState::Lame(_) | ServerState::Failed(_) | ServerState::Silent => {
                self.failures.saturating_add(1)
            }
            _ => 0,
        };
        (self.state, self.next) = (state, next);
    }

    /// Returns whether the record has to be here. A server that never answers is passed over by the CA's resolver,
    /// too, but it takes some rounds to know that it is one of those.
    pub(super) const fn counts(&self) -> bool {
        match self.state {
            ServerState::Unreachable => false,
            ServerState::Lame(_) => self.failures < LAME_ROUNDS,
            ServerState::Failed(_) | ServerState::Silent => self.failures < SILENT_ROUNDS,
            _ => true,
        }
    }

    /// Returns whether two servers answered the same, whatever the details.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let same_next = match (&self.next, &other.next) {
            (None, None) => true,
            (Some(Next::Alias(own)), Some(Next::Alias(other)))
            | (Some(Next::Zone(own, _)), Some(Next::Zone(other, _))) => own == other,
            _ => false,
        };
        same_next && core::mem::discriminant(&self.state) == core::mem::discriminant(&other.state)
    }
}

/// How many rounds a server that does not serve the zone, or whose address cannot be resolved, still counts.
pub(super) const LAME_ROUNDS: u32 = 3;

/// How many rounds a server that does not answer still counts: about twenty seconds by default.
const SILENT_ROUNDS: u32 = 4;
