//! The order as the server last showed it.
//!
//! Which identifiers and authorizations an order has does not change: a server that lists others is not trusted any
//! further. The number of authorizations is bounded by that of the ordered names.

use alloc::string::String;
use alloc::vec::Vec;

use super::authorizations::Authorizations;
use super::names::Names;
use crate::error::PeerFault;
use crate::identifier::Identifier;
use crate::op::NewOrder;
use crate::snapshot::Snapshot;
use crate::sorted::SortedSet;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{self, Directory, OrderStatus};

/// How many authorizations an order may have for each name: one is usual.
const MOST_AUTHORIZATIONS_EACH: usize = 2;

/// What is known of the order, and which request about it is in flight.
#[derive(Debug, Default)]
pub(super) struct Order {
    url: Option<Url>,
    object: Option<wire::Order>,
    /// What it was asked to have, until it is first read.
    pub(super) expected: Option<Expected>,
    /// Where the CSR is sent to: the last URL that the server named.
    finalize: Option<Url>,
    /// When the order expires; a time that had passed when it was read says more of our clock than of the order.
    expires: Option<Timestamp>,
    /// That time has come, and the CSR was not sent.
    expired: bool,
    /// A request about the order itself is in flight.
    pub(super) in_flight: bool,
}

/// What a new order was asked to have.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) replaces: Option<String>,
    pub(super) profile: Option<String>,
}

impl Expected {
    pub(super) fn of(request: &NewOrder, directory: &Directory) -> Self {
        Self {
            replaces: request.replaces_at(directory).map(String::from),
            profile: request.profile_at(directory).ok().flatten().map(String::from),
        }
    }
}

/// What a newly read order shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) is_new_status: bool,
    /// It is ready, and was read before.
    pub(super) is_ready_again: bool,
    /// It is pending, and had been further.
    pub(super) went_back: bool,
}

impl Order {
    /// Nothing is known of the order but where it is, and what it should have.
    pub(super) fn new(url: Url, expected: Option<Expected>) -> Self {
        Self { url: Some(url), expected, ..Self::default() }
    }

    /// Takes the order of a snapshot, if it has one.
    pub(super) fn restore(snapshot: &Snapshot) -> Self {
        Self { url: snapshot.order.clone(), ..Self::default() }
    }

    /// Keeps the order as the server shows it; its authorizations go into `authorizations`.
    pub(super) fn learn(
        &mut self,
        order: wire::Order,
        authorizations: &mut Authorizations,
        names: &Names,
        now: Timestamp,
    ) -> Result<Change, PeerFault> {
        if let OrderStatus::Other(other) = order.status() {
            return Err(PeerFault::UnknownStatus(crate::text::printable(other, 80)));
        }
        let listed = order.authorizations();
        // What it listed before was looked at then.
        let is_known = self.object.as_ref().is_some_and(|before| {
            before.identifiers() == order.identifiers() && before.authorizations() == listed
        });
        if !is_known {
            let bases: SortedSet<_> = order.identifiers().iter().map(Identifier::base).collect();
            // Compared as sets: servers spell wildcards in more ways than one, and may leave the member out.
            if !bases.is_empty() && !names.are(&bases) {
                return Err(PeerFault::OtherIdentifiers(shown(&bases)));
            }
        }
        // A server may tell them later than at first.
        let is_first = authorizations.is_empty();
        if !(is_first || is_known || authorizations.are(listed)) {
            return Err(PeerFault::OrderChanged);
        }
        if is_first {
            authorizations.create(listed);
            let (most, found) = (names.count() * MOST_AUTHORIZATIONS_EACH, authorizations.len());
            if found > most {
                return Err(PeerFault::TooManyAuthorizations { found, most });
            }
        }
        let before = self.status();
        let status = order.status();
        let change = Change {
            is_new_status: before != Some(status),
            is_ready_again: before.is_some() && *status == OrderStatus::Ready,
            went_back: *status == OrderStatus::Pending
                && before.is_some_and(|before| *before != OrderStatus::Pending),
        };
        self.finalize = order.finalize().cloned().or_else(|| self.finalize.take());
        self.expires = order.expires().filter(|at| *at > now).or(self.expires);
        self.object = Some(order);
        Ok(change)
    }

    /// Notes that the order has expired, if it has; one whose CSR was sent does not.
    pub(super) fn pass(&mut self, now: Timestamp, csr_sent: bool) {
        self.expired |= !csr_sent && self.expires.is_some_and(|at| at <= now);
    }

    pub(super) const fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    pub(super) const fn object(&self) -> Option<&wire::Order> {
        self.object.as_ref()
    }

    /// Returns where the CSR is sent to: a server may tell it once only.
    pub(super) const fn finalize(&self) -> Option<&Url> {
        self.finalize.as_ref()
    }

    pub(super) fn status(&self) -> Option<&OrderStatus> {
        self.object.as_ref().map(wire::Order::status)
    }

    pub(super) const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Returns whether the order was given up because its time was over.
    pub(super) const fn has_expired(&self) -> bool {
        self.expired
    }

    /// Returns the status, as long as the order can still be worked on.
    pub(super) fn live_status(&self) -> Option<&OrderStatus> {
        let open = |status: &&OrderStatus| {
            !(self.expired && matches!(status, OrderStatus::Pending | OrderStatus::Ready))
        };
        self.status().filter(open)
    }
}

/// Writes a few identifiers for an error.
fn shown(identifiers: &SortedSet<Identifier>) -> String {
    const MOST: usize = 5;
    let values: Vec<_> = identifiers.iter().take(MOST).map(Identifier::value).collect();
    crate::text::printable(&values.join(", "), 200)
}
