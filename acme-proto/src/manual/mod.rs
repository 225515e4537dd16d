//! The manual: why the workspace is built as it is.
//!
//! - [`alive`]: how a server is never without a valid certificate, and what was tried on it.
//! - [`alive_peers`]: a server that keeps its certificate, by these crates and by others: lines, crates, sizes, features.
//! - [`design`]: the contract of the core and its reasons.
//! - [`dependencies`]: the dependencies: how many, which, and why.
//! - [`aioacme`]: each name of the Python client aioacme, and its counterpart here.
//! - [`conformance`]: every requirement of the specifications, with the tests that show it.
//! - [`features`]: every feature of other clients, with the tests that show it here.
//! - [`interop`]: the features that were tested with other software, and the results.
//! - [`running_it`]: cron, systemd, nginx, HAProxy, Postfix, a container; the daemon and its configuration.
//! - [`world`]: what servers do that the RFC does not say, and what comes of it.
//! - [`lets_encrypt`]: limits, waits, and what a failure costs at Let's Encrypt.
//! - [`waiting`]: when an order is read while the CA is at work, and how late its end is noticed.
//! - [`speed`]: these adapters and other clients side by side: time, requests, connections, CPU, memory.
//! - [`size`]: what a program that issues one certificate consists of, crate by crate.
//! - [`proof`]: what was explored, simulated, fuzzed and mutated, with the commands.

pub mod aioacme;
#[doc = include_str!("alive.md")]
pub mod alive {}
#[doc = include_str!("alive_peers.md")]
pub mod alive_peers {}
#[doc = include_str!("conformance.md")]
pub mod conformance {}
pub mod dependencies;
pub mod design;
#[doc = include_str!("features.md")]
pub mod features {}
#[doc = include_str!("interop.md")]
pub mod interop {}
#[doc = include_str!("lets_encrypt.md")]
pub mod lets_encrypt {}
#[doc = include_str!("proof.md")]
pub mod proof {}
#[doc = include_str!("running_it.md")]
pub mod running_it {}
#[doc = include_str!("size.md")]
pub mod size {}
#[doc = include_str!("speed.md")]
#[doc = include_str!("speed-20ms-0s.svg")]
#[doc = include_str!("speed-20ms-1s.svg")]
#[doc = include_str!("speed-20ms-4s.svg")]
#[doc = include_str!("speed-100ms-0s.svg")]
#[doc = include_str!("speed-100ms-1s.svg")]
#[doc = include_str!("speed-100ms-4s.svg")]
pub mod speed {}
#[doc = include_str!("waiting.md")]
pub mod waiting {}
#[doc = include_str!("world.md")]
pub mod world {}
