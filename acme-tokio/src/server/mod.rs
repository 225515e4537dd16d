//! Serving with the certificates of a [`CertificateResolver`](acme_adapter::resolver), for servers
//! of users.

#[cfg(feature = "axum")]
mod axum;
mod handshake;
mod http01;
mod listener;

use self::handshake::Hooks;

#[cfg(feature = "axum")]
pub use self::axum::PeerAddr;
#[cfg(feature = "tower")]
pub use self::http01::Http01Layer;
pub use self::http01::{Http01Service, RedirectService};
pub use self::listener::{TlsListener, TlsListenerBuilder};
