//! A blocking ACME client (RFC 8555 and its extensions), over ureq and rustls.
//!
//! ```no_run
//! use acme_blocking::{AccountKey, Client, Http01Listener, KeyKind, LETS_ENCRYPT, ProviderKey};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let account_key = AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?;
//!     let client = Client::connect(LETS_ENCRYPT, account_key)?;
//!     client.register().contact("mailto:me@example.org").agree_to_terms(|_url| true).run()?;
//!
//!     let solver = Http01Listener::bind("[::]:80")?;
//!     let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;
//!     let issued = client.issue(["example.org"]).key(&key).solver(&solver).run()?;
//!     std::fs::write("cert.pem", issued.chain().to_pem())?;
//!     Ok(())
//! }
//! ```
//!
//! The protocol itself is in [`acme_proto`], a state machine without I/O; this crate carries its
//! requests, provides the time, and runs the solvers. It decides nothing about the protocol. There
//! is no runtime and nothing asynchronous: what runs at the same time (exchanges, calls of solvers)
//! runs on threads. The client keeps those of exchanges and solvers for the next call for some seconds.
//!
//! - [`Certificates`] obtains, serves and renews the certificates of a server for as long as it runs.
//! - [`Client`] is one account at one directory: cheap to clone, and usable from any number of
//!   threads.
//! - [`Client::issue`] obtains a certificate; [`Client::resume`] goes on after a crash; [`Cancel`]
//!   stops one in good order.
//! - [`Client::renewal_schedule`] and [`Client::check_renewal`] say when to renew a certificate,
//!   and [`Issue::replaces`] names it in the new order; [`Client::change_key`] changes the account
//!   key.
//! - Every single operation has a method of its own, and [`Client::call`] runs any of them.
//! - [`Solver`]s publish challenges: [`Http01Listener`], [`Http01Handler`] for a server of your
//!   own, [`TlsAlpn01Listener`], [`TlsAlpn01Resolver`] for your own rustls server,
//!   [`Dns01Solver`] and [`DnsPersist01Solver`] over whatever implements [`Dns01`],
//!   [`DnsUpdate`] for a DNS server that takes dynamic updates, [`HookCommand`] for a command, also
//!   one that was written for lego, certbot, dehydrated or acme.sh ([`HookDialect`]), and
//!   [`AskPerson`] for a person at a terminal.
//! - [`TlsListener`] serves with the certificates of a [`CertificateResolver`], which are exchanged
//!   while it runs, and answers tls-alpn-01 beside them.
//! - [`storage`] keeps accounts, keys and certificates in a folder, in memory, or wherever a
//!   [`Storage`] of your own puts them.
//! - [`Transport`], [`Signer`], [`Solver`], [`Store`] and [`Storage`] are traits that trait objects
//!   suit.
//!
//! # Features
//! `ring` (default) or `aws-lc-rs` links a crypto provider; with neither, pass one to
//! [`ClientBuilder::provider`]. Both may be linked. `tracing` (default) emits notices as events.
//! `propagation` lets the solvers of TXT records wait until a record has reached every
//! authoritative server of its zone; it adds a DNS library. `zerossl` adds the module of that name.
#![forbid(unsafe_code)]

mod builder;
mod calls;
mod cancel;
mod certificates;
mod client;
mod drive;
mod in_flight;
mod issue;
mod key_change;
mod mailbox;
mod register;
mod server;
mod shared;
mod signer;
mod solver;
pub mod storage;
mod store;
mod timed;
mod transport;
mod workers;
#[cfg(feature = "zerossl")]
pub mod zerossl;

pub use acme_adapter;
pub use acme_proto;

#[doc(inline)]
pub use acme_adapter::exports::*;

pub use crate::builder::ClientBuilder;
pub use crate::cancel::Cancel;
pub use crate::certificates::{Certificates, CertificatesBuilder};
pub use crate::client::Client;
pub use crate::issue::Issue;
pub use crate::key_change::KeyChange;
pub use crate::register::Register;
pub use crate::server::{TlsListener, TlsListenerBuilder};
pub use crate::signer::Signer;
#[cfg(feature = "propagation")]
pub use crate::solver::propagated;
pub use crate::solver::{
    Borrowed, Dns01, GivenSolver, Http01Listener, IntoSolver, Owned, Solver, TlsAlpn01Listener,
};
pub use crate::storage::Storage;
pub use crate::store::Store;
pub use crate::transport::{Transport, UreqTransport};
