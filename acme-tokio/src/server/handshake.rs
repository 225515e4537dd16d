//! The handshake of one connection.

use core::time::Duration;

use acme_adapter::settings::{Greeting, Greetings};
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::BoxFuture;

/// What a user's server does during a handshake.
pub(super) struct Hooks {
    /// What is awaited for a name without a certificate.
    pub(super) on_miss: Option<OnMiss>,
    pub(super) miss_time_limit: Duration,
    /// What is called when the socket is bound.
    pub(super) on_bound: Option<Box<dyn FnOnce() + Send + Sync>>,
    /// What is awaited for a validation.
    pub(super) on_validation: Option<OnMiss>,
}

pub(super) type OnMiss = Box<dyn Fn(String) -> BoxFuture<'static, ()> + Send + Sync>;

impl Default for Hooks {
    fn default() -> Self {
        Self {
            on_miss: None,
            miss_time_limit: MISS_TIME_LIMIT,
            on_bound: None,
            on_validation: None,
        }
    }
}

/// How handshakes are done.
pub(super) struct Handshakes {
    pub(super) greetings: Greetings,
    pub(super) time_limit: Duration,
    pub(super) hooks: Hooks,
}

impl Handshakes {
    /// Shakes hands; returns `None` if that fails, or if it was a validation.
    pub(super) async fn shake_hands(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let mut deadline = Instant::now() + self.time_limit;
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let hello = timeout_at(deadline, hello).await.ok()?.ok()?;
        let greeting = self.greetings.to(&hello.client_hello());
        let (config, missing) = match greeting {
            Greeting::Client { config, missing } => (config, missing),
            Greeting::Validation { config, name } => {
                if let (Some(on_validation), Some(name)) = (&self.hooks.on_validation, name) {
                    timeout_at(deadline, on_validation(name)).await.ok()?;
                }
                let mut stream =
                    timeout_at(deadline, hello.into_stream(config)).await.ok()?.ok()?;
                // It sends close_notify.
                let _ = timeout_at(deadline, stream.shutdown()).await;
                return None;
            }
            _ => return None,
        };
        if let (Some(on_miss), Some(name)) = (&self.hooks.on_miss, missing) {
            // If it takes longer, the client may still be content with the default.
            let _ = timeout(self.hooks.miss_time_limit, on_miss(name)).await;
            deadline = Instant::now() + self.time_limit;
        }
        timeout_at(deadline, hello.into_stream(config)).await.ok()?.ok()
    }
}

/// As long as clients usually wait for a server.
const MISS_TIME_LIMIT: Duration = Duration::from_secs(30);
