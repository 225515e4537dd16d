//! What the test suites of the ACME workspace share.
//!
//! - [`conformance`]: the requirement catalogue, and the macro by which a test cites it.

pub mod conformance;
