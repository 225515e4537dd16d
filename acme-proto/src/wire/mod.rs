//! The objects that a server sends, one in each file (RFC 8555 Section 7.1, RFC 9457, RFC 9773).
//!
//! Parsing is tolerant by rule: a malformed entry never invalidates its container, unknown members
//! are kept, and a harmless violation is reported as a [`Deviation`] and tolerated. Only a
//! violation that no flow can work around is an [`InvalidObject`]. Nothing here decides what to do
//! next.
//!
//! Members that are unknown, or known but unusable, are available from each object's `extra()`. If
//! a member is repeated, the last one counts. `null` means absent, except for a required member,
//! where it is malformed.

mod account;
mod authorization;
mod challenge;
mod deviation;
mod directory;
mod invalid_object;
mod json;
mod object;
mod open_enum;
mod order;
mod orders_list;
mod problem;
mod problem_type;
mod renewal_info;

use alloc::vec::Vec;

use crate::url::Url;

pub use account::{Account, AccountStatus};
pub use authorization::{Authorization, AuthorizationStatus};
pub use challenge::{Challenge, ChallengeKind, ChallengeStatus};
pub use deviation::{Deviation, DeviationKind};
pub use directory::{Directory, Meta};
pub use invalid_object::InvalidObject;
pub use order::{Order, OrderStatus};
pub use orders_list::OrdersList;
pub use problem::Problem;
pub use problem_type::ProblemType;
pub use renewal_info::RenewalInfo;

/// The circumstances that affect how a server object is parsed.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The URL of the request, which is the base of a problem's relative `type` and `instance`.
    pub url: &'a Url,
    /// Whether `http:` URLs on this machine are usable too, as for a test server.
    pub allow_http: bool,
}

/// A parsed object, with the tolerated deviations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The object.
    pub value: T,
    /// What the server did wrong, in the order found. At most 64 are kept.
    pub deviations: Vec<Deviation>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
