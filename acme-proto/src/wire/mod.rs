//! The objects that a server sends, one file for each (RFC 8555 section 7.1, RFC 9457, RFC 9773).
//!
//! Reading is tolerant by rule: a bad sibling never fails its container, what is unknown is kept, and
//! what is wrong in a harmless way is reported as a [`Deviation`] and survived. Only what a flow cannot
//! do without is an [`InvalidObject`]. Nothing here decides what to do next.
//!
//! Members that are unknown, or known but unusable, stay reachable by each object's `extra()`. Of members
//! with the same name the last one counts. `null` is the same as absent.

mod account;
mod authorization;
mod challenge;
mod deviation;
mod directory;
mod dns_persist;
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
pub use dns_persist::DnsPersistMembers;
pub use invalid_object::InvalidObject;
pub use order::{Order, OrderStatus};
pub use orders_list::OrdersList;
pub use problem::Problem;
pub use problem_type::ProblemType;
pub use renewal_info::RenewalInfo;

/// What decides how a server object is read.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The URL of the request: the base of a problem's relative `type` and `instance`.
    pub url: &'a Url,
    /// Whether `http:` URLs are usable too, as with a test server; else only `https:` ones are.
    pub allow_http: bool,
}

/// A parsed object with the survivable deviations that were met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The object.
    pub value: T,
    /// What the server did wrong, in the order met; at most 64 are kept.
    pub deviations: Vec<Deviation>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
