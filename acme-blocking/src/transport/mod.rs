//! How requests reach the server: a trait, and the default over ureq.

mod agents;
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

/// Sends one request to the server and returns its response.
///
/// The request is sent exactly as it is: no header is changed, no redirect is followed, and nothing
/// is sent twice. The core decides all of that. An implementation
///
/// - gives up after [`Transmit::time_limit`]: with [`Lost::TimedOut`] before the status arrives,
///   and with a [truncated](Response::truncated) response afterwards, so that status and nonce
///   survive;
/// - accepts [`Transmit::body_limit`] octets of body, and marks a longer response as truncated;
/// - returns [`Lost::NotSent`] or [`Lost::NotProcessed`] only if the server provably did not process
///   the request;
/// - verifies the server's certificate, which the core cannot do: [`Lost::Untrusted`];
/// - uses the connection that [`Transmit::nonce_from`] names, if it has several.
///
/// It is called from several threads at once. `&T`, `Arc<T>` and `Box<T>` are transports too.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the response.
    ///
    /// # Errors
    /// [`Lost`] says how the exchange ended without a response.
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost>;

    /// Returns the product name for the `User-Agent` header, such as `ureq/3`.
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

/// Whether the default transport holds a thread for each request that waits for a connection.
pub(crate) const HOLDS_THREADS: bool = true;

/// Creates the transport of a client for which the user set none.
pub(crate) fn default_transport(
    provider: &Arc<CryptoProvider>,
    settings: &ClientSettings,
) -> Result<BoxTransport, Error> {
    let transport = UreqTransport::new(provider, &settings.roots)?;
    Ok(Box::new(transport.connections(settings.connections())))
}
