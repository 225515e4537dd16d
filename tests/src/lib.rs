//! What the test suites of the ACME workspace share.
//!
//! - [`child`]: the example programs as child processes (Unix).
//! - [`conformance`]: the requirement catalogue, and the macro by which a test cites it.
//! - [`servers`]: ACME servers of other people, installed and started on loopback (Unix).

#[cfg(unix)]
pub mod child;
pub mod conformance;
#[cfg(unix)]
pub mod servers;
pub mod world;
