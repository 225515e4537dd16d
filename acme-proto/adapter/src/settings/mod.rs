//! The settings of a client and of its flows, the same for every adapter.
//!
//! [The facade](crate::facade) writes the builders of an adapter. Their methods fill these structs,
//! which then create the flows.

mod client;
mod issue;
mod key_change;
mod register;

pub use self::client::ClientSettings;
pub use self::issue::IssueSettings;
pub use self::key_change::{KeyChangePlan, KeyChangeSettings};
pub use self::register::RegisterSettings;
