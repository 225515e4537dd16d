//! tls-alpn-01 (RFC 8737): the TLS side of a validation, which is a handshake and nothing more.

use std::sync::Arc;

use acme_adapter::error::Error;
use rustls::{ServerConfig, ServerConnection};

use super::listener::{Listener, ToSocketAddrs};
use crate::timed::Timed;

pub(super) fn listen(
    address: impl ToSocketAddrs,
    config: Arc<ServerConfig>,
) -> Result<Listener, Error> {
    Listener::bind(address, move |stream| shake_hands(&config, stream))
}

/// Completes the handshake and closes: no data follows it (RFC 8737 section 4).
fn shake_hands(config: &Arc<ServerConfig>, mut stream: Timed) {
    let Ok(mut tls) = ServerConnection::new(Arc::clone(config)) else { return };
    while tls.is_handshaking() {
        if tls.complete_io(&mut stream).is_err() {
            break;
        }
    }
    tls.send_close_notify();
    while tls.wants_write() && tls.write_tls(&mut stream).is_ok() {}
    stream.shut_down();
}
