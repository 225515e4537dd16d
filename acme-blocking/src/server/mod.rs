//! Serving with the certificates of a [`CertificateResolver`](acme_adapter::resolver), for servers
//! of users.

mod handshake;
mod listener;
mod queue;

use self::handshake::Hooks;

pub use self::listener::{TlsListener, TlsListenerBuilder};
