//! The behaviour of the CA: most of it in memory, the rest over loopback by a client that shares no
//! code with it.

#![allow(clippy::unwrap_used)] // tests, in helper functions too

mod accounts;
mod certificates;
mod field;
mod finalize;
mod issuance;
mod orders;
#[cfg(feature = "cli")]
mod program;
mod quirks;
mod request_limits;
mod server;
mod strictness;
mod support;
mod txt_methods;
