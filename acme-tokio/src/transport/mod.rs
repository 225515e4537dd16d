//! How requests reach the server: a trait, and the default over hyper.

mod dial;
mod hyper;
mod io;
mod lost;
mod pool;

use core::future::Future;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::settings::ClientSettings;
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;
use rustls::crypto::CryptoProvider;

use crate::BoxFuture;

pub use self::hyper::HyperTransport;

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
/// The methods may be written as `async fn`. `&T`, `Arc<T>` and `Box<T>` are transports too, and
/// [`DynTransport`] is the form for trait objects.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the response.
    ///
    /// # Errors
    /// [`Lost`] says how the exchange ended without a response.
    fn exchange(&self, transmit: Transmit) -> impl Future<Output = Result<Response, Lost>> + Send;

    /// Returns the product name for the `User-Agent` header, such as `hyper/1`.
    fn product(&self) -> &str;

    /// Closes the connections that are not in use; by default it does nothing.
    fn close(&self) {}
}

/// The form of [`Transport`] for trait objects: `Arc<dyn DynTransport>` is a [`Transport`].
///
/// Every [`Transport`] implements it; nobody needs to do so by hand.
pub trait DynTransport: Send + Sync {
    /// Does what [`Transport::exchange`] does.
    fn dyn_exchange(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response, Lost>>;

    /// Does what [`Transport::product`] does.
    fn dyn_product(&self) -> &str;

    /// Does what [`Transport::close`] does.
    fn dyn_close(&self);
}

impl<T: Transport> DynTransport for T {
    fn dyn_exchange(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response, Lost>> {
        Box::pin(self.exchange(transmit))
    }

    fn dyn_product(&self) -> &str {
        self.product()
    }

    fn dyn_close(&self) {
        self.close();
    }
}

impl Transport for dyn DynTransport + '_ {
    fn exchange(&self, transmit: Transmit) -> impl Future<Output = Result<Response, Lost>> + Send {
        self.dyn_exchange(transmit)
    }

    fn product(&self) -> &str {
        self.dyn_product()
    }

    fn close(&self) {
        self.dyn_close();
    }
}

acme_adapter::forward! {
    Transport {
        fn exchange(&self, transmit: Transmit) -> impl Future<Output = Result<Response, Lost>> + Send;
        fn product(&self) -> &str;
        fn close(&self);
    }
}

pub(crate) type BoxTransport = Box<dyn DynTransport>;

/// Whether the default transport holds a thread for each request that waits for a connection.
pub(crate) const HOLDS_THREADS: bool = false;

/// Creates the transport of a client for which the user set none.
pub(crate) fn default_transport(
    provider: &Arc<CryptoProvider>,
    settings: &ClientSettings,
) -> Result<BoxTransport, Error> {
    let transport = HyperTransport::new(provider, &settings.roots)?;
    Ok(Box::new(transport.http1_connections(settings.connections())))
}
