//! The handshake of one connection.

use core::time::Duration;
use std::io;
use std::net::TcpStream;
use std::time::Instant;

use acme_adapter::settings::{Greeting, Greetings};
use rustls::server::{Accepted, Acceptor};
use rustls::{ServerConnection, StreamOwned};

use crate::calls::Calls;
use crate::timed::Timed;

/// What a user's server does during a handshake.
#[derive(Default)]
pub(super) struct Hooks {
    /// What is called for a name without a certificate.
    pub(super) on_miss: Option<OnMiss>,
    /// What is called when the socket is bound.
    pub(super) on_bound: Option<Box<dyn FnOnce() + Send + Sync>>,
    /// What is called for a validation.
    pub(super) on_validation: Option<OnMiss>,
}

pub(super) type OnMiss = Box<dyn Fn(&str) + Send + Sync>;

/// How handshakes are done.
pub(super) struct Handshakes {
    pub(super) greetings: Greetings,
    pub(super) time_limit: Duration,
    pub(super) hooks: Hooks,
    pub(super) misses: Calls,
    /// Apart from the misses, whose places strangers can take for as long as an order lasts.
    pub(super) validations: Calls,
}

impl Handshakes {
    /// Shakes hands; returns `None` if that fails, or if it was a validation.
    pub(super) fn shake_hands(
        &self,
        stream: TcpStream,
    ) -> Option<StreamOwned<ServerConnection, TcpStream>> {
        let mut stream = Timed::new(stream, Instant::now() + self.time_limit);
        let hello = read_hello(&mut stream)?;
        let greeting = self.greetings.to(&hello.client_hello());
        let (config, name, is_validation) = match greeting {
            Greeting::Client { config, missing } => (config, missing, false),
            Greeting::Validation { config, name } => (config, name, true),
            _ => return None,
        };
        let (hook, calls) = match is_validation {
            true => (&self.hooks.on_validation, &self.validations),
            false => (&self.hooks.on_miss, &self.misses),
        };
        if let (Some(hook), Some(name)) = (hook, name) {
            calls.run(|| hook(&name));
            stream.set_deadline(Some(Instant::now() + self.time_limit));
        }
        let mut tls = match hello.into_connection(config) {
            Ok(tls) => tls,
            Err((_, mut alert)) => {
                let _ = alert.write_all(&mut stream);
                return None;
            }
        };
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).ok()?;
        }
        if is_validation {
            tls.send_close_notify();
            while tls.wants_write() && tls.write_tls(&mut stream).is_ok() {}
            stream.shut_down();
            return None;
        }
        Some(StreamOwned::new(tls, stream.into_inner().ok()?))
    }
}

/// Reads the first message of a client.
fn read_hello(stream: &mut Timed) -> Option<Accepted> {
    let mut acceptor = Acceptor::default();
    loop {
        match acceptor.read_tls(stream) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return None,
        }
        match acceptor.accept() {
            Ok(Some(hello)) => return Some(hello),
            Ok(None) => {}
            Err((_, mut alert)) => {
                let _ = alert.write_all(stream);
                return None;
            }
        }
    }
}
