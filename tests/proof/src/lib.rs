//! What proves the core by force: every interleaving of small issuances, and a million issuances over a network that does
//! everything wrong. A crate of its own, so that an optimized build of it takes little.
//!
//! - [`explore`]: a bounded model checker over the real code.
//! - [`simulate`]: issuances with faults, in virtual time, from a seed.

pub mod explore;
mod jws;
pub mod simulate;
