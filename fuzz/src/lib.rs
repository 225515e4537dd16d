//! The bodies of the fuzz targets, so that plain tests can replay the corpus.
//!
//! A target NAME consists of
//!
//! - a function in `src/NAME.rs`, listed in [`TARGETS`];
//! - a program of five lines in `fuzz_targets/NAME.rs`, with its `[[bin]]` in `Cargo.toml`;
//! - a directory `corpus/NAME` with a few valid and invalid inputs.
//!
//! A body panics only if acme-proto (or acme-adapter, in `dns_update`, `keys` and `propagation`, or acme-testca) breaks one of its guarantees. No value of `data` is an error
//! in itself. An input that reveals a bug is added to the corpus, in the commit with the fix.
//!
//! `tests/checks/fuzz INPUTS SEED` and `tests/long fuzz` search for new ones.

mod account;
mod authorization;
mod bytes;
mod caa;
mod call;
mod certificate;
mod check;
mod csr;
mod dates;
mod directory;
mod dns_update;
mod header;
mod issuance;
mod jws;
mod jws_peers;
mod keys;
mod link_peers;
mod names;
mod order;
mod pem_chain;
mod problem;
mod propagation;
mod register;
mod renewal_info;
mod renewal_schedule;
mod rollover;
mod session_memory;
mod signature;
mod snapshot;
mod testca;
mod time;
mod url;
mod world;

pub use account::account;
pub use authorization::authorization;
pub use caa::caa;
pub use call::call;
pub use certificate::certificate;
pub use csr::csr;
pub use dates::dates;
pub use directory::directory;
pub use dns_update::dns_update;
pub use header::header;
pub use issuance::{issuance, issuance_ending};
pub use jws::jws;
pub use jws_peers::jws_peers;
pub use keys::keys;
pub use link_peers::link_peers;
pub use names::names;
pub use order::order;
pub use pem_chain::pem_chain;
pub use problem::problem;
pub use propagation::propagation;
pub use register::register;
pub use renewal_info::renewal_info;
pub use renewal_schedule::renewal_schedule;
pub use rollover::rollover;
pub use session_memory::session_memory;
pub use signature::signature;
pub use snapshot::snapshot;
pub use testca::testca;
pub use time::time;
pub use url::url;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the program and of the corpus directory.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "account", run: account },
    Target { name: "authorization", run: authorization },
    Target { name: "caa", run: caa },
    Target { name: "call", run: call },
    Target { name: "certificate", run: certificate },
    Target { name: "csr", run: csr },
    Target { name: "dates", run: dates },
    Target { name: "directory", run: directory },
    Target { name: "dns_update", run: dns_update },
    Target { name: "header", run: header },
    Target { name: "issuance", run: issuance },
    Target { name: "jws", run: jws },
    Target { name: "jws_peers", run: jws_peers },
    Target { name: "keys", run: keys },
    Target { name: "link_peers", run: link_peers },
    Target { name: "names", run: names },
    Target { name: "order", run: order },
    Target { name: "pem_chain", run: pem_chain },
    Target { name: "problem", run: problem },
    Target { name: "propagation", run: propagation },
    Target { name: "register", run: register },
    Target { name: "renewal_info", run: renewal_info },
    Target { name: "renewal_schedule", run: renewal_schedule },
    Target { name: "rollover", run: rollover },
    Target { name: "session_memory", run: session_memory },
    Target { name: "signature", run: signature },
    Target { name: "snapshot", run: snapshot },
    Target { name: "testca", run: testca },
    Target { name: "time", run: time },
    Target { name: "url", run: url },
];
