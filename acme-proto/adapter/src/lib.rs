//! What every ACME adapter shares: files, locks, keys, clocks, child processes.
//!
//! `acme-proto` is the protocol and does no I/O. An adapter (`acme-tokio`, `acme-blocking`, or your
//! own) sends its requests over a network and supplies the time. This crate holds what any adapter
//! needs in addition, on any runtime. It is synchronous, has no HTTP client and no runtime, and
//! contains no rule of the protocol. The adapters re-export most of it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`atomic`], [`lock`] | files that are complete or absent after a crash; one process at a time |
//! | [`account_file`], [`store`] | the account in a file; the state of an order in a file |
//! | [`key_change`], [`external`] | that file while its key changes; the external account of a user |
//! | [`keeper`] | the certificates that a server keeps alive, without I/O |
//! | [`storage`] | accounts, keys, certificates and orders in a folder, in memory, or elsewhere |
//! | [`key_file`] | a private key in a file of its own |
//! | [`directories`] | where public CAs are |
//! | [`dns_update`] | TXT records by dynamic updates of a DNS server, without I/O |
//! | [`keys`], [`keyring`] | keys in the crypto provider of rustls; which key signs |
//! | [`tls`], [`proxy`] | which roots are trusted; which proxy the environment names |
//! | [`cookies`] | cookies of a CA's balancer, in memory |
//! | [`http01`], [`tls_alpn01`], [`hook`] | responses to validations |
//! | [`person`] | a solver that asks a person, and the terminal |
//! | [`resolver`] | which certificate a server shows to which client |
//! | [`places`] | a bound on the connections to a listener |
//! | `propagation` | whether a TXT record has reached every authoritative server (a feature) |
//! | [`clock`], [`exchange`] | time and randomness; a record of each exchange |
//! | [`addresses`] | in which order the addresses of a name are tried |
//! | [`settings`] | what a user sets for a client, a registration, a key change, an issuance and a server |
//! | [`client_state`], [`locked()`] | what the clones of a client share; a mutex, also after a panic |
//! | [`driver`] | the loop that drives every flow, as a state machine without I/O |
//! | [`solvers`] | which solver is called for which challenge, and when |
//! | [`txt`] | solvers of TXT records, without the I/O |
//! | [`facade`], [`exports`] | the public types of an adapter, written once; its re-exports |
//! | `trace` | notices as events of `tracing` (a feature) |
//! | [`error`], [`error_chain`] | the error of every adapter; an error with its causes on one line |
//!
//! # Features
//!
//! `ring` and `aws-lc-rs` link a crypto provider and generate keys with it; both may be on. With
//! neither, pass your own provider where one is needed. `propagation` adds the module of that name
//! and a DNS library. `tracing` emits notices as events.
#![forbid(unsafe_code)]

pub mod account_file;
pub mod addresses;
pub mod atomic;
pub mod brought;
pub mod client_state;
pub mod clock;
pub mod cookies;
pub mod directories;
pub mod dns_update;
pub mod driver;
pub mod error;
mod error_chain;
pub mod exchange;
pub mod exports;
pub mod external;
pub mod facade;
pub mod hook;
pub mod http01;
pub mod keeper;
pub mod key_change;
pub mod key_file;
pub mod keyring;
pub mod keys;
pub mod lock;
mod locked;
pub mod person;
pub mod places;
#[cfg(feature = "propagation")]
pub mod propagation;
pub mod proxy;
pub mod resolver;
mod secret_json;
pub mod settings;
pub mod solvers;
pub mod storage;
pub mod store;
pub mod tls;
pub mod tls_alpn01;
mod tls_words;
#[cfg(feature = "tracing")]
pub mod trace;
pub mod txt;

pub use self::error_chain::error_chain;
pub use self::locked::locked;
