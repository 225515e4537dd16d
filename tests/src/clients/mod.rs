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
mod imported;
mod lego;
mod lego4;
mod matrix;
mod row;
mod verify;
pub mod webroot;

pub use acme_client::AcmeClient;
pub use acme4j::Acme4j;
pub use caddy::Caddy;
pub use case::Case;
pub use certbot::Certbot;
pub use dehydrated::Dehydrated;
pub use lego::Lego;
pub use lego4::obtain_with_lego4;
pub use matrix::{Client, run};
pub use row::Row;

use std::path::PathBuf;
use std::thread;

use crate::install::install_dns_update;

/// Returns the program of the worked example of a solver over the crate `dns-update`, after building it if need be.
///
/// # Panics
///
/// If it does not compile.
pub fn issue_dns_update() -> PathBuf {
    install_dns_update()
}

/// Installs every client that the tests need.
///
/// # Panics
///
/// If one cannot be installed, with what its package manager said.
pub fn install_clients() {
    thread::scope(|scope| {
        // The Go programs one after the other: each build uses all cores.
        scope.spawn(|| (Lego.install(), Caddy.install()));
        scope.spawn(|| (Certbot.install(), Dehydrated.install(), lego4::install()));
        scope.spawn(|| (AcmeClient.install(), Acme4j.install()));
        scope.spawn(issue_dns_update);
    });
}
