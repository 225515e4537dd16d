//! The types that a user sees of an adapter, written once.
//!
//! `acme-tokio` and `acme-blocking` have the same `Client`, builders and solvers, but for what makes them asynchronous. A
//! type that both would import from here cannot have methods that are `async` in one of them only, so that each file
//! has a macro instead, which writes one type into the crate that calls it. Its arguments are the tokens that differ
//! (`async: [async], await: [.await]`, or nothing in both brackets) and the documentation of the type.
//!
//! No macro does more than connect settings to a flow, and a flow to [`drive`](crate::driver): whatever can be a function
//! is one, in [`settings`](crate::settings), [`driver`](crate::driver), [`solvers`](crate::solvers) and
//! [`txt`](crate::txt).
//!
//! # What the calling crate has
//!
//! | name | is |
//! | --- | --- |
//! | `shared::Shared` | `state: Arc<ClientState>`, `transport: BoxTransport`, `new`, and `lock_account`, which keeps two changes of an account apart, but for while a function of the user runs |
//! | `drive::drive` | the loop around a [`Driver`](crate::driver::Driver) |
//! | `in_flight::UserParts` | what the user gave for one flow: `solvers` and `store`; `for_registration`, `for_key_change` |
//! | `in_flight::{IntentStore, on_disk}` | what stores both keys of a key change; what runs a function that blocks |
//! | `transport::{BoxTransport, default_transport}`, `signer::BoxSigner` | the transport and the signer as trait objects |
//! | `server::Hooks`, `TlsListener::start` | what a user's server is asked in a handshake; what accepts connections |
//! | `solver::{listener, http01, tls_alpn01, hook, dns_update, propagated}` | the I/O of the ready-made solvers |
//! | `certificates::{BoxStorage, BoxSolver, Place, Sweep, Signal}` | the storage and solvers as trait objects; a client, and the time of the last search for challenges, each under a lock; what wakes and ends the work on certificates |
//! | `certificates::{generate_key, at_once}`, `Inner::search`, `keep_running`, `finder` | what takes time, a task or thread of its own, or a cancellation |
//! | `Solver`, `Store`, `Signer`, `Transport`, `Dns01` | the traits that users implement |

#![allow(clippy::crate_in_macro_def, reason = "the names above are those of the calling crate")]

mod certificates;
mod certificates_builder;
mod certificates_orders;
mod certificates_validations;
mod client;
mod client_builder;
mod forward;
mod issue;
mod key_change;
mod register;
mod server;
mod solvers;
