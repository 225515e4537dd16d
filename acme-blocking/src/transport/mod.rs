//! How requests reach the server: a trait, and the default over ureq.

mod dial;
mod gate;
mod lost;
mod ureq;
mod wire;

use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::settings::ClientSettings;
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;
use rustls::crypto::CryptoProvider;

pub use self::ureq::UreqTransport;

/// Carries one request to the server and brings its answer back.
///
/// The request goes out exactly as it is: no header changed, no redirect followed, nothing sent twice.
/// All of that is decided elsewhere, by the core. An implementation
///
/// - gives up after [`Transmit::time_limit`], with [`Lost::TimedOut`] while there is no status yet, and
///   with the [truncated](Response::truncated) answer afterwards, so that its status and nonce survive;
/// - accepts [`Transmit::body_limit`] octets of body, and marks an answer that is longer as truncated;
/// - says [`Lost::NotSent`] only where the server provably did not process the request;
/// - trusts the certificates it should, for the core cannot check that.
///
/// It is called from several threads at once. `&T`, `Arc<T>` and `Box<T>` are transports too.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the answer.
    ///
    /// # Errors
    /// Says how the exchange ended without an answer.
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost>;

    /// Returns what the `User-Agent` header says of this transport, such as `ureq/3`.
    fn product(&self) -> &str;

    /// Closes the connections that are not in use; by default it does nothing.
    fn close(&self) {}
}

acme_adapter::forward! {
    Transport {
        fn exchange(&self, transmit: Transmit) -> Result<Response, Lost>;
        fn product(&self) -> &str;
        fn close(&self);
    }
}

pub(crate) type BoxTransport = Box<dyn Transport>;

/// Makes the transport of a client that was given none.
pub(crate) fn default_transport(
    provider: &Arc<CryptoProvider>,
    settings: &ClientSettings,
) -> Result<BoxTransport, Error> {
    let transport = UreqTransport::new(provider, &settings.roots)?;
    Ok(Box::new(transport.connections(settings.connections())))
}
