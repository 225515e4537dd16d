//! The settings of a client, of its flows and of a server, the same for every adapter.
//!
//! [The facade](crate::facade) writes the builders of an adapter. Their methods fill these structs,
//! which then create the flows and the TLS configurations.

mod client;
mod issue;
mod key_change;
mod register;
mod server;

pub use self::client::{ClientSettings, MOST_CONNECTIONS, USUAL_CONNECTIONS};
pub use self::issue::IssueSettings;
pub use self::key_change::{KeyChangePlan, KeyChangeSettings};
pub use self::register::RegisterSettings;
pub use self::server::{Greeting, Greetings, ServerSettings};
