//! What a user sets before something is run, the same for every adapter.
//!
//! The builders of an adapter, whose methods [the facade](crate::facade) writes, put what they are given in here, and these
//! structs make flows of it.

mod client;
mod issue;
mod key_change;
mod register;

pub use self::client::ClientSettings;
pub use self::issue::IssueSettings;
pub use self::key_change::{KeyChangePlan, KeyChangeSettings};
pub use self::register::RegisterSettings;
