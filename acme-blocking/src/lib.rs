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
//! requests, keeps its time, and runs the solvers. It decides nothing about the protocol. There is no
//! runtime and nothing asynchronous: what runs at the same time (exchanges, calls of solvers) runs on
//! threads that end with the call that needed them.
//!
//! - [`Client`] is one account at one directory: cheap to clone, to be used from any number of threads.
//! - [`Client::issue`] obtains a certificate; [`Client::resume`] goes on after a crash; [`Cancel`] stops
//!   one in good order.
//! - [`Client::renewal_schedule`] and [`Client::check_renewal`] tell when to renew a certificate, and
//!   [`Issue::replaces`] names it in the new order; [`Client::change_key`] changes the account key.
//! - Every single operation has a method of its own, and [`Client::call`] runs any of them.
//! - [`Solver`]s publish challenges: [`Http01Listener`], [`Http01Handler`] for a server of your own,
//!   [`TlsAlpn01Listener`], [`TlsAlpn01Resolver`] for a rustls server of your own, [`Dns01Solver`] and
//!   [`DnsPersist01Solver`] over whatever implements [`Dns01`], and [`HookCommand`] for a command.
//! - [`Transport`], [`Signer`], [`Solver`] and [`Store`] are traits that trait objects suit.
//!
//! # Features
//! `ring` (default) or `aws-lc-rs` links a crypto provider; with neither, pass one to
//! [`ClientBuilder::provider`]. Both may be linked. `tracing` (default) emits notices as events.
//! `propagation` has the solvers of TXT records wait until one has reached every authoritative server of its zone;
//! it brings a DNS library. `zerossl` brings the module of that name.
#![forbid(unsafe_code)]

mod builder;
mod cancel;
mod client;
mod drive;
mod in_flight;
mod issue;
mod key_change;
mod operations;
mod register;
mod signer;
mod solver;
mod solving;
mod store;
mod timed;
#[cfg(feature = "tracing")]
mod trace;
mod transport;
#[cfg(feature = "zerossl")]
pub mod zerossl;

pub use acme_adapter;
pub use acme_proto;

pub use acme_adapter::account_file::AccountFile;
pub use acme_adapter::directories::{
    ACTALIS, GOOGLE, GOOGLE_STAGING, LETS_ENCRYPT, LETS_ENCRYPT_STAGING, SSL_COM_ECC, SSL_COM_RSA,
    ZEROSSL,
};
pub use acme_adapter::error::Error;
pub use acme_adapter::exchange::ExchangeRecord;
pub use acme_adapter::hook::HookCommand;
pub use acme_adapter::http01::Http01Table as Http01Handler;
pub use acme_adapter::keys::{AccountKey, KeyKind, NewKey, ProviderKey};
pub use acme_adapter::lock::Lock;
#[cfg(feature = "propagation")]
pub use acme_adapter::propagation::{
    Propagated, PropagationCheck, PropagationError, ServerAnswer, ServerState,
};
pub use acme_adapter::store::OrderFile;
pub use acme_adapter::tls::Roots;
pub use acme_adapter::tls_alpn01::TlsAlpnResolver as TlsAlpn01Resolver;
pub use acme_proto::challenge::{Challenge, ChallengeResponse, PersistOptions, PersistRecord};
pub use acme_proto::identifier::Identifier;
pub use acme_proto::issuance::{Deactivation, Issued};
pub use acme_proto::notice::Notice;
pub use acme_proto::op::AccountEntry;
pub use acme_proto::policy::Policy;
pub use acme_proto::renewal::{RenewalSchedule, RenewalStep};
pub use acme_proto::rollover::KeyChangeIntent;
pub use acme_proto::snapshot::Snapshot;
pub use acme_proto::wire::ChallengeKind;
pub use acme_proto::x509::{Certificate, CertificateChain, ChainChoice, Csr, CsrBuilder};

pub use crate::builder::ClientBuilder;
pub use crate::cancel::Cancel;
pub use crate::client::Client;
pub use crate::issue::Issue;
pub use crate::key_change::KeyChange;
pub use crate::register::Register;
pub use crate::signer::Signer;
#[cfg(feature = "propagation")]
pub use crate::solver::propagated;
pub use crate::solver::{
    Dns01, Dns01Solver, DnsPersist01Solver, Http01Listener, Solver, TlsAlpn01Listener,
};
pub use crate::store::Store;
pub use crate::transport::{Transport, UreqTransport};

/// Any error, as users' solvers and stores return it.
pub type BoxError = Box<dyn core::error::Error + Send + Sync>;
