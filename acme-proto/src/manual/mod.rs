//! The manual: why the workspace is built as it is.
//!
//! - [`design`]: the contract of the core and its reasons.
//! - [`dependencies`]: which crates, how many, and why these.
//! - [`aioacme`]: each name of the Python client of that name, and ours.
//! - [`conformance`]: every requirement of the specifications, with the tests that show it.
//! - [`features`]: every feature that other clients have, with the tests that show it here.
//! - [`interop`]: which features were tried with which other software, and what came of it.

pub mod aioacme;
#[doc = include_str!("conformance.md")]
pub mod conformance {}
pub mod dependencies;
pub mod design;
#[doc = include_str!("features.md")]
pub mod features {}
#[doc = include_str!("interop.md")]
pub mod interop {}
