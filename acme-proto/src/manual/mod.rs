//! The manual: why the workspace is built as it is.
//!
//! - [`design`]: the contract of the core and its reasons.
//! - [`dependencies`]: which crates, how many, and why these.

pub mod dependencies;
pub mod design;
