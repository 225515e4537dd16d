//! ACME clients of other people, each against a fresh `acme-testca` for every feature.
//!
//! They show that the test CA is not just our own reading of RFC 8555. [`run`] makes the rows of one client: it starts
//! the CA, lets the client do what the [`Row`] is about, asks the CA what happened, and checks every certificate that
//! came out. What each client cannot do is written down beside it.
//!
//! Nothing here is skipped: a client that cannot be installed is a panic that says why.

mod acme4j;
mod acme_client;
mod alpn;
mod caddy;
mod case;
mod certbot;
mod chain;
mod dehydrated;
mod install;
mod lego;
mod matrix;
mod row;
mod verify;
mod webroot;

pub use acme_client::AcmeClient;
pub use acme4j::Acme4j;
pub use caddy::Caddy;
pub use case::Case;
pub use certbot::Certbot;
pub use dehydrated::Dehydrated;
pub use install::install_clients;
pub use lego::Lego;
pub use matrix::{Client, run};
pub use row::Row;
