//! What the test suites of the ACME workspace share.
//!
//! - [`conformance`]: the requirement catalogue, and the macro by which a test cites it.
//! - [`script`]: a server that says what it is told to, for answers that no CA gives.
//! - [`servers`]: ACME servers of other people, installed and started on loopback (Unix).

pub mod conformance;
pub mod scenario;
pub mod script;
#[cfg(unix)]
pub mod servers;
pub mod world;
